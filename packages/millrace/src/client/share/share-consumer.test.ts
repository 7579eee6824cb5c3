// The share consumer on virtual time, with a real node on a simulated machine: what it says when, what becomes of locks, lost connections and lost nodes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../../node/mod.ts';
import { World } from '../../testing/mod.ts';
import { connect } from '../mod.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { shareConsumerSettings, type AcknowledgeResult, type ShareConsumerOptions } from './options.ts';
import { acknowledgeType, type ShareRecord } from './share-record.ts';

const address = { host: 'server', port: 9092 };
const config = { 'group.share.min.record.lock.duration.ms': '1000' };

/** A node with topic 't' of two partitions that holds `count` records, a share group that begins at its start, and a client. */
async function scene(count: number, seed = 5) {
  const world = new World(seed);
  const { time } = world;
  const device = world.device('drive');
  const start = async () => {
    const server = world.start('node', address.host, device);
    await time.settle(startNode({ machine: server.machine, ...address, config, tailBytes: 1 << 20, journalFileBytes: 1 << 20 }));
    return server.process;
  };
  const server = await start();
  const app = world.start('app', 'app');
  const client = await time.settle(connect('server:9092', { machine: app.machine, requestTimeoutMs: 1_000, connectTimeoutMs: 500 }));
  const admin = client.admin();
  await time.settle(admin.createTopics([{ topic: 't', partitions: 2 }]));
  await time.settle(admin.alterConfigs([{ kind: 'group', name: 'g', set: { 'share.auto.offset.reset': 'earliest', 'share.record.lock.duration.ms': 1_000 } }]));
  const producer = client.producer();
  for (let index = 0; index < count; index++) await time.settle(producer.send({ topic: 't', partition: index % 2, value: `v${index}` }));
  const results: AcknowledgeResult[] = [];
  const member = (options: Partial<ShareConsumerOptions> = {}) => client.shareConsumer({ group: 'g', topics: ['t'], maxWaitMs: 100, onAcknowledged: (some) => { results.push(...some); }, ...options });
  const lag = async () => (await time.settle(admin.shareGroupPositions('g'))).reduce((total, one) => total + one.lag, 0);
  return { world, time, server, start, client: { machine: app.machine }, member, results, lag };
}

test('a loop accepts what it has passed, and releases what it was left with', async () => {
  const { time, member, results, lag } = await scene(10);
  const consumer = member();
  const seen: string[] = [];
  await time.settle((async () => { for await (const record of consumer) { seen.push(record.text()!); if (seen.length === 4) break; } })());
  await time.settle(consumer.commit());
  assert.deepEqual([results.flatMap(({ offsets }) => offsets).length, results.every(({ error }) => error === null), await lag()], [4, true, 7]);
  await time.settle(consumer.close());
  assert.equal(consumer.phase, 'closed');
  const rest = member({ acknowledgement: 'explicit' });
  const [first] = await time.settle(take(rest, 1));
  assert.ok(first!.deliveryCount >= 1);
  await time.settle(rest.close());
  assert.equal(await lag(), 7);
});

test('records whose locks have expired before anybody asked for them are not handed out', async () => {
  const { time, member } = await scene(10);
  const consumer = member({ acknowledgement: 'explicit' });
  const iterator = consumer[Symbol.asyncIterator]();
  await time.settle(iterator.next());
  await time.advance(5_000);
  const next = (await time.settle(iterator.next())).value as ShareRecord;
  assert.ok(next.deliveryCount > 1, 'fetched again');
  await time.settle(consumer.close());
});

test('connections are cut and go silent, the node is killed: every record is worked on, and none again that was accepted for good', { timeout: 300_000 }, async () => {
  const met = new Set<string>();
  let lost = 0;
  for (const seed of [11, 12, 13, 14, 15, 16]) {
    const { world, time, server, start, member, lag, client } = await scene(60, seed);
    world.net.onEvent = (event) => { met.add(event); };
    const seen = new Set<string>();
    const durable = new Set<string>();
    const onAcknowledged = (results: readonly AcknowledgeResult[]): void => {
      for (const { partition, offsets, error } of results) {
        if (error !== null) { lost++; assert.ok(['disconnected', 'timeout', 'unavailable', 'fenced'].includes(error.code), `seed ${seed}: ${error.message}`); }
        else for (const offset of offsets) durable.add(`${partition}/${offset}`);
      }
    };
    const members = [0, 1].map(() => member({ acknowledgement: 'explicit', recordsMax: 5, acquire: 'exact', onAcknowledged }));
    const work = members.map(async (consumer) => {
      for await (const record of consumer) {
        assert.ok(!durable.has(`${record.partition}/${record.offset}`), `seed ${seed}: ${record.text()} was accepted for good`);
        seen.add(record.text()!);
        await new Promise<void>((resolve) => { client.machine.clock.after(world.random.between(0, 40), resolve); });
        record.accept();
      }
    });
    Object.assign(world.net.faults, { resetChance: 0.01, muteChance: 0.003 });
    await time.advance(world.random.between(20, 400));
    server.kill();
    await time.advance(300);
    await start();
    await time.advance(3_000);
    Object.assign(world.net.faults, { resetChance: 0, muteChance: 0 });
    while (await lag() > 0) await time.advance(500);
    await time.settle(Promise.all(members.map((consumer) => consumer.close())));
    await time.settle(Promise.all(work));
    assert.equal(seen.size, 60, `seed ${seed}`);
  }
  assert.ok(met.has('reset') && met.has('mute') && lost > 0, `faults were met: ${[...met].join()}, ${lost} answers were lost`);
});

test('what cannot be made sense of is refused in words', async () => {
  for (const wrong of [{ group: '' }, { topics: [] }, { recordsMax: 0 }, { maxWaitMs: -1 }, { acknowledgement: 'never' }, { acquire: 'all' }]) {
    assert.throws(() => shareConsumerSettings({ group: 'g', topics: ['t'], ...wrong } as ShareConsumerOptions), { code: 'invalid-argument' });
  }
  const { time, member } = await scene(1);
  const consumer = member({ acknowledgement: 'explicit' });
  const [record] = await time.settle(take(consumer, 1));
  record!.accept();
  record!.accept();
  assert.throws(() => record!.release(), { code: 'invalid-argument' });
  assert.throws(() => record!.renew(), { code: 'invalid-argument' });
  await time.settle(consumer.close());
});

test('acknowledgements travel as runs', () => {
  const said = new Acknowledgements();
  for (const offset of [7, 3, 4, 5, 9]) said.add(offset, acknowledgeType.accept);
  said.add(8, acknowledgeType.renew);
  assert.equal(said.hasRenewals, true);
  said.add(8, acknowledgeType.reject);
  assert.equal(said.hasRenewals, false);
  assert.deepEqual(said.batches(), [{ firstOffset: 3, lastOffset: 5, acknowledgeTypes: [1] }, { firstOffset: 7, lastOffset: 9, acknowledgeTypes: [1, 3, 1] }]);
});

async function take(consumer: AsyncIterable<ShareRecord>, count: number): Promise<ShareRecord[]> {
  const records: ShareRecord[] = [];
  const iterator = consumer[Symbol.asyncIterator]();
  while (records.length < count) records.push((await iterator.next()).value as ShareRecord);
  return records;
}

// The consumer on virtual time, with a real node on a simulated machine: what is committed, and who is a member when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../../node/mod.ts';
import { World } from '../../testing/mod.ts';
import { connect } from '../mod.ts';
import type { ConsumerOptions } from './options.ts';

const address = { host: 'server', port: 9092 };

/** A node with topic 't' of one partition that holds ten records, and a client. */
async function scene() {
  const world = new World(5);
  const { time } = world;
  const server = world.start('node', address.host);
  await time.settle(startNode({ machine: server.machine, ...address, tailBytes: 1 << 20, journalFileBytes: 1 << 20 }));
  const app = world.start('app', 'app');
  const client = await time.settle(connect('server:9092', { machine: app.machine, requestTimeoutMs: 1_000, connectTimeoutMs: 500 }));
  const admin = client.admin();
  await time.settle(admin.createTopics([{ topic: 't', partitions: 1 }]));
  await time.settle(client.producer().sendBatch(Array.from({ length: 10 }, (_unused, index) => ({ topic: 't', value: `v${index}` }))));
  const member = (options: Partial<ConsumerOptions> = {}) => client.consumer({ topics: ['t'], group: 'g', heartbeatIntervalMs: 100, sessionTimeoutMs: 6_000, maxWaitMs: 100, ...options });
  const committed = async () => (await time.settle(admin.groupOffsets('g'))).find((one) => one.topic === 't')?.offset;
  return { world, time, client, admin, member, committed };
}

test('a record committed by hand stays committed when the loop is left and the consumer closes', async () => {
  const { time, member, committed } = await scene();
  const consumer = member({ commitIntervalMs: 50 });
  await time.settle((async () => {
    for await (const record of consumer) {
      if (record.offset < 4) continue;
      await consumer.commit(record);
      break;
    }
  })());
  assert.equal(await committed(), 5);
  await time.advance(200); // the automatic commit comes by
  assert.equal(await committed(), 5);
  await time.settle(consumer.close());
  assert.equal(await committed(), 5);
});

test('after a seek the automatic commit goes back as well', async () => {
  const { time, member, committed } = await scene();
  const consumer = member({ commitIntervalMs: 50 });
  await time.settle((async () => {
    for await (const record of consumer) {
      if (record.offset < 4) continue;
      await consumer.commit(record);
      break;
    }
    await consumer.seek({ topic: 't', partition: 0 }, 2);
  })());
  await time.settle(consumer.close());
  assert.equal(await committed(), 2);
});

test('a consumer that fails for good leaves its group at once, and others go on', async () => {
  const { time, member, admin } = await scene();
  await time.settle(admin.setGroupOffsets('g', [{ topic: 't', partition: 0, offset: 1_000 }])); // beyond the end
  const failing = member({ offsetReset: 'error' });
  await assert.rejects(time.settle(failing[Symbol.asyncIterator]().next()), { code: 'offset-out-of-range' });
  assert.equal(failing.phase, 'failed');
  const next = member({ offsetReset: 'earliest' });
  const startMs = time.nowMs;
  const { value } = await time.settle(next[Symbol.asyncIterator]().next());
  assert.equal(value!.offset, 0);
  assert.ok(time.nowMs - startMs < 3_000, 'it did not wait for the end of a session'); // virtual time
  const { members } = await time.settle(admin.describeGroup('g'));
  assert.deepEqual(members.map((one) => one.memberId), [next.memberId]);
  await time.settle(failing.close());
  assert.equal(failing.phase, 'closed');
  await time.settle(next.close());
});

test('after a failed handler the consumer may run again; a member that nobody reads from leaves after maxPollIntervalMs, and comes back when asked', async () => {
  const { time, member, admin } = await scene();
  const consumer = member({ maxPollIntervalMs: 2_000 });
  const memberCount = async () => (await time.settle(admin.describeGroup('g'))).members.length;
  const failOnce = consumer.run({ eachRecord(record) { if (record.offset === 4) throw new Error('no'); } });
  await assert.rejects(time.settle(failOnce), /no/);
  await time.advance(1_000);
  assert.equal(await memberCount(), 1, 'it is given time to go on');
  await time.advance(2_000);
  assert.equal(await memberCount(), 0, 'its partitions are for others');
  const { value } = await time.settle(consumer[Symbol.asyncIterator]().next());
  assert.equal(value!.offset, 4);
  assert.equal(await memberCount(), 1);
  await time.settle(consumer.close());
});

test('a static member that fails for good stays in its group until its session is over, and leaves at once when it is told to', async () => {
  for (const leave of [false, true]) {
    const { time, member, admin } = await scene();
    await time.settle(admin.setGroupOffsets('g', [{ topic: 't', partition: 0, offset: 1_000 }])); // beyond the end
    const failing = member({ offsetReset: 'error', instanceId: 'one' });
    await assert.rejects(time.settle(failing[Symbol.asyncIterator]().next()), { code: 'offset-out-of-range' });
    const memberCount = async () => (await time.settle(admin.describeGroup('g'))).members.length;
    await time.advance(3_000);
    assert.equal(await memberCount(), 1, 'it may be restarted');
    await time.settle(failing.close({ leave }));
    assert.equal(await memberCount(), leave ? 0 : 1);
    await time.advance(6_000);
    assert.equal(await memberCount(), 0, 'it was not');
  }
});

test('a static member whose handler takes too long keeps its name, and others go on when its session is over', async () => {
  const { time, member, admin } = await scene();
  const consumer = member({ instanceId: 'one', maxPollIntervalMs: 1_000 });
  const records = consumer[Symbol.asyncIterator]();
  assert.equal((await time.settle(records.next())).value!.offset, 0);
  const members = async () => (await time.settle(admin.describeGroup('g'))).members.map(({ instanceId }) => instanceId);
  await time.advance(3_000);
  assert.deepEqual(await members(), ['one']);
  await time.advance(6_000);
  assert.deepEqual(await members(), []);
  assert.equal((await time.settle(records.next())).value!.offset, 0, 'what was not done comes again');
  assert.deepEqual(await members(), ['one']);
  await time.settle(consumer.close());
});

test('a consumer by hand waits for a cluster that is away for longer than a call may take', async () => {
  const { world, time, client } = await scene();
  const consumer = client.consumer({ partitions: [{ topic: 't', partition: 0, from: 'earliest' }] });
  world.net.faults.resetChance = 1;
  const next = consumer[Symbol.asyncIterator]().next();
  await time.advance(10_000); // calls have 1 s here
  assert.equal(consumer.phase, 'running');
  world.net.faults.resetChance = 0;
  assert.equal((await time.settle(next)).value!.offset, 0);
});

test('a topic that was deleted stays deleted while a consumer that named it goes on looking', async () => {
  const { world, time, admin, client } = await scene();
  const consumer = client.consumer({ topics: ['t'], group: 'g', heartbeatIntervalMs: 100, sessionTimeoutMs: 6_000, maxWaitMs: 100 });
  const records = consumer[Symbol.asyncIterator]();
  await time.settle(records.next());
  const other = await time.settle(connect('server:9092', { machine: world.start('other', 'other').machine }));
  await time.settle(other.admin().deleteTopics(['t']));
  await time.advance(5_000);
  assert.deepEqual(await time.settle(admin.listTopics()), []);
  await time.settle(other.admin().createTopics([{ topic: 't', partitions: 1 }]));
  await time.settle(other.producer().send({ topic: 't', value: 'anew' }));
  for (let text: string | null = null; text !== 'anew';) text = (await time.settle(records.next())).value!.text();
  await time.settle(consumer.close());
});

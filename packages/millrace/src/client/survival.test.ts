// The real client and the real node on a simulated machine: lost answers, half-open connections, late bytes, kill -9 with unsynced writes lost.
// After each life everything acknowledged must be there once and in order per key, whatever the seed. Virtual time: no waiting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../node/mod.ts';
import { World, type FakeProcess } from '../testing/mod.ts';
import { connect } from './mod.ts';

const address = { host: 'server', port: 9092 };
const seedCount = Number(process.env['MILLRACE_SEEDS'] ?? 10);
const seeds = process.env['MILLRACE_SEED'] ? [Number(process.env['MILLRACE_SEED'])] : Array.from({ length: seedCount }, (_unused, index) => 7_000 + index);

interface Plan { readonly name: string; readonly resetChance: number; readonly muteChance: number; readonly spikeChance: number; readonly kills: number }

const plans: readonly Plan[] = [
  { name: 'connections are cut, answers lost', resetChance: 0.01, muteChance: 0, spikeChance: 0, kills: 0 },
  { name: 'connections go silent, half open', resetChance: 0, muteChance: 0.004, spikeChance: 0, kills: 0 },
  { name: 'bytes are late beyond the request timeout: answers come after the batch was sent again', resetChance: 0.002, muteChance: 0, spikeChance: 0.01, kills: 0 },
  { name: 'the server is killed and restarted', resetChance: 0, muteChance: 0, spikeChance: 0, kills: 3 },
  { name: 'all of it', resetChance: 0.005, muteChance: 0.001, spikeChance: 0.003, kills: 2 },
];

for (const plan of plans) {
  test(`nothing is lost, doubled or out of order when ${plan.name}`, { timeout: 600_000 }, async () => {
    const met = new Set<string>();
    for (const seed of seeds) {
      try {
        await live(seed, plan, met);
      } catch (error) {
        throw new Error(`seed ${seed}; again: MILLRACE_SEED=${seed} node --test packages/millrace/src/client/survival.test.ts`, { cause: error });
      }
    }
    if (seeds.length > 1) assert.deepEqual(faultsOf(plan).filter((fault) => !met.has(fault)), [], 'every fault of the plan was met');
  });
}

function faultsOf(plan: Plan): string[] {
  return [...(plan.resetChance > 0 ? ['reset'] : []), ...(plan.muteChance > 0 ? ['mute'] : []), ...(plan.spikeChance > 0 ? ['spike'] : []), ...(plan.kills > 0 ? ['refused'] : [])];
}

/** One seed: a producer and two members of a group over a network that misbehaves, then a calm reading of all that is stored. */
async function live(seed: number, plan: Plan, met: Set<string>): Promise<void> {
  const world = new World(seed);
  world.net.onEvent = (event) => { met.add(event); };
  const device = world.device('drive');
  let server = await startServer(world, device);
  const app = world.start('app', 'app');
  const { time } = world;
  const client = await time.settle(connect(`${address.host}:${address.port}`, { machine: app.machine, requestTimeoutMs: 1_500, connectTimeoutMs: 800 }));
  await time.settle(client.admin().createTopics([{ topic: 't', partitions: 3 }]));
  Object.assign(world.net.faults, { resetChance: plan.resetChance, muteChance: plan.muteChance, spikeChance: plan.spikeChance, spikeMs: 2_500 });

  const producer = client.producer({ deliveryTimeoutMs: 600_000, batchBytes: 2_000 });
  const total = 600;
  let acked = 0;
  const failed: unknown[] = [];
  const handled = new Map<string, number[]>();
  const consumers = [0, 1].map(() => client.consumer({ topics: ['t'], group: 'g', heartbeatIntervalMs: 200, sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 5_000, commitIntervalMs: 100, maxWaitMs: 100 }));
  const runs = consumers.map((consumer) => consumer.run({ concurrency: 2, eachRecord(record) { push(handled, record.keyText()!, Number(record.text())); } }));
  for (let sent = 0; sent < total; sent += 10) {
    for (let i = sent; i < sent + 10; i++) producer.send({ topic: 't', key: `k${i % 7}`, value: String(Math.floor(i / 7)) }).then(() => { acked++; }, (error: unknown) => failed.push(error));
    await time.advance(world.random.exponential(30));
    if (plan.kills > 0 && sent > 0 && sent % Math.floor(total / (plan.kills + 1) / 10 * 10) === 0) {
      server.kill();
      device.cutPower();
      await time.advance(world.random.exponential(400));
      server = await startServer(world, device);
    }
  }
  await time.run({ when: () => acked + failed.length === total, eventsMax: 200_000 });
  assert.deepEqual(failed, []);
  assert.equal(acked, total);
  const distinct = () => [...handled.values()].reduce((sum, values) => sum + new Set(values).size, 0);
  await time.run({ when: () => distinct() === total, eventsMax: 200_000 });
  assert.equal(distinct(), total, 'the group handled everything');
  Object.assign(world.net.faults, { resetChance: 0, muteChance: 0, spikeChance: 0 });
  await time.settle(Promise.all(consumers.map((consumer) => consumer.close())));
  await time.settle(Promise.all(runs));

  const stored = new Map<string, number[]>();
  const reader = client.consumer({ topics: ['t'] });
  const all = reader[Symbol.asyncIterator]();
  for (let i = 0; i < total; i++) {
    const next = await time.settle(all.next());
    push(stored, next.value!.keyText()!, Number(next.value!.text()));
  }
  const ends = await time.settle(client.admin().listOffsets([0, 1, 2].map((partition) => ({ topic: 't', partition, at: 'latest' as const }))));
  assert.equal(ends.reduce((sum, one) => sum + one.offset, 0), total, 'stored once each');
  for (const [key, values] of stored) assert.deepEqual(values, values.map((_value, index) => index), `stored in order: ${key}`);
  await time.settle(client.close());
  server.kill();
}

async function startServer(world: World, device: ReturnType<World['device']>): Promise<FakeProcess> {
  const { process, machine } = world.start('node', address.host, device);
  await world.time.settle(startNode({ machine, ...address, tailBytes: 1 << 18, journalFileBytes: 1 << 18 }));
  return process;
}

function push(lists: Map<string, number[]>, key: string, value: number): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

// Worlds as a user's test has them: our client lives through what a cluster does to its clients, without loss and without doubles.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { type Client, connect } from '../client/mod.ts';
import { faultPlans } from '../testing/mod.ts';
import { type Node, type NodeOptions, startNode } from './mod.ts';

const partitions = 6;
const count = 600;

/** Writes with idempotence while leaders move; everything is there once, in order. */
async function produceThrough(node: Node, client: Client): Promise<void> {
  await client.admin().createTopics([{ topic: 'work', partitions }]);
  const producer = client.producer();
  for (let i = 0; i < count; i += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, k) => producer.send({ topic: 'work', partition: (i + k) % partitions, value: String(i + k) })));
    if (i % 100 === 0) await node.faults.moveLeader('work', (i / 100) % partitions);
  }
}

async function readAll(client: Client, group: string | undefined): Promise<string[]> {
  const read: string[] = [];
  const consumer = client.consumer({ topics: ['work'], ...(group === undefined ? {} : { group }) });
  for await (const record of consumer) {
    read.push(`${record.partition}:${record.text()}`);
    if (read.length === count) break;
  }
  await consumer.close();
  return read;
}

function isEachOnceInOrder(read: readonly string[]): void {
  assert.deepEqual([...read].sort(), Array.from({ length: count }, (_, i) => `${i % partitions}:${i}`).sort());
  const last = new Map<string, number>();
  for (const one of read) {
    const [partition, value] = one.split(':') as [string, string];
    assert.ok(Number(value) > (last.get(partition) ?? -1), `${one} in order`);
    last.set(partition, Number(value));
  }
}

for (const [name, plan] of Object.entries(faultPlans)) {
  for (const brokers of [1, 3]) {
    test(`${name}, ${brokers} broker${brokers === 1 ? '' : 's'}: nothing is lost, nothing is doubled`, { timeout: 60_000 }, async () => {
      await using node = await startNode({ brokers, faults: plan });
      await using client = await connect(node, { requestTimeoutMs: 5_000 });
      await produceThrough(node, client);
      isEachOnceInOrder(await readAll(client, 'readers'));
      const { injected } = await node.faults.report();
      if (plan.rules.length > 0) assert.ok(injected > 0, 'the faults were met');
    });
  }
}

test('consume-transform-produce under faults: each result once', { timeout: 60_000 }, async () => {
  await using node = await startNode({ brokers: 3, faults: faultPlans.transactions });
  await using client = await connect(node, { requestTimeoutMs: 5_000 });
  await client.admin().createTopics([{ topic: 'results', partitions: 3 }]);
  const producer = client.transactionalProducer({ transactionalId: 'worker' });
  for (let i = 0; i < 30; i++) {
    await producer.transact(async (transaction) => {
      await Promise.all([0, 1, 2].map((partition) => transaction.send({ topic: 'results', partition, value: String(i) })));
    });
    if (i % 10 === 5) await node.faults.moveCoordinator('transaction', 'worker');
  }
  const seen: string[] = [];
  for await (const record of client.consumer({ topics: ['results'] })) {
    seen.push(`${record.partition}:${record.text()}`);
    if (seen.length === 90) break;
  }
  assert.deepEqual(seen.sort(), Array.from({ length: 90 }, (_, i) => `${i % 3}:${Math.floor(i / 3)}`).sort());
  assert.ok((await node.faults.report()).injected > 0);
});

test('on a thread of its own the faults are set, counted and cleared the same way', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-worlds-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await using node = await startNode({ data: join(folder, 'data'), brokers: 2, asKafkaVersion: '3.5' });
  await using client = await connect(node);
  assert.equal((await client.admin().describeCluster()).brokers.length, 2);
  await node.faults.set({ rules: [{ kind: 'error', apis: ['Produce'], error: 'NOT_LEADER_OR_FOLLOWER', times: 3 }] });
  await client.producer().send({ topic: 'work', value: 'one' });
  assert.equal((await node.faults.report()).injected, 3);
  assert.deepEqual((await node.faults.clear()).rules, []);
  await assert.rejects(node.faults.set({ rules: [{ kind: 'boom' } as never] }), (error) => isMillraceError(error, 'invalid-argument'));
  await assert.rejects(node.faults.moveLeader('nothing', 0), (error) => isMillraceError(error, 'topic-not-found'));
});

test('further listeners tell each broker by their own addresses', async () => {
  await using node = await startNode({ brokers: 2, listeners: [{ advertisedHost: 'localhost' }] });
  await using client = await connect(node);
  const { brokers } = await client.admin().describeCluster();
  assert.deepEqual(brokers.map(({ host }) => host), ['127.0.0.1', '127.0.0.1']);
  assert.equal(brokers[0]!.port, node.port);
});

test('a release, a number of brokers or faults that do not exist keep the node from starting', async () => {
  for (const options of [{ asKafkaVersion: '1.0' }, { brokers: 99 }, { faults: { rules: [{ kind: 'x' } as never] } }] satisfies NodeOptions[]) {
    await assert.rejects(startNode(options), (error) => isMillraceError(error, 'invalid-argument'));
  }
});

for (const release of ['2.1', '2.8', '3.5', '4.0', '4.3']) {
  test(`our client works with what ${release} has`, async () => {
    await using node = await startNode({ asKafkaVersion: release, brokers: 2 });
    await using client = await connect(node);
    await produceThrough(node, client);
    isEachOnceInOrder(await readAll(client, 'readers'));
  });
}

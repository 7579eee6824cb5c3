// Moving house between whole nodes: exact to Millrace, mapped to what speaks as Apache Kafka; interrupted anywhere, nothing is lost or doubled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { type Client, connect, type ConsumedRecord, type MoveProgress, planMove } from '../client/mod.ts';
import { faultPlans } from '../testing/mod.ts';
import { type Node, startNode } from './mod.ts';

const settings = { 'retention.ms': '-1', 'max.message.bytes': '2000000' };

/** A source with everything that is hard: three partitions, headers, null and empty, compression, transactions that were aborted, deleted records. */
async function furnish(client: Client): Promise<void> {
  await client.admin().createTopics([{ topic: 'orders', partitions: 3, configs: settings }, { topic: 'empty', partitions: 2 }]);
  const producer = client.producer({ compression: 'zstd' });
  await producer.sendBatch(Array.from({ length: 300 }, (_, i) => ({
    topic: 'orders', partition: i % 3, key: i % 7 === 0 ? null : `key-${i}`, value: i % 11 === 0 ? null : i % 13 === 0 ? '' : `value-${i}`, timestampMs: 1_700_000_000_000 + i,
    headers: [['one', String(i)], ['one', null], ['two', '']] as const,
  })));
  const transactions = client.transactionalProducer({ transactionalId: 'shop' });
  for (let i = 0; i < 6; i++) {
    await transactions.transact(async (transaction) => {
      for (let partition = 0; partition < 3; partition++) await transaction.send({ topic: 'orders', partition, key: `t${i}`, value: `transaction ${i}` });
      if (i % 2 === 1) throw new Error('changed my mind');
    }).catch((error: Error) => assert.match(error.message, /changed my mind/));
  }
  await client.admin().deleteRecords([{ topic: 'orders', partition: 2, beforeOffset: 40 }]);
  await client.admin().setGroupOffsets('billing', [{ topic: 'orders', partition: 0, offset: 50, metadata: 'half way' }, { topic: 'orders', partition: 1, offset: 0 }]);
  await client.admin().setGroupOffsets('done', [0, 1, 2].map((partition) => ({ topic: 'orders', partition, at: 'latest' as const })));
}

/** Every committed record of a topic, as text. */
async function everything(client: Client, withOffsets: boolean): Promise<string[]> {
  const ends = await client.admin().listOffsets([0, 1, 2].map((partition) => ({ topic: 'orders', partition, at: 'latest' as const })), { isolation: 'read_committed' });
  const records: string[] = [];
  for (const { partition, offset } of ends) {
    const consumer = client.consumer({ partitions: [{ topic: 'orders', partition, from: 'earliest' }] });
    const reader = consumer[Symbol.asyncIterator]?.() ?? assert.fail('a consumer is iterable');
    while (offset > 0) {
      const next = await Promise.race([reader.next(), new Promise<'quiet'>((resolve) => setTimeout(() => resolve('quiet'), 250))]);
      if (next === 'quiet' || next.done === true) break;
      records.push(textOf(next.value, withOffsets));
      if (next.value.offset === offset - 1) break;
    }
    await consumer.close();
  }
  return records;
}

const textOf = (record: ConsumedRecord, withOffsets: boolean): string => JSON.stringify([
  record.partition, withOffsets ? record.offset : '', record.timestampMs, record.keyText(), record.text(), record.headers.map(({ key, value }) => [key, value === null ? null : new TextDecoder().decode(value)]),
]);

/** What a group would read from its positions on. */
async function unread(client: Client, group: string): Promise<string[]> {
  const committed = await client.admin().groupOffsets(group);
  const all = await everything(client, true);
  return all.filter((text) => {
    const [partition, offset] = JSON.parse(text) as [number, number];
    return offset >= (committed.find((one) => one.partition === partition)?.offset ?? 0);
  }).map((text) => JSON.stringify((JSON.parse(text) as unknown[]).toSpliced(1, 1)));
}

async function twoNodes(targetOptions: Parameters<typeof startNode>[0] = {}): Promise<{ source: Node; target: Node; from: Client; to: Client } & AsyncDisposable> {
  const [source, target] = await Promise.all([startNode(), startNode(targetOptions)]);
  const [from, to] = await Promise.all([connect(source), connect(target)]);
  return { source, target, from, to, async [Symbol.asyncDispose]() { await Promise.all([from.close(), to.close()]); await Promise.all([source.close(), target.close()]); } };
}

test('to Millrace: records, offsets, settings, positions; nothing is at the source what it was not before', async () => {
  await using nodes = await twoNodes();
  const { source, target, from, to } = nodes;
  await furnish(from);
  const before = await everything(from, true);
  await using move = await planMove({ from: source, to: target });
  assert.equal(move.plan.kind, 'exact');
  assert.deepEqual(move.plan.topics.map(({ topic, partitions, state }) => [topic, partitions, state]), [['empty', 2, 'new'], ['orders', 3, 'new']]);
  assert.deepEqual(move.plan.groups, ['billing', 'done']);
  assert.ok(move.plan.notMoved.some((line) => /transactional ids/.test(line)));
  assert.deepEqual(await to.admin().listTopics(), [], 'a plan changes nothing');
  await move.prepare();
  await move.copy();
  const producer = to.producer({ deliveryTimeoutMs: 2_000 });
  await assert.rejects(producer.send({ topic: 'orders', value: 'too early' }), /being moved here/);
  const { groups, verified } = await move.cutover();
  assert.equal(verified!.isEqual, true);
  assert.equal(verified!.records, before.length);
  assert.deepEqual(groups, [{ group: 'billing', positions: 2 }, { group: 'done', positions: 3 }]);
  assert.deepEqual(await everything(to, true), before);
  assert.deepEqual(await everything(from, true), before);
  for (const group of ['billing', 'done']) {
    assert.deepEqual(await to.admin().groupOffsets(group), (await from.admin().groupOffsets(group)).map((one) => ({ ...one, leaderEpoch: -1 })));
    assert.deepEqual(await unread(to, group), await unread(from, group));
  }
  const [described] = await to.admin().describeConfigs([{ kind: 'topic', name: 'orders' }]);
  const own = Object.fromEntries(described!.configs.filter((one) => one.source === 'topic').map(({ name, value }) => [name, value]));
  assert.deepEqual(own, { ...settings, 'millrace.import.from': `done:${move.plan.sourceId}/${move.plan.topics.find(({ topic }) => topic === 'orders')!.topicId}` });
  const [end] = await from.admin().listOffsets([{ topic: 'orders', partition: 0, at: 'latest' }]);
  assert.equal((await to.producer().send({ topic: 'orders', partition: 0, value: 'first of the new house' })).offset, end!.offset, 'it goes on where the source ended, markers included');
});

test('to another Kafka: offsets are mapped, and each group reads on exactly where it was', async () => {
  await using nodes = await twoNodes({ asKafkaVersion: '4.3' });
  const { source, target, from, to } = nodes;
  await furnish(from);
  await using move = await planMove({ from: source, to: target });
  assert.equal(move.plan.kind, 'mapped');
  await move.prepare();
  await move.copy();
  await from.producer().sendBatch(Array.from({ length: 50 }, (_, i) => ({ topic: 'orders', partition: i % 3, value: `late ${i}` })));
  const { groups, verified } = await move.cutover();
  assert.equal(verified!.isEqual, true);
  assert.deepEqual(groups.map(({ positions }) => positions), [2, 3]);
  assert.deepEqual(await everything(to, false), await everything(from, false));
  for (const group of ['billing', 'done']) assert.deepEqual(await unread(to, group), await unread(from, group));
  assert.equal((await to.admin().groupOffsets('billing')).find(({ partition }) => partition === 0)!.metadata, 'half way');
});

for (const kind of ['exact', 'mapped'] as const) {
  test(`${kind}: stopped and begun again at any point, with both sides failing, nothing is lost or doubled`, { timeout: 120_000 }, async () => {
    await using nodes = await twoNodes(kind === 'exact' ? {} : { asKafkaVersion: '4.0' });
    const { source, target, from, to } = nodes;
    await furnish(from);
    await source.faults.set({ ...faultPlans['answers that are lost'], rules: [...faultPlans['answers that are lost'].rules, { kind: 'error', apis: ['Fetch'], error: 'NOT_LEADER_OR_FOLLOWER', probability: 0.1 }] });
    await target.faults.set({ seed: 11, rules: [
      { kind: 'lose-reply', apis: ['ImportBatches', 'Produce', 'EndTxn', 'CreateTopics'], probability: 0.2 }, { kind: 'cut-before', apis: ['ImportBatches', 'Produce', 'ListOffsets'], probability: 0.1 },
    ] });
    const options = { from: source, to: target, fromOptions: { requestTimeoutMs: 5_000 }, toOptions: { requestTimeoutMs: 5_000 } };
    for (let run = 0; run < 8; run++) {
      await using move = await planMove(options);
      await move.prepare();
      const stop = new AbortController();
      const copying = move.copy(stop.signal);
      await new Promise((resolve) => setTimeout(resolve, run * 7));
      stop.abort();
      if (run % 2 === 0) await copying;
      else void copying.catch(() => {}); // left to die with its connections
      await from.producer().send({ topic: 'orders', partition: run % 3, value: `meanwhile ${run}` });
    }
    await source.faults.clear();
    await target.faults.clear();
    await using move = await planMove(options);
    await move.prepare();
    const { verified } = await move.cutover();
    assert.equal(verified!.isEqual, true);
    assert.deepEqual(await everything(to, kind === 'exact'), await everything(from, kind === 'exact'));
  });
}

test('mapped: who verifies does not get in the way of who copies', async () => {
  await using nodes = await twoNodes({ asKafkaVersion: '4.3' });
  const { source, target, from } = nodes;
  await furnish(from);
  await using move = await planMove({ from: source, to: target });
  await move.prepare();
  const stop = new AbortController();
  const following = move.follow(stop.signal);
  await using other = await planMove({ from: source, to: target, onlyVerify: true });
  for (let i = 0; i < 3; i++) {
    await from.producer().send({ topic: 'orders', partition: 0, value: `while verified ${i}` });
    assert.equal((await other.verify()).isEqual, true);
  }
  stop.abort();
  await following;
  await move.copy();
  assert.equal((await move.verify()).isEqual, true);
});

test('following: what comes is copied while it comes, progress is told, and the end is refused while somebody writes', async () => {
  await using nodes = await twoNodes();
  const { source, target, from, to } = nodes;
  await furnish(from);
  const told: MoveProgress[] = [];
  await using move = await planMove({ from: source, to: target, onProgress: (progress) => told.push(progress) });
  await move.prepare();
  const stop = new AbortController();
  const following = move.follow(stop.signal);
  const producer = from.producer();
  for (let i = 0; i < 40; i++) {
    await producer.send({ topic: 'orders', partition: i % 3, value: `live ${i}` });
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  while ((await everything(to, true)).length < (await everything(from, true)).length) await new Promise((resolve) => setTimeout(resolve, 50));
  stop.abort();
  await following;
  assert.ok(told.some(({ phase, offsetsLeft }) => phase === 'following' && offsetsLeft === 0), JSON.stringify(told));
  assert.equal((await move.verify()).isEqual, true);
});

test('a source that grows is followed by a new plan, one that is made again is another one', async () => {
  await using nodes = await twoNodes();
  const { source, target, from, to } = nodes;
  await furnish(from);
  await using first = await planMove({ from: source, to: target, topics: ['orders'] });
  await first.prepare();
  await first.copy();
  await from.admin().createPartitions('orders', 5);
  await from.producer().send({ topic: 'orders', partition: 4, value: 'new room' });
  await assert.rejects(first.cutover(), (error) => isMillraceError(error, 'unavailable') && /has changed/.test(error.message));
  await using second = await planMove({ from: source, to: target, topics: ['orders'] });
  await second.prepare();
  assert.equal((await to.admin().describeTopics(['orders']))[0]!.partitions.length, 5);
  await second.copy();
  assert.equal((await second.verify()).isEqual, true);
  await from.admin().deleteTopics(['orders']);
  await from.admin().createTopics([{ topic: 'orders', partitions: 5 }]);
  await assert.rejects(planMove({ from: source, to: target, topics: ['orders'] }), (error) => isMillraceError(error, 'topic-exists'));
});

test('what cannot be moved is said before anything is done', async () => {
  await using nodes = await twoNodes();
  const { source, target, from, to } = nodes;
  const refuses = (options: Partial<Parameters<typeof planMove>[0]>, code: Parameters<typeof isMillraceError>[1]) => assert.rejects(planMove({ from: source, to: target, ...options }), (error) => isMillraceError(error, code));
  await refuses({}, 'invalid-argument');
  await furnish(from);
  await refuses({ to: source }, 'invalid-argument');
  await refuses({ topics: ['nothing-*'] }, 'invalid-argument');
  await to.admin().createTopics([{ topic: 'orders', partitions: 3 }]);
  await refuses({}, 'topic-exists');
  await using move = await planMove({ from: source, to: target, topics: ['emp*'], groups: ['bill*'] });
  assert.deepEqual([move.plan.topics.map(({ topic }) => topic), move.plan.groups], [['empty'], ['billing']]);
});

test('a difference is found, and keeps the topics from being handed over', async () => {
  await using nodes = await twoNodes();
  const { source, target, from, to } = nodes;
  await furnish(from);
  await using first = await planMove({ from: source, to: target });
  await first.prepare();
  await first.copy();
  await to.admin().deleteRecords([{ topic: 'orders', partition: 1, beforeOffset: 5 }]);
  const report = await first.verify();
  assert.deepEqual(report.partitions.filter(({ isEqual }) => !isEqual).map(({ topic, partition }) => `${topic}-${partition}`), ['orders-1']);
  await assert.rejects(first.cutover(), (error) => isMillraceError(error, 'data-damaged'));
});

// Compaction of a topic as clients see it: what they read afterwards, and that no producer and no transaction is forgotten by it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchBuilder, CreateTopics, EndTxn, errorCodes, Fetch, forEachBatch, IncrementalAlterConfigs, InitProducerId, ListOffsets, Produce, readBatchHeader, RecordCursor, type BatchOptions } from '../../wire/mod.ts';
import { brokerUnderTest, type BrokerUnderTest, type TestClient } from '../fixture.ts';

const text = new TextDecoder();
const compacted = [['cleanup.policy', 'compact'], ['segment.ms', '1'], ['min.cleanable.dirty.ratio', '0'], ['delete.retention.ms', '0'], ['file.delete.delay.ms', '0']].map(([name, value]) => ({ name: name!, value: value! }));
let nowMs = 1_000_000_000_000;

async function withTopic(node: BrokerUnderTest, extra: { name: string; value: string }[] = []): Promise<TestClient> {
  const client = await node.dial();
  const { topics } = await client.ask(CreateTopics, 7, { topics: [{ name: 'table', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [...compacted, ...extra] }], timeoutMs: 1000 });
  assert.equal(topics[0]!.errorCode, 0);
  return client;
}

/** Each batch is newer than the one before by more than segment.ms, so it begins a segment. */
async function produce(client: TestClient, records: Record<string, string | null>, options: BatchOptions = {}, transactionalId: string | null = null): Promise<{ errorCode: number; baseOffset: number }> {
  const builder = new BatchBuilder();
  nowMs += 10;
  for (const [key, value] of Object.entries(records)) builder.append(nowMs, key, value);
  const answer = await client.ask(Produce, 12, { transactionalId, acks: -1, timeoutMs: 1000, topicData: [{ name: 'table', partitionData: [{ index: 0, records: builder.finish(options) }] }] });
  const { errorCode, baseOffset } = answer.responses[0]!.partitionResponses[0]!;
  return { errorCode, baseOffset };
}

/** All that is in the topic, as 'offset key=value', and the batches that are empty. */
async function read(client: TestClient, isolationLevel: 0 | 1): Promise<string[]> {
  const seen: string[] = [];
  const { offset: end } = (await client.ask(ListOffsets, 7, { replicaId: -1, isolationLevel, topics: [{ name: 'table', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] })).topics[0]!.partitions[0]!;
  for (let offset = 0; offset < end;) {
    const answer = await client.ask(Fetch, 12, { maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 20, isolationLevel, sessionId: 0, sessionEpoch: -1, topics: [{ topic: 'table', partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 << 20 }] }] });
    const bytes = answer.responses[0]!.partitions[0]!.records! as Uint8Array;
    const from = offset;
    forEachBatch(bytes, 0, bytes.length, (at) => {
      const header = readBatchHeader(bytes, at);
      offset = header.baseOffset + header.lastOffsetDelta + 1;
      if (header.recordCount === 0) seen.push(`${offset - 1} nothing of ${header.producerId >= 0 ? 'a producer' : 'nobody'}`);
      const records = new RecordCursor().open(bytes, at);
      while (!header.isControl && records.next()) seen.push(`${records.offset} ${text.decode(records.key()!.slice())}=${records.value() === null ? '' : text.decode(records.value()!.slice())}`);
    });
    assert.ok(offset > from, `a fetch at ${from} of ${end} goes on`);
  }
  return seen;
}

/** Compacts, and starts again, so that what is read comes from the disk. */
async function compactAndRestart(node: BrokerUnderTest): Promise<{ node: BrokerUnderTest; client: TestClient }> {
  await node.log.checkpoint();
  await node.log.applyCompaction();
  assert.ok(node.log.stats().compactions > 0, node.lines.join('\n'));
  const again = await node.restart();
  return { node: again, client: await again.dial() };
}

test('last values stay, and a producer that repeats its last batch is told the offset of the first', async () => {
  let node = await brokerUnderTest();
  let client = await withTopic(node);
  const { producerId, producerEpoch } = await client.ask(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 });
  for (let round = 0; round < 10; round++) await produce(client, { a: `${round}`, b: `${round}` });
  const last = await produce(client, { a: 'mine' }, { producerId, producerEpoch, baseSequence: 0 });
  for (let round = 10; round < 14; round++) await produce(client, { a: `${round}`, b: `${round}` });
  ({ node, client } = await compactAndRestart(node));
  assert.deepEqual(await read(client, 0), ['20 nothing of a producer', '25 a=12', '26 b=12', '27 a=13', '28 b=13']);
  assert.deepEqual(await produce(client, { a: 'mine' }, { producerId, producerEpoch, baseSequence: 0 }), last, 'it is known');
  assert.equal((await produce(client, { a: 'next' }, { producerId, producerEpoch, baseSequence: 7 })).errorCode, errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER);
  assert.equal((await produce(client, { a: 'next' }, { producerId, producerEpoch, baseSequence: 1 })).errorCode, 0);
  await node[Symbol.asyncDispose]();
});

test('nothing is compacted from the last stable offset on; what was aborted is gone for every reader', async () => {
  let node = await brokerUnderTest();
  let client = await withTopic(node);
  const begin = (id: string) => client.ask(InitProducerId, 5, { transactionalId: id, transactionTimeoutMs: 60_000 });
  const end = async (id: string, { producerId, producerEpoch }: { producerId: number; producerEpoch: number }, committed: boolean) => {
    assert.equal((await client.ask(EndTxn, 5, { transactionalId: id, producerId, producerEpoch, committed })).errorCode, 0);
  };
  await produce(client, { a: 'first', b: 'first' });
  await produce(client, { a: 'second', c: 'first' });
  const bad = await begin('bad');
  await produce(client, { a: 'aborted', b: 'aborted' }, { ...bad, baseSequence: 0, transactional: true }, 'bad');
  await end('bad', bad, false);
  const open = await begin('open');
  const { baseOffset } = await produce(client, { b: 'undecided' }, { ...open, baseSequence: 0, transactional: true }, 'open');
  for (let round = 0; round < 4; round++) await produce(client, { a: `later ${round}`, b: `later ${round}` });
  ({ node, client } = await compactAndRestart(node));
  const all = await read(client, 0);
  assert.deepEqual(all.slice(0, 4), ['1 b=first', '2 a=second', '3 c=first', '5 nothing of a producer'], 'later ones do not count yet, and the aborted ones are gone');
  assert.equal(all.filter((line) => line.includes('later')).length, 8);
  assert.deepEqual(await read(client, 1), ['1 b=first', '2 a=second', '3 c=first', '5 nothing of a producer'].slice(0, (await read(client, 1)).length));
  assert.ok(all.some((line) => line === `${baseOffset} b=undecided`));
  await end('open', open, true);
  await produce(client, { d: 'last' });
  ({ node, client } = await compactAndRestart(node));
  const table = (await read(client, 1)).filter((line) => !line.includes('nothing'));
  assert.deepEqual(table.map((line) => line.split(' ').slice(1).join(' ')), ['c=first', 'a=later 3', 'b=later 3', 'd=last']);
  await node[Symbol.asyncDispose]();
});

test('the policy may change: compaction begins, ends, and goes on', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, [{ name: 'cleanup.policy', value: 'delete' }].slice(1));
  const policy = async (value: string) => {
    const { responses } = await client.ask(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 2, resourceName: 'table', configs: [{ name: 'cleanup.policy', configOperation: 0, value }] }] });
    assert.equal(responses[0]!.errorCode, 0);
  };
  const compact = async () => {
    await node.log.checkpoint();
    await node.log.applyCompaction();
    return node.log.stats().compactions;
  };
  for (let round = 0; round < 5; round++) await produce(client, { a: `${round}` });
  await policy('delete');
  assert.equal(await compact(), 0);
  await policy('compact');
  assert.equal(await compact(), 1);
  await policy('');
  for (let round = 0; round < 5; round++) await produce(client, { a: `${round}` });
  assert.equal(await compact(), 1);
  await policy('compact,delete');
  assert.equal(await compact(), 2);
});

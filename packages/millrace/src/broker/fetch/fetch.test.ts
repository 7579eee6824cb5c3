// Fetch as clients see it: limits, waiting, sessions, errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '../../base/mod.ts';
import { CreateTopics, DeleteRecords, DeleteTopics, errorName, Fetch, OffsetForLeaderEpoch, Produce, readBatchHeader, type RequestInit, type ResponseOf } from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type BrokerUnderTest, type TestClient } from '../fixture.ts';

const version = 12;

async function clientWithTopic(node: BrokerUnderTest, numPartitions = 1, name = 'topic'): Promise<TestClient> {
  const client = await node.dial();
  const { topics } = await client.ask(CreateTopics, 7, { topics: [{ name, numPartitions, replicationFactor: 1 }] });
  assert.equal(topics[0]!.errorCode, 0);
  return client;
}

async function send(client: TestClient, index: number, values: string[], topic = 'topic'): Promise<void> {
  const answer = await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index, records: batchOf(values) }] }] });
  assert.equal(answer.responses[0]!.partitionResponses[0]!.errorCode, 0);
}

type Ask = RequestInit<typeof Fetch>;
const from = (positions: Record<number, number>, more: Ask & { topic?: string; bytesMax?: number } = {}): Ask => ({
  maxWaitMs: 0, minBytes: 1, sessionEpoch: -1, ...more,
  topics: [{ topic: more.topic ?? 'topic', partitions: Object.entries(positions).map(([partition, fetchOffset]) => ({ partition: Number(partition), fetchOffset, partitionMaxBytes: more.bytesMax ?? 1 << 20 })) }],
});

/** What an answer says, as text: partition, error or batches with their offsets, high watermark. */
function tell(answer: ResponseOf<typeof Fetch>): string[] {
  if (answer.errorCode !== 0) return [errorName(answer.errorCode)];
  return answer.responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex, errorCode, records, highWatermark }) => {
    if (errorCode !== 0) return `${partitionIndex}: ${errorName(errorCode)}`;
    const batches: string[] = [];
    for (let at = 0; at < records!.byteLength;) {
      const { baseOffset, recordCount, sizeBytes } = readBatchHeader(records!, at);
      batches.push(`${baseOffset}+${recordCount}`);
      at += sizeBytes;
    }
    return `${partitionIndex}: [${batches.join(' ')}] of ${highWatermark}`;
  }));
}

test('positions: the start, the middle, the end, before and past', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  await send(client, 0, ['a', 'b']);
  await send(client, 0, ['c']);
  const at = async (offset: number) => tell(await client.ask(Fetch, version, from({ 0: offset })))[0];
  assert.equal(await at(0), '0: [0+2 2+1] of 3');
  assert.equal(await at(1), '0: [0+2 2+1] of 3');
  assert.equal(await at(2), '0: [2+1] of 3');
  assert.equal(await at(3), '0: [] of 3');
  assert.equal(await at(4), '0: OFFSET_OUT_OF_RANGE');
  assert.equal(await at(-1), '0: OFFSET_OUT_OF_RANGE');
  const deleted = await client.ask(DeleteRecords, 2, { topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, offset: 2 }] }] });
  assert.equal(deleted.topics[0]!.partitions[0]!.lowWatermark, 2);
  assert.equal(await at(1), '0: OFFSET_OUT_OF_RANGE');
  assert.equal(await at(2), '0: [2+1] of 3');
});

test('limits: whole batches, at least one, no more than asked for over all partitions', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node, 2);
  for (const index of [0, 1]) for (let i = 0; i < 4; i++) await send(client, index, ['x'.repeat(1000)]);
  assert.deepEqual(tell(await client.ask(Fetch, version, from({ 0: 0, 1: 0 }, { bytesMax: 1 }))), ['0: [0+1] of 4', '1: [] of 4'], 'one batch so that the reader gets on');
  assert.deepEqual(tell(await client.ask(Fetch, version, from({ 0: 0, 1: 0 }, { bytesMax: 2500 }))), ['0: [0+1 1+1] of 4', '1: [0+1 1+1] of 4']);
  assert.deepEqual(tell(await client.ask(Fetch, version, from({ 0: 0, 1: 0 }, { maxBytes: 5000 }))), ['0: [0+1 1+1 2+1 3+1] of 4', '1: [] of 4']);
});

test('a fetch waits for the first record, and is answered by it', async () => {
  await using node = await brokerUnderTest();
  const writer = await clientWithTopic(node, 3);
  const reader = await node.dial();
  reader.send(Fetch, version, from({ 0: 0, 1: 0, 2: 0 }, { maxWaitMs: 60_000 }));
  await send(writer, 1, ['now']);
  assert.deepEqual(tell(await reader.answer(Fetch, version)), ['0: [] of 0', '1: [0+1] of 1', '2: [] of 0']);
});

test('a fetch waits for as many bytes as it asked for', async () => {
  await using node = await brokerUnderTest();
  const writer = await clientWithTopic(node, 2);
  const reader = await node.dial();
  reader.send(Fetch, version, from({ 0: 0, 1: 0 }, { maxWaitMs: 60_000, minBytes: 2000 }));
  await send(writer, 0, ['x'.repeat(1000)]);
  await send(writer, 1, ['x'.repeat(1000)]);
  assert.deepEqual(tell(await reader.answer(Fetch, version)), ['0: [0+1] of 1', '1: [0+1] of 1']);
});

test('a fetch that waits in vain is answered empty in the end', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  assert.deepEqual(tell(await client.ask(Fetch, version, from({ 0: 0 }, { maxWaitMs: 30 }))), ['0: [] of 0']);
});

test('a waiting fetch hears of an error at once: the topic is deleted under it', async () => {
  await using node = await brokerUnderTest();
  const admin = await clientWithTopic(node);
  const reader = await node.dial();
  reader.send(Fetch, version, from({ 0: 0 }, { maxWaitMs: 60_000 }));
  await admin.ask(DeleteTopics, 5, { topicNames: ['topic'] });
  assert.deepEqual(tell(await reader.answer(Fetch, version)), ['0: UNKNOWN_TOPIC_OR_PARTITION']);
});

test('a node that closes answers waiting fetches', async () => {
  const node = await brokerUnderTest();
  const reader = await clientWithTopic(node);
  reader.send(Fetch, version, from({ 0: 0 }, { maxWaitMs: 60_000 }));
  await new Promise((resolve) => { setImmediate(() => setImmediate(resolve)); });
  const answer = reader.answer(Fetch, version);
  await node[Symbol.asyncDispose]();
  assert.deepEqual(tell(await answer), ['0: [] of 0']);
});

test('a session tells only of what changed', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node, 3);
  const first = await client.ask(Fetch, version, from({ 0: 0, 1: 0, 2: 0 }, { sessionEpoch: 0 }));
  const { sessionId } = first;
  assert.ok(sessionId > 0);
  assert.deepEqual(tell(first), ['0: [] of 0', '1: [] of 0', '2: [] of 0']);
  const next = (sessionEpoch: number, topics: Ask['topics'] = [], more: Ask = {}) => client.ask(Fetch, version, { maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch, topics, ...more });
  assert.deepEqual(tell(await next(1)), []);
  await send(client, 1, ['a']);
  assert.deepEqual(tell(await next(2)), ['1: [0+1] of 1']);
  assert.deepEqual(tell(await next(3)), ['1: [0+1] of 1'], 'told again until the reader moves on');
  const moved = [{ topic: 'topic', partitions: [{ partition: 1, fetchOffset: 1, partitionMaxBytes: 1000 }] }];
  assert.deepEqual(tell(await next(4, moved)), []);
  await send(client, 0, ['b']);
  await send(client, 2, ['c']);
  const forgotten = { forgottenTopicsData: [{ topic: 'topic', partitions: [0] }] };
  assert.deepEqual(tell(await next(5, [], forgotten)), ['2: [0+1] of 1']);
});

test('who was served goes to the end of the line, so a narrow reader gets to all partitions', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node, 3);
  for (const index of [0, 1, 2]) for (let i = 0; i < 3; i++) await send(client, index, ['x'.repeat(500)]);
  const { sessionId, responses } = await client.ask(Fetch, version, from({ 0: 0, 1: 0, 2: 0 }, { sessionEpoch: 0, maxBytes: 1 }));
  const served = [responses[0]!.partitions.find(({ records }) => records!.byteLength > 0)!.partitionIndex];
  for (let sessionEpoch = 1; sessionEpoch < 6; sessionEpoch++) {
    const answer = await client.ask(Fetch, version, { maxWaitMs: 0, minBytes: 1, maxBytes: 1, sessionId, sessionEpoch });
    served.push(answer.responses[0]!.partitions[0]!.partitionIndex);
  }
  assert.deepEqual(served, [0, 1, 2, 0, 1, 2]);
});

test('sessions: unknown ids, wrong epochs, names and ids mixed, the end of one', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  const { sessionId } = await client.ask(Fetch, version, from({ 0: 0 }, { sessionEpoch: 0 }));
  const ask = async (v: number, body: Ask) => tell(await client.ask(Fetch, v, { maxWaitMs: 0, ...body }))[0];
  assert.equal(await ask(version, { sessionId: sessionId + 1, sessionEpoch: 1 }), 'FETCH_SESSION_ID_NOT_FOUND');
  assert.equal(await ask(version, { sessionId, sessionEpoch: 7 }), 'INVALID_FETCH_SESSION_EPOCH');
  assert.equal(await ask(13, { sessionId, sessionEpoch: 1 }), 'FETCH_SESSION_TOPIC_ID_ERROR');
  const ended = await client.ask(Fetch, version, from({ 0: 0 }, { sessionId, sessionEpoch: -1 }));
  assert.equal(ended.sessionId, 0);
  assert.equal(await ask(version, { sessionId, sessionEpoch: 1 }), 'FETCH_SESSION_ID_NOT_FOUND');
});

test('sessions are bounded: without a slot a reader goes without one', async () => {
  await using node = await brokerUnderTest({ config: { 'max.incremental.fetch.session.cache.slots': '2' } });
  const client = await clientWithTopic(node);
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push((await client.ask(Fetch, version, from({ 0: 0 }, { sessionEpoch: 0 }))).sessionId > 0);
  assert.deepEqual(ids, [true, true, false]);
});

test('when readers hold all the memory for reads: what was read before is answered, nothing at all waits', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node, 2);
  for (const index of [0, 1]) await send(client, index, ['a']);
  const full = new Set([1]);
  for (const index of [0, 1]) {
    const log = node.log.partitions.get(`topic-${index}`)!;
    const read = log.read.bind(log);
    log.read = (...args) => {
      if (full.has(index)) throw new MillraceError('overloaded', 'Cannot read: readers hold too much');
      return read(...args);
    };
  }
  assert.deepEqual(tell(await client.ask(Fetch, version, from({ 0: 0, 1: 0 }, { maxWaitMs: 60_000 }))), ['0: [0+1] of 1', '1: [] of 1']);
  full.add(0);
  const waiting = client.ask(Fetch, version, from({ 0: 0, 1: 0 }, { maxWaitMs: 60_000 }));
  let answered = false;
  waiting.then(() => { answered = true; });
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  assert.ok(!answered);
  full.clear();
  const { responseMemory } = node.broker.services;
  responseMemory.take(1);
  responseMemory.give(1);
  assert.deepEqual(tell(await waiting), ['0: [0+1] of 1', '1: [0+1] of 1']);
});

test('leader epochs: a newer one is unknown; the one there is ends at the end', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  await send(client, 0, ['a', 'b']);
  const newer = await client.ask(Fetch, version, { maxWaitMs: 0, sessionEpoch: -1, topics: [{ topic: 'topic', partitions: [{ partition: 0, currentLeaderEpoch: 3, fetchOffset: 0, partitionMaxBytes: 100 }] }] });
  assert.deepEqual(tell(newer), ['0: UNKNOWN_LEADER_EPOCH']);
  const ask = async (leaderEpoch: number, currentLeaderEpoch = -1) => {
    const found = (await client.ask(OffsetForLeaderEpoch, 4, { topics: [{ topic: 'topic', partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }] })).topics[0]!.partitions[0]!;
    return [errorName(found.errorCode), found.leaderEpoch, found.endOffset];
  };
  assert.deepEqual(await ask(0), ['NONE', 0, 2]);
  assert.deepEqual(await ask(5), ['NONE', -1, -1]);
  assert.deepEqual(await ask(0, 1), ['UNKNOWN_LEADER_EPOCH', -1, -1]);
});

test('five hundred positions of one session cost an append nothing: only its own reader is told', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node, 500);
  const positions = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [index, 0]));
  const { sessionId } = await client.ask(Fetch, version, from(positions, { sessionEpoch: 0 }));
  const reader = client;
  reader.send(Fetch, version, { maxWaitMs: 60_000, minBytes: 1, sessionId, sessionEpoch: 1 });
  await send(await node.dial(), 321, ['x']);
  assert.deepEqual(tell(await reader.answer(Fetch, version)), ['321: [0+1] of 1']);
});

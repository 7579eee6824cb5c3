// Produce as clients see it: answers, refusals, repetition across restarts, a disk that is full.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CreateTopics, DeleteTopics, errorCodes, errorName, InitProducerId, ListOffsets, Produce, type BatchOptions } from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type BrokerUnderTest, type TestClient } from '../fixture.ts';

async function clientWithTopic(node: BrokerUnderTest, name = 'topic', configs: Record<string, string> = {}, numPartitions = 1): Promise<TestClient> {
  const client = await node.dial();
  const { topics } = await client.ask(CreateTopics, 7, { topics: [{ name, numPartitions, replicationFactor: 1, configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }] });
  assert.equal(topics[0]!.errorCode, 0, topics[0]!.errorMessage ?? '');
  return client;
}

async function send(client: TestClient, records: Uint8Array, options: { acks?: number; topic?: string; index?: number } = {}) {
  const { acks = -1, topic = 'topic', index = 0 } = options;
  const answer = await client.ask(Produce, 9, { acks, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index, records }] }] });
  return answer.responses[0]!.partitionResponses[0]!;
}

const told = async (answer: ReturnType<typeof send>) => {
  const { errorCode, baseOffset } = await answer;
  return errorCode === 0 ? baseOffset : errorName(errorCode);
};

async function newProducer(client: TestClient): Promise<number> {
  const { producerId, errorCode } = await client.ask(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 });
  assert.equal(errorCode, 0);
  return producerId;
}

const of = (producerId: number, baseSequence: number, extra: BatchOptions = {}) => batchOf(['a', 'b'], { producerId, producerEpoch: 0, baseSequence, ...extra });

async function endOf(client: TestClient, topic = 'topic'): Promise<number> {
  return (await client.ask(ListOffsets, 5, { topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] })).topics[0]!.partitions[0]!.offset;
}

test('offsets rise over acks 1 and all; the answer tells offset and log start', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  const first = await send(client, batchOf(['a', 'b', 'c']), { acks: 1 });
  assert.deepEqual([first.baseOffset, first.logStartOffset, first.logAppendTimeMs], [0, 0, -1]);
  assert.equal((await send(client, batchOf(['d']))).baseOffset, 3);
});

test('requests without a wait between are answered in their order', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  for (let i = 0; i < 200; i++) client.send(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'topic', partitionData: [{ index: 0, records: batchOf([String(i)]) }] }] });
  for (let i = 0; i < 200; i++) assert.equal((await client.answer(Produce, 9)).responses[0]!.partitionResponses[0]!.baseOffset, i);
});

test('one request fills many partitions, and each is answered for itself', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node, 'topic', {}, 3);
  const partitionData = [0, 1, 7, 2].map((index) => ({ index, records: batchOf([`to ${index}`]) }));
  partitionData.push({ index: 0, records: new Uint8Array(0) });
  const answer = await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'topic', partitionData }, { name: 'nowhere', partitionData: [{ index: 0, records: batchOf(['x']) }] }] });
  assert.deepEqual(answer.responses.map(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorName(errorCode))), [
    ['NONE', 'NONE', 'UNKNOWN_TOPIC_OR_PARTITION', 'NONE', 'INVALID_RECORD'], ['UNKNOWN_TOPIC_OR_PARTITION'],
  ]);
});

test('refusals: two batches, control batches, wrong counts, acks that do not exist, min.insync.replicas, internal topics', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  await clientWithTopic(node, 'replicated', { 'min.insync.replicas': '2' });
  assert.equal(await told(send(client, new Uint8Array(Buffer.concat([batchOf(['a']), batchOf(['b'])])))), 'INVALID_RECORD');
  assert.equal(await told(send(client, batchOf(['a'], { control: true }))), 'INVALID_RECORD');
  assert.equal(await told(send(client, batchOf(['a']), { acks: 2 })), 'INVALID_REQUIRED_ACKS');
  assert.equal(await told(send(client, batchOf(['a']), { topic: 'replicated' })), 'NOT_ENOUGH_REPLICAS');
  assert.equal(await told(send(client, batchOf(['a']), { topic: 'replicated', acks: 1 })), 0);
  assert.equal(await told(send(client, batchOf(['a']), { topic: '__consumer_offsets' })), 'INVALID_TOPIC_EXCEPTION');
  assert.equal(await endOf(client), 0, 'nothing of it was appended');
});

test('timestamps out of the allowed range are told record by record', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node, 'topic', { 'message.timestamp.before.max.ms': '1000' });
  const now = Date.now();
  assert.equal(await told(send(client, batchOf(['a'], { timestampMs: now }))), 0);
  const late = await send(client, batchOf(['a', 'b'], { timestampMs: now - 5000 }));
  assert.equal(late.errorCode, errorCodes.INVALID_TIMESTAMP);
  assert.deepEqual(late.recordErrors.map(({ batchIndex }) => batchIndex), [0, 1]);
  const early = await send(client, batchOf(['a'], { timestampMs: now + 2 * 3_600_000 }));
  assert.equal(early.errorCode, errorCodes.INVALID_TIMESTAMP, 'one hour ahead is the default bound');
  assert.equal(await told(send(client, batchOf(['a'], { timestampMs: -1 }))), 1, 'a record without a time is never at fault');
});

test('a failed batch with acks=0 costs the connection, as from Kafka', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  client.send(Produce, 9, { acks: 0, timeoutMs: 1000, topicData: [{ name: 'gone', partitionData: [{ index: 0, records: batchOf(['a']) }] }] });
  assert.equal(await client.frame(), null);
});

test('a repeated batch is answered with its first offset; gaps and old epochs are refused', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  const id = await newProducer(client);
  assert.equal(await told(send(client, of(id, 0))), 0);
  assert.equal(await told(send(client, of(id, 2))), 2);
  assert.equal(await told(send(client, of(id, 0))), 0);
  assert.equal(await told(send(client, of(id, 8))), 'OUT_OF_ORDER_SEQUENCE_NUMBER');
  assert.equal(await told(send(client, of(id, 0, { producerEpoch: 1 }))), 4);
  assert.equal(await told(send(client, of(id, 4))), 'INVALID_PRODUCER_EPOCH');
  assert.equal(await told(send(client, of(id + 5000, 0))), 'UNKNOWN_PRODUCER_ID');
  assert.equal(await endOf(client), 6);
});

test('a batch and its repetition in one breath: both get the same answer, once it is durable', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  const id = await newProducer(client);
  for (let i = 0; i < 3; i++) client.send(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'topic', partitionData: [{ index: 0, records: of(id, 0) }] }] });
  for (let i = 0; i < 3; i++) {
    const { errorCode, baseOffset } = (await client.answer(Produce, 9)).responses[0]!.partitionResponses[0]!;
    assert.deepEqual([errorCode, baseOffset], [0, 0]);
  }
  assert.equal(await endOf(client), 2);
});

for (const way of ['clean', 'without a last snapshot'] as const) {
  test(`after a restart (${way}) repetition is still recognised, and producer ids go on`, async () => {
    const node = await brokerUnderTest();
    const client = await clientWithTopic(node);
    const id = await newProducer(client);
    for (let sequence = 0; sequence < 10; sequence += 2) await send(client, of(id, sequence));
    await send(client, batchOf(['not idempotent']));
    if (way === 'without a last snapshot') await node.log.close(); // as after kill -9: the broker had no say
    await using again = way === 'clean' ? await node.restart() : await brokerUnderTest({ machine: node.machine });
    const client2 = await again.dial();
    assert.equal(await told(send(client2, of(id, 8))), 8, 'the last batch');
    assert.equal(await told(send(client2, of(id, 0))), 0, 'the oldest of five');
    assert.equal(await told(send(client2, of(id, 12))), 'OUT_OF_ORDER_SEQUENCE_NUMBER');
    assert.equal(await told(send(client2, of(id, 10))), 11, 'and it goes on where it was');
    assert.ok((await newProducer(client2)) > id, 'no id is given out twice');
    await node[Symbol.asyncDispose]();
  });
}

test('retention keeps what the dropped records say of their producers, also when the node is killed before the next snapshot', async () => {
  const node = await brokerUnderTest();
  const client = await clientWithTopic(node, 'topic', { 'retention.ms': '1' });
  const id = await newProducer(client);
  for (let sequence = 0; sequence < 10; sequence += 2) await send(client, of(id, sequence));
  const { log } = node;
  const partition = log.partitions.get('topic-0')!;
  await new Promise((resolve) => setTimeout(resolve, 5)); // past retention.ms
  for (let round = 0; round < 5 && partition.logStartOffset < 10; round++) {
    await log.checkpoint();
    await log.applyRetention();
  }
  assert.equal(partition.logStartOffset, 10, 'all was dropped');
  await log.close(); // as after kill -9
  await using again = await brokerUnderTest({ machine: node.machine });
  const client2 = await again.dial();
  assert.equal(await told(send(client2, of(id, 8))), 8, 'the last batch');
  assert.equal(await told(send(client2, of(id, 12))), 'OUT_OF_ORDER_SEQUENCE_NUMBER');
  await node[Symbol.asyncDispose]();
});

test('a topic that was deleted and made again knows nothing of its old producers', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  const id = await newProducer(client);
  await send(client, of(id, 0));
  assert.equal((await client.ask(DeleteTopics, 6, { topics: [{ name: 'topic' }] })).responses[0]!.errorCode, 0);
  assert.equal(await told(send(client, of(id, 2))), 'UNKNOWN_TOPIC_OR_PARTITION');
  await clientWithTopic(node);
  assert.equal(await told(send(client, of(id, 2))), 0);
  assert.equal(await endOf(client), 2);
});

test('when the log has no room, requests wait in their order instead of failing', async () => {
  await using node = await brokerUnderTest();
  await clientWithTopic(node);
  let waits = 0;
  const whenRoom = node.log.whenRoom.bind(node.log);
  node.log.whenRoom = (callback) => { waits++; whenRoom(callback); };
  const clients = await Promise.all(Array.from({ length: 4 }, () => node.dial()));
  const ids = await Promise.all(clients.map(newProducer));
  const each = 30;
  for (let i = 0; i < each; i++) {
    clients.forEach((client, number) => {
      const records = batchOf(['x'.repeat(200_000)], { producerId: ids[number]!, producerEpoch: 0, baseSequence: i });
      client.send(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'topic', partitionData: [{ index: 0, records }] }] });
    });
  }
  const seen = new Set<number>();
  for (const client of clients) {
    let before = -1;
    for (let i = 0; i < each; i++) {
      const { errorCode, baseOffset } = (await client.answer(Produce, 9)).responses[0]!.partitionResponses[0]!;
      assert.equal(errorCode, 0);
      assert.ok(baseOffset > before, 'in the order of the requests');
      seen.add(before = baseOffset);
    }
  }
  assert.equal(seen.size, each * clients.length);
  assert.ok(waits > 0, 'the memory for appends was full at times');
});

test('a log that takes no more writes: an error that clients retry, and reads go on', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  await send(client, batchOf(['a']));
  await node.log.close();
  const { errorCode, errorMessage } = await send(client, batchOf(['b']));
  assert.equal(errorCode, errorCodes.KAFKA_STORAGE_ERROR);
  assert.match(errorMessage!, /closed/);
  assert.equal(await endOf(client), 1);
});

test('snapshots follow the bytes, so that a start reads a bounded tail', async () => {
  const node = await brokerUnderTest();
  const client = await clientWithTopic(node, 'topic', { 'max.message.bytes': '4000000' });
  const id = await newProducer(client);
  const producers = node.log.partitions.get('__millrace_producers-0')!;
  const large = 'x'.repeat(3_000_000);
  let sequence = 0;
  while (producers.endOffset === 0 && sequence < 40) {
    assert.equal((await send(client, batchOf([large], { producerId: id, producerEpoch: 0, baseSequence: sequence }))).errorCode, 0);
    sequence++;
  }
  assert.ok(sequence < 20, `a snapshot was written after ${sequence} batches of 3 MB`);
  await send(client, batchOf(['after the snapshot'], { producerId: id, producerEpoch: 0, baseSequence: sequence }));
  await node.log.close();
  await using again = await brokerUnderTest({ machine: node.machine });
  const client2 = await again.dial();
  assert.equal(await told(send(client2, batchOf(['after the snapshot'], { producerId: id, producerEpoch: 0, baseSequence: sequence }))), sequence, 'read from the tail');
  assert.equal(await told(send(client2, batchOf([large], { producerId: id, producerEpoch: 0, baseSequence: sequence - 1 }))), sequence - 1, 'read from the snapshot');
  await node[Symbol.asyncDispose]();
});

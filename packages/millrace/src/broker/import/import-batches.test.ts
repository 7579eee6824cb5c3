// Importing: batches keep their offsets, gaps become batches without records, what is there already is left out, producers stay out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AlterConfigs, BatchCursor, CreateTopics, DescribeConfigs, errorCodes, Fetch, ImportBatches, IncrementalAlterConfigs, ListOffsets, Produce, stampBaseOffset, type RequestInit,
} from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type BrokerUnderTest, type TestClient } from '../fixture.ts';

type PartitionInit = NonNullable<NonNullable<RequestInit<typeof ImportBatches>['topics']>[number]['partitions']>[number];

async function importing(node: BrokerUnderTest, source = 'old'): Promise<TestClient> {
  const client = await node.dial();
  const { topics } = await client.ask(CreateTopics, 7, { topics: [{ name: 'moved', numPartitions: 1, replicationFactor: 1, configs: [{ name: 'millrace.import.from', value: source }] }] });
  assert.equal(topics[0]!.errorCode, 0);
  return client;
}

function at(offset: number, values: readonly string[], options: Parameters<typeof batchOf>[1] = {}): Uint8Array {
  const bytes = batchOf(values, options);
  stampBaseOffset(bytes, 0, offset, 7);
  return bytes;
}

const send = async (client: TestClient, partition: Omit<PartitionInit, 'index'>, source = 'old') =>
  (await client.ask(ImportBatches, 0, { topics: [{ name: 'moved', source, partitions: [{ index: 0, ...partition }] }] })).topics[0]!.partitions[0]!;
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

async function batches(client: TestClient, fetchOffset = 0): Promise<[base: number, last: number, records: number][]> {
  const answer = await client.ask(Fetch, 12, { maxWaitMs: 0, minBytes: 0, topics: [{ topic: 'moved', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }] });
  const partition = answer.responses[0]!.partitions[0]!;
  assert.equal(partition.errorCode, 0);
  const cursor = new BatchCursor(partition.records!);
  const found: [number, number, number][] = [];
  while (cursor.next()) found.push([cursor.baseOffset, cursor.lastOffset, cursor.recordCount]);
  return found;
}

const setConfig = async (client: TestClient, value: string) =>
  (await client.ask(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 2, resourceName: 'moved', configs: [{ name: 'millrace.import.from', configOperation: 0, value }] }] })).responses[0]!.errorCode;

test('offsets are kept, gaps are filled, a request may be sent again, and a restart finds it all', async () => {
  await using node = await brokerUnderTest();
  const client = await importing(node);
  const first = joined(at(0, ['a', 'b']), at(5, ['f']));
  assert.equal((await send(client, { records: first })).endOffset, 6);
  assert.equal((await send(client, { records: first })).endOffset, 6, 'what is there is left out');
  assert.equal((await send(client, { records: joined(at(5, ['f']), at(6, ['g'])) })).endOffset, 7);
  assert.equal((await send(client, { endOffset: 9 })).endOffset, 9);
  const all = [[0, 1, 2], [2, 4, 0], [5, 5, 1], [6, 6, 1], [7, 8, 0]];
  assert.deepEqual(await batches(client), all);
  assert.deepEqual(await batches(client, 3), all.slice(1), 'an offset in a gap leads on');
  await using again = await node.restart();
  const later = await again.dial();
  assert.deepEqual(await batches(later), all);
  assert.equal((await send(later, { records: at(9, ['j']) })).endOffset, 10);
});

test('a source that begins late: older offsets are gone, also within its first batch', async () => {
  await using node = await brokerUnderTest();
  const client = await importing(node);
  assert.equal((await send(client, { startOffset: 5_000_000_000, endOffset: 5_000_000_000 })).endOffset, 5_000_000_000);
  assert.equal((await send(client, { records: at(5_000_000_000, ['x', 'y']), startOffset: 5_000_000_001 })).endOffset, 5_000_000_002);
  const { topics } = await client.ask(ListOffsets, 7, { replicaId: -1, topics: [{ name: 'moved', partitions: [{ partitionIndex: 0, timestamp: -2 }] }] });
  assert.equal(topics[0]!.partitions[0]!.offset, 5_000_000_001);
  await using again = await node.restart();
  assert.deepEqual(await batches(await again.dial(), 5_000_000_001), [[5_000_000_000, 5_000_000_001, 2]]);
});

test('what may not enter is refused whole, with the reason', async () => {
  await using node = await brokerUnderTest();
  const client = await importing(node);
  await send(client, { records: at(0, ['a', 'b', 'c']) });
  const cases: [Omit<PartitionInit, 'index'>, RegExp, string?][] = [
    [{ records: at(2, ['c', 'd']) }, /lies across the end/], [{ records: at(3, ['d'], { producerId: 5, producerEpoch: 0, baseSequence: 0 }) }, /belongs to a producer/],
    [{ records: at(3, ['d'], { transactional: true }) }, /belongs to a producer or a transaction/], [{ records: at(3, ['d']) }, /imported from old, not from other/, 'other'],
    [{ endOffset: Number.MAX_SAFE_INTEGER }, /more than can be left out/],
  ];
  for (const [partition, why, source] of cases) {
    const { errorCode, errorMessage, endOffset } = await send(client, partition, source);
    assert.deepEqual([errorCode, endOffset], [errorCodes.INVALID_REQUEST, -1]);
    assert.match(errorMessage!, why);
  }
  const damaged = at(3, ['d']);
  damaged[65]! ^= 1;
  assert.equal((await send(client, { records: damaged })).errorCode, errorCodes.CORRUPT_MESSAGE);
  assert.deepEqual(await batches(client), [[0, 2, 3]]);
  const elsewhere = await client.ask(ImportBatches, 0, { topics: [{ name: 'none', source: 'old', partitions: [{ index: 0 }] }] });
  assert.equal(elsewhere.topics[0]!.partitions[0]!.errorCode, errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
});

test('while a topic is imported producers stay out; once it is given over it never goes back', async () => {
  await using node = await brokerUnderTest();
  const client = await importing(node);
  const produce = async () => (await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'moved', partitionData: [{ index: 0, records: batchOf(['p']) }] }] })).responses[0]!.partitionResponses[0]!;
  await send(client, { records: at(41, ['x']) });
  const refused = await produce();
  assert.deepEqual([refused.errorCode, /being moved here from old/.test(refused.errorMessage!)], [errorCodes.POLICY_VIOLATION, true]);
  assert.equal(await setConfig(client, 'another'), errorCodes.INVALID_CONFIG);
  assert.equal(await setConfig(client, 'done:old'), 0);
  assert.equal((await produce()).baseOffset, 42);
  assert.match((await send(client, { records: at(43, ['y']) })).errorMessage!, /not being imported/);
  assert.equal(await setConfig(client, 'old'), errorCodes.INVALID_CONFIG);
  assert.equal((await client.ask(AlterConfigs, 1, { resources: [{ resourceType: 2, resourceName: 'moved', configs: [] }] })).responses[0]!.errorCode, 0);
  const { results } = await client.ask(DescribeConfigs, 4, { resources: [{ resourceType: 2, resourceName: 'moved', configurationKeys: ['millrace.import.from'] }] });
  assert.deepEqual([results[0]!.configs[0]!.value, results[0]!.configs[0]!.configSource], ['', 5]);
});

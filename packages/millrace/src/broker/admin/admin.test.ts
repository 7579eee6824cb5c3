// Administration as tools see it: creating, growing, deleting, configuring; what is refused, and what a restart brings back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError, limits } from '../../base/mod.ts';
import {
  AlterConfigs, CreatePartitions, CreateTopics, DeleteTopics, DescribeCluster, DescribeConfigs, DescribeLogDirs, DescribeProducers, DescribeTopicPartitions,
  ElectLeaders, errorName, IncrementalAlterConfigs, InitProducerId, ListConfigResources, Metadata, Produce, zeroUuid, type RequestInit,
} from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type TestClient } from '../fixture.ts';

type NewTopic = NonNullable<RequestInit<typeof CreateTopics>['topics']>[number];

async function create(client: TestClient, topics: NewTopic[], validateOnly = false): Promise<string[]> {
  const answer = await client.ask(CreateTopics, 7, { topics, validateOnly, timeoutMs: 1000 });
  return answer.topics.map(({ name, errorCode, numPartitions }) => `${name}: ${errorCode === 0 ? `${numPartitions} partitions` : errorName(errorCode)}`);
}

const topic = (name: string, more: NewTopic = {}): NewTopic => ({ name, numPartitions: 1, replicationFactor: 1, ...more });
const named = async (client: TestClient) => (await client.ask(Metadata, 9, { topics: null })).topics.map(({ name }) => name).filter((name) => !name!.startsWith('__'));

test('creating: defaults, assignments, and everything that is refused', async () => {
  await using node = await brokerUnderTest({ config: { 'num.partitions': '3' } });
  const client = await node.dial();
  assert.deepEqual(await create(client, [topic('dry')], true), ['dry: 1 partitions']);
  assert.deepEqual(await named(client), [], 'validateOnly creates nothing');
  assert.deepEqual(await create(client, [
    topic('one'), topic('default', { numPartitions: -1, replicationFactor: -1 }), topic('a/b'), topic(''), topic('.'), topic('x'.repeat(250)), topic('none', { numPartitions: 0 }),
    topic('twice'), topic('twice'), topic('wide', { replicationFactor: 3 }), topic('many', { numPartitions: 1_000_000 }), topic('__millrace_mine'),
    topic('assigned', { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }, { partitionIndex: 1, brokerIds: [1] }] }),
    topic('gap', { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 1, brokerIds: [1] }] }),
    topic('stranger', { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [7] }] }),
    topic('both', { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
    topic('badkey', { configs: [{ name: 'no.such', value: '1' }] }), topic('badvalue', { configs: [{ name: 'retention.ms', value: 'soon' }] }),
    topic('compacted', { configs: [{ name: 'cleanup.policy', value: 'compact' }] }), topic('emptied', { configs: [{ name: 'cleanup.policy', value: 'compact,' }] }),
    topic('lags', { configs: [{ name: 'min.compaction.lag.ms', value: '2' }, { name: 'max.compaction.lag.ms', value: '1' }] }), topic('null', { configs: [{ name: 'retention.ms', value: null }] }),
  ]), [
    'one: 1 partitions', 'default: 3 partitions', 'a/b: INVALID_TOPIC_EXCEPTION', ': INVALID_TOPIC_EXCEPTION', '.: INVALID_TOPIC_EXCEPTION', `${'x'.repeat(250)}: INVALID_TOPIC_EXCEPTION`,
    'none: INVALID_PARTITIONS', 'twice: INVALID_REQUEST', 'wide: INVALID_REPLICATION_FACTOR', 'many: INVALID_PARTITIONS', '__millrace_mine: INVALID_TOPIC_EXCEPTION',
    'assigned: 2 partitions', 'gap: INVALID_REPLICA_ASSIGNMENT', 'stranger: INVALID_REPLICA_ASSIGNMENT', 'both: INVALID_REQUEST',
    'badkey: INVALID_CONFIG', 'badvalue: INVALID_CONFIG', 'compacted: 1 partitions', 'emptied: INVALID_CONFIG', 'lags: INVALID_CONFIG', 'null: INVALID_CONFIG',
  ]);
  assert.deepEqual(await create(client, [topic('one')]), ['one: TOPIC_ALREADY_EXISTS']);
  await create(client, [topic('dot.ted')]);
  for (const validateOnly of [true, false]) assert.deepEqual(await create(client, [topic('dot_ted')], validateOnly), ['dot_ted: INVALID_TOPIC_EXCEPTION']);
});

test('growing: more, not fewer, not the same', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await create(client, [topic('t', { numPartitions: 2 })]);
  const grow = async (count: number, more: object = {}) => errorName((await client.ask(CreatePartitions, 3, { topics: [{ name: 't', count, assignments: null, ...more }], timeoutMs: 1000 })).results[0]!.errorCode);
  assert.equal(await grow(2), 'INVALID_PARTITIONS');
  assert.equal(await grow(1), 'INVALID_PARTITIONS');
  assert.equal(await grow(5, { assignments: [{ brokerIds: [1] }] }), 'INVALID_REPLICA_ASSIGNMENT');
  assert.equal(await grow(5), 'NONE');
  assert.equal((await client.ask(Metadata, 9, { topics: [{ name: 't' }] })).topics[0]!.partitions.length, 5);
});

test('deleting: by name, by id, what is not there, what is internal', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await create(client, [topic('a'), topic('b')]);
  const id = (await client.ask(Metadata, 12, { topics: [{ name: 'b' }] })).topics[0]!.topicId;
  const remove = async (name: string | null, topicId = zeroUuid) => errorName((await client.ask(DeleteTopics, 6, { topics: [{ name, topicId }], timeoutMs: 1000 })).responses[0]!.errorCode);
  assert.equal(await remove('a'), 'NONE');
  assert.equal(await remove('a'), 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.equal(await remove(null, id), 'NONE');
  assert.equal(await remove(null, id), 'UNKNOWN_TOPIC_ID');
  assert.equal(await remove('__consumer_offsets'), 'INVALID_REQUEST');
  assert.deepEqual(await named(client), []);
  assert.deepEqual([...node.log.partitions.keys()].filter((name) => !name.startsWith('__')), [], 'the partitions are gone');
});

test('topics, configuration and identity come back after a restart', async () => {
  const node = await brokerUnderTest();
  const client = await node.dial();
  await create(client, [topic('kept', { numPartitions: 3, configs: [{ name: 'retention.ms', value: '123456' }] }), topic('gone')]);
  await client.ask(DeleteTopics, 6, { topics: [{ name: 'gone' }], timeoutMs: 1000 });
  await client.ask(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 4, resourceName: '1', configs: [{ name: 'num.partitions', configOperation: 0, value: '7' }] }] });
  const { clusterId } = await client.ask(DescribeCluster, 1, {});
  await using again = await node.restart();
  const client2 = await again.dial();
  assert.deepEqual(await named(client2), ['kept']);
  assert.equal((await client2.ask(DescribeCluster, 1, {})).clusterId, clusterId);
  const { results } = await client2.ask(DescribeConfigs, 4, { resources: [{ resourceType: 2, resourceName: 'kept', configurationKeys: ['retention.ms'] }, { resourceType: 4, resourceName: '1', configurationKeys: ['num.partitions'] }] });
  assert.deepEqual(results.map(({ configs }) => configs.map(({ name, value, configSource }) => [name, value, configSource])), [[['retention.ms', '123456', 1]], [['num.partitions', '7', 2]]]);
  assert.deepEqual(await create(client2, [topic('new', { numPartitions: -1 })]), ['new: 7 partitions']);
});

test('partitions without a topic are removed by the next start, missing ones are made', async () => {
  const node = await brokerUnderTest();
  await create(await node.dial(), [topic('whole', { numPartitions: 2 })]);
  await node.log.create('orphan-0', node.log.partitions.get('whole-0')!.config);
  await node.log.remove('whole-1');
  await using again = await node.restart();
  assert.deepEqual([...again.log.partitions.keys()].filter((name) => !name.startsWith('__')).sort(), ['whole-0', 'whole-1']);
  assert.ok(again.lines.some((line) => line.includes('orphan-0')));
});

test('configuration: a resource changes wholly or not at all; the node keeps what may not change', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await create(client, [topic('t')]);
  const alter = async (resourceType: number, resourceName: string, pairs: Record<string, string>, validateOnly = false) => errorName((await client.ask(IncrementalAlterConfigs, 1, {
    resources: [{ resourceType, resourceName, configs: Object.entries(pairs).map(([name, value]) => ({ name, configOperation: 0, value })) }], validateOnly,
  })).responses[0]!.errorCode);
  const value = async (name: string) => (await client.ask(DescribeConfigs, 4, { resources: [{ resourceType: 2, resourceName: 't', configurationKeys: [name] }] })).results[0]!.configs[0]!.value;
  assert.equal(await alter(2, 't', { 'retention.ms': '5', 'segment.ms': 'x' }), 'INVALID_CONFIG');
  assert.equal(await value('retention.ms'), '604800000');
  assert.equal(await alter(2, 't', { 'retention.ms': '5' }, true), 'NONE');
  assert.equal(await value('retention.ms'), '604800000', 'validateOnly changes nothing');
  assert.equal(await alter(2, 't', { 'retention.ms': '5', 'millrace.durability': 'page-cache' }), 'NONE');
  assert.equal(await value('retention.ms'), '5');
  assert.equal(node.log.partitions.get('t-0')!.config.durability, 'page-cache', 'the log hears of it');
  assert.equal(await alter(2, 'nowhere', {}), 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.equal(await alter(4, '1', { 'node.id': '5' }), 'INVALID_REQUEST');
  assert.equal(await alter(4, '9', { 'num.partitions': '5' }), 'INVALID_REQUEST');
  assert.equal(await alter(4, '', { 'log.retention.ms': '77' }), 'NONE');
  await client.ask(AlterConfigs, 2, { resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'segment.ms', value: '9' }] }] });
  assert.deepEqual([await value('retention.ms'), await value('segment.ms')], ['77', '9'], 'AlterConfigs replaces all; the default for all nodes shows through');
});

test('pages of topics and partitions', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await create(client, [topic('b', { numPartitions: 3 }), topic('a', { numPartitions: 3 })]);
  const seen: string[] = [];
  let cursor: { topicName: string; partitionIndex: number } | null = null;
  do {
    const page: Awaited<ReturnType<typeof ask>> = await ask(cursor);
    for (const { name, partitions } of page.topics) for (const { partitionIndex } of partitions) seen.push(`${name}-${partitionIndex}`);
    cursor = page.nextCursor;
  } while (cursor !== null);
  assert.deepEqual(seen, ['__consumer_offsets-0', 'a-0', 'a-1', 'a-2', 'b-0', 'b-1', 'b-2']);
  function ask(at: { topicName: string; partitionIndex: number } | null) {
    return client.ask(DescribeTopicPartitions, 0, { topics: [], responsePartitionLimit: 2, cursor: at });
  }
});

test('log folders, producers, elections, resources', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await create(client, [topic('t')]);
  const { producerId } = await client.ask(InitProducerId, 4, { transactionalId: null });
  await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 't', partitionData: [{ index: 0, records: batchOf(['a', 'b'], { producerId, producerEpoch: 0, baseSequence: 0 }) }] }] });
  const folders = await client.ask(DescribeLogDirs, 4, { topics: [{ topic: 't', partitions: [0] }] });
  assert.ok(folders.results[0]!.topics[0]!.partitions[0]!.partitionSize > 60);
  const producers = (await client.ask(DescribeProducers, 0, { topics: [{ name: 't', partitionIndexes: [0] }] })).topics[0]!.partitions[0]!.activeProducers;
  assert.deepEqual(producers.map((one) => [one.producerId, one.producerEpoch, one.lastSequence]), [[producerId, 0, 1]]);
  const elected = await client.ask(ElectLeaders, 2, { topicPartitions: [{ topic: 't', partitions: [0, 5] }] });
  assert.deepEqual(elected.replicaElectionResults[0]!.partitionResult.map(({ errorCode }) => errorName(errorCode)), ['ELECTION_NOT_NEEDED', 'UNKNOWN_TOPIC_OR_PARTITION']);
  const resources = (await client.ask(ListConfigResources, 1, { resourceTypes: [2, 4] })).configResources.map(({ resourceName, resourceType }) => `${resourceType} ${resourceName}`);
  assert.deepEqual(resources.sort(), ['2 __consumer_offsets', '2 t', '4 1']);
});

test('a start makes the partitions that a topic lacks, and none besides; a node has room for so many', async () => {
  const node = await brokerUnderTest();
  assert.deepEqual(await create(await node.dial(), [topic('four', { numPartitions: 4 })]), ['four: 4 partitions']);
  await node.log.remove('four-2');
  await using again = await node.restart();
  assert.deepEqual([...again.log.partitions.keys()].filter((name) => name.startsWith('four')).sort(), ['four-0', 'four-1', 'four-2', 'four-3']);
  await assert.rejects(again.broker.services.topics.create('huge', limits.broker.partitionsMax + 1, new Map()), (error) => isMillraceError(error, 'overloaded'));
  assert.equal(again.broker.services.topics.byName('huge'), undefined);
});

// What tools are told: topics page by page, folders and their sizes, producers, and what has configuration.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateTopics, DescribeCluster, DescribeConfigs, DescribeLogDirs, DescribeProducers, DescribeTopicPartitions, ElectLeaders, errorName, IncrementalAlterConfigs, InitProducerId, ListConfigResources, Produce,
} from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type TestClient } from '../fixture.ts';

const sizes: Readonly<Record<string, number>> = { a: 1, bb: 4, c: 2, d: 3 };

async function withTopics(client: TestClient): Promise<void> {
  await client.ask(CreateTopics, 7, { topics: Object.entries(sizes).map(([name, numPartitions]) => ({ name, numPartitions, replicationFactor: 1 })), timeoutMs: 1000 });
}

test('pages of any size, put together, are the whole', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopics(client);
  const names = ['d', 'a', 'bb', 'nobody', 'c', 'a', 'no/name'];
  const partsOf = async (limit: number): Promise<{ rows: string[]; pages: number }> => {
    const rows: string[] = [];
    let cursor: { topicName: string; partitionIndex: number } | null = null;
    for (let pages = 1; ; pages++) {
      const answer: Awaited<ReturnType<typeof page>> = await page(cursor, limit);
      const count = answer.topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
      assert.ok(count <= Math.max(1, limit), `${count} partitions in a page of ${limit}`);
      for (const topic of answer.topics) {
        if (topic.errorCode !== 0) rows.push(`${topic.name}: ${errorName(topic.errorCode)}`);
        for (const partition of topic.partitions) rows.push(`${topic.name}-${partition.partitionIndex} led by ${partition.leaderId} at ${partition.leaderEpoch} in ${partition.isrNodes.join()}`);
      }
      cursor = answer.nextCursor;
      if (cursor === null) return { rows, pages };
    }
  };
  const page = (cursor: { topicName: string; partitionIndex: number } | null, responsePartitionLimit: number) =>
    client.ask(DescribeTopicPartitions, 0, { topics: names.map((name) => ({ name })), responsePartitionLimit, cursor });
  const whole = await partsOf(100);
  assert.equal(whole.pages, 1);
  assert.deepEqual(whole.rows, [
    'a-0 led by 1 at 0 in 1', ...[0, 1, 2, 3].map((index) => `bb-${index} led by 1 at 0 in 1`), ...[0, 1].map((index) => `c-${index} led by 1 at 0 in 1`),
    ...[0, 1, 2].map((index) => `d-${index} led by 1 at 0 in 1`), 'no/name: INVALID_TOPIC_EXCEPTION', 'nobody: UNKNOWN_TOPIC_OR_PARTITION',
  ]);
  for (let limit = 0; limit <= 11; limit++) {
    const { rows, pages } = await partsOf(limit);
    assert.deepEqual([...new Set(rows)], whole.rows, `pages of ${limit}`);
    if (limit > 0) assert.equal(pages, Math.ceil(10 / limit), `pages of ${limit}`);
  }
});

test('folders: every partition asked for with its bytes, and nothing of what is not there', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopics(client);
  const records = batchOf(['one', 'two']);
  await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'c', partitionData: [{ index: 1, records }] }] });
  const told = async (topics: { topic: string; partitions: number[] }[] | null): Promise<string[]> => {
    const [folder] = (await client.ask(DescribeLogDirs, 4, { topics })).results;
    assert.ok(folder!.errorCode === 0 && Number(folder!.totalBytes) >= Number(folder!.usableBytes));
    return folder!.topics.filter(({ name }) => !name.startsWith('__')).flatMap(({ name, partitions }) => partitions.map(({ partitionIndex, partitionSize }) => `${name}-${partitionIndex}: ${partitionSize}`));
  };
  assert.deepEqual((await told(null)).filter((line) => !line.endsWith(': 0')), [`c-1: ${records.length}`]);
  assert.equal((await told(null)).length, 10);
  assert.deepEqual(await told([{ topic: 'c', partitions: [1, 2] }, { topic: 'nobody', partitions: [0] }, { topic: 'a', partitions: [0] }]), [`c-1: ${records.length}`, 'a-0: 0']);
});

test('producers: who appended last, with which sequence; none where nobody did', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopics(client);
  const { producerId: id } = await client.ask(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 });
  await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'a', partitionData: [{ index: 0, records: batchOf(['x', 'y', 'z'], { producerId: id, producerEpoch: 2, baseSequence: 0 }) }] }] });
  const { topics } = await client.ask(DescribeProducers, 0, { topics: [{ name: 'a', partitionIndexes: [0, 1] }, { name: 'c', partitionIndexes: [0] }] });
  const told = topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex, errorCode, activeProducers }) =>
    `${name}-${partitionIndex} ${errorName(errorCode)} ${activeProducers.map(({ producerId, producerEpoch, lastSequence }) => `${producerId}/${producerEpoch}/${lastSequence}`).join()}`));
  assert.deepEqual(told, [`a-0 NONE ${id}/2/2`, 'a-1 UNKNOWN_TOPIC_OR_PARTITION ', 'c-0 NONE ']);
});

test('leaders are there already, where there is a partition', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopics(client);
  const { replicaElectionResults } = await client.ask(ElectLeaders, 2, { electionType: 0, topicPartitions: [{ topic: 'a', partitions: [0, 1] }, { topic: 'nobody', partitions: [0] }], timeoutMs: 1000 });
  assert.deepEqual(replicaElectionResults.flatMap(({ topic, partitionResult }) => partitionResult.map(({ partitionId, errorCode }) => `${topic}-${partitionId} ${errorName(errorCode)}`)), [
    'a-0 ELECTION_NOT_NEEDED', 'a-1 UNKNOWN_TOPIC_OR_PARTITION', 'nobody-0 UNKNOWN_TOPIC_OR_PARTITION',
  ]);
});

test('folders are asked for topics by name; one that is not there is not told of', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopics(client);
  const { results } = await client.ask(DescribeLogDirs, 4, { topics: [{ topic: 'nobody', partitions: [0] }, { topic: 'c', partitions: [1] }, { topic: 'a', partitions: [7] }] });
  assert.deepEqual(results[0]!.topics.filter(({ partitions }) => partitions.length > 0).map(({ name, partitions }) => `${name}: ${partitions.map(({ partitionIndex }) => partitionIndex)}`), ['c: 1']);
  assert.ok(!results[0]!.topics.some(({ name }) => name === 'nobody'));
});

test('what has configuration: topics and the node, as far as they are asked for', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopics(client);
  const listed = async (resourceTypes: number[]): Promise<string> => {
    const { errorCode, configResources } = await client.ask(ListConfigResources, 1, { resourceTypes });
    return errorCode !== 0 ? errorName(errorCode) : configResources.filter(({ resourceName }) => !resourceName.startsWith('__')).map(({ resourceName, resourceType }) => `${resourceType}:${resourceName}`).join(' ');
  };
  assert.equal(await listed([]), '2:a 2:bb 2:c 2:d 4:1');
  assert.equal(await listed([2]), '2:a 2:bb 2:c 2:d');
  assert.equal(await listed([4]), '4:1');
  assert.equal(await listed([16]), '');
  assert.equal(await listed([3]), 'UNSUPPORTED_VERSION');
});

test('the cluster: operations only when asked for; controllers are not served here', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  const asked = async (includeClusterAuthorizedOperations: boolean, endpointType = 1) => client.ask(DescribeCluster, 1, { includeClusterAuthorizedOperations, endpointType });
  assert.ok((await asked(false)).clusterAuthorizedOperations < 0 && (await asked(true)).clusterAuthorizedOperations > 0);
  const { brokers, controllerId } = await asked(false);
  assert.deepEqual([controllerId, brokers.map(({ brokerId, port }) => [brokerId, port])], [1, [[1, node.port]]]);
  assert.equal(errorName((await asked(false, 2)).errorCode), 'MISMATCHED_ENDPOINT_TYPE');
});

test('a setting of the node that could not be kept is not in force', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  const name = 'message.max.bytes';
  const value = async (): Promise<string | null> => (await client.ask(DescribeConfigs, 4, { resources: [{ resourceType: 4, resourceName: '1', configurationKeys: [name] }] })).results[0]!.configs[0]!.value;
  const set = async (text: string): Promise<string> =>
    errorName((await client.ask(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 4, resourceName: '1', configs: [{ name, configOperation: 0, value: text }] }] })).responses[0]!.errorCode);
  assert.equal(await set('2000000'), 'NONE');
  assert.equal(await value(), '2000000');
  await node.log.close();
  assert.notEqual(await set('3000000'), 'NONE');
  assert.equal(await value(), '2000000');
});

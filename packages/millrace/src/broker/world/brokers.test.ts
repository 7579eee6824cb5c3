// Several brokers from one process: who leads what, who is told so, and what the wrong one says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import {
  CreateTopics, DescribeCluster, DescribeConfigs, errorCodes, Fetch, FindCoordinator, InitProducerId, ListGroups, ListOffsets, Metadata, OffsetCommit, OffsetFetch, OffsetForLeaderEpoch, Produce,
} from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type BrokerUnderTest, type TestClient } from '../fixture.ts';

const world = { brokers: 3 };

async function withTopic(node: BrokerUnderTest, partitions = 6): Promise<TestClient> {
  const client = await node.dial();
  const { topics } = await client.ask(CreateTopics, 7, { topics: [{ name: 'spread', numPartitions: partitions, replicationFactor: 3, configs: [{ name: 'min.insync.replicas', value: '2' }] }] });
  assert.deepEqual([topics[0]!.errorCode, topics[0]!.replicationFactor], [0, 3]);
  return client;
}

const describe = async (client: TestClient) => (await client.ask(Metadata, 12, { topics: [{ name: 'spread' }], allowAutoTopicCreation: false }));
const leaders = async (client: TestClient) => (await describe(client)).topics[0]!.partitions.map(({ leaderId }) => leaderId);
const produce = async (client: TestClient, index: number, value = 'x') =>
  (await client.ask(Produce, 12, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'spread', partitionData: [{ index, records: batchOf([value]) }] }] }));
const fetch = async (client: TestClient, index: number, currentLeaderEpoch = -1) =>
  (await client.ask(Fetch, 12, { maxWaitMs: 0, minBytes: 0, topics: [{ topic: 'spread', partitions: [{ partition: index, currentLeaderEpoch, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }] })).responses[0]!.partitions[0]!;

test('all brokers are shown at their addresses, leaders are spread, each broker is a replica', async () => {
  await using node = await brokerUnderTest({ world });
  await withTopic(node);
  for (const port of node.ports) {
    const { brokers, topics } = await describe(await node.dial(port));
    assert.deepEqual(brokers.map((one) => [one.nodeId, one.port]), node.ports.map((port, i) => [1 + i, port]));
    assert.deepEqual(new Set(topics[0]!.partitions.map(({ leaderId }) => leaderId)), new Set([1, 2, 3]));
    for (const { replicaNodes, isrNodes, leaderId } of topics[0]!.partitions) assert.deepEqual([[...replicaNodes].sort(), isrNodes[0]], [[1, 2, 3], leaderId]);
  }
  const { brokers } = await (await node.dial()).ask(DescribeCluster, 1, {});
  assert.deepEqual(brokers.map(({ brokerId }) => brokerId), [1, 2, 3]);
});

test('the leader serves, the others say where it is; a request in part for them is done in part', async () => {
  await using node = await brokerUnderTest({ world });
  await withTopic(node);
  const first = await node.dial();
  const led = await leaders(first);
  const mine = led.indexOf(1);
  const other = led.indexOf(2);
  const answer = await first.ask(Produce, 12, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'spread', partitionData: [mine, other].map((index) => ({ index, records: batchOf(['x']) })) }] });
  const byIndex = new Map(answer.responses[0]!.partitionResponses.map((one) => [one.index, one]));
  assert.deepEqual([byIndex.get(mine)!.errorCode, byIndex.get(mine)!.baseOffset], [0, 0]);
  assert.deepEqual([byIndex.get(other)!.errorCode, byIndex.get(other)!.currentLeader.leaderId], [errorCodes.NOT_LEADER_OR_FOLLOWER, 2]);
  assert.equal(answer.nodeEndpoints.find(({ nodeId }) => nodeId === 2)!.port, node.ports[1]);
  assert.equal((await fetch(first, other)).errorCode, errorCodes.NOT_LEADER_OR_FOLLOWER);
  const second = await node.dial(node.ports[1]);
  assert.equal((await produce(second, other)).responses[0]!.partitionResponses[0]!.errorCode, 0);
  assert.equal((await fetch(second, other)).highWatermark, 1);
  const offsets = await second.ask(ListOffsets, 7, { replicaId: -1, topics: [{ name: 'spread', partitions: [{ partitionIndex: mine, timestamp: -1 }, { partitionIndex: other, timestamp: -1 }] }] });
  assert.deepEqual(offsets.topics[0]!.partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode]).sort(), [[mine, 6], [other, 0]].sort());
});

test('acks=0 at the wrong broker costs the connection', async () => {
  await using node = await brokerUnderTest({ world });
  const client = await withTopic(node);
  const other = (await leaders(client)).indexOf(2);
  client.send(Produce, 9, { acks: 0, timeoutMs: 1000, topicData: [{ name: 'spread', partitionData: [{ index: other, records: batchOf(['x']) }] }] });
  assert.equal(await client.frame(), null);
});

test('a moved leader has a higher epoch; older and newer epochs are told apart; the records are all there', async () => {
  await using node = await brokerUnderTest({ world });
  const first = await withTopic(node);
  const index = (await leaders(first)).indexOf(1);
  await produce(first, index);
  await node.broker.world.command({ kind: 'move-leader', topic: 'spread', partition: index, to: 3 });
  const { leaderId, leaderEpoch } = (await describe(first)).topics[0]!.partitions[index]!;
  assert.equal(leaderId, 3);
  assert.ok(leaderEpoch > 0);
  assert.equal((await fetch(first, index)).errorCode, errorCodes.NOT_LEADER_OR_FOLLOWER);
  const third = await node.dial(node.ports[2]);
  assert.equal((await fetch(third, index, leaderEpoch - 1)).errorCode, errorCodes.FENCED_LEADER_EPOCH);
  assert.equal((await fetch(third, index, leaderEpoch + 1)).errorCode, errorCodes.UNKNOWN_LEADER_EPOCH);
  assert.deepEqual([(await fetch(third, index, leaderEpoch)).errorCode, (await fetch(third, index, leaderEpoch)).highWatermark], [0, 1]);
  for (const asked of [0, leaderEpoch]) {
    const { topics } = await third.ask(OffsetForLeaderEpoch, 4, { topics: [{ topic: 'spread', partitions: [{ partition: index, currentLeaderEpoch: leaderEpoch, leaderEpoch: asked }] }] });
    assert.deepEqual([topics[0]!.partitions[0]!.errorCode, topics[0]!.partitions[0]!.leaderEpoch, topics[0]!.partitions[0]!.endOffset], [0, 0, 1], 'records bear epoch 0');
  }
});

test('a fetch that waits while the leader moves is told so', async () => {
  await using node = await brokerUnderTest({ world });
  const first = await withTopic(node);
  const index = (await leaders(first)).indexOf(1);
  first.send(Fetch, 12, { maxWaitMs: 50, minBytes: 1, topics: [{ topic: 'spread', partitions: [{ partition: index, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }] });
  await node.broker.world.command({ kind: 'move-leader', topic: 'spread', partition: index });
  assert.equal((await first.answer(Fetch, 12)).responses[0]!.partitions[0]!.errorCode, errorCodes.NOT_LEADER_OR_FOLLOWER);
});

test('epochs rise over a restart, also into a node that plays one broker', async () => {
  const node = await brokerUnderTest({ world });
  await withTopic(node);
  await node.broker.world.command({ kind: 'move-leader', topic: 'spread', partition: 0 });
  const before = (await describe(await node.dial())).topics[0]!.partitions[0]!.leaderEpoch;
  const { machine } = node;
  await node[Symbol.asyncDispose]();
  await using again = await brokerUnderTest({ machine });
  const client = await again.dial();
  const { leaderEpoch, leaderId } = (await describe(client)).topics[0]!.partitions[0]!;
  assert.ok(leaderEpoch > before, `${leaderEpoch} > ${before}`);
  assert.equal(leaderId, 1);
  assert.equal((await fetch(client, 0, leaderEpoch)).errorCode, 0);
  assert.equal((await fetch(client, 0, 0)).errorCode, errorCodes.FENCED_LEADER_EPOCH);
});

test('groups and transactional ids have a coordinator; another broker refuses them, and lists only its own', async () => {
  await using node = await brokerUnderTest({ world });
  const client = await withTopic(node);
  const names = Array.from({ length: 12 }, (_, i) => `group-${i}`);
  const { coordinators } = await client.ask(FindCoordinator, 4, { keyType: 0, coordinatorKeys: names });
  const places = new Map(coordinators.map(({ key, nodeId, port }) => { assert.equal(port, node.ports[nodeId - 1]); return [key, nodeId]; }));
  assert.equal(new Set(places.values()).size, 3, 'coordinators are spread');
  const commit = (at: TestClient, groupId: string) => at.ask(OffsetCommit, 9, { groupId, topics: [{ name: 'spread', partitions: [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }] }] });
  for (const [group, nodeId] of places) {
    const right = await node.dial(node.ports[nodeId - 1]);
    const wrong = await node.dial(node.ports[nodeId % 3]);
    assert.equal((await commit(wrong, group)).topics[0]!.partitions[0]!.errorCode, errorCodes.NOT_COORDINATOR);
    assert.equal((await commit(right, group)).topics[0]!.partitions[0]!.errorCode, 0);
    assert.equal((await wrong.ask(OffsetFetch, 9, { groups: [{ groupId: group, topics: null }] })).groups[0]!.errorCode, errorCodes.NOT_COORDINATOR);
    assert.equal((await wrong.ask(OffsetFetch, 7, { groupId: group, topics: null })).errorCode, errorCodes.NOT_COORDINATOR);
  }
  const listed = await Promise.all(node.ports.map(async (port) => (await (await node.dial(port)).ask(ListGroups, 4, {})).groups.map(({ groupId }) => groupId)));
  assert.deepEqual(listed.flat().sort(), [...names].sort(), 'each group is listed once');
  const [transaction] = (await client.ask(FindCoordinator, 4, { keyType: 1, coordinatorKeys: ['payments'] })).coordinators;
  const begin = async (nodeId: number) => (await (await node.dial(node.ports[nodeId - 1])).ask(InitProducerId, 4, { transactionalId: 'payments', transactionTimeoutMs: 1000 })).errorCode;
  assert.deepEqual([await begin(transaction!.nodeId), await begin(transaction!.nodeId % 3 + 1)], [0, errorCodes.NOT_COORDINATOR]);
  await node.broker.world.command({ kind: 'move-coordinator', of: 'transaction', name: 'payments', to: transaction!.nodeId % 3 + 1 });
  assert.deepEqual([await begin(transaction!.nodeId), await begin(transaction!.nodeId % 3 + 1)], [errorCodes.NOT_COORDINATOR, 0]);
  assert.equal((await client.ask(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 0 })).errorCode, 0, 'ids for idempotence come from any broker');
});

test('the settings of each broker are asked for by its own id', async () => {
  await using node = await brokerUnderTest({ world });
  const second = await node.dial(node.ports[1]);
  const { results } = await second.ask(DescribeConfigs, 4, { resources: [{ resourceType: 4, resourceName: '2', configurationKeys: ['node.id'] }] });
  assert.deepEqual([results[0]!.errorCode, results[0]!.resourceName], [0, '2']);
});

test('one broker: a move is told once, with a higher epoch, and what cannot be is refused', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await client.ask(CreateTopics, 7, { topics: [{ name: 'spread', numPartitions: 1, replicationFactor: 1 }] });
  assert.equal((await describe(client)).topics[0]!.partitions[0]!.leaderEpoch, 0);
  await node.broker.world.command({ kind: 'move-leader', topic: 'spread', partition: 0 });
  assert.equal((await produce(client, 0)).responses[0]!.partitionResponses[0]!.errorCode, errorCodes.NOT_LEADER_OR_FOLLOWER);
  assert.equal((await produce(client, 0)).responses[0]!.partitionResponses[0]!.errorCode, 0);
  assert.ok((await describe(client)).topics[0]!.partitions[0]!.leaderEpoch > 0);
  await assert.rejects(node.broker.world.command({ kind: 'move-leader', topic: 'spread', partition: 9 }), (error) => isMillraceError(error, 'topic-not-found'));
  await assert.rejects(node.broker.world.command({ kind: 'move-leader', topic: 'spread', partition: 0, to: 7 }), (error) => isMillraceError(error, 'invalid-argument'));
  for (const brokers of [0, 17, 1.5]) await assert.rejects(brokerUnderTest({ world: { brokers } }), (error) => isMillraceError(error, 'invalid-argument'));
});

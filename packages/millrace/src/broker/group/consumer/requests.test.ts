// Consumer groups on the wire: what is refused whoever asks, what tools see, and what a restart finds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConsumerGroupDescribe, ConsumerGroupHeartbeat, CreatePartitions, CreateTopics, DeleteGroups, DeleteTopics, DescribeConfigs, DescribeGroups, errorName, IncrementalAlterConfigs, JoinGroup, ListConfigResources,
  ListGroups, OffsetCommit, OffsetDelete, OffsetFetch, type RequestInit, type ResponseOf,
} from '../../../wire/mod.ts';
import { NodeConfig } from '../../config/node-config.ts';
import { brokerUnderTest, type TestClient } from '../../fixture.ts';
import { consumerSettings } from './settings.ts';

type Beat = Partial<RequestInit<typeof ConsumerGroupHeartbeat>>;

const joining = { memberEpoch: 0, rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['flights'], topicPartitions: [] };
const groupResource = 32;

async function beat(client: TestClient, body: Beat, version = 1): Promise<ResponseOf<typeof ConsumerGroupHeartbeat>> {
  return client.ask(ConsumerGroupHeartbeat, version, { groupId: 'g', memberId: 'ann', memberEpoch: 1, ...body });
}

async function withTopic(client: TestClient, name = 'flights', numPartitions = 4): Promise<void> {
  const { topics } = await client.ask(CreateTopics, 7, { topics: [{ name, numPartitions, replicationFactor: 1 }], timeoutMs: 1000 });
  assert.equal(topics[0]!.errorCode, 0);
}

const partitionsOf = (answer: ResponseOf<typeof ConsumerGroupHeartbeat>): string => answer.assignment?.topicPartitions.map(({ partitions }) => partitions.join()).join(' ') ?? 'as before';

test('requests that no group would take', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  const says = async (body: Beat, version = 1) => {
    const { errorCode, errorMessage } = await beat(client, body, version);
    return `${errorName(errorCode)} ${errorMessage ?? ''}`.trim();
  };
  assert.equal(await says({ ...joining, memberId: '' }), "INVALID_REQUEST MemberId can't be empty.");
  assert.equal(await says({ memberId: '', memberEpoch: 3 }, 0), "INVALID_REQUEST MemberId can't be empty.");
  assert.equal(await says({ ...joining, groupId: '' }), "INVALID_REQUEST GroupId can't be empty.");
  assert.equal(await says({ ...joining, instanceId: '' }), "INVALID_REQUEST InstanceId can't be empty.");
  assert.equal(await says({ ...joining, rackId: '' }), "INVALID_REQUEST RackId can't be empty.");
  assert.equal(await says({ ...joining, rebalanceTimeoutMs: -1 }), 'INVALID_REQUEST RebalanceTimeoutMs must be provided in first request.');
  assert.equal(await says({ ...joining, topicPartitions: null }), 'INVALID_REQUEST TopicPartitions must be empty when (re-)joining.');
  assert.equal(await says({ ...joining, subscribedTopicNames: null }), 'INVALID_REQUEST Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.');
  assert.equal(await says({ memberEpoch: -2 }), "INVALID_REQUEST InstanceId can't be null.");
  assert.equal(await says({ memberEpoch: -3 }), 'INVALID_REQUEST MemberEpoch is invalid.');
  assert.equal(await says({ ...joining, serverAssignor: 'mine' }), 'UNSUPPORTED_ASSIGNOR ServerAssignor mine is not supported. Supported assignors: uniform, range.');
  assert.match(await says({ ...joining, subscribedTopicRegex: '(' }), /^INVALID_REGULAR_EXPRESSION .*missing closing/);
  assert.equal(await says({ memberEpoch: 1 }), 'GROUP_ID_NOT_FOUND Group g not found.');
  assert.equal(await says({ memberEpoch: -1 }), 'GROUP_ID_NOT_FOUND Group g not found.');
  const { groups } = await client.ask(ListGroups, 5, {});
  assert.deepEqual(groups, [], 'and nothing of it is left');
});

test('an older client is given an id, which then is its own', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopic(client);
  const joined = await beat(client, { ...joining, memberId: '' }, 0);
  assert.equal(joined.memberId!.length, 22);
  assert.equal(partitionsOf(joined), '0,1,2,3');
  assert.equal((await beat(client, { memberId: joined.memberId!, memberEpoch: joined.memberEpoch }, 0)).errorCode, 0);
});

test('what tools see of a consumer group, and of its neighbours', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopic(client);
  await beat(client, { ...joining, instanceId: 'one', rackId: 'r1', subscribedTopicRegex: 'fl.*' });
  await client.ask(JoinGroup, 3, { groupId: 'old', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols: [{ name: 'range', metadata: new Uint8Array(6) }] });
  const list = async (typesFilter: string[], statesFilter: string[] = []) => (await client.ask(ListGroups, 5, { typesFilter, statesFilter })).groups.map(({ groupId, groupType, groupState, protocolType }) => `${groupId} ${groupType} ${groupState} ${protocolType}`).sort();
  assert.deepEqual(await list([]), ['g consumer Stable consumer', 'old classic CompletingRebalance consumer']);
  assert.deepEqual(await list(['Consumer']), ['g consumer Stable consumer']);
  assert.deepEqual(await list([], ['stable']), ['g consumer Stable consumer']);
  const [own, old, none] = (await client.ask(ConsumerGroupDescribe, 1, { groupIds: ['g', 'old', 'none'], includeAuthorizedOperations: true })).groups;
  assert.deepEqual([own!.groupState, own!.groupEpoch, own!.assignmentEpoch, own!.assignorName, own!.authorizedOperations], ['Stable', 1, 1, 'uniform', 3400]);
  const [member] = own!.members;
  assert.deepEqual([member!.memberId, member!.instanceId, member!.rackId, member!.memberEpoch, member!.subscribedTopicRegex, member!.memberType], ['ann', 'one', 'r1', 1, 'fl.*', 1]);
  assert.deepEqual(member!.assignment.topicPartitions.map(({ topicName, partitions }) => [topicName, partitions]), [['flights', [0, 1, 2, 3]]]);
  assert.deepEqual(member!.targetAssignment, member!.assignment);
  assert.deepEqual([old, none].map((group) => `${errorName(group!.errorCode)} ${group!.errorMessage}`), ['GROUP_ID_NOT_FOUND Group old is not a consumer group.', 'GROUP_ID_NOT_FOUND Group none not found.']);
  const classic = (await client.ask(DescribeGroups, 6, { groups: ['g'] })).groups[0]!;
  assert.deepEqual([errorName(classic.errorCode), classic.errorMessage], ['GROUP_ID_NOT_FOUND', 'Group g is not a classic group.']);
  const remove = async () => errorName((await client.ask(DeleteGroups, 2, { groupsNames: ['g'] })).results[0]!.errorCode);
  assert.equal(await remove(), 'NON_EMPTY_GROUP');
  const subscribed = await client.ask(OffsetDelete, 0, { groupId: 'g', topics: [{ name: 'flights', partitions: [{ partitionIndex: 0 }] }] });
  assert.equal(errorName(subscribed.topics[0]!.partitions[0]!.errorCode), 'GROUP_SUBSCRIBED_TO_TOPIC');
  await beat(client, { memberEpoch: -1, instanceId: 'one' });
  assert.equal(await remove(), 'NONE');
  assert.deepEqual(await list(['consumer']), []);
});

test('offsets: committed with the epoch, read by version 9 with it, refused without', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopic(client);
  await beat(client, joining);
  const commit = async (version: number, memberEpoch: number) => errorName((await client.ask(OffsetCommit, version, { groupId: 'g', memberId: 'ann', generationIdOrMemberEpoch: memberEpoch, topics: [{ name: 'flights', partitions: [{ partitionIndex: 1, committedOffset: 5 }] }] })).topics[0]!.partitions[0]!.errorCode);
  assert.deepEqual([await commit(9, 1), await commit(9, 2), await commit(8, 1)], ['NONE', 'STALE_MEMBER_EPOCH', 'UNSUPPORTED_VERSION']);
  const read = async (member: { memberId?: string | null; memberEpoch?: number }) => {
    const group = (await client.ask(OffsetFetch, 9, { groups: [{ groupId: 'g', ...member, topics: [{ name: 'flights', partitionIndexes: [1] }] }] })).groups[0]!;
    return `${errorName(group.errorCode)} ${group.topics[0]?.partitions[0]!.committedOffset ?? '-'}`;
  };
  assert.deepEqual([await read({ memberId: 'ann', memberEpoch: 1 }), await read({}), await read({ memberId: 'ann', memberEpoch: 0 }), await read({ memberId: 'eve', memberEpoch: 1 })],
    ['NONE 5', 'NONE 5', 'STALE_MEMBER_EPOCH -', 'UNKNOWN_MEMBER_ID -']);
});

test('topics come, grow and go, and patterns find them; a restart goes on with all of it', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopic(client);
  assert.equal(partitionsOf(await beat(client, { ...joining, subscribedTopicNames: [], subscribedTopicRegex: 'fl.*|.*offsets' })), '0,1,2,3', 'internal topics are never among them');
  await withTopic(client, 'flocks', 1);
  const more = await beat(client, {});
  assert.equal(partitionsOf(more), '0,1,2,3 0');
  await client.ask(CreatePartitions, 3, { topics: [{ name: 'flocks', count: 2, assignments: null }], timeoutMs: 1000 });
  const grown = await beat(client, { memberEpoch: more.memberEpoch });
  assert.equal(partitionsOf(grown), '0,1,2,3 0,1');
  await using again = await node.restart();
  const back = await again.dial();
  const same = await beat(back, { memberEpoch: grown.memberEpoch });
  assert.deepEqual([same.errorCode, same.memberEpoch, partitionsOf(same)], [0, grown.memberEpoch, 'as before']);
  await back.ask(DeleteTopics, 6, { topics: [{ name: 'flocks' }], timeoutMs: 1000 });
  assert.equal(partitionsOf(await beat(back, { memberEpoch: grown.memberEpoch })), '0,1,2,3');
});

test('a heartbeat that changes nothing writes nothing', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  await withTopic(client);
  const { memberEpoch } = await beat(client, joining);
  const end = () => node.broker.services.topics.byName('__consumer_offsets')!.partitions[0]!.log.endOffset;
  const before = end();
  for (let i = 0; i < 10; i++) assert.equal((await beat(client, { memberEpoch })).errorCode, 0);
  assert.equal(end(), before);
});

test('a group has configuration of its own, within the bounds of the node', async () => {
  await using node = await brokerUnderTest({ config: { 'group.consumer.heartbeat.interval.ms': '700', 'group.consumer.max.session.timeout.ms': '20000' } });
  let client = await node.dial();
  const alter = async (configs: Record<string, string | null>, resourceName = 'g') => {
    const { responses } = await client.ask(IncrementalAlterConfigs, 1, { resources: [{ resourceType: groupResource, resourceName, configs: Object.entries(configs).map(([name, value]) => ({ name, configOperation: value === null ? 1 : 0, value })) }] });
    return `${errorName(responses[0]!.errorCode)} ${responses[0]!.errorMessage ?? ''}`.trim();
  };
  const described = async () => (await client.ask(DescribeConfigs, 4, { resources: [{ resourceType: groupResource, resourceName: 'g', configurationKeys: ['consumer.session.timeout.ms', 'consumer.heartbeat.interval.ms'] }] })).results[0]!.configs.map(({ name, value, configSource }) => `${name}=${value} ${configSource}`);
  assert.deepEqual(await described(), ['consumer.session.timeout.ms=10000 5', 'consumer.heartbeat.interval.ms=700 4']);
  assert.equal(await alter({ 'consumer.heartbeat.interval.ms': '900' }), 'NONE');
  assert.equal(await alter({ 'consumer.session.timeout.ms': '30000' }), 'INVALID_CONFIG consumer.session.timeout.ms must be less than or equal to group.consumer.max.session.timeout.ms');
  assert.equal(await alter({ 'consumer.session.timeout.ms': '800' }), 'INVALID_CONFIG consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms');
  assert.match(await alter({ 'consumer.session.timeout.ms': 'soon' }), /^INVALID_CONFIG/);
  assert.match(await alter({ 'retention.ms': '1' }), /^INVALID_CONFIG Unknown/);
  assert.match(await alter({ 'consumer.session.timeout.ms': '15000' }, ''), /^INVALID_REQUEST/);
  await withTopic(client);
  assert.equal((await beat(client, joining)).heartbeatIntervalMs, 900);
  await using again = await node.restart();
  client = await again.dial();
  assert.deepEqual(await described(), ['consumer.session.timeout.ms=10000 5', 'consumer.heartbeat.interval.ms=900 8']);
  assert.deepEqual((await client.ask(ListConfigResources, 1, { resourceTypes: [groupResource] })).configResources.map(({ resourceName }) => resourceName), ['g']);
  assert.equal(await alter({ 'consumer.heartbeat.interval.ms': null }), 'NONE');
  assert.deepEqual((await client.ask(ListConfigResources, 1, { resourceTypes: [groupResource] })).configResources, []);
});

test('settings that do not go together are refused at the start', () => {
  const bad: Record<string, string>[] = [{ 'group.consumer.session.timeout.ms': '50' }, { 'group.consumer.heartbeat.interval.ms': '20000' }, { 'group.consumer.heartbeat.interval.ms': '12000', 'group.consumer.session.timeout.ms': '11000' }];
  for (const given of bad) assert.throws(() => consumerSettings({ config: new NodeConfig(given), groupConfigs: null! }), /Cannot start a node: group\.consumer\..* must be/);
});

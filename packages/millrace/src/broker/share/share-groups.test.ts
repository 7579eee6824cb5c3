// Share groups through the wire: joining, fetching, acknowledging, what a restart keeps, dead letters, sessions, administration.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AlterShareGroupOffsets, ApiVersions, CreateTopics, DeleteGroups, DeleteShareGroupOffsets, DeleteTopics, DescribeConfigs, DescribeShareGroupOffsets, EndTxn, errorName, Fetch, forEachBatch,
  IncrementalAlterConfigs, InitProducerId, JoinGroup, ListGroups, Produce, RecordCursor, ShareAcknowledge, ShareFetch, ShareGroupDescribe, ShareGroupHeartbeat, type RequestInit, type ResponseOf,
} from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type BrokerUnderTest, type TestClient } from '../fixture.ts';

const config = { 'group.share.min.record.lock.duration.ms': '1000', 'group.share.record.lock.duration.ms': '1000', 'group.share.min.heartbeat.interval.ms': '1', 'group.share.min.session.timeout.ms': '1' };
const text = new TextDecoder();

async function createTopic(client: TestClient, name: string, numPartitions = 1, configs: { name: string; value: string }[] = []): Promise<string> {
  const { topics } = await client.ask(CreateTopics, 7, { topics: [{ name, numPartitions, replicationFactor: 1, configs }], timeoutMs: 1000 });
  assert.equal(errorName(topics[0]!.errorCode), 'NONE');
  return topics[0]!.topicId;
}

async function produce(client: TestClient, name: string, values: readonly string[], index = 0): Promise<void> {
  const { responses } = await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name, partitionData: [{ index, records: batchOf(values) }] }] });
  assert.equal(errorName(responses[0]!.partitionResponses[0]!.errorCode), 'NONE');
}

async function configure(client: TestClient, group: string, values: Record<string, string>): Promise<string> {
  const { responses } = await client.ask(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 32, resourceName: group, configs: Object.entries(values).map(([name, value]) => ({ name, configOperation: 0, value })) }] });
  return `${errorName(responses[0]!.errorCode)}${responses[0]!.errorMessage === null ? '' : `: ${responses[0]!.errorMessage}`}`;
}

/** A member of a share group on a connection of its own. */
class Member {
  readonly client: TestClient;
  readonly group: string;
  readonly id: string;
  epoch = 0;
  sessionEpoch = 0;
  assignment: { topicId: string; partitions: number[] }[] = [];

  constructor(client: TestClient, group: string, id: string) {
    this.client = client;
    this.group = group;
    this.id = id;
  }

  async beat(topics: string[] | null = null): Promise<string> {
    const answer = await this.client.ask(ShareGroupHeartbeat, 1, { groupId: this.group, memberId: this.id, memberEpoch: this.epoch, subscribedTopicNames: topics });
    if (answer.errorCode !== 0) return errorName(answer.errorCode);
    this.epoch = answer.memberEpoch;
    if (answer.assignment !== null) this.assignment = answer.assignment.topicPartitions;
    return `epoch ${answer.memberEpoch}: ${answer.assignment === null ? 'as before' : answer.assignment.topicPartitions.map(({ partitions }) => partitions.join()).join(' | ')}`;
  }

  async leave(): Promise<string> {
    const { errorCode } = await this.client.ask(ShareGroupHeartbeat, 1, { groupId: this.group, memberId: this.id, memberEpoch: -1 });
    return errorName(errorCode);
  }

  send(options: Partial<RequestInit<typeof ShareFetch>> = {}): void {
    this.client.send(ShareFetch, 2, {
      groupId: this.group, memberId: this.id, shareSessionEpoch: this.sessionEpoch, maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 20, maxRecords: 500, batchSize: 500,
      topics: this.sessionEpoch !== 0 ? [] : this.assignment.map(({ topicId, partitions }) => ({ topicId, partitions: partitions.map((partitionIndex) => ({ partitionIndex, acknowledgementBatches: [] })) })), ...options,
    });
    if (options.shareSessionEpoch === undefined) this.sessionEpoch++;
  }

  /** What it gets: 'a b c#2', with an error in place of a partition that has one. */
  async fetch(options: Partial<RequestInit<typeof ShareFetch>> = {}): Promise<string> {
    this.send(options);
    return shown(await this.client.answer(ShareFetch, 2));
  }

  async acknowledge(index: number, ...batches: readonly (readonly [number, number, ...number[]])[]): Promise<string> {
    const answer = await this.client.ask(ShareAcknowledge, 2, {
      groupId: this.group, memberId: this.id, shareSessionEpoch: this.sessionEpoch++, isRenewAck: batches.some(([, , ...types]) => types.includes(4)),
      topics: [{ topicId: this.assignment[0]!.topicId, partitions: [{ partitionIndex: index, acknowledgementBatches: said(batches) }] }],
    });
    return errorName(answer.errorCode !== 0 ? answer.errorCode : answer.responses[0]!.partitions[0]!.errorCode);
  }
}

const said = (batches: readonly (readonly [number, number, ...number[]])[]) => batches.map(([firstOffset, lastOffset, ...acknowledgeTypes]) => ({ firstOffset, lastOffset, acknowledgeTypes }));

function shown(answer: ResponseOf<typeof ShareFetch>): string {
  if (answer.errorCode !== 0) return errorName(answer.errorCode);
  const found: string[] = [];
  for (const { partitions } of answer.responses) {
    for (const { errorCode, acknowledgeErrorCode, records, acquiredRecords } of partitions) {
      if (errorCode !== 0) found.push(errorName(errorCode));
      if (acknowledgeErrorCode !== 0) found.push(`acknowledge ${errorName(acknowledgeErrorCode)}`);
      eachRecord(records, (cursor) => {
        const range = acquiredRecords.find(({ firstOffset, lastOffset }) => firstOffset <= cursor.offset && cursor.offset <= lastOffset);
        if (range !== undefined) found.push(`${text.decode(cursor.value() ?? new Uint8Array())}${range.deliveryCount > 1 ? `#${range.deliveryCount}` : ''}`);
      });
    }
  }
  return found.join(' ');
}

function eachRecord(bytes: Uint8Array | null, visit: (cursor: RecordCursor) => void): void {
  const cursor = new RecordCursor();
  if (bytes !== null) forEachBatch(bytes, 0, bytes.length, (at) => { cursor.open(bytes, at); while (cursor.next()) visit(cursor); });
}

async function joined(node: BrokerUnderTest, group: string, id: string, topics: string[]): Promise<Member> {
  const member = new Member(await node.dial(), group, id);
  assert.match(await member.beat(topics), /^epoch/);
  return member;
}

test('the feature and the requests are advertised together', async () => {
  await using node = await brokerUnderTest();
  const answer = await (await node.dial()).ask(ApiVersions, 4, { clientSoftwareName: 'test', clientSoftwareVersion: '1' });
  assert.ok(answer.finalizedFeatures.some(({ name, maxVersionLevel }) => name === 'share.version' && maxVersionLevel === 1));
  assert.deepEqual(answer.apiKeys.filter(({ apiKey }) => [76, 77, 78, 79, 90, 91, 92].includes(apiKey)).map(({ apiKey, minVersion, maxVersion }) => `${apiKey}: ${minVersion}-${maxVersion}`), ['76: 1-1', '77: 1-1', '78: 1-2', '79: 1-2', '90: 0-1', '91: 0-0', '92: 0-0']);
});

test('two members share one partition; what one accepts or releases is as it says, over a restart', async () => {
  let node = await brokerUnderTest({ config });
  const client = await node.dial();
  await createTopic(client, 'jobs');
  await configure(client, 'g', { 'share.auto.offset.reset': 'earliest' });
  for (const value of ['a', 'b', 'c', 'd']) await produce(client, 'jobs', [value]);
  const one = await joined(node, 'g', 'one', ['jobs']);
  const two = await joined(node, 'g', 'two', ['jobs']);
  assert.equal(await one.beat(), 'epoch 2: as before');
  assert.deepEqual([await one.fetch({ maxRecords: 2 }), await two.fetch(), await two.fetch()], ['a b', 'c d', '']);
  assert.equal(await one.acknowledge(0, [0, 0, 1], [1, 1, 2]), 'NONE');
  assert.equal(await two.acknowledge(0, [1, 1, 1]), 'INVALID_RECORD_STATE');
  assert.equal(await two.fetch(), 'b#2');
  assert.equal(await two.acknowledge(0, [1, 2, 1]), 'NONE');
  node = await node.restart();
  const later = new Member(await node.dial(), 'g', 'two');
  later.epoch = 2;
  assert.equal(await later.beat(), 'UNKNOWN_MEMBER_ID');
  later.epoch = 0;
  assert.equal(await later.beat(['jobs']), 'epoch 3: 0');
  assert.equal(await later.fetch(), 'd');
  await node[Symbol.asyncDispose]();
});

test('a member that waits is woken by a record, by a release, and by the end of another member or its connection', async () => {
  await using node = await brokerUnderTest({ config });
  const client = await node.dial();
  await createTopic(client, 'jobs');
  const one = await joined(node, 'g', 'one', ['jobs']);
  const two = await joined(node, 'g', 'two', ['jobs']);
  const three = await joined(node, 'g', 'three', ['jobs']);
  const next = async (member: Member) => shown(await member.client.answer(ShareFetch, 2));
  one.send({ maxWaitMs: 60_000 });
  await produce(client, 'jobs', ['a']);
  assert.equal(await next(one), 'a');
  two.send({ maxWaitMs: 60_000 });
  assert.equal(await one.acknowledge(0, [0, 0, 2]), 'NONE');
  assert.equal(await next(two), 'a#2');
  one.send({ maxWaitMs: 60_000 });
  await two.leave();
  assert.equal(await next(one), 'a#3');
  three.send({ maxWaitMs: 60_000 });
  one.client.close();
  assert.equal(await next(three), 'a#4');
});

test('locks expire; who is late is told so', async () => {
  await using node = await brokerUnderTest({ config });
  const client = await node.dial();
  await createTopic(client, 'jobs');
  const one = await joined(node, 'g', 'one', ['jobs']);
  const two = await joined(node, 'g', 'two', ['jobs']);
  await produce(client, 'jobs', ['a']);
  assert.equal(await one.fetch(), 'a');
  two.send({ maxWaitMs: 60_000 });
  assert.equal(shown(await two.client.answer(ShareFetch, 2)), 'a#2');
  assert.equal(await one.acknowledge(0, [0, 0, 1]), 'INVALID_RECORD_STATE');
  assert.equal(await two.acknowledge(0, [0, 0, 4]), 'NONE');
  assert.equal(await two.acknowledge(0, [0, 0, 1]), 'NONE');
});

test('acknowledgements come along with fetches; sessions count their requests', async () => {
  await using node = await brokerUnderTest({ config });
  const client = await node.dial();
  const topicId = await createTopic(client, 'jobs', 2);
  const one = await joined(node, 'g', 'one', ['jobs']);
  await produce(client, 'jobs', ['a', 'b'], 0);
  await produce(client, 'jobs', ['c'], 1);
  assert.equal((await one.fetch()).split(' ').sort().join(' '), 'a b c');
  const acknowledging = (partitionIndex: number, ...batches: readonly (readonly [number, number, ...number[]])[]) => ({ topics: [{ topicId, partitions: [{ partitionIndex, acknowledgementBatches: said(batches) }] }] });
  assert.equal(await one.fetch({ ...acknowledging(0, [0, 1, 1, 2]), maxWaitMs: 60_000 }), 'b#2');
  assert.equal(await one.fetch(acknowledging(0, [0, 0, 9])), 'acknowledge INVALID_REQUEST');
  assert.equal(await one.fetch({ ...acknowledging(7, [0, 0, 1]), forgottenTopicsData: [{ topicId, partitions: [7] }] }), 'acknowledge UNKNOWN_TOPIC_OR_PARTITION');
  assert.equal(await one.fetch({ shareSessionEpoch: 99 }), 'INVALID_SHARE_SESSION_EPOCH');
  assert.equal(await one.fetch({ isRenewAck: true }), 'INVALID_REQUEST');
  one.sessionEpoch--;
  assert.equal(await one.fetch({ ...acknowledging(0, [1, 1, 4]), isRenewAck: true, minBytes: 0, maxBytes: 0, maxRecords: 0 }), '');
  assert.equal(await one.fetch({ shareSessionEpoch: -1 }), '');
  assert.equal(await one.fetch({ shareSessionEpoch: 5 }), 'SHARE_SESSION_NOT_FOUND');
  one.sessionEpoch = 0;
  assert.equal((await one.fetch()).split(' ').sort().join(' '), 'b#3 c#2', 'what it held was given up with the session');
  assert.equal(await one.fetch({ shareSessionEpoch: 0, ...acknowledging(0, [1, 1, 1]) }), 'INVALID_REQUEST');
});

test('sessions are limited', async () => {
  await using node = await brokerUnderTest({ config: { ...config, 'group.share.max.share.sessions': '1' } });
  await createTopic(await node.dial(), 'jobs');
  const one = await joined(node, 'g', 'one', ['jobs']);
  const two = await joined(node, 'g', 'two', ['jobs']);
  assert.deepEqual([await one.fetch(), await two.fetch()], ['', 'SHARE_SESSION_LIMIT_REACHED']);
  one.client.close();
  two.sessionEpoch = 0;
  await two.beat();
  assert.equal(await two.fetch(), '');
});

test('members are told what to read, in the order of epochs; forms that make no sense are refused in words', async () => {
  await using node = await brokerUnderTest({ config: { ...config, 'group.share.max.size': '2' } });
  const client = await node.dial();
  await createTopic(client, 'jobs', 4);
  const one = await joined(node, 'g', 'one', ['jobs']);
  const two = await joined(node, 'g', 'two', ['jobs', 'later']);
  const three = new Member(await node.dial(), 'g', 'three');
  assert.equal(await three.beat(['jobs']), 'GROUP_MAX_SIZE_REACHED');
  assert.match(await one.beat(), /^epoch 2: \d,\d$/);
  await createTopic(client, 'later');
  assert.match(await two.beat(), /^epoch 3: \d,\d \| 0$/);
  const behind = two.epoch;
  assert.equal(await two.beat(['jobs']), 'epoch 4: 0,1'.replace('0,1', two.assignment[0]!.partitions.join()));
  two.epoch = behind - 1;
  assert.equal(await two.beat(), 'FENCED_MEMBER_EPOCH');
  two.epoch = 9;
  assert.equal(await two.beat(), 'FENCED_MEMBER_EPOCH');
  assert.deepEqual([await two.leave(), await two.leave()], ['NONE', 'UNKNOWN_MEMBER_ID']);
  const bad = async (body: Partial<RequestInit<typeof ShareGroupHeartbeat>>) => (await client.ask(ShareGroupHeartbeat, 1, { groupId: 'g', memberId: 'x', memberEpoch: 0, subscribedTopicNames: ['jobs'], ...body })).errorMessage;
  assert.deepEqual([await bad({ memberId: '' }), await bad({ groupId: '' }), await bad({ rackId: '' }), await bad({ subscribedTopicNames: [] }), await bad({ memberEpoch: -2 })], [
    "MemberId can't be empty.", "GroupId can't be empty.", "RackId can't be empty.", 'SubscribedTopicNames must be set in first request.', 'MemberEpoch is invalid.',
  ]);
  const described = (await client.ask(ShareGroupDescribe, 1, { groupIds: ['g', 'nobody'] })).groups;
  assert.deepEqual(described.map(({ errorCode, groupState, assignorName, members }) => [errorName(errorCode), groupState, assignorName, members.map(({ memberId, subscribedTopicNames }) => `${memberId} ${subscribedTopicNames.join()}`)]), [
    ['NONE', 'Stable', 'simple', ['one jobs']], ['GROUP_ID_NOT_FOUND', 'Dead', '', []],
  ]);
});

test('a member that falls silent is taken out, and gives up what it holds', async () => {
  await using node = await brokerUnderTest({ config });
  const client = await node.dial();
  await createTopic(client, 'jobs');
  assert.equal(await configure(client, 'g', { 'share.heartbeat.interval.ms': '10', 'share.session.timeout.ms': '150' }), 'NONE');
  const one = await joined(node, 'g', 'one', ['jobs']);
  await produce(client, 'jobs', ['a']);
  assert.equal(await one.fetch(), 'a');
  const two = new Member(await node.dial(), 'g', 'two');
  for (let got = ''; got === '';) {
    if ((await two.beat(two.epoch === 0 ? ['jobs'] : null)) === 'UNKNOWN_MEMBER_ID') { two.epoch = two.sessionEpoch = 0; continue; } // it was too slow itself
    got = await two.fetch({ maxWaitMs: 20 });
    if (got === 'SHARE_SESSION_NOT_FOUND') { two.sessionEpoch = 0; got = ''; }
    assert.ok(got === '' || got === 'a#2', got);
  }
  assert.equal(await one.beat(), 'UNKNOWN_MEMBER_ID');
});

test('readers of committed data are given nothing else', async () => {
  await using node = await brokerUnderTest({ config });
  const client = await node.dial();
  await createTopic(client, 'jobs');
  await configure(client, 'strict', { 'share.auto.offset.reset': 'earliest', 'share.isolation.level': 'read_committed' });
  await configure(client, 'loose', { 'share.auto.offset.reset': 'earliest' });
  const { producerId, producerEpoch } = await client.ask(InitProducerId, 4, { transactionalId: 't', transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 });
  const write = async (value: string, sequence: number, epoch: number) => client.ask(Produce, 12, { transactionalId: 't', acks: -1, timeoutMs: 1000, topicData: [{ name: 'jobs', partitionData: [{ index: 0, records: batchOf([value], { transactional: true, producerId, producerEpoch: epoch, baseSequence: sequence }) }] }] });
  const strict = await joined(node, 'strict', 'one', ['jobs']);
  const loose = await joined(node, 'loose', 'one', ['jobs']);
  await write('aborted', 0, producerEpoch);
  assert.deepEqual([await strict.fetch(), await loose.fetch()], ['', 'aborted']);
  const { producerEpoch: next } = await client.ask(EndTxn, 5, { transactionalId: 't', producerId, producerEpoch, committed: false });
  assert.equal(await strict.fetch(), '');
  await write('committed', 0, next);
  await client.ask(EndTxn, 5, { transactionalId: 't', producerId, producerEpoch: next, committed: true });
  assert.equal(await strict.fetch(), 'committed');
  assert.equal(await strict.acknowledge(0, [2, 2, 1]), 'NONE');
  const { groups } = await client.ask(DescribeShareGroupOffsets, 1, { groups: [{ groupId: 'strict', topics: null }] });
  assert.deepEqual(groups[0]!.topics[0]!.partitions.map(({ startOffset, lag }) => [startOffset, lag]), [[4, 0]], 'the marker behind it is no record');
});

test('what is rejected, or delivered too often, goes to the dead letters in one with the change', async () => {
  let node = await brokerUnderTest({ config });
  let client = await node.dial();
  await createTopic(client, 'jobs', 3);
  await createTopic(client, 'dlq.jobs', 2, [{ name: 'errors.deadletterqueue.group.enable', value: 'true' }]);
  await configure(client, 'g', { 'share.auto.offset.reset': 'earliest', 'share.delivery.count.limit': '2', 'errors.deadletterqueue.topic.name': 'dlq.jobs', 'errors.deadletterqueue.copy.record.enable': 'true' });
  await produce(client, 'jobs', ['poison', 'stubborn', 'good'], 2);
  const one = await joined(node, 'g', 'one', ['jobs']);
  assert.equal(await one.fetch(), 'poison stubborn good');
  assert.equal(await one.acknowledge(2, [0, 2, 3, 2, 1]), 'NONE');
  assert.equal(await one.fetch(), 'stubborn#2');
  assert.equal(await one.acknowledge(2, [1, 1, 2]), 'NONE');
  assert.equal(await one.fetch(), '');
  node = await node.restart();
  client = await node.dial();
  const answer = await client.ask(Fetch, 12, { maxWaitMs: 0, minBytes: 0, sessionEpoch: -1, topics: [{ topic: 'dlq.jobs', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }] });
  const letters: string[] = [];
  eachRecord(answer.responses[0]!.partitions[0]!.records, (cursor) => letters.push(`${text.decode(cursor.value()!)} ${cursor.headers().map(({ key, value }) => `${key}=${text.decode(value!)}`).join(' ')}`));
  assert.deepEqual(letters, [
    'poison __dlq.errors.topic=jobs __dlq.errors.partition=2 __dlq.errors.offset=0 __dlq.errors.group=g __dlq.errors.delivery.count=1 __dlq.errors.message=Offset rejected by client.',
    'stubborn __dlq.errors.topic=jobs __dlq.errors.partition=2 __dlq.errors.offset=1 __dlq.errors.group=g __dlq.errors.delivery.count=2 __dlq.errors.message=Offset delivery count exceeded the threshold.',
  ]);
  await node[Symbol.asyncDispose]();
});

test('dead letters that may not be written are said in the report, and hold nothing up', async () => {
  await using node = await brokerUnderTest({ config });
  const client = await node.dial();
  await createTopic(client, 'jobs');
  await createTopic(client, 'dlq.closed');
  await configure(client, 'g', { 'share.auto.offset.reset': 'earliest', 'errors.deadletterqueue.topic.name': 'dlq.closed' });
  await produce(client, 'jobs', ['a', 'b']);
  const one = await joined(node, 'g', 'one', ['jobs']);
  await one.fetch();
  assert.equal(await one.acknowledge(0, [0, 0, 3]), 'NONE');
  assert.ok(node.lines.some((line) => line.includes('dlq.closed')));
  await client.ask(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 4, resourceName: '', configs: [{ name: 'errors.deadletterqueue.auto.create.topics.enable', configOperation: 0, value: 'true' }] }] });
  await configure(client, 'g', { 'errors.deadletterqueue.topic.name': 'dlq.made' });
  assert.equal(await one.acknowledge(0, [1, 1, 3]), 'NONE');
  assert.equal(node.broker.services.topics.byName('dlq.made')!.partitions[0]!.log.endOffset, 1);
});

test('groups are listed, described, moved and deleted; an id belongs to one kind', async () => {
  await using node = await brokerUnderTest({ config });
  const client = await node.dial();
  await createTopic(client, 'jobs');
  await produce(client, 'jobs', ['a', 'b', 'c']);
  const one = await joined(node, 'g', 'one', ['jobs']);
  const listed = async (filters: RequestInit<typeof ListGroups> = {}) => (await client.ask(ListGroups, 5, filters)).groups.map(({ groupId, groupType, groupState, protocolType }) => `${groupId} ${groupType} ${groupState} ${protocolType}`);
  assert.deepEqual([await listed(), await listed({ typesFilter: ['classic'] }), await listed({ statesFilter: ['empty'], typesFilter: ['share'] })], [['g share Stable share'], [], []]);
  const joining = await client.ask(JoinGroup, 9, { groupId: 'g', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: 'm', protocolType: 'consumer', protocols: [{ name: 'range', metadata: new Uint8Array() }] });
  assert.equal(errorName(joining.errorCode), 'INCONSISTENT_GROUP_PROTOCOL');
  const offsets = async () => (await client.ask(DescribeShareGroupOffsets, 1, { groups: [{ groupId: 'g', topics: null }] })).groups[0]!.topics.flatMap(({ topicName, partitions }) => partitions.map(({ partitionIndex, startOffset, lag }) => `${topicName}-${partitionIndex} ${startOffset} lag ${lag}`));
  const move = async (startOffset: number, topicName = 'jobs') => {
    const answer = await client.ask(AlterShareGroupOffsets, 0, { groupId: 'g', topics: [{ topicName, partitions: [{ partitionIndex: 0, startOffset }] }] });
    return errorName(answer.errorCode !== 0 ? answer.errorCode : answer.responses[0]!.partitions[0]!.errorCode);
  };
  assert.deepEqual([await offsets(), await move(1)], [['jobs-0 3 lag 0'], 'NON_EMPTY_GROUP']);
  await one.leave();
  assert.deepEqual([await listed(), await move(1), await move(0, 'nothing'), await offsets()], [['g share Empty share'], 'NONE', 'UNKNOWN_TOPIC_OR_PARTITION', ['jobs-0 1 lag 2']]);
  one.epoch = 0;
  await one.beat(['jobs']);
  assert.equal(await one.fetch(), 'b c');
  const remove = async () => errorName((await client.ask(DeleteGroups, 2, { groupsNames: ['g'] })).results[0]!.errorCode);
  assert.equal(await remove(), 'NON_EMPTY_GROUP');
  await one.leave();
  const forgotten = await client.ask(DeleteShareGroupOffsets, 0, { groupId: 'g', topics: [{ topicName: 'jobs' }, { topicName: 'nothing' }] });
  assert.deepEqual([forgotten.responses.map(({ errorCode }) => errorName(errorCode)), await offsets()], [['NONE', 'UNKNOWN_TOPIC_OR_PARTITION'], []]);
  assert.deepEqual([await remove(), await remove(), await listed()], ['NONE', 'GROUP_ID_NOT_FOUND', []]);
  assert.deepEqual([await move(2), await offsets(), await listed()], ['NONE', ['jobs-0 2 lag 1'], ['g share Empty share']], 'a group that is not there is made by moving it');
  assert.equal(await remove(), 'NONE');
  await using again = await node.restart();
  assert.deepEqual((await (await again.dial()).ask(ListGroups, 5, {})).groups, []);
});

test('groups have a configuration of their own, within the bounds of the node', async () => {
  let node = await brokerUnderTest();
  let client = await node.dial();
  assert.equal(await configure(client, 'g', { 'share.delivery.count.limit': '7' }), 'NONE');
  assert.equal(await configure(client, 'g', { 'share.delivery.count.limit': '11' }), 'INVALID_CONFIG: share.delivery.count.limit must be less than or equal to group.share.max.delivery.count.limit');
  assert.equal(await configure(client, 'g', { 'share.record.lock.duration.ms': '1000' }), 'INVALID_CONFIG: share.record.lock.duration.ms must be greater than or equal to group.share.min.record.lock.duration.ms');
  assert.match(await configure(client, 'g', { 'share.auto.offset.reset': 'by_duration:P' }), /^INVALID_CONFIG/);
  assert.match(await configure(client, 'g', { 'share.nothing': '1' }), /^INVALID_CONFIG/);
  assert.match(await configure(client, '', { 'share.delivery.count.limit': '7' }), /^INVALID_REQUEST/);
  node = await node.restart();
  client = await node.dial();
  const { results } = await client.ask(DescribeConfigs, 4, { resources: [{ resourceType: 32, resourceName: 'g', configurationKeys: ['share.delivery.count.limit', 'share.isolation.level'] }] });
  assert.deepEqual(results[0]!.configs.map(({ name, value, configSource }) => [name, value, configSource]), [['share.delivery.count.limit', '7', 8], ['share.isolation.level', 'read_uncommitted', 5]]);
  await node[Symbol.asyncDispose]();
});

test('a topic that is deleted is forgotten by its groups', async () => {
  await using node = await brokerUnderTest({ config });
  const client = await node.dial();
  await createTopic(client, 'jobs');
  const one = await joined(node, 'g', 'one', ['jobs']);
  await produce(client, 'jobs', ['a']);
  assert.equal(await one.fetch(), 'a');
  await client.ask(DeleteTopics, 5, { topicNames: ['jobs'], timeoutMs: 1000 });
  assert.match(await one.beat(), /^epoch 2: $/);
  assert.equal(await one.fetch(), 'UNKNOWN_TOPIC_ID');
  await createTopic(client, 'jobs');
  assert.equal(await one.beat(), 'epoch 3: 0');
});

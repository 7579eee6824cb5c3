// The guards of the newer group protocols, before handlers that answer as theirs do: what reaches the handler, and what the client is told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  AlterShareGroupOffsets, ConsumerGroupDescribe, ConsumerGroupHeartbeat, CreateAcls, CreateTopics, decodeRequest, decodeRequestHeader, DeleteShareGroupOffsets, DescribeShareGroupOffsets,
  encodeRequest, errorName, ShareAcknowledge, ShareFetch, ShareGroupDescribe, ShareGroupHeartbeat, zeroUuid, type Api, type RequestInit, type RequestOf, type ResponseInit,
} from '../../wire/mod.ts';
import { brokerUnderTest, type BrokerUnderTest } from '../fixture.ts';
import { route, type ConnectionInfo, type RequestContext } from '../handlers.ts';
import { ruleOf } from './request-cases.ts';
import { guarded } from './rules.ts';

let node: BrokerUnderTest;
const ids = new Map<string, string>();

before(async () => {
  node = await brokerUnderTest({ config: { 'authorizer.class.name': 'acls', 'super.users': 'User:admin' } });
  const admin = await node.dial('User:admin');
  const made = await admin.ask(CreateTopics, 7, { topics: ['orders', 'secret'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1 })), timeoutMs: 1000 });
  for (const { name, topicId } of made.topics) ids.set(name!, topicId);
  const creations = ['allow alice read group g', 'allow alice read topic orders', 'allow bob all group g', 'allow bob all topic *', 'allow carol delete group g', 'allow carol read topic orders']
    .map(ruleOf).map(({ resourceType, name, patternType, principal, host, operation, permission }) => ({ resourceType, resourceName: name, resourcePatternType: patternType, principal, host, operation, permissionType: permission }));
  await admin.ask(CreateAcls, 3, { creations });
});
after(() => node[Symbol.asyncDispose]());

/** Puts a request of a user to a guarded handler: what the handler saw (null: nothing), and the answer. */
function put<A extends Api<any, any>>(who: string, api: A, body: RequestInit<A>, handle: (request: RequestOf<A>) => ResponseInit<A>): { seen: RequestOf<A> | null; answer: ResponseInit<A> } {
  const { authorizer, topics, config } = node.broker.services;
  let seen: RequestOf<A> | null = null;
  let answer: ResponseInit<A> | null = null;
  const [row] = guarded([route(api, (request, context) => { seen = request; context.reply(handle(request)); })], { authorizer: authorizer!, topics, config });
  const version = api.versions.max;
  const frame = new Uint8Array(Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: 'x' }, body))).subarray(4);
  const connection: ConnectionInfo = { id: 1, host: '10.0.0.1', listener: { name: '', advertisedHost: '', advertisedPort: 0 }, principal: `User:${who}`, closed: false, unsentBytes: 0, onClose: () => () => {}, abort() {}, throttle() {} };
  const context: RequestContext<A> = { api, version, correlationId: 1, clientId: 'x', connection, frameBytes: 0, parkedMs: 0, reply: (said) => { answer = said; }, replyNothing() {} };
  row!.handle(decodeRequest(api, version, frame, decodeRequestHeader(frame).bodyAt), context);
  assert.ok(answer !== null, 'it is answered');
  return { seen, answer };
}

const code = (row: { errorCode?: number }): string => errorName(row.errorCode ?? 0);

test('a member needs the group, and every topic that it names', () => {
  for (const api of [ConsumerGroupHeartbeat, ShareGroupHeartbeat] as const) {
    const beat = (who: string, topics: string[] | null, groupId = 'g') => {
      const { seen, answer } = put(who, api as typeof ShareGroupHeartbeat, { groupId, memberId: 'm', memberEpoch: 0, subscribedTopicNames: topics }, () => ({ errorCode: 0 }));
      assert.equal(seen !== null, code(answer) === 'NONE');
      return code(answer);
    };
    assert.equal(beat('alice', ['orders']), 'NONE');
    assert.equal(beat('alice', null), 'NONE');
    assert.equal(beat('alice', ['orders', 'secret']), 'TOPIC_AUTHORIZATION_FAILED');
    assert.equal(beat('alice', ['orders'], 'other'), 'GROUP_AUTHORIZATION_FAILED');
    assert.equal(beat('carol', ['orders']), 'GROUP_AUTHORIZATION_FAILED');
  }
});

test('a group whose members use a topic that may not be described is not shown', () => {
  const assigned = (topicName: string) => ({ topicPartitions: [{ topicId: zeroUuid, topicName, partitions: [0] }] });
  const member = (topicName: string) => ({ memberId: 'm', subscribedTopicNames: [], assignment: assigned(topicName), targetAssignment: assigned(topicName) });
  for (const api of [ConsumerGroupDescribe, ShareGroupDescribe] as const) {
    const describe = (who: string, topic: string) => {
      const { answer } = put(who, api as typeof ConsumerGroupDescribe, { groupIds: ['g', 'hidden'], includeAuthorizedOperations: true }, ({ groupIds }) => ({ groups: groupIds.map((groupId) => ({ errorCode: 0, groupId, members: [member(topic)] })) }));
      return answer.groups!.map((group) => [group.groupId, code(group), group.members?.length ?? 0, group.authorizedOperations]);
    };
    assert.deepEqual(describe('alice', 'orders'), [['g', 'NONE', 1, (1 << 3) | (1 << 8)], ['hidden', 'GROUP_AUTHORIZATION_FAILED', 0, undefined]]);
    assert.deepEqual(describe('alice', 'secret')[0]!.slice(0, 3), ['g', 'TOPIC_AUTHORIZATION_FAILED', 0]);
    assert.deepEqual(describe('bob', 'secret')[0]!.slice(0, 3), ['g', 'NONE', 1]);
    assert.deepEqual(describe('nobody', 'orders').map(([, error]) => error), ['GROUP_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED']);
  }
});

test('a share fetch reads what may be read, also of what its session holds from before', () => {
  const topics = ['orders', 'secret'].map((name) => ({ topicId: ids.get(name)!, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }));
  const fetched = { groupId: 'g', memberId: 'm', shareSessionEpoch: 0, maxWaitMs: 0, minBytes: 0, maxRecords: 1, batchSize: 1, topics };
  const all = () => ({ responses: ['orders', 'secret'].map((name) => ({ topicId: ids.get(name)!, partitions: [{ partitionIndex: 0, errorCode: 0, records: new Uint8Array(100), acquiredRecords: [{ firstOffset: 0, lastOffset: 0, deliveryCount: 1 }] }] })) });
  const { seen, answer } = put('alice', ShareFetch, fetched, all);
  assert.deepEqual(seen!.topics.map(({ topicId }) => topicId), [ids.get('orders')]);
  const rows = answer.responses!.map(({ topicId, partitions }) => [topicId === ids.get('orders') ? 'orders' : 'secret', code(partitions![0]!), partitions![0]!.records === undefined]);
  assert.deepEqual(rows, [['orders', 'NONE', false], ['secret', 'TOPIC_AUTHORIZATION_FAILED', true], ['secret', 'TOPIC_AUTHORIZATION_FAILED', true]]);
  assert.equal(code(put('carol', ShareFetch, fetched, all).answer), 'GROUP_AUTHORIZATION_FAILED');
  assert.equal(put('bob', ShareFetch, fetched, all).seen!.topics.length, 2);
  const acknowledged = put('alice', ShareAcknowledge, { groupId: 'g', memberId: 'm', shareSessionEpoch: 1, topics }, (request) => ({ responses: request.topics.map(({ topicId }) => ({ topicId, partitions: [{ partitionIndex: 0, errorCode: 0 }] })) }));
  assert.deepEqual(acknowledged.answer.responses!.map(({ topicId, partitions }) => [topicId === ids.get('orders'), code(partitions![0]!)]), [[true, 'NONE'], [false, 'TOPIC_AUTHORIZATION_FAILED']]);
  assert.equal(put('carol', ShareAcknowledge, { groupId: 'g', memberId: 'm', shareSessionEpoch: 1, topics }, () => ({})).seen, null);
});

test('offsets of share groups: told, moved and deleted by their own rights', () => {
  const names = ['orders', 'secret'];
  const told = (who: string, topics: { topicName: string; partitions: number[] }[] | null) => put(who, DescribeShareGroupOffsets, { groups: [{ groupId: 'g', topics }, { groupId: 'other', topics: null }] }, ({ groups }) => ({
    groups: groups.map(({ groupId, topics: wanted }) => ({ groupId, errorCode: 0, topics: (wanted ?? names.map((topicName) => ({ topicName }))).map(({ topicName }) => ({ topicName, partitions: [{ partitionIndex: 0, errorCode: 0 }] })) })),
  })).answer.groups!.map((group) => [group.groupId, code(group), (group.topics ?? []).map(({ topicName, partitions }) => `${topicName} ${code(partitions![0]!)}`)]);
  assert.deepEqual(told('alice', names.map((topicName) => ({ topicName, partitions: [0] }))), [['g', 'NONE', ['orders NONE', 'secret TOPIC_AUTHORIZATION_FAILED']], ['other', 'GROUP_AUTHORIZATION_FAILED', []]]);
  assert.deepEqual(told('alice', null)[0], ['g', 'NONE', ['orders NONE']]);
  assert.deepEqual(told('nobody', null).map(([, error]) => error), ['GROUP_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED']);
  const alter = (who: string) => {
    const { answer } = put(who, AlterShareGroupOffsets, { groupId: 'g', topics: names.map((topicName) => ({ topicName, partitions: [{ partitionIndex: 0, startOffset: 0 }] })) }, ({ topics }) => ({ responses: topics.map(({ topicName }) => ({ topicName, partitions: [{ partitionIndex: 0, errorCode: 0 }] })) }));
    return [code(answer), (answer.responses ?? []).map(({ topicName, partitions }) => `${topicName} ${code(partitions![0]!)}`)];
  };
  assert.deepEqual(alter('alice'), ['NONE', ['orders NONE', 'secret TOPIC_AUTHORIZATION_FAILED']]);
  assert.deepEqual(alter('carol'), ['GROUP_AUTHORIZATION_FAILED', []]);
  const remove = (who: string) => {
    const { answer } = put(who, DeleteShareGroupOffsets, { groupId: 'g', topics: names.map((topicName) => ({ topicName })) }, ({ topics }) => ({ responses: topics.map(({ topicName }) => ({ topicName, errorCode: 0 })) }));
    return [code(answer), (answer.responses ?? []).map((row) => `${row.topicName} ${code(row)}`)];
  };
  assert.deepEqual(remove('alice'), ['GROUP_AUTHORIZATION_FAILED', []]);
  assert.deepEqual(remove('carol'), ['NONE', ['orders NONE', 'secret TOPIC_AUTHORIZATION_FAILED']]);
});

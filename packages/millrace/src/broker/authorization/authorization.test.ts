// Authorization as clients meet it: the table of requests, the rules of the node over its life, and what it says of refusals.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  aclOperations, ApiVersions, apiByKey, ConsumerGroupDescribe, ConsumerGroupHeartbeat, CreateAcls, CreateTopics, DeleteAcls, DescribeAcls, errorCodes, errorName, Fetch, Metadata, OffsetCommit, Produce, type RequestInit,
} from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type BrokerUnderTest, type TestClient } from '../fixture.ts';
import { requestCases, ruleOf, type CaseClient } from './request-cases.ts';
import { rules } from './rules.ts';

const admin = 'User:admin';
const alice = 'User:alice';
const on = { 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'super.users': 'User:root;User:admin' };

type Creation = NonNullable<RequestInit<typeof CreateAcls>['creations']>[number];

function creationOf(rule: string): Creation {
  const { resourceType, name, patternType, principal, host, operation, permission } = ruleOf(rule);
  return { resourceType, resourceName: name, resourcePatternType: patternType, principal, host, operation, permissionType: permission };
}

async function create(client: TestClient, ...wanted: string[]): Promise<string[]> {
  return (await client.ask(CreateAcls, 3, { creations: wanted.map(creationOf) })).results.map(({ errorCode }) => errorName(errorCode));
}

async function removeAll(client: TestClient, principal: string | null = null): Promise<number> {
  const { filterResults } = await client.ask(DeleteAcls, 3, { filters: [{ resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, principalFilter: principal, hostFilter: null, operation: 1, permissionType: 1 }] });
  return filterResults[0]!.matchingAcls.length;
}

async function count(client: TestClient): Promise<number> {
  const { resources } = await client.ask(DescribeAcls, 3, { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 });
  return resources.reduce((sum, { acls }) => sum + acls.length, 0);
}

async function makeWorld(node: BrokerUnderTest): Promise<{ root: TestClient; idOf: (topic: string) => string }> {
  const root = await node.dial(admin);
  const made = await root.ask(CreateTopics, 7, { topics: ['orders', 'secret'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1 })), timeoutMs: 1000 });
  await root.ask(OffsetCommit, 8, { groupId: 'billing', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, topics: ['orders', 'secret'].map((name) => ({ name, partitions: [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }] })) });
  await create(root, 'allow somebody read topic secret', 'allow somebody read group secret');
  return { root, idOf: (topic) => made.topics.find(({ name }) => name === topic)!.topicId };
}

test('the table of requests', async (t: TestContext) => {
  await using node = await brokerUnderTest({ config: on });
  const { root, idOf } = await makeWorld(node);
  let names = 0;
  const met = new Set<number>();
  for (const { what, rules: wanted, ask, expect } of requestCases) {
    await t.test(what, async () => {
      const client = await node.dial(alice);
      const asked: CaseClient = { ask: (api, version, body) => { met.add(api.key); return client.ask(api, version, body); }, idOf, fresh: (word) => `${word}-${names++}`, isOver: async () => client.closed };
      assert.ok((await create(root, ...wanted)).every((code) => code === 'NONE'));
      try {
        assert.deepEqual(await ask(asked), expect);
      } finally {
        client.close();
        await removeAll(root, alice);
        await removeAll(root, 'User:*');
      }
    });
  }
  const { apiKeys } = await root.ask(ApiVersions, 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' });
  const unmet = apiKeys.filter(({ apiKey }) => rules.get(apiKey)?.guard !== 'nobody asks' && !met.has(apiKey)).map(({ apiKey }) => apiByKey(apiKey)?.name);
  assert.deepEqual(unmet, [], 'each rule of a routed api is met by a row');
});

test('both tables together are as large as they were meant to be', () => {
  assert.ok(requestCases.length >= 140);
});

test('every routed api has a stated rule, and so have those that are not routed yet', async () => {
  await using node = await brokerUnderTest({ config: on });
  const client = await node.dial(alice);
  const { apiKeys } = await client.ask(ApiVersions, 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' });
  assert.deepEqual(apiKeys.filter(({ apiKey }) => !rules.has(apiKey)).map(({ apiKey }) => apiByKey(apiKey)?.name ?? apiKey), []);
  for (const key of [48, 49, 50, 51, 68, 69, 76, 77, 78, 79, 90, 91, 92]) assert.ok(rules.has(key), `api ${key}`);
  for (const rule of rules.values()) assert.ok(rule.guard === 'nobody asks' || rule.needs !== '', rule.api.name);
});

test('without an authorizer there are no rules, and everybody may do everything', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial(alice);
  assert.deepEqual(await create(client, 'allow alice read topic t'), ['SECURITY_DISABLED']);
  const filter = { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 };
  assert.equal((await client.ask(DescribeAcls, 3, filter)).errorCode, errorCodes.SECURITY_DISABLED);
  assert.equal((await client.ask(DeleteAcls, 3, { filters: [filter] })).filterResults[0]!.errorCode, errorCodes.SECURITY_DISABLED);
  assert.equal((await client.ask(CreateTopics, 7, { topics: [{ name: 't', numPartitions: 1, replicationFactor: 1 }], timeoutMs: 1000 })).topics[0]!.errorCode, 0);
});

test('super users may do everything, whatever the rules say; a name alone is none', async () => {
  await using node = await brokerUnderTest({ config: on });
  const root = await node.dial('User:root');
  assert.deepEqual(await create(root, 'deny root all topic *', 'deny everybody all cluster kafka-cluster', 'deny everybody all topic *'), ['NONE', 'NONE', 'NONE']);
  assert.equal((await root.ask(CreateTopics, 7, { topics: [{ name: 't', numPartitions: 1, replicationFactor: 1 }], timeoutMs: 1000 })).topics[0]!.errorCode, 0);
  assert.equal(await count(await node.dial(admin)), 3);
  for (const principal of ['User:Root', 'User:root;User:admin', 'root', 'Group:root', 'User:']) assert.deepEqual(await create(await node.dial(principal), 'allow alice all topic t'), ['CLUSTER_AUTHORIZATION_FAILED'], principal);
  await assert.rejects(brokerUnderTest({ config: { ...on, 'super.users': 'root' } }), /User:NAME/);
});

test('a resource that no rule speaks of is closed, or open where the node says so', async () => {
  for (const open of [false, true]) {
    await using node = await brokerUnderTest({ config: { ...on, 'allow.everyone.if.no.acl.found': String(open) } });
    const { root } = await makeWorld(node);
    const client = await node.dial(alice);
    const codes = async () => (await client.ask(Metadata, 9, { topics: [{ name: 'orders' }, { name: 'secret' }] })).topics.map(({ name, errorCode }) => `${name} ${errorName(errorCode)}`).sort();
    assert.deepEqual(await codes(), [open ? 'orders NONE' : 'orders TOPIC_AUTHORIZATION_FAILED', 'secret TOPIC_AUTHORIZATION_FAILED']);
    await create(root, 'allow bob read topic ord prefixed');
    assert.deepEqual(await codes(), ['orders TOPIC_AUTHORIZATION_FAILED', 'secret TOPIC_AUTHORIZATION_FAILED'], 'now a rule speaks of it');
  }
});

test('rules survive a restart, in force and as they were written', async () => {
  const node = await brokerUnderTest({ config: on });
  const { root } = await makeWorld(node);
  const wanted = requestCases.flatMap((one) => one.rules);
  assert.ok((await create(root, ...wanted)).every((code) => code === 'NONE'));
  await removeAll(root, 'User:*');
  const before = await count(root);
  await using again = await node.restart();
  const client = await again.dial(admin);
  assert.equal(await count(client), before);
  assert.deepEqual(await create(client, ...wanted.filter((rule) => !rule.includes('everybody'))), wanted.filter((rule) => !rule.includes('everybody')).map(() => 'NONE'), 'creating what is there is no fault');
  assert.equal(await count(client), before, 'and creates nothing');
  assert.equal((await (await again.dial(alice)).ask(Metadata, 9, { topics: [{ name: 'orders' }] })).topics[0]!.errorCode, 0);
  assert.equal(await removeAll(client), before);
  await using third = await again.restart();
  assert.equal(await count(await third.dial(admin)), 0);
});

test('what a client may do changes with the rules, also for requests of a session that was there before', async () => {
  await using node = await brokerUnderTest({ config: on });
  const { root } = await makeWorld(node);
  await create(root, 'allow alice all topic orders');
  const client = await node.dial(alice);
  const produced = async () => errorName((await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'orders', partitionData: [{ index: 0, records: batchOf(['a']) }] }] })).responses[0]!.partitionResponses[0]!.errorCode);
  const fetchRequest = { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000 };
  const first = await client.ask(Fetch, 12, { ...fetchRequest, sessionId: 0, sessionEpoch: 0, topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100_000 }] }] });
  assert.equal(await produced(), 'NONE');
  assert.ok(first.sessionId !== 0);
  await create(root, 'deny alice read topic orders');
  assert.equal(await produced(), 'NONE', 'writing is still allowed');
  const second = await client.ask(Fetch, 12, { ...fetchRequest, sessionId: first.sessionId, sessionEpoch: 1, topics: [] });
  assert.deepEqual(second.responses.map(({ topic, partitions }) => [topic, errorName(partitions[0]!.errorCode), partitions[0]!.highWatermark]), [['orders', 'TOPIC_AUTHORIZATION_FAILED', -1]]);
  await removeAll(root, alice);
  await create(root, 'allow alice read topic orders');
  const third = await client.ask(Fetch, 12, { ...fetchRequest, sessionId: first.sessionId, sessionEpoch: 2, topics: [] });
  assert.equal(errorName(third.responses[0]!.partitions[0]!.errorCode), 'NONE');
  assert.equal(await produced(), 'TOPIC_AUTHORIZATION_FAILED');
});

test('a pattern of a consumer group stands for topics that its member may describe, also as topics and rules come and go, and over a restart', async () => {
  await using node = await brokerUnderTest({ config: on });
  const { root } = await makeWorld(node);
  await create(root, 'allow alice read group readers', 'allow alice describe topic orders', 'allow alice describe topic orders-2');
  const stands = async (by: TestClient) => (await by.ask(ConsumerGroupDescribe, 1, { groupIds: ['readers'] })).groups[0]!.members.flatMap(({ targetAssignment }) => targetAssignment.topicPartitions.map(({ topicName }) => topicName)).sort();
  const member = await node.dial(alice);
  const beat = (by: TestClient, memberEpoch: number, subscribedTopicRegex: string | null) => by.ask(ConsumerGroupHeartbeat, 1, { groupId: 'readers', memberId: 'm', memberEpoch, rebalanceTimeoutMs: memberEpoch === 0 ? 1000 : -1, subscribedTopicNames: null, subscribedTopicRegex, topicPartitions: memberEpoch === 0 ? [] : null });
  const { errorCode, memberEpoch } = await beat(member, 0, '.*');
  assert.equal(errorName(errorCode), 'NONE');
  assert.deepEqual(await stands(root), ['orders']);
  const add = (by: TestClient, name: string) => by.ask(CreateTopics, 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1 }], timeoutMs: 1000 });
  await add(root, 'orders-2');
  await add(root, 'secret-2');
  assert.deepEqual(await stands(root), ['orders', 'orders-2']);
  await create(root, 'allow alice read topic secret-2');
  assert.deepEqual(await stands(root), ['orders', 'orders-2', 'secret-2'], 'a right that was given');
  await root.ask(DeleteAcls, 3, { filters: [{ resourceTypeFilter: 2, resourceNameFilter: 'orders', patternTypeFilter: 3, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 }] });
  assert.deepEqual(await stands(root), ['orders-2', 'secret-2'], 'a right that was taken back');

  await using again = await node.restart();
  const after = await again.dial(admin);
  await create(after, 'allow alice describe topic orders-3');
  await add(after, 'orders-3');
  assert.deepEqual(await stands(after), ['orders-2', 'secret-2'], 'nobody has said yet who reads');
  await beat(await again.dial(alice), memberEpoch, null);
  assert.deepEqual(await stands(after), ['orders-2', 'orders-3', 'secret-2']);
});

test('a batch with acks=0 that is refused costs its connection; what was sent with it and is allowed is written', async () => {
  await using node = await brokerUnderTest({ config: on });
  const { root } = await makeWorld(node);
  const client = await node.dial(alice);
  client.send(Produce, 9, { acks: 0, timeoutMs: 1000, topicData: [{ name: 'orders', partitionData: [{ index: 0, records: batchOf(['a']) }] }] });
  assert.equal(await client.frame(), null);
  const endOf = (topic: string) => node.broker.services.topics.partition(topic, 0)!.log.endOffset;
  assert.equal(endOf('orders'), 0);
  await create(root, 'allow alice write topic orders');
  const both = await node.dial(alice);
  both.send(Produce, 9, { acks: 0, timeoutMs: 1000, topicData: ['secret', 'orders'].map((name) => ({ name, partitionData: [{ index: 0, records: batchOf(['a']) }] })) });
  assert.equal(await both.frame(), null);
  assert.deepEqual([endOf('orders'), endOf('secret')], [1, 0]);
});

test('refusals are told to the operator, a few a second, without what was sent', async () => {
  await using node = await brokerUnderTest({ config: on });
  await makeWorld(node);
  const client = await node.dial('User:mallory\nX');
  for (let i = 0; i < 100; i++) {
    await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'orders', partitionData: [{ index: 0, records: batchOf(['the secret of the record']) }] }] });
  }
  const lines = node.lines.filter((line) => line.includes('not authorized'));
  assert.ok(lines.length >= 1 && lines.length < 60, `${lines.length} lines`);
  assert.equal(lines[0], "not authorized: User:mallory?X from 127.0.0.1 lacks WRITE on topic 'orders' for Produce");
  assert.ok(!node.lines.join().includes('the secret'));
  const before = node.lines.length;
  await (await node.dial(alice)).ask(Metadata, 9, { topics: null });
  assert.equal(node.lines.length, before, 'a list that leaves out what may not be seen is no refusal');
});

test('many answers are worked out again when it is enough of them', async () => {
  await using node = await brokerUnderTest({ config: on });
  const { root } = await makeWorld(node);
  await create(root, 'allow alice read topic t- prefixed');
  const authorizer = node.broker.services.authorizer!;
  const permissions = authorizer.permissionsOf({ principal: alice, host: '10.0.0.1' });
  for (let i = 0; i < 250_000; i++) assert.equal(permissions.allows(aclOperations.read, 2, `t-${i}`), true);
  assert.notEqual(authorizer.permissionsOf({ principal: alice, host: '10.0.0.1' }), permissions, 'what was remembered was let go of');
  assert.equal(authorizer.permissionsOf({ principal: alice, host: '10.0.0.1' }).allows(aclOperations.write, 2, 't-1'), false);
});

test('more rules in one request than may be changed at once are refused, and none is made', async () => {
  await using node = await brokerUnderTest({ config: on });
  const root = await node.dial(admin);
  const codes = await create(root, ...Array.from({ length: 10_001 }, (_, i) => `allow alice read topic t${i}`));
  assert.deepEqual([...new Set(codes)], ['POLICY_VIOLATION']);
  assert.equal(await count(root), 0);
});

// Faults on purpose: each kind, where it strikes and where not, that it is counted, and that the same seed strikes the same requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import { apis, ApiVersions, CreateTopics, errorCodes, Fetch, Heartbeat, InitProducerId, JoinGroup, Metadata, OffsetFetch, Produce } from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type BrokerUnderTest, type TestClient } from '../fixture.ts';
import { Injector } from './injector.ts';
import { checkPlan, type FaultPlan, type FaultRule } from './rules.ts';
import { canFail, shapeOf, type Shape } from './shapes.ts';

async function withFaults(node: BrokerUnderTest, ...rules: FaultRule[]): Promise<void> {
  await node.broker.world.command({ kind: 'set', plan: { rules } });
}

async function prepared(): Promise<{ node: BrokerUnderTest; client: TestClient }> {
  const node = await brokerUnderTest();
  const client = await node.dial();
  await client.ask(CreateTopics, 7, { topics: ['one', 'two'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1 })) });
  return { node, client };
}

const produceTo = async (client: TestClient, ...names: string[]) =>
  (await client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: names.map((name) => ({ name, partitionData: [{ index: 0, records: batchOf(['x']) }] })) }));
const codes = (answer: Awaited<ReturnType<typeof produceTo>>) => Object.fromEntries(answer.responses.map((topic) => [topic.name, topic.partitionResponses[0]!.errorCode]));
const endOf = (node: BrokerUnderTest, name: string) => node.broker.services.topics.partition(name, 0)!.log.endOffset;

test('an error strikes the named topic alone, so often as was said, and nothing is done', async () => {
  const { node, client } = await prepared();
  await using _ = node;
  await withFaults(node, { kind: 'error', apis: ['Produce'], topics: ['one'], error: 'NOT_ENOUGH_REPLICAS', times: 2 });
  assert.deepEqual(codes(await produceTo(client, 'one', 'two')), { one: errorCodes.NOT_ENOUGH_REPLICAS, two: 0 });
  assert.deepEqual(codes(await produceTo(client, 'two')), { two: 0 });
  assert.deepEqual(codes(await produceTo(client, 'one')), { one: errorCodes.NOT_ENOUGH_REPLICAS });
  assert.deepEqual(codes(await produceTo(client, 'one')), { one: 0 });
  assert.deepEqual([endOf(node, 'one'), endOf(node, 'two')], [1, 2]);
  const { injected, rules } = await node.broker.world.command({ kind: 'report' });
  assert.deepEqual([injected, rules[0]!.matched, rules[0]!.injected], [2, 2, 2]);
});

test('an error after the work: it is done, and the answer says that it is not', async () => {
  const { node, client } = await prepared();
  await using _ = node;
  await withFaults(node, { kind: 'error', apis: ['Produce'], error: 'REQUEST_TIMED_OUT', executed: true, times: 1 });
  const answer = await produceTo(client, 'one');
  assert.deepEqual([codes(answer), answer.responses[0]!.partitionResponses[0]!.baseOffset], [{ one: errorCodes.REQUEST_TIMED_OUT }, -1]);
  assert.equal(endOf(node, 'one'), 1);
});

test('lost answers, cuts before and after', async () => {
  const { node } = await prepared();
  await using _ = node;
  const attempt = async (rule: FaultRule): Promise<unknown> => {
    await withFaults(node, { ...rule, apis: ['Produce'], times: 1 });
    const client = await node.dial();
    const before = endOf(node, 'one');
    const told = await produceTo(client, 'one').then(codes, () => 'cut');
    if (rule.kind === 'cut-after') await client.frame();
    return [told, endOf(node, 'one') - before, client.closed];
  };
  assert.deepEqual(await attempt({ kind: 'lose-reply' }), ['cut', 1, true]);
  assert.deepEqual(await attempt({ kind: 'cut-before' }), ['cut', 0, true]);
  assert.deepEqual(await attempt({ kind: 'cut-after' }), [{ one: 0 }, 1, true]);
  assert.equal(node.broker.memory.requestBytes, 0, 'nothing is held for them');
});

test('slow answers and throttling; what is held is sent when the node closes', async () => {
  const { node, client } = await prepared();
  await withFaults(node, { kind: 'throttle', apis: ['Produce'], ms: 30, times: 1 }, { kind: 'slow', apis: ['Metadata'], ms: 600_000 });
  assert.equal((await produceTo(client, 'one')).throttleTimeMs, 30);
  assert.equal((await produceTo(client, 'one')).throttleTimeMs, 0);
  client.send(Metadata, 9, { topics: [] });
  const held = client.answer(Metadata, 9);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await node[Symbol.asyncDispose]();
  assert.equal((await held).brokers.length, 1);
});

test('groups, coordinators, client ids', async () => {
  const { node, client } = await prepared();
  await using _ = node;
  await withFaults(node,
    { kind: 'error', apis: ['OffsetFetch'], groups: ['billing*'], error: 'COORDINATOR_LOAD_IN_PROGRESS' },
    { kind: 'error', apis: ['InitProducerId'], error: 'CONCURRENT_TRANSACTIONS', times: 1 },
    { kind: 'move-coordinator', apis: ['Heartbeat'], times: 1 },
    { kind: 'error', apis: ['JoinGroup'], clientIds: ['somebody-else'], error: 'UNKNOWN_SERVER_ERROR' });
  const fetched = await client.ask(OffsetFetch, 8, { groups: ['billing-1', 'other'].map((groupId) => ({ groupId, topics: null })) });
  assert.deepEqual(Object.fromEntries(fetched.groups.map(({ groupId, errorCode }) => [groupId, errorCode])), { 'billing-1': errorCodes.COORDINATOR_LOAD_IN_PROGRESS, other: 0 });
  assert.equal((await client.ask(OffsetFetch, 7, { groupId: 'billing-1', topics: null })).errorCode, errorCodes.COORDINATOR_LOAD_IN_PROGRESS);
  const begin = async () => (await client.ask(InitProducerId, 4, { transactionalId: 't', transactionTimeoutMs: 1000 })).errorCode;
  assert.deepEqual([await begin(), await begin()], [errorCodes.CONCURRENT_TRANSACTIONS, 0]);
  const beat = async () => (await client.ask(Heartbeat, 4, { groupId: 'g', memberId: 'm', generationId: 1 })).errorCode;
  assert.deepEqual([await beat(), await beat()], [errorCodes.NOT_COORDINATOR, errorCodes.UNKNOWN_MEMBER_ID]);
  assert.equal((await client.ask(JoinGroup, 4, { groupId: 'g', sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols: [{ name: 'range', metadata: new Uint8Array() }] })).errorCode, errorCodes.MEMBER_ID_REQUIRED);
});

test('a topic without a leader in Metadata', async () => {
  const { node, client } = await prepared();
  await using _ = node;
  await withFaults(node, { kind: 'error', apis: ['Metadata'], topics: ['one'], error: 'LEADER_NOT_AVAILABLE', times: 1 });
  const { topics } = await client.ask(Metadata, 9, { topics: [{ name: 'one' }, { name: 'two' }] });
  assert.deepEqual(topics.map(({ name, errorCode, partitions }) => [name, errorCode, partitions.length]), [['one', errorCodes.LEADER_NOT_AVAILABLE, 0], ['two', 0, 1]]);
});

test('a fetch session from before is forgotten, so that rules see every partition', async () => {
  const { node, client } = await prepared();
  await using _ = node;
  const fetch = (sessionId: number, sessionEpoch: number) => client.ask(Fetch, 12, { maxWaitMs: 0, sessionId, sessionEpoch, topics: sessionEpoch === 0 ? [{ topic: 'one', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }] : [] });
  const { sessionId } = await fetch(0, 0);
  assert.notEqual(sessionId, 0);
  await withFaults(node, { kind: 'error', apis: ['Fetch'], error: 'NOT_LEADER_OR_FOLLOWER', times: 1 });
  assert.equal((await fetch(sessionId, 1)).errorCode, errorCodes.FETCH_SESSION_ID_NOT_FOUND);
  assert.equal((await fetch(0, 0)).sessionId, 0);
});

test('no rules, no layer: the routes are the plain ones again', async () => {
  const { node, client } = await prepared();
  await using _ = node;
  await withFaults(node, { kind: 'error', apis: ['Produce'], error: 'NOT_ENOUGH_REPLICAS' });
  assert.deepEqual(codes(await produceTo(client, 'one')), { one: errorCodes.NOT_ENOUGH_REPLICAS });
  assert.deepEqual((await node.broker.world.command({ kind: 'clear' })).rules, []);
  assert.deepEqual(codes(await produceTo(client, 'one')), { one: 0 });
});

test('every request that has a place for an error can be refused in each of its versions', async () => {
  const { node } = await prepared();
  await using _ = node;
  const failing = apis.filter((api) => canFail(api.key));
  const client = await node.dial();
  const { apiKeys } = await client.ask(ApiVersions, 2, {});
  const { id } = node.broker.services.topics.byName('one')!;
  await withFaults(node, { kind: 'error', apis: failing.map(({ name }) => name), error: 'UNKNOWN_SERVER_ERROR' });
  let refusals = 0;
  for (const api of failing) {
    const served = apiKeys.find(({ apiKey }) => apiKey === api.key);
    for (let version = Math.max(api.versions.min, served?.minVersion ?? 1); version <= (served?.maxVersion ?? 0); version++) {
      const body = await client.ask(api, version, sampleOf(shapeOf(api.key, version)!, id));
      assert.match(JSON.stringify(body, (_key, value: unknown) => (value instanceof Uint8Array ? [] : value)), /[eE]rrorCode":-1[,}]/, `${api.name} ${version}`);
      refusals++;
    }
  }
  assert.ok(refusals > 150, `${refusals} versions were tried`);
});

/** A request about topic 'one', or group 'g'. */
function sampleOf(shape: Shape, topicId: string): Record<string, unknown> {
  switch (shape.kind) {
    case 'single': return { topics: [], ...(shape.name === undefined ? {} : { [shape.name]: 'g' }) };
    case 'items': return { [shape.items]: shape.name === '' ? ['g'] : [{ [shape.name]: shape.areTopics === true ? 'one' : 'g', topics: shape.answers === 'resultsByTransaction' ? [{ name: 'one', partitions: [0] }] : [] }] };
    case 'partitions': return {
      acks: -1, ...(shape.group === undefined ? {} : { [shape.group]: 'g' }),
      [shape.topics]: [{ [shape.name]: 'one', topicId, [shape.partitions]: shape.index === '' ? [0] : [{ [shape.index]: 0, records: batchOf(['x']), committedMetadata: '' }] }],
    };
  }
}

test('the same seed and the same requests: the same faults', () => {
  const strike = (seed: number): string => {
    const injector = new Injector({ seed, rules: [{ kind: 'cut-before', probability: 0.3, after: 5, times: 20 }] });
    return Array.from({ length: 200 }, () => (injector.decide({ apiKey: Produce.key, clientId: null, topics: () => [], groups: () => [] }).length > 0 ? 'x' : '.')).join('');
  };
  assert.equal(strike(7), strike(7));
  assert.notEqual(strike(7), strike(8));
  assert.equal(strike(7).slice(0, 5), '.....');
  assert.equal(strike(7).match(/x/g)!.length, 20);
});

test('a plan that cannot be carried out is refused, with the rule and the reason', () => {
  const bad: [unknown, RegExp][] = [
    [{}, /rules/], [{ rules: [{ kind: 'explode' }] }, /rule 1: kind/], [{ rules: [{ kind: 'error', apis: ['Produce'] }] }, /name of one of Kafka's errors/],
    [{ rules: [{ kind: 'error', error: 'NOT_COORDINATOR' }] }, /names its apis/], [{ rules: [{ kind: 'error', apis: ['ApiVersions'], error: 'NOT_COORDINATOR' }] }, /no place for an error/],
    [{ rules: [{ kind: 'slow' }] }, /ms/], [{ rules: [{ kind: 'cut-before', ms: 5 }] }, /ms belongs/], [{ rules: [{ kind: 'cut-before', probability: 2 }] }, /probability/],
    [{ rules: [{ kind: 'cut-before', apis: ['Prodcue'] }] }, /no request 'Prodcue'/], [{ rules: [{ kind: 'cut-before', topic: 'x' }] }, /'topic' is not known/],
    [{ rules: [{ kind: 'cut-before', times: -1 }] }, /whole numbers/], [{ rules: [], seed: 'x' }, /seed/], [{ rules: Array.from({ length: 101 }, () => ({ kind: 'cut-before' })) }, /at most 100/],
  ];
  for (const [plan, why] of bad) assert.throws(() => checkPlan(plan as FaultPlan), (error) => isMillraceError(error, 'invalid-argument') && why.test(error.message), JSON.stringify(plan).slice(0, 100));
});

// Quotas as clients meet them: which one counts, what is kept, what is told, and what is held back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlterClientQuotas, CreateTopics, DeleteTopics, DescribeClientQuotas, errorName, Fetch, Metadata, Produce, zeroUuid, type RequestInit, type ResponseOf } from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type TestClient } from '../fixture.ts';
import { entityKey, readEntity, type Entity } from './entity.ts';
import { Meters } from './meters.ts';
import { QuotaTable } from './quota-table.ts';

type Alteration = NonNullable<RequestInit<typeof AlterClientQuotas>['entries']>[number];

/** 'user=alice,client-id=app'; '*' is the default. */
const partsOf = (text: string) => text.split(',').filter((part) => part !== '').map((part) => {
  const [entityType, name] = part.split('=') as [string, string];
  return { entityType, entityName: name === '*' ? null : name };
});
const entity = (text: string): Entity => readEntity(partsOf(text)) as Entity;
const setting = (text: string, values: Record<string, number | null>): Alteration => ({ entity: partsOf(text), ops: Object.entries(values).map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })) });

async function alter(client: TestClient, entries: Alteration[], validateOnly = false): Promise<string[]> {
  const answer = await client.ask(AlterClientQuotas, 1, { entries, validateOnly });
  return answer.entries.map(({ errorCode }) => errorName(errorCode));
}

const shown = (answer: ResponseOf<typeof DescribeClientQuotas>): string[] => (answer.entries ?? []).map((row) => `${row.entity.map(({ entityType, entityName }) => `${entityType}=${entityName ?? '*'}`).sort().join(',')}: ${row.values.map(({ key, value }) => `${key}=${value}`).sort().join(' ')}`).sort();
const describe = (client: TestClient, components: RequestInit<typeof DescribeClientQuotas>['components'] = [], strict = false) => client.ask(DescribeClientQuotas, 1, { components: components!, strict });

test('Kafka\'s order of precedence, and who shares a quota', () => {
  const table = new QuotaTable();
  const levels = ['user=alice,client-id=app', 'user=alice,client-id=*', 'user=alice', 'user=*,client-id=app', 'user=*,client-id=*', 'user=*', 'client-id=app', 'client-id=*'];
  levels.forEach((text, index) => table.set(entity(text), new Map([['producer_byte_rate', index + 1]])));
  const found = (user: string, clientId: string) => table.limitOf('producer_byte_rate', user, clientId);
  const shared = ['["alice","app"]', '["alice","app"]', '["alice"]', '["alice","app"]', '["alice","app"]', '["alice"]', '[null,"app"]', '[null,"app"]'];
  for (const [index, text] of levels.entries()) {
    assert.deepEqual(found('alice', 'app'), { value: index + 1, sharedBy: shared[index] }, text);
    table.set(entity(text), new Map([['consumer_byte_rate', 1]])); // another key does not count
  }
  assert.equal(found('alice', 'app'), null);
  levels.forEach((text, index) => table.set(entity(text), new Map([['producer_byte_rate', index + 1]])));
  const others: readonly (readonly [string, string, number])[] = [['alice', 'other', 2], ['bob', 'app', 4], ['bob', 'other', 5], ['alice', '', 3], ['bob', '', 6]];
  for (const [user, clientId, value] of others) assert.equal(found(user, clientId)?.value, value, `${user} ${clientId}`);
  for (const text of levels.slice(0, 6)) table.set(entity(text), new Map());
  assert.equal(found('bob', 'app')?.value, 7);
  assert.equal(found('bob', 'other')?.value, 8);
  assert.equal(found('bob', ''), null, 'who has no client id is none of the default ones');
  assert.ok(table.hasClients && !table.hasAddresses);
  table.set(entity('ip=10.0.0.1'), new Map([['connection_creation_rate', 5]]));
  table.set(entity('ip=*'), new Map([['connection_creation_rate', 9]]));
  assert.deepEqual(['10.0.0.1', '::ffff:10.0.0.1', '10.0.0.2'].map((host) => table.connectionRateOf(host)), [5, 5, 9]);
  for (const { entity: one } of table.all()) table.set(one, new Map());
  assert.ok(!table.hasClients && !table.hasAddresses && table.size === 0);
});

test('what is wrong about an entity or a value is told, and changes nothing', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  const wrong: readonly (readonly [Alteration, string])[] = [
    [setting('', { producer_byte_rate: 1 }), 'INVALID_REQUEST'], [setting('planet=mars', { producer_byte_rate: 1 }), 'INVALID_REQUEST'], [setting('user=', { producer_byte_rate: 1 }), 'INVALID_REQUEST'],
    [setting('user=a,user=b', { producer_byte_rate: 1 }), 'INVALID_REQUEST'], [setting('user=a,ip=10.0.0.1', { producer_byte_rate: 1 }), 'INVALID_REQUEST'], [setting('ip=nowhere', { connection_creation_rate: 1 }), 'INVALID_REQUEST'],
    [setting('user=a', { no_such_rate: 1 }), 'INVALID_REQUEST'], [setting('user=a', { connection_creation_rate: 1 }), 'INVALID_REQUEST'], [setting('ip=10.0.0.1', { producer_byte_rate: 1 }), 'INVALID_REQUEST'],
    [setting('user=a', { producer_byte_rate: 0 }), 'INVALID_REQUEST'], [setting('user=a', { producer_byte_rate: -5 }), 'INVALID_REQUEST'], [setting('user=a', { producer_byte_rate: 1.5 }), 'INVALID_REQUEST'],
    [setting('user=a', { producer_byte_rate: NaN }), 'INVALID_REQUEST'], [setting('user=a', { request_percentage: Infinity }), 'INVALID_REQUEST'], [setting('ip=*', { connection_creation_rate: 2 ** 31 }), 'INVALID_REQUEST'],
    [{ entity: partsOf('user=a'), ops: [{ key: 'producer_byte_rate', value: 1, remove: false }, { key: 'producer_byte_rate', value: 2, remove: false }] }, 'INVALID_REQUEST'],
    [setting('user=a', { producer_byte_rate: 7, consumer_byte_rate: -1 }), 'INVALID_REQUEST'],
  ];
  for (const [one, code] of wrong) assert.deepEqual(await alter(client, [one]), [code], JSON.stringify(one));
  assert.deepEqual(await alter(client, [setting('user=a', { producer_byte_rate: 1 }), setting('user=a', { consumer_byte_rate: 1 }), setting('user=b', { producer_byte_rate: 0.5 })], true), ['NONE', 'INVALID_REQUEST', 'INVALID_REQUEST']);
  assert.deepEqual(shown(await describe(client)), []);
  assert.deepEqual(await alter(client, [setting('user=a', { producer_byte_rate: 0 }), setting('user=b', { producer_byte_rate: 5 })]), ['INVALID_REQUEST', 'NONE'], 'the others are changed');
  assert.deepEqual(shown(await describe(client)), ['user=b: producer_byte_rate=5']);
});

test('quotas are found by filters, and survive a restart', async () => {
  const node = await brokerUnderTest();
  const client = await node.dial();
  assert.deepEqual(await alter(client, [
    setting('user=alice', { producer_byte_rate: 1_000_000_000, request_percentage: 12.5 }), setting('user=*', { producer_byte_rate: 2_000_000_000 }), setting('user=alice,client-id=app', { consumer_byte_rate: 3_000_000_000 }),
    setting('client-id=app', { controller_mutation_rate: 0.5 }), setting('client-id=*', { request_percentage: 10_000 }), setting('ip=10.0.0.1', { connection_creation_rate: 5 }), setting('ip=*', { connection_creation_rate: 10_000 }),
  ]), Array.from({ length: 7 }, () => 'NONE'));
  const all = shown(await describe(client));
  assert.equal(all.length, 7);
  const find = async (strict: boolean, ...components: [string, number, string | null][]) => shown(await describe(client, components.map(([entityType, matchType, match]) => ({ entityType, matchType, match })), strict));
  assert.deepEqual(await find(false, ['user', 0, 'alice']), ['client-id=app,user=alice: consumer_byte_rate=3000000000', 'user=alice: producer_byte_rate=1000000000 request_percentage=12.5']);
  assert.deepEqual(await find(true, ['user', 0, 'alice']), ['user=alice: producer_byte_rate=1000000000 request_percentage=12.5']);
  assert.deepEqual(await find(true, ['user', 1, null]), ['user=*: producer_byte_rate=2000000000']);
  assert.equal((await find(false, ['user', 2, null])).length, 3);
  assert.deepEqual(await find(false, ['user', 2, null], ['client-id', 0, 'app']), ['client-id=app,user=alice: consumer_byte_rate=3000000000']);
  assert.equal((await find(false, ['ip', 2, null])).length, 2);
  assert.deepEqual(await find(true), []);
  const wrong: readonly (readonly [string, number, string | null][])[] = [[['', 0, 'x']], [['planet', 0, 'x']], [['user', 0, null]], [['user', 1, 'x']], [['user', 2, 'x']], [['user', 3, null]], [['user', 0, 'a'], ['user', 0, 'b']], [['user', 0, 'a'], ['ip', 2, null]]];
  for (const components of wrong) {
    const answer = await describe(client, components.map(([entityType, matchType, match]) => ({ entityType, matchType, match })));
    assert.equal(errorName(answer.errorCode), components[0]![0] === 'planet' ? 'UNSUPPORTED_VERSION' : 'INVALID_REQUEST');
    assert.equal(answer.entries, null);
  }
  await alter(client, [setting('user=alice', { request_percentage: null, controller_mutation_rate: null }), setting('ip=10.0.0.1', { connection_creation_rate: null })]);
  await using again = await node.restart();
  assert.deepEqual(shown(await describe(await again.dial())), all.filter((row) => !row.includes('10.0.0.1')).map((row) => row.replace(' request_percentage=12.5', '')));
});

test('changes of one entity that come together are both kept', async () => {
  await using node = await brokerUnderTest();
  const [a, b] = [await node.dial(), await node.dial()];
  await Promise.all([alter(a, [setting('user=u', { producer_byte_rate: 1 })]), alter(b, [setting('user=u', { consumer_byte_rate: 2 })])]);
  assert.deepEqual(shown(await describe(a)), ['user=u: consumer_byte_rate=2 producer_byte_rate=1']);
});

/** A producer that asks one produce after the other. */
async function produce(client: TestClient, bytes: number): Promise<number> {
  const answer = await client.ask(Produce, 9, { acks: -1, timeoutMs: 5000, topicData: [{ name: 't', partitionData: [{ index: 0, records: batchOf(['x'.repeat(bytes)]) }] }] });
  assert.equal(answer.responses[0]!.partitionResponses[0]!.errorCode, 0);
  return answer.throttleTimeMs;
}

const quick = { 'quota.window.num': '2', 'quota.window.size.seconds': '1' };
const makeTopic = (client: TestClient) => client.ask(CreateTopics, 7, { topics: [{ name: 't', numPartitions: 1, replicationFactor: 1 }], timeoutMs: 1000 });

test('a producer over its quota is answered at once, told its pause, and not read until that is over', async () => {
  await using node = await brokerUnderTest({ config: quick });
  const client = await node.dial('User:alice', 'app');
  await makeTopic(client);
  assert.equal(await produce(client, 50_000), 0, 'nothing is measured without a quota');
  await alter(client, [setting('user=alice', { producer_byte_rate: 20_000 })]);
  const throttleMs = await produce(client, 30_000);
  assert.ok(throttleMs > 300 && throttleMs < 700, `told ${throttleMs} ms`);
  const startMs = node.machine.clock.monotonicMs();
  const other = await node.dial('User:bob', 'app');
  assert.equal(await produce(other, 30_000), 0, 'others are not held up');
  await client.ask(Metadata, 9, { topics: null }); // a client that does not pause
  assert.ok(node.machine.clock.monotonicMs() - startMs >= throttleMs - 50, 'its next request was not begun before');
});

test('the pause for batches that ask for no answer', async () => {
  await using node = await brokerUnderTest({ config: quick });
  const client = await node.dial('User:alice');
  await makeTopic(client);
  await alter(client, [setting('user=*', { producer_byte_rate: 20_000 })]);
  const startMs = node.machine.clock.monotonicMs();
  client.send(Produce, 9, { acks: 0, timeoutMs: 5000, topicData: [{ name: 't', partitionData: [{ index: 0, records: batchOf(['x'.repeat(30_000)]) }] }] });
  await client.ask(Metadata, 9, { topics: null }); // may have been begun with the batch
  await client.ask(Metadata, 9, { topics: null });
  assert.ok(node.machine.clock.monotonicMs() - startMs >= 300);
});

test('a reader over its quota gets nothing but its pause, in a session and without one, and goes on where it was', async () => {
  await using node = await brokerUnderTest({ config: quick });
  const client = await node.dial('User:alice');
  await makeTopic(client);
  for (let i = 0; i < 6; i++) await produce(client, 10_000);
  await alter(client, [setting('user=alice', { consumer_byte_rate: 12_000 })]);
  const fetch = (sessionId: number, sessionEpoch: number, offset: number | null) => client.ask(Fetch, 12, {
    maxWaitMs: 100, minBytes: 1, maxBytes: 1_000_000, sessionId, sessionEpoch, topics: offset === null ? [] : [{ topic: 't', partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1_000_000 }] }],
  });
  const bytesOf = (answer: ResponseOf<typeof Fetch>): number => answer.responses.reduce((sum, { partitions }) => sum + partitions.reduce((more, { records }) => more + (records?.length ?? 0), 0), 0);
  const first = await fetch(0, 0, 0);
  assert.ok(bytesOf(first) > 10_000 && bytesOf(first) <= 12_100, 'one answer brings what the windows hold, and no more');
  assert.equal(first.throttleTimeMs, 0);
  const put = await fetch(first.sessionId, 1, 1);
  assert.deepEqual([bytesOf(put), put.errorCode, put.sessionId], [0, 0, first.sessionId]);
  assert.ok(put.throttleTimeMs > 0);
  const whole = await fetch(0, -1, 1);
  assert.equal(whole.responses.length === 0 || bytesOf(whole) > 0, true);
  let seen = 1;
  for (let epoch = 2; seen < 6; epoch++) {
    const answer = await fetch(first.sessionId, epoch, epoch === 2 || seen > 1 ? seen : null);
    assert.equal(answer.errorCode, 0);
    if (bytesOf(answer) > 0) seen++;
  }
  assert.equal(seen, 6);
});

test('a batch that is larger than the windows hold gets through', async () => {
  await using node = await brokerUnderTest({ config: quick });
  const client = await node.dial('User:alice');
  await makeTopic(client);
  await produce(client, 100_000);
  await alter(client, [setting('user=alice', { consumer_byte_rate: 90_000 })]);
  const answer = await client.ask(Fetch, 12, { maxWaitMs: 1000, minBytes: 1_000_000, maxBytes: 1_000_000, sessionId: 0, sessionEpoch: -1, topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10 }] }] });
  assert.ok(answer.responses[0]!.partitions[0]!.records!.length > 100_000);
  assert.ok(answer.throttleTimeMs > 0);
});

test('changes of topics over the quota are refused, or told a pause where the version has no word for it', async () => {
  await using node = await brokerUnderTest({ config: { 'controller.quota.window.num': '2' } });
  const client = await node.dial('User:alice', 'app');
  await alter(client, [setting('user=alice,client-id=app', { controller_mutation_rate: 1 })]);
  const create = async (version: number, name: string, partitions: number) => {
    const answer = await client.ask(CreateTopics, version, { topics: [{ name, numPartitions: partitions, replicationFactor: 1 }], timeoutMs: 1000 });
    return [errorName(answer.topics[0]!.errorCode), answer.throttleTimeMs > 0];
  };
  assert.deepEqual(await create(7, 'a', 5), ['NONE', false], 'more than there is, once');
  assert.deepEqual(await create(7, 'b', 1), ['THROTTLING_QUOTA_EXCEEDED', true]);
  const deleted = await (await node.dial('User:alice', 'app')).ask(DeleteTopics, 6, { topics: [{ name: 'a', topicId: zeroUuid }], timeoutMs: 1000 });
  assert.equal(errorName(deleted.responses[0]!.errorCode), 'THROTTLING_QUOTA_EXCEEDED');
  const older = await node.dial('User:alice', 'app');
  const answer = await older.ask(CreateTopics, 5, { topics: [{ name: 'c', numPartitions: 1, replicationFactor: 1 }], timeoutMs: 1000 });
  assert.deepEqual([errorName(answer.topics[0]!.errorCode), answer.throttleTimeMs > 0], ['NONE', true]);
  assert.equal(node.broker.services.topics.byName('b'), undefined);
});

test('time on the node\'s thread counts, whatever the request', async () => {
  await using node = await brokerUnderTest({ config: quick });
  const client = await node.dial('User:alice');
  await alter(client, [setting('user=alice', { request_percentage: 0.0001 })]);
  const answer = await client.ask(Metadata, 9, { topics: null });
  assert.ok(answer.throttleTimeMs > 0 && answer.throttleTimeMs <= 1000, `told ${answer.throttleTimeMs} ms, a window at most`);
});

test('connections that an address makes too fast are read later, none is dropped', async () => {
  await using node = await brokerUnderTest({ config: quick });
  await alter(await node.dial(), [setting('ip=127.0.0.1', { connection_creation_rate: 4 })]);
  const startMs = node.machine.clock.monotonicMs();
  const clients = await Promise.all(Array.from({ length: 6 }, () => node.dial()));
  await Promise.all(clients.map((client) => client.ask(Metadata, 9, { topics: null })));
  const tookMs = node.machine.clock.monotonicMs() - startMs;
  assert.ok(tookMs >= 400, `six connections at four a second took ${tookMs} ms`);
});

test('an address may have so many connections, with exceptions', async () => {
  await using node = await brokerUnderTest({ config: { 'max.connections.per.ip': '2' } });
  const [first, second] = [await node.dial(), await node.dial()];
  await second.ask(Metadata, 9, { topics: null });
  assert.equal(await (await node.dial()).frame(), null, 'the third is closed');
  first.close();
  await second.ask(Metadata, 9, { topics: null });
  await (await node.dial()).ask(Metadata, 9, { topics: null });
  await using other = await brokerUnderTest({ config: { 'max.connections.per.ip': '0', 'max.connections.per.ip.overrides': '127.0.0.1:1' } });
  await (await other.dial()).ask(Metadata, 9, { topics: null });
  await assert.rejects(brokerUnderTest({ config: { 'max.connections.per.ip.overrides': '127.0.0.1' } }), /ADDRESS:NUMBER/);
  await using slow = await brokerUnderTest({ config: { ...quick, 'max.connection.creation.rate': '4' } });
  const startMs = slow.machine.clock.monotonicMs();
  const clients = await Promise.all(Array.from({ length: 6 }, () => slow.dial()));
  await Promise.all(clients.map((client) => client.ask(Metadata, 9, { topics: null })));
  assert.ok(slow.machine.clock.monotonicMs() - startMs >= 400);
});

test('meters of those who are idle give way', () => {
  const meters = new Meters<{ isIdle(): boolean; readonly name: number }>();
  for (let i = 0; i < 30_000; i++) meters.of(String(i), 0, () => ({ name: i, isIdle: () => i % 2 === 0 && i !== 4 }));
  assert.ok(meters.size <= 20_000);
  assert.equal(meters.of('29999', 0, () => assert.fail()).name, 29_999);
});

test('one key for one entity, whatever the order of its parts', () => {
  assert.equal(entityKey(entity('user=a,client-id=b')), entityKey(entity('client-id=b,user=a')));
  assert.notEqual(entityKey(entity('user=*')), entityKey(new Map([['user', 'null']])));
});

// Our client where it may not do everything: rules that refuse it, quotas that slow it down.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { runNode } from '../node/run-node.ts';
import { memoryMachine } from '../os/mod.ts';
import { connect, type Client } from './mod.ts';

/** A node with an authorizer, its admin, and users. */
async function scene(t: TestContext, config: Record<string, string> = {}): Promise<{ admin: Client; as: (user: string) => Promise<Client> }> {
  const machine = memoryMachine();
  const node = await runNode(machine, { config: { 'authorizer.class.name': 'acls', 'super.users': 'User:ANONYMOUS', 'quota.window.num': '3', ...config } });
  const clients: Client[] = [];
  t.after(async () => { for (const client of clients) await client.close(); await node.close(); });
  const open = async (port: number, clientId: string): Promise<Client> => {
    const client = await connect(`127.0.0.1:${port}`, { machine, clientId, callTimeoutMs: 20_000 });
    clients.push(client);
    return client;
  };
  const admin = await open(node.port, 'admin');
  await admin.admin().createTopics([{ topic: 'orders', partitions: 1 }, { topic: 'secret', partitions: 1 }]);
  return { admin, as: async (user) => open((await node.broker.listen({ host: '127.0.0.1', port: 0, principal: `User:${user}` })).port, user) };
}

const refused = (error: unknown): boolean => isMillraceError(error, 'not-authorized') && !error.retry;

test('what is not allowed is refused at once, by its name; what is allowed goes on', async (t) => {
  const { admin, as } = await scene(t);
  await admin.admin().createAcls([{ principal: 'User:alice', operation: 'write', resource: 'topic', name: 'orders' }]);
  const alice = await as('alice');
  await assert.rejects(alice.producer().send({ topic: 'secret', value: 'x' }), refused);
  assert.equal((await alice.producer().send({ topic: 'orders', value: 'x' })).offset, 0);
  await assert.rejects(alice.admin().createTopics([{ topic: 'more', partitions: 1 }]), refused);
  await assert.rejects(alice.admin().describeAcls(), refused);
  await assert.rejects(alice.admin().alterQuotas([{ entity: { user: 'alice' }, set: { producer_byte_rate: 1 } }]), refused);
  assert.deepEqual(await alice.admin().listTopics(), ['orders']);
  await admin.admin().createAcls([{ principal: 'User:*', permission: 'deny', operation: 'write', resource: 'topic', name: '*' }]);
  await assert.rejects(alice.producer().send({ topic: 'orders', value: 'y' }), refused);
  assert.equal((await admin.admin().deleteAcls([{ permission: 'deny' }])).length, 1);
  assert.equal((await alice.producer().send({ topic: 'orders', value: 'z' })).offset, 1);
});

test('a group and a transaction of a user with just the rights for them', async (t) => {
  const { admin, as } = await scene(t);
  await admin.admin().createAcls([
    { principal: 'User:alice', operation: 'read', resource: 'topic', name: 'orders' }, { principal: 'User:alice', operation: 'read', resource: 'group', name: 'shop-', pattern: 'prefixed' },
    { principal: 'User:alice', operation: 'write', resource: 'topic', name: 'orders' }, { principal: 'User:alice', operation: 'write', resource: 'transactional_id', name: 'tx' },
  ]);
  const alice = await as('alice');
  const producer = alice.transactionalProducer({ transactionalId: 'tx' });
  await producer.transact(async (transaction) => { await transaction.send({ topic: 'orders', value: 'bought' }); });
  await producer.close();
  await assert.rejects(async () => {
    await using other = alice.transactionalProducer({ transactionalId: 'another' });
    await other.transact(async (transaction) => { await transaction.send({ topic: 'orders', value: 'never' }); });
  }, refused);
  const enough = new AbortController();
  const seen: (string | null)[] = [];
  await using consumer = alice.consumer({ topics: ['orders'], group: 'shop-1' });
  await consumer.run({ signal: enough.signal, eachRecord: (record) => { seen.push(record.text()); enough.abort(); } });
  assert.deepEqual(seen, ['bought']);
  await assert.rejects(async () => {
    await using stranger = alice.consumer({ topics: ['orders'], group: 'other' });
    await stranger.run({ signal: AbortSignal.timeout(5000), eachRecord: () => {} });
  }, refused);
});

test('a producer and a consumer under quotas keep to their rates, and nothing is lost', async (t) => {
  const { admin, as } = await scene(t);
  await admin.admin().createAcls([{ principal: 'User:bob', operation: 'all', resource: 'topic', name: '*' }, { principal: 'User:bob', operation: 'all', resource: 'group', name: '*' }]);
  const [rate, records, bytesEach] = [200_000, 400, 2_000];
  await admin.admin().alterQuotas([{ entity: { user: 'bob' }, set: { producer_byte_rate: rate, consumer_byte_rate: rate } }]);
  const bob = await as('bob');
  const elapsedMs = async (act: () => Promise<void>): Promise<number> => {
    const startMs = performance.now();
    await act();
    return performance.now() - startMs;
  };
  const value = 'x'.repeat(bytesEach);
  const producer = bob.producer({ compression: 'none', batchBytes: 20_000 });
  const producedMs = await elapsedMs(async () => { await Promise.all(Array.from({ length: records }, () => producer.send({ topic: 'orders', value }))); });
  // Three windows of 200 kB are free, the rest of the 800 kB comes at the rate.
  assert.ok(producedMs >= 700, `${records * bytesEach} bytes were produced in ${Math.round(producedMs)} ms`);
  let count = 0;
  const enough = new AbortController();
  await using consumer = bob.consumer({ topics: ['orders'], group: 'g' });
  const consumedMs = await elapsedMs(() => consumer.run({ signal: enough.signal, eachRecord: () => { if (++count === records) enough.abort(); } }));
  assert.ok(consumedMs >= 700, `${records * bytesEach} bytes were consumed in ${Math.round(consumedMs)} ms`);
  assert.equal(count, records);
});

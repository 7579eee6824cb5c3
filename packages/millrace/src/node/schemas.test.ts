// Schemas at the door, with whole nodes: refused record by record, the rest of a batch not stored, order kept, in memory and on disk.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMillraceError, MillraceError } from '../base/mod.ts';
import { connect, type ProducedRecords } from '../client/mod.ts';
import { testMillrace } from '../testing/mod.ts';
import { startNode } from './mod.ts';

const schema = JSON.stringify({ type: 'object', required: ['n'], properties: { n: { type: 'integer' } } });
const configs = { 'millrace.value.schema': schema };

for (const where of ['in memory', 'on disk'] as const) {
  test(`${where}: bad records are refused one by one, our producer sends the good ones of their batch again`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-schemas-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    await using node = await startNode(where === 'on disk' ? { data: join(folder, 'data') } : {});
    await using client = await connect(node);
    await client.admin().createTopics([{ topic: 'numbers', partitions: 1, configs }]);
    const failure = await client.producer().sendBatch(Array.from({ length: 100 }, (_, n) => ({ topic: 'numbers', value: n % 10 === 3 ? `{"n":"${n}"}` : `{"n":${n}}` }))).catch((error: unknown) => error);
    assert.ok(isMillraceError(failure, 'record-refused'));
    assert.match((failure as MillraceError).message, /it said: value: \/n must be integer/);
    const produced = (failure as MillraceError).data['produced'] as ProducedRecords;
    assert.deepEqual(produced.failures.map(({ index }) => index), [3, 13, 23, 33, 43, 53, 63, 73, 83, 93]);
    const read: number[] = [];
    for await (const record of client.consumer({ topics: ['numbers'] })) {
      read.push(record.json<{ n: number }>()!.n);
      if (read.length === 90) break;
    }
    assert.deepEqual(read, Array.from({ length: 100 }, (_, n) => n).filter((n) => n % 10 !== 3));
  });
}

test('many batches at once keep their order, and a schema that comes and goes never lets one overtake', async () => {
  await using node = await startNode();
  await using client = await connect(node);
  await client.admin().createTopics([{ topic: 'numbers', partitions: 2, configs }]);
  const producer = client.producer({ batchBytes: 200, lingerMs: 0 });
  const sending = Array.from({ length: 600 }, (_, n) => producer.send({ topic: 'numbers', partition: n % 2, value: `{"n":${n}}` }));
  for (let change = 0; change < 6; change++) {
    await client.admin().alterConfigs([change % 2 === 0 ? { kind: 'topic', name: 'numbers', unset: ['millrace.value.schema'] } : { kind: 'topic', name: 'numbers', set: configs }]);
  }
  await Promise.all(sending);
  const last = [-1, -1];
  let count = 0;
  for await (const record of client.consumer({ topics: ['numbers'] })) {
    const { n } = record.json<{ n: number }>()!;
    assert.ok(n > last[record.partition]!, `${n} in order`);
    last[record.partition] = n;
    if (++count === 600) break;
  }
});

test('transactions: a bad record aborts, a good one commits', async () => {
  await using node = await startNode();
  await using client = await connect(node);
  await client.admin().createTopics([{ topic: 'numbers', partitions: 1, configs }]);
  const producer = client.transactionalProducer({ transactionalId: 't' });
  await assert.rejects(producer.transact(async (transaction) => {
    await transaction.send({ topic: 'numbers', value: '{"n":1}' });
    await transaction.send({ topic: 'numbers', value: '{}' });
  }), (error) => isMillraceError(error, 'record-refused'));
  await producer.transact(async (transaction) => { await transaction.send({ topic: 'numbers', value: '{"n":2}' }); });
  for await (const record of client.consumer({ topics: ['numbers'] })) {
    assert.equal(record.text(), '{"n":2}');
    break;
  }
});

test('a schema that cannot be used is refused when the topic is made or altered', async () => {
  await using node = await startNode();
  await using client = await connect(node);
  const refused = (act: Promise<unknown>, why: RegExp) => assert.rejects(act, (error) => isMillraceError(error, 'invalid-argument') && why.test(error.message));
  await refused(client.admin().createTopics([{ topic: 'bad', configs: { 'millrace.value.schema': '{"type":"objekt"}' } }]), /schema is invalid/);
  assert.deepEqual(await client.admin().listTopics(), []);
  await client.admin().createTopics([{ topic: 'numbers', configs }]);
  await refused(client.admin().alterConfigs([{ kind: 'topic', name: 'numbers', set: { 'millrace.key.schema': '{"$ref":"http://elsewhere/x"}' } }]), /resolve reference/);
  await assert.rejects(client.producer().send({ topic: 'numbers', value: 'x' }), (error) => isMillraceError(error, 'record-refused'));
  await client.producer().send({ topic: 'numbers', key: 'anything', value: null });
});

test('on virtual time the check is a part of the run, and holds after a power cut', async () => {
  await using millrace = await testMillrace({ seed: 5 });
  const admin = millrace.client.admin();
  await millrace.run(() => admin.createTopics([{ topic: 'numbers', partitions: 1, configs }]));
  const producer = millrace.client.producer();
  await millrace.run(() => producer.send({ topic: 'numbers', value: '{"n":1}' }));
  await millrace.restart('cut');
  await assert.rejects(millrace.run(() => producer.send({ topic: 'numbers', value: '{"n":"x"}' })), (error) => isMillraceError(error, 'record-refused'));
  assert.equal((await millrace.run(() => producer.send({ topic: 'numbers', value: '{"n":2}' }))).offset, 1);
});

// test/conformance/schemas.test.ts - a topic that carries a schema, through the eyes of every client: what is bad is refused, by its record where the client can tell, and nothing of
// its batch is stored. Millrace alone: Apache Kafka checks no schemas.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Broker } from '../peers/broker.ts';
import { startMillrace } from '../peers/millrace.ts';
import type { Ack, Message } from './driver.ts';
import { clients, Matrix, targets } from './matrix.ts';
import { same, story } from './scene.ts';
import { Stage } from './stage.ts';

const schema = { 'millrace.value.schema': JSON.stringify({ type: 'object', required: ['n'], properties: { n: { type: 'integer' } } }) };
const good = (n: number): Message => ({ key: Buffer.from(`k${n}`), value: Buffer.from(`{"n":${n}}`), partition: 0 });
const bad: Message = { key: Buffer.from('bad'), value: Buffer.from('{"n":"x"}'), partition: 0 };
const refused = (acks: readonly Ack[]): string[] => acks.flatMap((ack) => ('error' in ack ? [ack.error] : []));

const cases = [
  story('schema, good records are stored', [], async (scene) => {
    const topic = await scene.topic(1, schema);
    const messages = [good(1), good(2), { ...good(3), value: null }];
    assert.deepEqual(refused(await scene.driver.produce({ topic, messages: messages.slice(0, 2) })), []);
    assert.deepEqual(refused(await scene.driver.produce({ topic, messages: messages.slice(2) })), []);
    same(await scene.reference.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 3 }), messages);
  }),
  story('schema, a bad record is refused by name', [], async (scene) => {
    const topic = await scene.topic(1, schema);
    const [error] = refused(await scene.driver.produce({ topic, messages: [bad] }));
    assert.ok(error !== undefined, 'the record was taken');
    // @platformatic/kafka has no name for it.
    if (scene.driver.lacks['error-names'] === undefined) assert.match(error, scene.driver.name === 'platformatic' ? /INVALID_RECORD|UNKNOWN_SERVER_ERROR/ : /INVALID_RECORD/);
    assert.equal(await scene.reference.admin.listOffset(topic, 0, { kind: 'latest' }), 0);
    assert.deepEqual(refused(await scene.driver.produce({ topic, messages: [good(1)] })), [], 'the producer goes on');
  }),
  story('schema, nothing of a batch with a bad record is stored', [], async (scene) => {
    const topic = await scene.topic(1, schema);
    const acks = await scene.driver.produce({ topic, messages: [good(1), bad, good(2)] });
    const stored = await scene.reference.admin.listOffset(topic, 0, { kind: 'latest' });
    // Clients differ in how many batches they make of three records; of the bad one's batch nothing may be there.
    const refusals = refused(acks).length;
    assert.ok(refusals >= 1 && refusals <= 3, `${refusals} of three were refused`);
    assert.equal(stored, acks.length - refusals, 'what was acknowledged is stored, and nothing else');
  }),
];

const matrix = new Matrix('schemas');
const open = new AsyncDisposableStack();
let broker: Broker;
let stage: Stage;

if (targets.includes('millrace')) describe('schemas', { concurrency: 3 }, () => {
  before(async () => {
    broker = open.use(await startMillrace());
    stage = open.use(await Stage.open());
  });
  after(async () => {
    await open.disposeAsync();
    process.stdout.write(matrix.print());
  });
  for (const client of clients) {
    describe(client, { concurrency: 1 }, () => {
      for (const one of cases) {
        test(`${client}: ${one.name}`, { timeout: 60_000 }, async (t) => {
          if (stage.missing.has(client)) return t.skip(stage.missing.get(client));
          await matrix.runCase(one, [{ target: 'millrace', driver: stage.driver(client, broker.bootstrap), reference: stage.reference(broker.bootstrap), broker }]);
        });
      }
    });
  }
});

// The producer on virtual time, with a real node on a simulated machine: when batches go, when patience ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../../node/mod.ts';
import { World } from '../../testing/mod.ts';
import { BatchCursor } from '../../wire/mod.ts';
import { connect } from '../mod.ts';
import type { ProducerOptions } from './options.ts';

const address = { host: 'server', port: 9092 };

async function scene(options: ProducerOptions = {}) {
  const world = new World(3);
  const { time } = world;
  const server = world.start('node', address.host);
  await time.settle(startNode({ machine: server.machine, ...address, tailBytes: 1 << 20, journalFileBytes: 1 << 20 }));
  const app = world.start('app', 'app');
  const client = await time.settle(connect('server:9092', { machine: app.machine, requestTimeoutMs: 1_000, connectTimeoutMs: 500 }));
  await time.settle(client.admin().createTopics([{ topic: 't', partitions: 1 }]));
  const other = await time.settle(connect('server:9092', { machine: world.start('other', 'other').machine }));
  const producer = client.producer(options);
  /** Records of each stored batch. */
  const batches = async (): Promise<number[]> => {
    const consumer = client.consumer({ topics: ['t'] });
    const counts: number[] = [];
    const [end] = await time.settle(client.admin().listOffsets([{ topic: 't', partition: 0, at: 'latest' }]));
    const all = consumer.batches();
    for (let next = 0; next < end!.offset;) {
      const { value } = await time.settle(all.next());
      const cursor = new BatchCursor(value!.bytes);
      while (cursor.next()) { counts.push(cursor.recordCount); next = cursor.lastOffset + 1; }
    }
    return counts;
  };
  return { time, server, client, other, producer, batches };
}

test('a lone record goes at once; what is sent in one turn of the loop goes together', async () => {
  const { time, producer, batches } = await scene({ lingerMs: 60_000 });
  const startMs = time.nowMs;
  await time.settle(producer.send({ topic: 't', value: 'alone' }));
  assert.ok(time.nowMs - startMs < 1_000, 'it did not linger');
  await time.settle(Promise.all(Array.from({ length: 100 }, () => producer.send({ topic: 't', value: 'together' }))));
  assert.deepEqual(await batches(), [1, 100]);
});

test('under load records wait for company while others are under way, and batches grow', async () => {
  const { time, producer, batches } = await scene({ lingerMs: 60_000 });
  const sent: Promise<unknown>[] = [];
  for (let i = 0; i < 300; i++) {
    sent.push(producer.send({ topic: 't', value: `v${i}` }));
    await time.advance(0.05); // far less than a round trip
  }
  await time.settle(Promise.all(sent));
  const counts = await batches();
  assert.equal(counts.reduce((sum, count) => sum + count, 0), 300);
  assert.ok(counts.length < 150, `${counts.length} batches for 300 records`);
});

test('full batches do not wait for answers, others at most lingerMs', async () => {
  const { time, producer, batches } = await scene({ lingerMs: 10, batchBytes: 1_000 });
  const sent = Array.from({ length: 40 }, () => producer.send({ topic: 't', value: 'x'.repeat(200) }));
  await time.settle(Promise.all(sent));
  const counts = await batches();
  assert.ok(counts.every((count) => count <= 4), counts.join(' '));
});

test('a record that cannot be delivered fails by its delivery deadline and says why; its memory comes back', async () => {
  const { time, server, producer } = await scene({ deliveryTimeoutMs: 5_000 });
  await time.settle(producer.send({ topic: 't', value: 'first' }));
  server.process.kill();
  const startMs = time.nowMs;
  const lost = producer.send({ topic: 't', value: 'lost' });
  await assert.rejects(time.settle(lost), { code: 'timeout', retry: false, message: /not stored within 5000 ms; the last attempt said: .*server:9092/ });
  assert.ok(time.nowMs - startMs >= 5_000 && time.nowMs - startMs <= 6_500, `${time.nowMs - startMs} ms`);
  assert.equal(producer.bufferedBytes, 0);
});

test('a full buffer refuses trySend at once and send after the delivery timeout', async () => {
  const { time, server, producer } = await scene({ deliveryTimeoutMs: 5_000, bufferBytes: 2_000, batchBytes: 1_000 });
  await time.settle(producer.send({ topic: 't', value: 'first' }));
  server.process.kill();
  const held: Promise<unknown>[] = [];
  while (producer.bufferedBytes < 2_000) held.push(producer.send({ topic: 't', value: 'x'.repeat(400) }).catch((error: { code: string }) => error.code));
  assert.equal(producer.trySend({ topic: 't', value: 'no room' }), false);
  const waiting = producer.send({ topic: 't', value: 'waits' }).catch((error: { code: string }) => error.code);
  const codes = await time.settle(Promise.all([...held, waiting]));
  assert.deepEqual(new Set(codes.slice(0, -1)), new Set(['timeout']));
  assert.ok(codes.at(-1) === 'timeout' || codes.at(-1) === 'overloaded', String(codes.at(-1)));
});

test('closing with a deadline fails what could not be sent', async () => {
  const { time, server, producer } = await scene();
  await time.settle(producer.send({ topic: 't', value: 'first' }));
  server.process.kill();
  const late = assert.rejects(producer.send({ topic: 't', value: 'late' }), { code: 'closed' });
  await time.settle(producer.close(2_000));
  await late;
});

test('what trySend took and no topic was found for is told to onError, and so is a record that is refused at once', async () => {
  const told: unknown[] = [];
  const { time, producer } = await scene({ deliveryTimeoutMs: 1_000, onError: (error, batch) => told.push([(error as Error & { code: string }).code, batch]) });
  for (let i = 0; i < 3; i++) assert.ok(producer.trySend({ topic: 'not a name', value: 'v' }));
  await assert.rejects(time.settle(producer.flush()), { code: 'invalid-argument' });
  await time.settle(producer.send({ topic: 't', value: 'known' }));
  assert.ok(producer.trySend({ topic: 't', value: 7 as unknown as string }));
  await assert.rejects(time.settle(producer.flush()), { code: 'invalid-argument' });
  assert.deepEqual(told, [
    ['invalid-argument', { topic: 'not a name', partition: -1, recordCount: 3 }],
    ['invalid-argument', { topic: 't', partition: -1, recordCount: 1 }],
  ]);
});

test('a topic that is not found gives its memory back to those who wait for room', async () => {
  const { time, producer } = await scene({ bufferBytes: 2_000, batchBytes: 1_000 });
  const lost = Array.from({ length: 3 }, () => producer.send({ topic: 'not a name', value: 'x'.repeat(900) }).catch((error: { code: string }) => error.code));
  const next = producer.send({ topic: 't', value: 'waits' });
  assert.deepEqual(await time.settle(Promise.all(lost)), ['invalid-argument', 'invalid-argument', 'invalid-argument']);
  assert.equal((await time.settle(next)).topic, 't');
});

test('flush ends with what was given before it, however much is given meanwhile', async () => {
  const { time, producer } = await scene();
  await time.settle(producer.send({ topic: 't', value: 'first' }));
  let sent = 0;
  let isOn = true;
  const keepSending = (): void => { if (isOn) { sent++; producer.send({ topic: 't', value: 'more' }).then(keepSending, keepSending); } };
  for (let i = 0; i < 50; i++) keepSending();
  for (let i = 0; i < 20; i++) keepSending();
  const before = sent;
  let isFlushed = false;
  const flushed = producer.flush().then(() => { isFlushed = true; });
  await time.advance(2_000);
  isOn = false;
  assert.ok(isFlushed, 'it did not wait for a pause in sending');
  assert.ok(sent > before * 2, 'sending went on');
  await time.settle(flushed);
});

test('a record that waits for room when the producer is closed is still sent', async () => {
  const { time, producer, batches } = await scene({ bufferBytes: 2_000, batchBytes: 1_000 });
  const sent = Array.from({ length: 20 }, () => producer.send({ topic: 't', value: 'x'.repeat(500) }));
  await time.settle(producer.close());
  assert.deepEqual((await time.settle(Promise.all(sent))).map(({ offset }) => offset), Array.from({ length: 20 }, (_unused, index) => index));
  assert.equal((await batches()).reduce((sum, count) => sum + count, 0), 20);
});

test('flush waits for records that wait for room', async () => {
  const { time, producer } = await scene({ bufferBytes: 2_000, batchBytes: 1_000 });
  let stored = 0;
  for (let i = 0; i < 20; i++) void producer.send({ topic: 't', value: 'x'.repeat(500) }).then(() => { stored++; });
  await time.settle(producer.flush());
  await time.advance(0);
  assert.equal(stored, 20);
});

test('closing with a deadline does not wait for a topic that is still looked for', async () => {
  const { time, server, producer } = await scene();
  server.process.kill();
  const startMs = time.nowMs;
  const late = assert.rejects(producer.send({ topic: 'never seen', value: 'v' }), { code: 'closed' });
  await time.settle(producer.close(1_000));
  await late;
  assert.ok(time.nowMs - startMs <= 1_100, `${time.nowMs - startMs} ms`); // virtual time
  assert.equal(producer.bufferedBytes, 0);
});

test('a partition that is new to the producer is looked for, once, before the record is refused; order stays', async () => {
  const { time, producer, other } = await scene();
  await time.settle(producer.send({ topic: 't', value: 'known' }));
  await time.settle(other.admin().createPartitions('t', 3));
  const sent = [0, 1, 2].map((index) => producer.send({ topic: 't', partition: 2, value: `v${index}` }));
  assert.deepEqual((await time.settle(Promise.all(sent))).map(({ partition, offset }) => [partition, offset]), [[2, 0], [2, 1], [2, 2]]);
  await assert.rejects(time.settle(producer.send({ topic: 't', partition: 3, value: 'v' })), { code: 'invalid-argument' });
  await assert.rejects(time.settle(producer.send({ topic: 't', partition: -1, value: 'v' })), { code: 'invalid-argument' });
  assert.equal(producer.bufferedBytes, 0);
});

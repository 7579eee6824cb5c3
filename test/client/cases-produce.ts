// test/client/cases-produce.ts - what a producer promises.
import assert from 'node:assert/strict';
import { readAll, type Case } from './case.ts';

/** Cases of the producer. */
export const produceCases: readonly Case[] = [
  {
    name: 'a record comes back as it was sent: key, value, headers, timestamp, position',
    async run({ client, unique }) {
      const topic = unique('echo');
      await client.admin().createTopics([{ topic, partitions: 3 }]);
      await using producer = client.producer();
      const sent = await producer.send({ topic, key: 'ключ', value: new Uint8Array([0, 1, 255]), headers: [['a', '1'], ['a', null], ['ä', new Uint8Array([9])]], timestampMs: 1_700_000_000_000 });
      assert.deepEqual({ ...sent, partition: -1 }, { topic, partition: -1, offset: 0, timestampMs: 1_700_000_000_000 });
      await producer.send({ topic, key: 'x', value: null, partition: sent.partition });
      await producer.send({ topic, value: '', partition: sent.partition });
      const [first, second, third] = await readAll(client, { partitions: [{ topic, partition: sent.partition }] }, 3);
      assert.deepEqual([first!.keyText(), [...first!.value!], first!.timestampMs, first!.offset], ['ключ', [0, 1, 255], 1_700_000_000_000, 0]);
      assert.deepEqual(first!.headers.map(({ key, value }) => [key, value && [...value]]), [['a', [49]], ['a', null], ['ä', [9]]]);
      assert.deepEqual([second!.keyText(), second!.value], ['x', null]);
      assert.deepEqual([third!.key, third!.text()], [null, '']);
    },
  },
  {
    name: 'keys go where the Java client puts them, records without a key are spread',
    async run({ client, unique }) {
      const topic = unique('places');
      await client.admin().createTopics([{ topic, partitions: 5 }]);
      await using producer = client.producer({ batchBytes: 512 });
      const keys = ['SFO', 'JFK', 'a', '', 'flights-3m', 'Zürich'];
      const produced = await producer.sendBatch(keys.map((key) => ({ topic, key, value: key })));
      assert.deepEqual(keys.map((_key, index) => produced.position(index).partition), keys.map((key) => javaPlaces[key]));
      const spread = await producer.sendBatch(Array.from({ length: 500 }, () => ({ topic, value: 'x'.repeat(50) })));
      const counts = new Map<number, number>();
      for (let i = 0; i < spread.count; i++) counts.set(spread.position(i).partition, (counts.get(spread.position(i).partition) ?? 0) + 1);
      assert.equal(counts.size, 5);
    },
  },
  ...(['gzip', 'snappy', 'lz4', 'zstd'] as const).map((compression): Case => ({
    name: `batches compressed with ${compression} come back`,
    async run({ client, unique }) {
      const topic = unique(compression);
      await client.admin().createTopics([{ topic, partitions: 1 }]);
      await using producer = client.producer({ compression });
      const values = Array.from({ length: 2_000 }, (_unused, index) => `value ${index} of many that are much alike`);
      await producer.sendBatch(values.map((value) => ({ topic, value })));
      assert.deepEqual((await readAll(client, { topics: [topic] }, values.length)).map((record) => record.text()), values);
    },
  })),
  {
    name: 'batches larger than the topic allows are halved until they fit, in order; a record that never fits fails alone',
    async run({ client, unique }) {
      const topic = unique('halves');
      await client.admin().createTopics([{ topic, partitions: 1, configs: { 'max.message.bytes': 10_000 } }]);
      await using producer = client.producer({ batchBytes: 400_000, lingerMs: 50 });
      const values = Array.from({ length: 100 }, (_unused, index) => String(index).padEnd(1_000, '.'));
      values[50] = 'L'.padEnd(20_000, '.');
      const sent = values.map((value) => producer.send({ topic, value }));
      const results = await Promise.allSettled(sent);
      assert.deepEqual(results.flatMap((result, index) => (result.status === 'rejected' ? [[index, (result.reason as { code: string }).code]] : [])), [[50, 'message-too-large']]);
      const read = await readAll(client, { topics: [topic] }, 99);
      assert.deepEqual(read.map((record) => record.text()), values.filter((_value, index) => index !== 50));
    },
  },
  {
    name: 'memory is bounded: with a small buffer everything still arrives, once and in order',
    async run({ client, unique }) {
      const topic = unique('bounded');
      await client.admin().createTopics([{ topic, partitions: 1 }]);
      await using producer = client.producer({ bufferBytes: 20_000, batchBytes: 4_000 });
      let most = 0;
      let refused = 0;
      for (let i = 0; i < 3_000; i++) {
        while (!producer.trySend({ topic, value: String(i).padEnd(100) })) { refused++; await producer.room(); }
        most = Math.max(most, producer.bufferedBytes);
      }
      await producer.flush();
      assert.ok(most < 20_000 + 200, `${most} bytes were held`);
      assert.ok(refused > 0, 'the buffer was full at times');
      const read = await readAll(client, { topics: [topic] }, 3_000);
      assert.deepEqual(read.map((record) => Number(record.text())), Array.from({ length: 3_000 }, (_unused, index) => index));
    },
  },
  {
    name: 'a topic that does not exist is said so, where it may not be created',
    async run({ target }) {
      await using client = await target.connect({ autoCreateTopics: false });
      await using producer = client.producer();
      await assert.rejects(producer.send({ topic: 'no-such-topic', value: 'x' }), { code: 'topic-not-found' });
      assert.ok(producer.trySend({ topic: 'no-such-topic', value: 'x' }));
      await assert.rejects(producer.flush(), { code: 'topic-not-found' });
      await producer.flush();
    },
  },
  {
    name: 'acks 0 and 1 and no idempotence deliver as well',
    async run({ client, unique }) {
      const topic = unique('acks');
      await client.admin().createTopics([{ topic, partitions: 1 }]);
      await using zero = client.producer({ acks: 0 });
      assert.equal((await zero.send({ topic, value: '0' })).offset, -1);
      await zero.close();
      await using one = client.producer({ acks: 1 });
      for (const value of ['1', '2']) await one.send({ topic, value });
      const texts = (await readAll(client, { topics: [topic] }, 3)).map((record) => record.text());
      assert.deepEqual(texts.sort(), ['0', '1', '2']);
    },
  },
  {
    name: 'closing sends what is held; afterwards sending is refused',
    async run({ client, unique }) {
      const topic = unique('closing');
      await client.admin().createTopics([{ topic, partitions: 2 }]);
      const producer = client.producer();
      const sent = Array.from({ length: 200 }, (_unused, index) => producer.send({ topic, key: String(index), value: 'v' }));
      await producer.close();
      assert.equal((await Promise.all(sent)).length, 200);
      await assert.rejects(producer.send({ topic, value: 'late' }), { code: 'closed' });
    },
  },
];

/** Where kafka-clients 4.3 puts these keys among 5 partitions: toPositive(murmur2(bytes)) % 5, from the Java class itself. */
const javaPlaces: Readonly<Record<string, number>> = { SFO: 4, JFK: 0, a: 4, '': 1, 'flights-3m': 3, Zürich: 3 };

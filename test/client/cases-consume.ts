// test/client/cases-consume.ts - what a consumer promises without a group: order, places, resets, several at a time.
import assert from 'node:assert/strict';
import type { Client } from '../../packages/millrace/src/mod.ts';
import { numbers, pause, readAll, take, until, type Case } from './case.ts';

/** Cases of the consumer. */
export const consumeCases: readonly Case[] = [
  {
    name: 'records, batches and handlers see the same records in the same order',
    async run({ client, unique }) {
      const topic = await filled(client, unique('same'), 2, 1_000);
      const one = byPartition((await readAll(client, { topics: [topic] }, 2_000)).map((record) => [record.partition, record.text()!]));
      const batched: [number, string][] = [];
      await using reader = client.consumer({ topics: [topic] });
      for await (const batch of reader.batches()) {
        for (const record of batch) batched.push([record.partition, record.text()!]);
        if (batched.length === 2_000) break;
      }
      const handled: [number, string][] = [];
      const stop = new AbortController();
      await using runner = client.consumer({ topics: [topic] });
      await runner.run({ concurrency: 2, signal: stop.signal, eachRecord: async (record) => { handled.push([record.partition, record.text()!]); if (handled.length === 2_000) stop.abort(); } });
      assert.deepEqual(one, new Map([[0, numbers(1_000)], [1, numbers(1_000)]]));
      assert.deepEqual(byPartition(batched), one);
      assert.deepEqual(byPartition(handled), one);
    },
  },
  {
    name: 'seek by offset, place and time; position and lag tell where it is',
    async run({ client, unique }) {
      const topic = unique('seek');
      await client.admin().createTopics([{ topic, partitions: 1 }]);
      await using producer = client.producer();
      await producer.sendBatch(numbers(100).map((value) => ({ topic, value, timestampMs: 1_000_000 + Number(value) * 1_000 })));
      await using consumer = client.consumer({ partitions: [{ topic, partition: 0, from: { offset: 40 } }] });
      const at = { topic, partition: 0 };
      const next = async () => (await take(consumer, 1))[0]!.text();
      assert.equal(await next(), '40');
      assert.equal(consumer.position(at), 41);
      assert.deepEqual(await consumer.lag(), [{ ...at, position: 41, endOffset: 100, lag: 59 }]);
      await consumer.seek(at, 7);
      assert.equal(await next(), '7');
      await consumer.seek(at, { timestampMs: 1_000_000 + 59_500 });
      assert.equal(await next(), '60');
      await consumer.seek(at, 'earliest');
      assert.equal(await next(), '0');
      await consumer.seek(at, 'latest');
      assert.equal(consumer.position(at), 100);
      await producer.send({ topic, value: 'new' });
      assert.equal(await next(), 'new');
    },
  },
  {
    name: 'a paused partition waits while others go on, and loses nothing',
    async run({ client, unique }) {
      const topic = await filled(client, unique('pause'), 2, 300);
      await using consumer = client.consumer({ topics: [topic] });
      consumer.start();
      await until('both partitions are held', () => consumer.assignment.length === 2);
      consumer.pause([{ topic, partition: 0 }]);
      const first = await take(consumer, 300);
      assert.ok(first.every((record) => record.partition === 1));
      assert.deepEqual(consumer.paused, [{ topic, partition: 0 }]);
      consumer.resume([{ topic, partition: 0 }]);
      const second = await take(consumer, 300);
      assert.deepEqual(second.map((record) => [record.partition, record.text()]), numbers(300).map((value) => [0, value]));
    },
  },
  {
    name: 'an offset that is gone is reset as told: to the start, to the end, or to an error',
    async run({ client, unique }) {
      const topic = await filled(client, unique('reset'), 1, 50);
      await client.admin().deleteRecords([{ topic, partition: 0, beforeOffset: 20 }]);
      const from = { partitions: [{ topic, partition: 0, from: { offset: 5 } }] };
      assert.equal((await readAll(client, { ...from, offsetReset: 'earliest' }, 1))[0]!.offset, 20);
      await using latest = client.consumer({ ...from, offsetReset: 'latest' });
      latest.start();
      await until('it went to the end', () => latest.assignment.length === 1 && latest.position({ topic, partition: 0 }) === 50);
      await using error = client.consumer({ ...from, offsetReset: 'error' });
      await assert.rejects(take(error, 1), { code: 'offset-out-of-range' });
    },
  },
  {
    name: 'order by key: one key at a time in order, other keys meanwhile',
    async run({ client, unique }) {
      const topic = unique('keys');
      await client.admin().createTopics([{ topic, partitions: 2 }]);
      await using producer = client.producer();
      await producer.sendBatch(Array.from({ length: 400 }, (_unused, index) => ({ topic, key: `k${index % 10}`, value: String(index) })));
      const seen = new Map<string, number[]>();
      const busy = new Set<string>();
      let together = 0;
      const stop = new AbortController();
      await using consumer = client.consumer({ topics: [topic] });
      let count = 0;
      await consumer.run({
        order: 'key', concurrency: 8, signal: stop.signal,
        async eachRecord(record) {
          const key = record.keyText()!;
          assert.ok(!busy.has(key), `two records of ${key} at once`);
          busy.add(key);
          together = Math.max(together, busy.size);
          await pause(1);
          seen.set(key, [...(seen.get(key) ?? []), Number(record.text())]);
          busy.delete(key);
          if (++count === 400) stop.abort();
        },
      });
      assert.equal(count, 400);
      assert.ok(together > 1, 'keys ran side by side');
      for (const [key, values] of seen) assert.deepEqual(values, [...values].sort((a, b) => a - b), key);
    },
  },
  {
    name: 'a handler that fails ends the run, and its record comes again',
    async run({ client, unique }) {
      const topic = await filled(client, unique('fails'), 1, 10);
      await using consumer = client.consumer({ topics: [topic] });
      const seen: string[] = [];
      await assert.rejects(consumer.run({ eachRecord(record) { seen.push(record.text()!); if (record.text() === '4') throw new Error('boom'); } }), /boom/);
      const rest = await take(consumer, 6);
      assert.deepEqual(seen, numbers(5));
      assert.deepEqual(rest.map((record) => record.text()), numbers(6, 4));
    },
  },
  {
    name: 'leaving a loop leaves the record in hand undone: it comes again',
    async run({ client, unique }) {
      const topic = await filled(client, unique('left'), 1, 10);
      await using consumer = client.consumer({ topics: [topic] });
      const seen: (string | null)[] = [];
      for await (const record of consumer) if (seen.push(record.text()) === 3) break;
      for await (const record of consumer) if (seen.push(record.text()) === 6) break;
      assert.deepEqual(seen, ['0', '1', '2', '2', '3', '4']);
    },
  },
  {
    name: 'a reader that waits gets a record soon after it was sent, and new partitions are found',
    async run({ client, unique }) {
      const topic = unique('grows');
      await client.admin().createTopics([{ topic, partitions: 1 }]);
      await using consumer = client.consumer({ topics: [topic], offsetReset: 'latest' });
      consumer.start();
      await until('it is held', () => consumer.assignment.length === 1 && consumer.position({ topic, partition: 0 }) === 0);
      await using producer = client.producer();
      await producer.send({ topic, value: 'a' });
      assert.equal((await take(consumer, 1))[0]!.text(), 'a');
      await client.admin().createPartitions(topic, 3);
      await producer.send({ topic, value: 'b', partition: 2 });
      assert.equal((await take(consumer, 1))[0]!.text(), 'b');
    },
  },
];

/** A topic with the numbers from 0 in each partition. */
export async function filled(client: Client, topic: string, partitions: number, count: number): Promise<string> {
  await client.admin().createTopics([{ topic, partitions }]);
  await using producer = client.producer();
  await producer.sendBatch(Array.from({ length: count * partitions }, (_unused, index) => ({ topic, partition: index % partitions, value: String(Math.floor(index / partitions)) })));
  return topic;
}

function byPartition(records: readonly (readonly [number, string])[]): Map<number, string[]> {
  const partitions = new Map<number, string[]>();
  for (const [partition, value] of records) partitions.set(partition, [...(partitions.get(partition) ?? []), value]);
  return new Map([...partitions].sort(([a], [b]) => a - b));
}

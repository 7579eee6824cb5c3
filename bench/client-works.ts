// bench/client-works.ts - the works of the client bench, each done by one client in a process of its own.
// Called by bench/client.ts: <client> <work> <bootstrap> <topic> <records> <record bytes>; prints one JSON line { recordsPerSecond, cpuSeconds }.
// Every client is used the way its own documentation shows for speed; each pass is done twice and the second one counts.
import { Consumer as PlatformaticConsumer, MessagesStreamModes, Producer as PlatformaticProducer } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { connect } from '../packages/millrace/src/client/mod.ts';

const [client, work, bootstrap, topic, recordsText, bytesText] = process.argv.slice(2) as [string, string, string, string, string, string];
const records = Number(recordsText);
const recordBytes = Number(bytesText);
const back = `${topic}-back`;
let groups = 0;
const groupId = (): string => `bench-${process.pid}-${groups++}`;

/** Counts records and remembers the time of the first and the last. */
class Meter {
  count = 0;
  startMs = 0;
  endMs = 0;
  #done!: () => void;
  readonly done = new Promise<void>((resolve) => { this.#done = resolve; });
  add(count: number): void {
    if (this.startMs === 0) this.startMs = performance.now();
    this.count += count;
    if (this.count >= records && this.endMs === 0) { this.endMs = performance.now(); this.#done(); }
  }
}

/** The change: the same for all, on bytes. */
function changed(value: Uint8Array): Uint8Array {
  const copy = new Uint8Array(value);
  copy[0] = copy[0]! ^ 1;
  return copy;
}

const works: Record<string, Record<string, (meter: Meter) => Promise<void>>> = {
  millrace: {
    async 'consume, for await'(meter) {
      await using from = await connect(bootstrap);
      await using consumer = from.consumer({ topics: [topic], group: groupId() });
      for await (const record of consumer) {
        if (record.value!.length === 0) throw new Error('empty');
        meter.add(1);
        if (meter.count >= records) break;
      }
    },
    async 'consume, handler'(meter) {
      await using from = await connect(bootstrap);
      await using consumer = from.consumer({ topics: [topic], group: groupId() });
      const stop = new AbortController();
      await consumer.run({ signal: stop.signal, eachRecord(record) {
        if (record.value!.length === 0) throw new Error('empty');
        meter.add(1);
        if (meter.count >= records) stop.abort();
      } });
    },
    async 'consume, batches'(meter) {
      await using from = await connect(bootstrap);
      await using consumer = from.consumer({ topics: [topic], group: groupId() });
      for await (const batch of consumer.batches()) {
        const at = batch.reader();
        let count = 0;
        while (at.next()) { if (at.valueLength === 0) throw new Error('empty'); count++; }
        meter.add(count);
        if (meter.count >= records) break;
      }
    },
    async 'read, change, write back'(meter) {
      await using from = await connect(bootstrap);
      await using consumer = from.consumer({ topics: [topic], group: groupId() });
      await using producer = from.producer();
      meter.startMs = performance.now();
      let count = 0;
      for await (const batch of consumer.batches()) {
        const at = batch.reader();
        while (at.next()) {
          const record = { topic: back, key: at.key(), value: changed(at.value()!) };
          while (!producer.trySend(record)) await producer.room();
          count++;
        }
        if (count >= records) break;
      }
      await producer.flush();
      meter.add(count);
    },
    async 'produce'(meter) {
      await using to = await connect(bootstrap);
      await using producer = to.producer();
      const value = new Uint8Array(recordBytes).fill(120);
      meter.startMs = performance.now();
      for (let i = 0; i < records; i++) while (!producer.trySend({ topic: back, key: `key-${i % 1000}`, value })) await producer.room();
      await producer.flush();
      meter.add(records);
    },
  },
  kafkajs: {
    'consume, for await': (meter) => kafkajsConsume(meter, false),
    'consume, handler': (meter) => kafkajsConsume(meter, false),
    'consume, batches': (meter) => kafkajsConsume(meter, true),
    async 'read, change, write back'(meter) {
      const kafka = kafkajs();
      const consumer = kafka.consumer({ groupId: groupId(), maxBytesPerPartition: 2 << 20 });
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5 });
      await producer.connect();
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      const started = performance.now();
      let count = 0;
      await consumer.run({ partitionsConsumedConcurrently: 4, async eachBatch({ batch }) {
        const messages = batch.messages.map((message) => ({ key: message.key, value: Buffer.from(changed(message.value!)) }));
        for (let at = 0; at < messages.length; at += 2_000) await producer.send({ topic: back, acks: -1, messages: messages.slice(at, at + 2_000) });
        count += messages.length;
        if (count >= records) { meter.startMs = started; meter.add(count); }
      } });
      await meter.done;
      await consumer.disconnect();
      await producer.disconnect();
    },
    async 'produce'(meter) {
      const producer = kafkajs().producer({ idempotent: true, maxInFlightRequests: 5 });
      await producer.connect();
      const value = Buffer.alloc(recordBytes, 120);
      meter.startMs = performance.now();
      const sends: Promise<unknown>[] = [];
      for (let at = 0; at < records; at += 2_000) {
        sends.push(producer.send({ topic: back, acks: -1, messages: Array.from({ length: 2_000 }, (_unused, i) => ({ key: `key-${(at + i) % 1000}`, value })) }));
        if (sends.length === 5) await Promise.all(sends.splice(0));
      }
      await Promise.all(sends);
      meter.add(records);
      await producer.disconnect();
    },
  },
  platformatic: {
    'consume, for await': (meter) => platformaticConsume(meter, false),
    'consume, handler': (meter) => platformaticConsume(meter, true),
    'consume, batches': (meter) => platformaticConsume(meter, true),
    async 'read, change, write back'(meter) {
      const consumer = new PlatformaticConsumer({ clientId: 'bench', groupId: groupId(), bootstrapBrokers: [bootstrap], maxBytes: 16 << 20, autocommit: true });
      const producer = new PlatformaticProducer<Buffer, Buffer, Buffer, Buffer>({ clientId: 'bench', bootstrapBrokers: [bootstrap], idempotent: true, acks: -1 });
      const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST });
      const started = performance.now();
      let count = 0;
      let messages: { topic: string; key: Buffer | undefined; value: Buffer }[] = [];
      const sends: Promise<unknown>[] = [];
      for await (const message of stream) {
        messages.push({ topic: back, key: message.key as Buffer | undefined, value: Buffer.from(changed(message.value as Buffer)) });
        count++;
        if (messages.length < 2_000 && count < records) continue;
        sends.push(producer.send({ messages: messages as never }));
        messages = [];
        if (sends.length === 5 || count >= records) await Promise.all(sends.splice(0));
        if (count >= records) break;
      }
      meter.startMs = started;
      meter.add(count);
      await stream.close().catch(() => {});
      await consumer.close(true);
      await producer.close();
    },
    async 'produce'(meter) {
      const producer = new PlatformaticProducer<Buffer, Buffer, Buffer, Buffer>({ clientId: 'bench', bootstrapBrokers: [bootstrap], idempotent: true, acks: -1 });
      const value = Buffer.alloc(recordBytes, 120);
      meter.startMs = performance.now();
      const sends: Promise<unknown>[] = [];
      for (let at = 0; at < records; at += 2_000) {
        const messages = Array.from({ length: 2_000 }, (_unused, i) => ({ topic: back, key: Buffer.from(`key-${(at + i) % 1000}`), value }));
        sends.push(producer.send({ messages: messages as never }));
        if (sends.length === 5) await Promise.all(sends.splice(0));
      }
      await Promise.all(sends);
      meter.add(records);
      await producer.close();
    },
  },
};

function kafkajs(): Kafka {
  return new Kafka({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.NOTHING });
}

async function kafkajsConsume(meter: Meter, batches: boolean): Promise<void> {
  const consumer = kafkajs().consumer({ groupId: groupId(), maxBytesPerPartition: 2 << 20 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run(batches
    ? { partitionsConsumedConcurrently: 4, eachBatch: async ({ batch }) => { meter.add(batch.messages.length); } }
    : { partitionsConsumedConcurrently: 4, eachMessage: async ({ message }) => { if (message.value!.length === 0) throw new Error('empty'); meter.add(1); } });
  await meter.done;
  await consumer.disconnect();
}

async function platformaticConsume(meter: Meter, events: boolean): Promise<void> {
  const consumer = new PlatformaticConsumer({ clientId: 'bench', groupId: groupId(), bootstrapBrokers: [bootstrap], maxBytes: 16 << 20, autocommit: true });
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST });
  if (events) {
    stream.on('data', (message) => { if ((message.value as Buffer).length === 0) throw new Error('empty'); meter.add(1); });
    await meter.done;
  } else {
    for await (const message of stream) {
      if ((message.value as Buffer).length === 0) throw new Error('empty');
      meter.add(1);
      if (meter.count >= records) break;
    }
  }
  await stream.close().catch(() => {});
  await consumer.close(true);
}

let last = { recordsPerSecond: 0, cpuSeconds: 0 };
for (let pass = 0; pass < 2; pass++) {
  const meter = new Meter();
  const before = process.cpuUsage();
  await works[client]![work]!(meter);
  const used = process.cpuUsage(before);
  last = { recordsPerSecond: Math.round((meter.count / (meter.endMs - meter.startMs)) * 1000), cpuSeconds: (used.user + used.system) / 1e6 };
}
console.log(JSON.stringify(last));
process.exit(0);

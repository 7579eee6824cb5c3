// test/conformance/protocol.test.ts - requests that no well-meaning client sends, written by hand, answered the same by both.
// Owns: what happens at the edges: unknown versions and keys, damaged batches, wrong acknowledgements, offsets that are not there. The answers are compared
// byte for byte where nothing in them is a broker's own, else by their error codes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32c } from '../../packages/millrace/src/base/mod.ts';
import { RawConnection } from '../peers/raw.ts';
import { startJavaWorker, type Worker } from '../peers/worker.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import { javaDriver } from './drivers/worker.ts';
import { isChosen, Matrix, targets } from './matrix.ts';
import { createReady } from './scene.ts';
import { startTarget } from './targets.ts';

const apiKeys = { produce: 0, fetch: 1, listOffsets: 2, metadata: 3, heartbeat: 12, apiVersions: 18, initProducerId: 22, describeConfigs: 32, incrementalAlterConfigs: 44 };

type RawCase = { name: string; run(broker: Broker, topic: string): Promise<unknown> };

// Each resolves to what must be the same on both.
const cases: RawCase[] = [
  { name: 'ApiVersions of a version from the future is answered in version 0 with error 35', run: (broker) => withConnection(broker, async (connection) => {
    // Its header is that of the newest version: with tags.
    const answer = await connection.call(apiKeys.apiVersions, 99, concat(Buffer.from([0]), Buffer.from([2, 0x63, 2, 0x31, 0])));
    return { error: answer.readInt16BE(0), firstKey: answer.readInt16BE(6), hasList: answer.readInt32BE(2) > 0, isWhole: answer.length === 6 + answer.readInt32BE(2) * 6 };
  }) },
  { name: 'ApiVersions of version 0 offers Produce from 0', run: (broker) => withConnection(broker, async (connection) => {
    const answer = await connection.call(apiKeys.apiVersions, 0, Buffer.alloc(0));
    const ranges = Array.from({ length: answer.readInt32BE(2) }, (_, i) => [answer.readInt16BE(6 + i * 6), answer.readInt16BE(8 + i * 6), answer.readInt16BE(10 + i * 6)] as const);
    const of = (key: number): readonly [number, number] | undefined => { const found = ranges.find(([one]) => one === key); return found && [found[1], found[2]]; };
    return { produce: of(0), fetch: of(1), listOffsets: of(2), metadata: of(3), joinGroup: of(11), offsetForLeaderEpoch: of(23) };
  }) },
  { name: 'a version that is not offered closes the connection', run: (broker) => withConnection(broker, (connection) => isClosedBy(connection.call(apiKeys.metadata, 99, int32(0)))) },
  { name: 'a key that nobody knows closes the connection', run: (broker) => withConnection(broker, (connection) => isClosedBy(connection.call(999, 0, Buffer.alloc(0)))) },
  { name: 'a body that is cut closes the connection', run: (broker, topic) => withConnection(broker, (connection) => isClosedBy(connection.call(apiKeys.metadata, 1, concat(int32(1), string(topic).subarray(0, 4))))) },
  { name: 'a frame larger than any request closes the connection', run: (broker) => withConnection(broker, (connection) => isClosedBy(connection.send(int32(0x7fff_0000)))) },
  { name: 'a frame of a negative size closes the connection', run: (broker) => withConnection(broker, (connection) => isClosedBy(connection.send(int32(-5)))) },
  { name: 'answers come in the order of the requests', run: (broker, topic) => withConnection(broker, async (connection) => {
    // The first waits for data that does not come, the others need not wait.
    const answers = await connection.callAll([[apiKeys.fetch, 4, fetchBody(topic, 0, 0, 300)], [apiKeys.apiVersions, 0, Buffer.alloc(0)], [apiKeys.metadata, 1, int32(0)]]);
    return answers.length;
  }) },
  { name: 'metadata of a topic that is not there', run: (broker) => withConnection(broker, async (connection) => {
    // Version 4 with creation not allowed.
    const answer = await connection.call(apiKeys.metadata, 4, concat(int32(1), string('never-made'), Buffer.from([0])));
    return { error: new Cursor(answer).metadataTopicError() };
  }) },
  { name: 'produce with acks 2', run: (broker, topic) => produceError(broker, topic, 0, batch(), 2) },
  { name: 'produce to a topic that is not there', run: (broker) => produceError(broker, 'never-made', 0, batch(), 1) },
  { name: 'produce to a partition that is not there', run: (broker, topic) => produceError(broker, topic, 77, batch(), 1) },
  { name: 'produce a damaged batch', run: (broker, topic) => produceError(broker, topic, 0, flipped(batch(), 66), 1) },
  { name: 'produce a batch of an old format', run: (broker, topic) => produceError(broker, topic, 0, withByte(batch(), 16, 1), 1) },
  { name: 'produce a batch with a count that is not so', run: (broker, topic) => produceError(broker, topic, 0, resealed(batch(), (bytes) => bytes.writeInt32BE(3, 57)), 1) },
  { name: 'produce two batches in one partition', run: (broker, topic) => produceError(broker, topic, 0, concat(batch(), batch()), 1) },
  { name: 'produce no batch', run: (broker, topic) => produceError(broker, topic, 0, Buffer.alloc(0), 1) },
  { name: 'produce a batch that says it is longer than it is', run: (broker, topic) => produceError(broker, topic, 0, resealed(batch(), (bytes) => bytes.writeInt32BE(bytes.length, 8)), 1) },
  { name: 'produce a control batch', run: (broker, topic) => produceError(broker, topic, 0, resealed(batch(), (bytes) => bytes.writeInt16BE(0x20, 21)), 1) },
  { name: 'produce a codec that nobody knows', run: (broker, topic) => produceError(broker, topic, 0, resealed(batch(), (bytes) => bytes.writeInt16BE(7, 21)), 1) },
  { name: 'produce sequences: the first may be any, then each follows, repeats are recognised', run: async (broker, topic) => {
    const producerId = await givenProducerId(broker);
    const errors: (number | string)[] = [];
    for (const sequence of [9, 10, 12, 10, 11, 3]) errors.push(await produceError(broker, topic, 0, fromProducer(producerId, 0, sequence), -1));
    errors.push(await produceError(broker, topic, 0, fromProducer(producerId, 1, 5), -1), await produceError(broker, topic, 0, fromProducer(producerId, 1, 0), -1), await produceError(broker, topic, 0, fromProducer(producerId, 0, 12), -1));
    return errors;
  } },
  { name: 'produce with a producer id that was never given out', run: (broker, topic) => produceError(broker, topic, 0, fromProducer(4_000_000n, 0, 0), -1) },
  { name: 'fetch at an offset beyond the end', run: (broker, topic) => fetchError(broker, topic, 0, 1_000_000) },
  { name: 'fetch at a negative offset', run: (broker, topic) => fetchError(broker, topic, 0, -7) },
  { name: 'fetch from a topic that is not there', run: (broker) => fetchError(broker, 'never-made', 0, 0) },
  { name: 'fetch from a partition that is not there', run: (broker, topic) => fetchError(broker, topic, 77, 0) },
  { name: 'offsets of a partition that is not there', run: (broker, topic) => withConnection(broker, async (connection) => {
    const answer = await connection.call(apiKeys.listOffsets, 1, concat(int32(-1), int32(1), string(topic), int32(1), int32(77), int64(-1)));
    return answer.subarray(4 + 2 + topic.length).toString('hex');
  }) },
  { name: 'lists of settings are appended to and subtracted from, other settings are not', run: async (broker, topic) => {
    const answers: unknown[] = [];
    for (const [name, operation, value] of [
      ['cleanup.policy', 'append', 'compact'], ['cleanup.policy', 'append', 'compact'], ['cleanup.policy', 'append', 'keep'], ['cleanup.policy', 'subtract', 'keep'], ['cleanup.policy', 'subtract', 'delete,compact'],
      ['cleanup.policy', 'append', 'delete,compact'], ['cleanup.policy', 'delete', null], ['retention.ms', 'append', '5'], ['retention.ms', 'subtract', '5'], ['cleanup.policy', 'append', null], ['no.such', 'append', 'x'],
      ['max.compaction.lag.ms', 'set', '5'], ['min.compaction.lag.ms', 'set', '6'], ['max.compaction.lag.ms', 'delete', null],
    ] as const) answers.push([name, operation, value, ...await alterConfig(broker, topic, name, operation, value)]);
    return answers;
  } },
  { name: 'heartbeat of a member of no group', run: (broker) => withConnection(broker, async (connection) =>
    (await connection.call(apiKeys.heartbeat, 0, concat(string('no-such-group'), int32(1), string('no-such-member')))).toString('hex')) },
  { name: 'heartbeat without a group', run: (broker) => withConnection(broker, async (connection) =>
    (await connection.call(apiKeys.heartbeat, 0, concat(string(''), int32(1), string('m')))).toString('hex')) },
];

describe('protocol', { concurrency: 1 }, () => {
  const matrix = new Matrix('protocol');
  const open = new AsyncDisposableStack();
  const brokers = new Map<BrokerKind, Broker>();
  const topic = 'protocol-edges';
  before(async () => {
    const worker: Worker = open.use(await startJavaWorker('4.3'));
    for (const target of targets) {
      const broker = open.use(await startTarget(target));
      brokers.set(target, broker);
      const { admin } = javaDriver('java-4.3', worker, broker.bootstrap);
      await createReady(admin, topic, 1);
      // The first use of a group makes the topic that all groups need.
      await admin.alterGroupOffset('protocol-edges', topic, 0, 0);
    }
  });
  after(async () => {
    await open.disposeAsync();
    process.stdout.write(matrix.print());
  });

  for (const { name, run } of cases.filter((one) => isChosen(one.name))) {
    test(name, { timeout: 60_000 }, async () => {
      const facts = new Map<BrokerKind, Record<string, unknown>>();
      for (const [target, broker] of brokers) {
        facts.set(target, { answer: await run(broker, topic) });
        matrix.note('raw', name, target, { kind: 'pass' });
      }
      const failures = matrix.judge('raw', name, facts);
      if (failures.length > 0) assert.fail(failures.join('\n'));
    });
  }
});

async function withConnection<T>(broker: Broker, use: (connection: RawConnection) => Promise<T>): Promise<T> {
  const connection = await RawConnection.open(broker.host, broker.port);
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}

async function isClosedBy(call: Promise<unknown>): Promise<string> {
  return call.then(() => 'answered', (error: Error) => /closed|ECONNRESET|EPIPE/.test(String(error)) ? 'closed' : String(error));
}

const operations = ['set', 'delete', 'append', 'subtract'] as const;

/** Changes one setting of a topic; what it was answered, and what the setting is then. */
function alterConfig(broker: Broker, topic: string, name: string, operation: (typeof operations)[number], value: string | null): Promise<unknown[]> {
  return withConnection(broker, async (connection) => {
    const resource = concat(int32(1), Buffer.from([2]), string(topic), int32(1), string(name));
    const changed = await connection.call(apiKeys.incrementalAlterConfigs, 0, concat(resource, Buffer.from([operations.indexOf(operation)]), value === null ? int16(-1) : string(value), Buffer.from([0])));
    const error = changed.readInt16BE(8);
    const messageLength = changed.readInt16BE(10);
    await sleep(200); // a broker hears of it from its controller
    const described = await connection.call(apiKeys.describeConfigs, 1, concat(resource, Buffer.from([0])));
    return [error, messageLength < 0 ? null : changed.toString('utf8', 12, 12 + messageLength), described.subarray(described.indexOf(name)).toString('latin1')];
  });
}

function produceError(broker: Broker, topic: string, partition: number, records: Buffer, acks: number): Promise<number | string> {
  return withConnection(broker, async (connection) => {
    try {
      const answer = await connection.call(apiKeys.produce, 3, concat(int16(-1), int16(acks), int32(5000), int32(1), string(topic), int32(1), int32(partition), int32(records.length), records));
      return answer.readInt16BE(4 + 2 + topic.length + 4 + 4);
    } catch (error) {
      return isClosedBy(Promise.reject(error));
    }
  });
}

async function givenProducerId(broker: Broker): Promise<bigint> {
  return withConnection(broker, async (connection) => {
    for (;;) {
      const answer = await connection.call(apiKeys.initProducerId, 0, concat(int16(-1), int32(60_000)));
      if (answer.readInt16BE(4) === 0) return answer.readBigInt64BE(6);
    }
  });
}

const fromProducer = (id: bigint, epoch: number, sequence: number): Buffer => resealed(batch(), (bytes) => {
  bytes.writeBigInt64BE(id, 43);
  bytes.writeInt16BE(epoch, 51);
  bytes.writeInt32BE(sequence, 53);
});

function fetchError(broker: Broker, topic: string, partition: number, offset: number): Promise<number> {
  return withConnection(broker, async (connection) => (await connection.call(apiKeys.fetch, 4, fetchBody(topic, partition, offset, 0))).readInt16BE(4 + 4 + 2 + topic.length + 4 + 4));
}

const fetchBody = (topic: string, partition: number, offset: number, waitMs: number): Buffer =>
  concat(int32(-1), int32(waitMs), int32(1), int32(1 << 20), Buffer.from([0]), int32(1), string(topic), int32(1), int32(partition), int64(offset), int32(1 << 20));

// One record without key, value "v".
function batch(): Buffer {
  const record = Buffer.from([0, 0, 0, 1, 2, 0x76, 0]); // attributes, deltas, null key, length 1 and the byte, no headers
  const bytes = Buffer.alloc(61);
  bytes.writeInt8(2, 16);
  bytes.writeBigInt64BE(1_700_000_000_000n, 27);
  bytes.writeBigInt64BE(1_700_000_000_000n, 35);
  bytes.writeBigInt64BE(-1n, 43);
  bytes.writeInt16BE(-1, 51);
  bytes.writeInt32BE(-1, 53);
  bytes.writeInt32BE(1, 57);
  const whole = concat(bytes, Buffer.from([record.length * 2]), record);
  whole.writeInt32BE(whole.length - 12, 8);
  return sealed(whole);
}

function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)) >>> 0, 17);
  return bytes;
}

function resealed(bytes: Buffer, change: (bytes: Buffer) => void): Buffer {
  change(bytes);
  return sealed(bytes);
}

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at]! ^= 1;
  return bytes;
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value;
  return bytes;
}

// Walks a Metadata answer of version 4 to the error of its first topic.
class Cursor {
  readonly #bytes: Buffer;
  #at = 4; // throttle time
  constructor(bytes: Buffer) { this.#bytes = bytes; }

  metadataTopicError(): number {
    for (let brokers = this.#int32(); brokers > 0; brokers--) {
      this.#at += 4;
      this.#skipString();
      this.#at += 4;
      this.#skipString();
    }
    this.#skipString();
    this.#at += 4 + 4; // controller, count of topics
    return this.#bytes.readInt16BE(this.#at);
  }

  #int32(): number { this.#at += 4; return this.#bytes.readInt32BE(this.#at - 4); }
  #skipString(): void { this.#at += 2 + Math.max(0, this.#bytes.readInt16BE(this.#at)); }
}

const concat = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
function int16(value: number): Buffer { const bytes = Buffer.alloc(2); bytes.writeInt16BE(value); return bytes; }
function int32(value: number): Buffer { const bytes = Buffer.alloc(4); bytes.writeInt32BE(value); return bytes; }
function int64(value: number): Buffer { const bytes = Buffer.alloc(8); bytes.writeBigInt64BE(BigInt(value)); return bytes; }
function string(value: string): Buffer { return concat(int16(Buffer.byteLength(value)), Buffer.from(value)); }

// test/differential/batches.test.ts - record batches against kafka-clients: what Java builds we read, what we build Java reads, uncompressed
// batches are the same bytes, and what the broker stamps Java still accepts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { arbitraryBytes, between, chanceFrom, oneOf, type Chance } from '../../packages/millrace/src/wire/arbitrary.ts';
import { isMillraceError } from '../../packages/millrace/src/base/mod.ts';
import * as wire from '../../packages/millrace/src/wire/mod.ts';
import { Java } from './java.ts';

const seed = Number(process.env['MILLRACE_SEED'] ?? 20261121);
const rounds = Number(process.env['MILLRACE_ROUNDS'] ?? 30);
let java: Java;
before(() => { java = Java.start(); });
after(() => java.close());

interface Row { timestampMs: number; key: Uint8Array | null; value: Uint8Array | null; headers: { key: string; value: Uint8Array | null }[] }
interface Batch {
  codec: wire.Codec; baseOffset: number; partitionLeaderEpoch: number; producerId: number; producerEpoch: number; baseSequence: number;
  transactional: boolean; logAppendTimeMs: number | undefined; records: Row[];
}

test('what Java builds we verify and read', async () => {
  for (const batch of batches(1)) {
    const { bytes, error } = await java.ask({ op: 'write-batch', magic: 2, ...forJava(batch) });
    assert.equal(error, undefined);
    const theirs = Buffer.from(bytes, 'base64');
    const header = wire.verifyBatch(theirs, 0, theirs.length);
    wire.verifyRecords(theirs);
    assert.equal(header.codec, batch.codec);
    assert.deepEqual(readOurs(theirs), expectedRows(batch), batch.codec);
  }
});

test('what we build Java reads, and uncompressed it is the same bytes', async () => {
  for (const batch of batches(2)) {
    const ours = build(batch);
    const answer = await java.ask({ op: 'read-batches', bytes: Buffer.from(ours).toString('base64') });
    assert.equal(answer['error'], undefined, batch.codec);
    assert.equal(answer['batches'].length, 1);
    const { records, ...facts } = answer['batches'][0];
    assert.deepEqual(records, expectedRows(batch).map(forJavaRow), batch.codec);
    assert.deepEqual(facts, {
      baseOffset: batch.baseOffset, lastOffset: batch.baseOffset + batch.records.length - 1, sizeBytes: ours.length, codec: batch.codec,
      count: batch.records.length, maxTimestampMs: batch.logAppendTimeMs ?? Math.max(...batch.records.map((row) => row.timestampMs)),
      logAppendTime: batch.logAppendTimeMs !== undefined, leaderEpoch: batch.partitionLeaderEpoch, producerId: batch.producerId,
      producerEpoch: batch.producerEpoch, baseSequence: batch.baseSequence, transactional: batch.transactional, control: false,
    });
    if (batch.codec !== 'none') continue;
    const { bytes } = await java.ask({ op: 'write-batch', magic: 2, ...forJava(batch) });
    assert.equal(Buffer.from(ours).toString('hex'), Buffer.from(bytes, 'base64').toString('hex'));
  }
});

test('a large batch of each codec, both ways', async () => {
  const chance = chanceFrom(seed);
  for (const codec of wire.codecs) {
    const batch = { ...arbitraryBatch(chance, codec), logAppendTimeMs: undefined, records: Array.from({ length: 4000 }, (_, i) => ({ ...arbitraryRow(chance), value: Buffer.from(`{"event":${i},"text":"${'word '.repeat(i % 9)}"}`) })) };
    const { bytes } = await java.ask({ op: 'write-batch', magic: 2, ...forJava(batch) });
    assert.deepEqual(readOurs(Buffer.from(bytes, 'base64')), expectedRows(batch), codec);
    const answer = await java.ask({ op: 'read-batches', bytes: Buffer.from(build(batch)).toString('base64') });
    assert.equal(answer['error'], undefined, codec);
    assert.deepEqual(answer['batches'][0].records, expectedRows(batch).map(forJavaRow), codec);
  }
});

test('several batches back to back are walked', async () => {
  const all = [...batches(3)].slice(0, 10);
  const bytes = Buffer.concat(await Promise.all(all.map(async (batch) => Buffer.from((await java.ask({ op: 'write-batch', magic: 2, ...forJava(batch) }))['bytes'], 'base64'))));
  const cursor = new wire.BatchCursor(bytes);
  const found: number[] = [];
  while (cursor.next()) found.push(cursor.lastOffset - cursor.baseOffset + 1);
  assert.deepEqual(found, all.map((batch) => batch.records.length));
  assert.equal(cursor.restBytes, 0);
});

test('end markers of transactions are the same bytes and are read', async () => {
  for (const type of ['commit', 'abort'] as const) {
    const producer = { producerId: 4000, producerEpoch: 7, baseOffset: 99, partitionLeaderEpoch: 3 };
    const { bytes, error } = await java.ask({ op: 'write-marker', type, timestampMs: 1_700_000_000_000, coordinatorEpoch: 12, ...producer });
    assert.equal(error, undefined);
    const theirs = Buffer.from(bytes, 'base64');
    const ours = wire.endTransactionBatch(type, 1_700_000_000_000, 12, producer);
    assert.equal(Buffer.from(ours).toString('hex'), theirs.toString('hex'));
    const record = new wire.RecordCursor().open(theirs);
    assert.ok(record.batch.isControl && record.batch.isTransactional && record.next());
    assert.equal(wire.controlType(record), type);
    assert.equal(wire.markerCoordinatorEpoch(record), 12);
  }
});

test('Java accepts a batch that the broker has stamped', async () => {
  for (const batch of batches(4)) {
    const ours = build({ ...batch, logAppendTimeMs: undefined });
    wire.stampBaseOffset(ours, 0, 123456789012, 42);
    wire.stampLogAppendTime(ours, 0, 1_800_000_000_000);
    const { batches: read, error } = await java.ask({ op: 'read-batches', bytes: Buffer.from(ours).toString('base64') });
    assert.equal(error, undefined);
    assert.equal(read[0].baseOffset, 123456789012);
    assert.equal(read[0].leaderEpoch, 42);
    assert.ok(read[0].logAppendTime);
    for (const record of read[0].records) assert.equal(record.timestampMs, 1_800_000_000_000);
    assert.equal(wire.verifyBatch(ours, 0, ours.length).maxTimestampMs, 1_800_000_000_000);
  }
});

test('old message formats, as Java writes them, are refused as such', async () => {
  const chance = chanceFrom(seed);
  for (const magic of [0, 1]) {
    for (const codec of ['none', 'gzip'] as const) {
      const records = [{ timestampMs: magic === 0 ? -1 : 5, key: null, value: arbitraryBytes(chance), headers: [] }];
      const old = { ...arbitraryBatch(chance, codec), logAppendTimeMs: undefined, producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false, records };
      const { bytes, error } = await java.ask({ op: 'write-batch', magic, ...forJava(old) });
      assert.equal(error, undefined);
      const theirs = Buffer.from(bytes, 'base64');
      assert.throws(() => wire.verifyBatch(theirs, 0, theirs.length), (refused) => isMillraceError(refused, 'corrupt-batch') && refused.data['reason'] === 'old-format');
    }
  }
});

function* batches(salt: number): Generator<Batch> {
  const chance = chanceFrom(seed + salt);
  for (const codec of wire.codecs) for (let round = 0; round < rounds; round++) yield arbitraryBatch(chance, codec);
}

function arbitraryBatch(chance: Chance, codec: wire.Codec): Batch {
  const idempotent = chance() < 0.5;
  return {
    codec, baseOffset: between(chance, 0, 2 ** 40), partitionLeaderEpoch: between(chance, -1, 50),
    producerId: idempotent ? between(chance, 0, 2 ** 45) : -1, producerEpoch: idempotent ? between(chance, 0, 32767) : -1,
    baseSequence: idempotent ? between(chance, 0, 2147483647) : -1, transactional: idempotent && chance() < 0.5,
    logAppendTimeMs: chance() < 0.2 ? 1_750_000_000_000 : undefined,
    records: Array.from({ length: between(chance, 1, 40) }, () => arbitraryRow(chance)),
  };
}

function arbitraryRow(chance: Chance): Row {
  return {
    timestampMs: oneOf(chance, [0, 1, 1_700_000_000_000, 1_700_000_000_000 + between(chance, -5000, 5000), 4_000_000_000_000]),
    key: chance() < 0.3 ? null : arbitraryBytes(chance),
    value: chance() < 0.2 ? null : arbitraryBytes(chance),
    headers: Array.from({ length: oneOf(chance, [0, 0, 0, 1, 3]) }, () => ({ key: oneOf(chance, ['', 'traceparent', 'ü', 'x'.repeat(200)]), value: chance() < 0.2 ? null : arbitraryBytes(chance) })),
  };
}

function build(batch: Batch): Uint8Array {
  const builder = new wire.BatchBuilder();
  for (const row of batch.records) builder.append(row.timestampMs, row.key, row.value, row.headers);
  return builder.finish(batch);
}

function expectedRows(batch: Batch) {
  return batch.records.map((row, i) => ({
    offset: batch.baseOffset + i, timestampMs: batch.logAppendTimeMs ?? row.timestampMs, key: hex(row.key), value: hex(row.value),
    headers: row.headers.map((header) => ({ key: header.key, value: hex(header.value) })),
  }));
}

function readOurs(bytes: Uint8Array): ReturnType<typeof expectedRows> {
  const cursor = new wire.RecordCursor().open(bytes);
  const rows: ReturnType<typeof expectedRows> = [];
  while (cursor.next()) {
    rows.push({
      offset: cursor.offset, timestampMs: cursor.timestampMs, key: hex(cursor.key()), value: hex(cursor.value()),
      headers: cursor.headers().map((header) => ({ key: header.key, value: hex(header.value) })),
    });
  }
  return rows;
}

const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
const base64 = (text: string | null): string | null => (text === null ? null : Buffer.from(text, 'hex').toString('base64'));

function forJavaRow(row: ReturnType<typeof expectedRows>[number]) {
  return { ...row, key: base64(row.key), value: base64(row.value), headers: row.headers.map((header) => ({ key: header.key, value: base64(header.value) })) };
}

function forJava(batch: Batch): object {
  const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('base64'));
  return {
    ...batch, logAppendTimeMs: batch.logAppendTimeMs ?? null,
    records: batch.records.map((row) => ({ ...row, key: text(row.key), value: text(row.value), headers: row.headers.map((header) => ({ key: header.key, value: text(header.value) })) })),
  };
}

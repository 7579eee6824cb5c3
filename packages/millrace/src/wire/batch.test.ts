// wire/batch.test.ts - record batches: golden bytes, walking without objects, every defect named, stamping, bombs refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c, isMillraceError, MillraceError } from '../base/mod.ts';
import * as wire from './mod.ts';

const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));

/** Three records: with key and headers, without key, a tombstone that is not ASCII. */
function three(options: wire.BatchOptions = {}): Uint8Array {
  const builder = new wire.BatchBuilder();
  builder.append(1_700_000_000_000, 'k', 'first', [{ key: 'h', value: 'x' }, { key: 'n', value: null }]);
  builder.append(1_700_000_000_005, null, 'second');
  builder.append(1_699_999_999_000, 'schlüssel', null);
  return builder.finish(options);
}

function rows(bytes: Uint8Array, at = 0): unknown[] {
  const cursor = new wire.RecordCursor().open(bytes, at);
  const found: unknown[] = [];
  while (cursor.next()) found.push([cursor.offset, cursor.timestampMs, text(cursor.key()), text(cursor.value()), cursor.headers().map((header) => [header.key, text(header.value)])]);
  return found;
}

test('golden: two records, checked against kafka-clients by test/differential', () => {
  const builder = new wire.BatchBuilder();
  builder.append(1_700_000_000_000, 'k', 'v', [{ key: 'h', value: null }]);
  builder.append(1_700_000_000_005, null, 'w');
  const header = '0000000000000000|00000045|ffffffff|02|9fa0f156|0000|00000001|0000018bcfe56800|0000018bcfe56805|0000000000000009|0002|00000004|00000002';
  const records = '16 00 00 00 02 6b 02 76 02 02 68 01 | 0e 00 0a 02 01 02 77 00';
  const batch = builder.finish({ producerId: 9, producerEpoch: 2, baseSequence: 4 });
  assert.equal(Buffer.from(batch).toString('hex'), (header + records).replaceAll(/\s|\|/g, ''));
});

test('records come back in order, with every codec', () => {
  const expected = [
    [70, 1_700_000_000_000, 'k', 'first', [['h', 'x'], ['n', null]]],
    [71, 1_700_000_000_005, null, 'second', []],
    [72, 1_699_999_999_000, 'schlüssel', null, []],
  ];
  for (const codec of wire.codecs) {
    const batch = three({ codec, baseOffset: 70 });
    assert.equal(wire.verifyBatch(batch, 0, batch.length).codec, codec);
    wire.verifyRecords(batch);
    assert.deepEqual(rows(batch), expected, codec);
  }
});

test('text of every length and alphabet is written as UTF-8 behind its right length', () => {
  const builder = new wire.BatchBuilder(1);
  const texts = [0, 1, 20, 21, 22, 47, 48, 49, 62, 63, 64, 65, 127, 128, 2730, 2731, 8190, 8192, 60_000].flatMap((length) => ['a'.repeat(length), 'é'.repeat(length), '日'.repeat(length), 'a'.repeat(length) + '🚂']);
  texts.forEach((value, i) => builder.append(i, value, value, [{ key: value, value }]));
  const batch = builder.finish();
  wire.verifyRecords(batch);
  assert.deepEqual(rows(batch), texts.map((value, i) => [i, i, value, value, [[value, value]]]));
});

test('a record longer than its text promised is moved to make room for its length', () => {
  for (const unit of ['é', '日', 'a']) {
    const builder = new wire.BatchBuilder(1);
    const lengths = [...Array(100).keys(), 2700, 2730, 4090, 4096, 8170, 8180, 8190, 350_000, 524_288];
    for (const length of lengths) builder.append(length, null, unit.repeat(length));
    const batch = builder.finish();
    wire.verifyRecords(batch);
    assert.deepEqual(rows(batch).map((row) => (row as unknown[])[3]), lengths.map((length) => unit.repeat(length)));
  }
});

test('a builder is empty again after finish, and what it gave out stays as it was', () => {
  const builder = new wire.BatchBuilder(4096);
  builder.append(1, null, 'one');
  const first = builder.finish();
  const before = Buffer.from(first).toString('hex');
  assert.equal(builder.recordCount, 0);
  builder.append(2, null, 'two');
  builder.append(3, null, 'three');
  assert.equal(rows(builder.finish()).length, 2);
  assert.equal(Buffer.from(first).toString('hex'), before);
});

test('a record with a timestamp that is none is refused', () => {
  for (const timestampMs of [-2, 0.5, NaN, 2 ** 60]) {
    assert.throws(() => new wire.BatchBuilder().append(timestampMs, null, null), (error) => isMillraceError(error, 'invalid-argument'));
  }
});

test('batches lie back to back; a cut one at the end is not stepped onto', () => {
  const [one, two] = [three({ baseOffset: 0 }), three({ baseOffset: 3, producerId: 5, producerEpoch: 1, baseSequence: 7, transactional: true })];
  const bytes = Buffer.concat([one, two, one.subarray(0, 40)]);
  const cursor = new wire.BatchCursor(bytes);
  assert.ok(cursor.next());
  assert.deepEqual([cursor.at, cursor.sizeBytes, cursor.baseOffset, cursor.lastOffset, cursor.producerId, cursor.isTransactional], [0, one.length, 0, 2, -1, false]);
  assert.ok(cursor.next());
  assert.deepEqual([cursor.at, cursor.baseOffset, cursor.producerId, cursor.producerEpoch, cursor.baseSequence, cursor.isTransactional, cursor.isControl, cursor.codec, cursor.recordCount],
    [one.length, 3, 5, 1, 7, true, false, 'none', 3]);
  assert.ok(!cursor.next());
  assert.equal(cursor.restBytes, 40);
  const starts: number[] = [];
  assert.equal(wire.forEachBatch(bytes, 0, bytes.length, (at) => starts.push(at)), one.length + two.length);
  assert.deepEqual(starts, [0, one.length]);
});

test('stamping the offset leaves the crc valid; stamping the time makes it the time of all records', () => {
  const batch = three();
  wire.stampBaseOffset(batch, 0, 2 ** 40 + 5, 9);
  const header = wire.verifyBatch(batch, 0, batch.length);
  assert.deepEqual([header.baseOffset, header.partitionLeaderEpoch, wire.batchNextOffset(batch, 0)], [2 ** 40 + 5, 9, 2 ** 40 + 8]);
  wire.stampLogAppendTime(batch, 0, 1_800_000_000_000);
  assert.ok(wire.verifyBatch(batch, 0, batch.length).isLogAppendTime);
  assert.deepEqual(rows(batch).map((row) => (row as unknown[])[1]), [1_800_000_000_000, 1_800_000_000_000, 1_800_000_000_000]);
});

test('a batch in the middle of other bytes is verified where it lies', () => {
  const batch = three();
  const bytes = Buffer.concat([Buffer.alloc(33, 7), batch, Buffer.alloc(9, 7)]);
  assert.equal(wire.verifyBatch(bytes, 33, bytes.length).sizeBytes, batch.length);
  assert.equal(rows(bytes, 33).length, 3);
});

// ---- defects ----

/** A batch after `damage`, with its crc made to fit again when `sign`. */
function broken(damage: (batch: Uint8Array) => Uint8Array | void, sign = true, options: wire.BatchOptions = {}): Uint8Array {
  const batch = three(options);
  const result = damage(batch) ?? batch;
  if (sign) wire.writeInt(result, 17, crc32c(result.subarray(21)));
  return result;
}

const defects: [string, Uint8Array, wire.BatchDefect][] = [
  ['shorter than its header', three().subarray(0, 10), 'cut'],
  ['shorter than it says', three().subarray(0, 80), 'cut'],
  ['message format 0', broken((batch) => { batch[16] = 0; }), 'old-format'],
  ['message format 1', broken((batch) => { batch[16] = 1; }), 'old-format'],
  ['a message format to come', broken((batch) => { batch[16] = 3; }), 'unknown-format'],
  ['a length less than a header', broken((batch) => { wire.writeInt(batch, 8, 20); }), 'length'],
  ['a negative length', broken((batch) => { wire.writeInt(batch, 8, -5); }), 'length'],
  ['one bit flipped', broken((batch) => { batch[70]! ^= 1; }, false), 'crc'],
  ['a codec that does not exist', broken((batch) => { batch[22] = 6; }), 'unknown-codec'],
  ['more records than offsets', broken((batch) => { wire.writeInt(batch, 57, 4); }), 'counts'],
  ['a negative count', broken((batch) => { wire.writeInt(batch, 57, -1); }), 'counts'],
  ['more records than bytes', broken((batch) => { wire.writeInt(batch, 23, 1 << 30); wire.writeInt(batch, 57, 1 << 30); }), 'counts'],
  ['an offset beyond 2^53', broken((batch) => { batch[0] = 0x7f; }), 'counts'],
  ['a time before time', broken((batch) => { wire.writeLong(batch, 35, -2); }), 'timestamps'],
  ['a time beyond 2^53', broken((batch) => { wire.writeLong(batch, 35, Infinity); }), 'timestamps'],
  ['a negative producer', broken((batch) => { wire.writeLong(batch, 43, -7); }), 'producer'],
];
for (const [what, bytes, reason] of defects) {
  test(`refused: ${what}`, () => {
    assert.throws(() => wire.verifyBatch(bytes, 0, bytes.length), (error) => isMillraceError(error, 'corrupt-batch') && error.data['reason'] === reason);
  });
}

test('fewer records than offsets is what compaction leaves: taken', () => {
  const batch = broken((bytes) => { wire.writeInt(bytes, 23, 10); });
  assert.equal(wire.verifyBatch(batch, 0, batch.length).recordCount, 3);
  wire.verifyRecords(batch);
});

const recordDefects: [string, (batch: Uint8Array) => Uint8Array | void][] = [
  ['a record longer than the batch', (batch) => { batch[61] = 0x7e; }],
  ['a record shorter than its fields', (batch) => { batch[61] = 4; }],
  ['a record of negative length', (batch) => { batch[61] = 1; }],
  ['a key longer than the record', (batch) => { batch[65] = 0x60; }],
  ['offsets that do not rise', (batch) => { batch[64] = 2; }],
  ['bytes after the last record', (batch) => { const longer = new Uint8Array(batch.length + 3); longer.set(batch); wire.writeInt(longer, 8, longer.length - 12); return longer; }],
  ['a count larger than the records', (batch) => { wire.writeInt(batch, 23, 3); wire.writeInt(batch, 57, 4); }],
  ['a count smaller than the records', (batch) => { wire.writeInt(batch, 57, 2); }],
];
for (const [what, damage] of recordDefects) {
  test(`refused inside: ${what}`, () => {
    const batch = broken(damage);
    assert.throws(() => wire.verifyRecords(batch), (error) => isMillraceError(error, 'corrupt-batch') && ['records', 'counts'].includes(String(error.data['reason'])));
  });
}

const recordBytes: [string, string][] = [
  ['a key length of -2', '00 00 00 03 01 00'],
  ['a value length of -2', '00 00 00 01 03 00'],
  ['a header count of -1', '00 00 00 01 01 01'],
  ['a varint of six bytes', '00 00 00 01 81 80 80 80 80 00 00'],
  ['a varlong of eleven bytes', '00 80 80 80 80 80 80 80 80 80 80 00 00 01 01 00'],
  ['a header without a key', '00 00 00 01 01 02 01 01'],
  ['a header longer than the record', '00 00 00 01 01 02 02 61 10'],
];
for (const [what, body] of recordBytes) {
  test(`refused inside: ${what}`, () => {
    const builder = new wire.BatchBuilder();
    const record = Buffer.from(body.replaceAll(' ', ''), 'hex');
    builder.append(0, null, record);
    const like = builder.finish();
    const batch = Buffer.concat([like.subarray(0, 61), Buffer.from([record.length * 2]), record]);
    wire.writeInt(batch, 8, batch.length - 12);
    wire.writeInt(batch, 17, crc32c(batch.subarray(21)));
    assert.equal(wire.verifyBatch(batch, 0, batch.length).recordCount, 1);
    assert.throws(() => wire.verifyRecords(batch), (error) => isMillraceError(error, 'corrupt-batch') && error.data['reason'] === 'records');
  });
}

// ---- compression ----

test('a bomb is refused before it is unpacked, whatever the codec', () => {
  const builder = new wire.BatchBuilder();
  for (let i = 0; i < 16; i++) builder.append(0, null, new Uint8Array(1 << 20));
  const records = wire.decompress('none', builder.finish()).subarray(wire.batchHeaderBytes);
  for (const codec of wire.codecs.slice(1)) {
    const packed = wire.compress(codec, records);
    assert.ok(packed.length < records.length / 10, codec);
    assert.throws(() => wire.decompress(codec, packed, 1 << 20), (error) => isMillraceError(error, 'message-too-large'), codec);
    assert.equal(wire.decompress(codec, packed, records.length).length, records.length, codec);
    assert.throws(() => wire.decompress(codec, packed, records.length - 1), (error) => isMillraceError(error, 'message-too-large'), codec);
  }
});

test('levels of gzip and zstd are taken', () => {
  const bytes = Buffer.from(Array.from({ length: 3000 }, (_, i) => `{"delay":${(i * 7919) % 181},"origin":"${['JFK', 'SFO', 'ORD'][i % 3]}"}`).join(''));
  for (const [codec, low, high] of [['gzip', 1, 9], ['zstd', 1, 19]] as const) {
    assert.ok(wire.compress(codec, bytes, high).length < wire.compress(codec, bytes, low).length, codec);
    assert.equal(text(wire.decompress(codec, wire.compress(codec, bytes, high))), bytes.toString());
  }
});

test('what does not decompress is refused as such', () => {
  for (const codec of wire.codecs.slice(1)) {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(100).fill(0x11)]) {
      assert.throws(() => wire.decompress(codec, bytes), (error) => error instanceof MillraceError && ['invalid-bytes', 'message-too-large'].includes(error.code), codec);
    }
  }
});

test('snappy without framing, as librdkafka writes it, is read too', async () => {
  const { compressSync } = (await import('snappy')).default;
  const raw = compressSync(Buffer.from('plain snappy '.repeat(50)));
  assert.equal(text(wire.decompress('snappy', raw)), 'plain snappy '.repeat(50));
  assert.throws(() => wire.decompress('snappy', raw, 100), (error) => isMillraceError(error, 'message-too-large'));
});

test('lz4 with blocks that refer to earlier ones, with stored blocks and with checksums is read', async () => {
  const { compressSync } = (await import('lz4-napi')).default;
  const [one, two] = [Buffer.from('the first block '.repeat(3000)), Buffer.from('the first block and the second '.repeat(2000))];
  const sized = (bytes: Uint8Array, stored = false): Buffer => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(stored ? bytes.length + 0x80000000 : bytes.length);
    return Buffer.concat([size, bytes]);
  };
  const linked = Buffer.concat([bytesOf('04224d184040c0'), sized(compressSync(one).subarray(4)), sized(compressSync(two, one).subarray(4)), Buffer.alloc(4)]);
  assert.equal(text(wire.decompress('lz4', linked)), one.toString() + two.toString());
  const checksums = bytesOf('00000000');
  const stored = Buffer.concat([bytesOf('04224d18744000'), sized(two, true), checksums, Buffer.alloc(4), checksums]);
  assert.equal(text(wire.decompress('lz4', stored)), two.toString());
});

test('a frame of a great many tiny blocks is refused', () => {
  const tiny = bytesOf('0100008061');
  const lz4 = Buffer.concat([bytesOf('04224d18404000'), ...Array<Buffer>(5000).fill(tiny), Buffer.alloc(4)]);
  assert.throws(() => wire.decompress('lz4', lz4), (error) => isMillraceError(error, 'invalid-bytes') && /blocks in/.test(error.message));
  const snappy = Buffer.concat([bytesOf('82534e41505059000000000100000001'), ...Array<Buffer>(5000).fill(bytesOf('00000003010061'))]);
  assert.throws(() => wire.decompress('snappy', snappy), (error) => isMillraceError(error, 'invalid-bytes') && /blocks in/.test(error.message));
});

test('snappy streams put together, each with its header, are one', () => {
  const [one, two] = ['first '.repeat(9000), 'second '.repeat(9000)].map((part) => wire.compress('snappy', Buffer.from(part)));
  assert.equal(text(wire.decompress('snappy', Buffer.concat([one!, two!]))), 'first '.repeat(9000) + 'second '.repeat(9000));
});

test('memory that threads share compresses and decompresses', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(5000)).fill(65);
  for (const codec of wire.codecs) {
    const packed = wire.compress(codec, shared);
    const inShared = new Uint8Array(new SharedArrayBuffer(packed.length));
    inShared.set(packed);
    assert.equal(wire.decompress(codec, inShared).length, 5000, codec);
  }
});

// ---- control records ----

test('the marker that ends a transaction says which way, and under which coordinator', () => {
  for (const type of ['commit', 'abort'] as const) {
    const record = new wire.RecordCursor().open(wire.endTransactionBatch(type, 5, 3, { producerId: 8, producerEpoch: 1 }));
    assert.ok(record.batch.isControl && record.batch.isTransactional && record.next());
    assert.deepEqual([wire.controlType(record), wire.markerCoordinatorEpoch(record)], [type, 3]);
  }
});

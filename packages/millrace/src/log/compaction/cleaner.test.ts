// What compaction keeps and what goes, batch by batch, on small logs that one can read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import { verifyBatch, verifyRecords, forEachBatch } from '../../wire/mod.ts';
import { keyedBatch, linesOf, logOf, markerBatch } from './cleaner-samples.ts';
import { Cleaner, type CleanerStart } from './cleaner.ts';

const start: CleanerStart = { mapBytes: 1 << 20, mapFill: 0.9, nowMs: 10_000, deleteRetentionMs: 500, dirtyFrom: 0, end: -1, aborted: [], producers: [] };

/** Cleans a whole log and answers the bytes that stay. */
function clean(log: Uint8Array, options: Partial<CleanerStart> = {}): Uint8Array {
  const cleaner = new Cleaner({ ...start, ...options });
  for (let at = 0; at < log.length;) {
    const { consumed, full } = cleaner.map(log.subarray(at));
    if (full) break;
    at += consumed;
  }
  const { output, consumed } = cleaner.filter(log);
  assert.equal(consumed, log.length);
  forEachBatch(output, 0, output.length, (at, sizeBytes) => {
    verifyBatch(output, at, at + sizeBytes);
    verifyRecords(output, at);
  });
  return output;
}

test('of each key the last record stays, at its offset and time', () => {
  const log = logOf(keyedBatch(['a=1', 'b=1', 'c=1']), keyedBatch(['a=2', 'd=1']), keyedBatch(['b=2', '=keyless']), keyedBatch(['e=']));
  assert.deepEqual(linesOf(clean(log)), ['0..2: 2@1002 c=1', '3..4: 3@1000 a=2 4@1001 d=1', '5..6: 5@1000 b=2', '7..7: 7@1000 e=']);
});

test('a batch that loses nothing stays byte for byte, one that loses all goes', () => {
  const log = logOf(keyedBatch(['a=1']), keyedBatch(['b=1', 'c=1'], { codec: 'gzip' }), keyedBatch(['a=2']));
  const second = keyedBatch(['a=1']).length;
  const output = clean(log);
  assert.deepEqual(Buffer.from(output), Buffer.from(log.subarray(second)));
});

test('a batch that loses records is compressed as it was', () => {
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const log = logOf(keyedBatch(['a=1', 'b=1', 'c=1'], { codec }), keyedBatch(['a=2'], { codec }));
    assert.deepEqual(linesOf(clean(log)), [`0..2 ${codec}: 1@1001 b=1 2@1002 c=1`, `3..3 ${codec}: 3@1000 a=2`]);
  }
});

test('a time that the broker set is the time of what stays', () => {
  const log = logOf(keyedBatch(['a=1', 'b=1'], { logAppendTimeMs: 77 }), keyedBatch(['a=2']));
  assert.deepEqual(linesOf(clean(log))[0], '0..1: 1@77 b=1');
});

test('a tombstone gets its horizon when it is first met, stays until then, and goes with the first walk after it', () => {
  const log = logOf(keyedBatch(['a=1', 'b=1']), keyedBatch(['a!', 'c=1']));
  const first = clean(log);
  assert.deepEqual(linesOf(first), ['0..1: 1@1001 b=1', '2..3 until 10500: 2@1000 a! 3@1001 c=1']);
  const again = clean(first, { nowMs: 10_499, dirtyFrom: 4 });
  assert.deepEqual(Buffer.from(again), Buffer.from(first), 'its delay is not over, and does not begin again');
  assert.deepEqual(linesOf(clean(first, { nowMs: 10_500, dirtyFrom: 4 })), ['0..1: 1@1001 b=1', '2..3 until 10500: 3@1001 c=1']);
});

test('a tombstone that is not the last of its key goes at once', () => {
  assert.deepEqual(linesOf(clean(logOf(keyedBatch(['a!']), keyedBatch(['a=2'])))), ['1..1: 1@1000 a=2']);
});

test('records of aborted transactions go and count for nothing; a marker follows when nothing of it is left and its delay is over', () => {
  const txn = (producerEpoch: number, baseSequence: number) => ({ producerId: 7, producerEpoch, baseSequence, transactional: true });
  const log = logOf(keyedBatch(['a=1', 'b=1']), keyedBatch(['a=bad'], txn(0, 0)), markerBatch('abort', 7, 0), keyedBatch(['b=good'], txn(1, 0)), markerBatch('commit', 7, 1));
  const aborted = [{ producerId: 7, firstOffset: 2, lastOffset: 3 }];
  const first = clean(log, { aborted });
  assert.deepEqual(linesOf(first), ['0..1: 0@1000 a=1', '3..3 of 7/0 from -1: abort', '4..4 of 7/1 from 0: 4@1000 b=good', '5..5 of 7/1 from -1: commit']);
  const second = clean(first, { dirtyFrom: 6, nowMs: 20_000 });
  assert.deepEqual(linesOf(second)[1], '3..3 until 20500 of 7/0 from -1: abort', 'only now is nothing of its transaction left');
  assert.equal(linesOf(clean(second, { dirtyFrom: 6, nowMs: 20_499 })).length, 4);
  assert.deepEqual(linesOf(clean(second, { dirtyFrom: 6, nowMs: 20_500 })), ['0..1: 0@1000 a=1', '4..4 of 7/1 from 0: 4@1000 b=good', '5..5 of 7/1 from -1: commit']);
});

test('the last batch of a producer that is known stays, empty, with its sequence; so does the last batch of all', () => {
  const from = (baseSequence: number) => ({ producerId: 9, producerEpoch: 3, baseSequence });
  const log = logOf(keyedBatch(['a=1'], from(0)), keyedBatch(['a=2', 'b=1'], { ...from(1), codec: 'zstd' }), keyedBatch(['a=3', 'b=2']), keyedBatch(['a=4', 'b=3']), keyedBatch(['c=1', 'c=2']));
  const known = { producers: [{ producerId: 9, epoch: 3, lastOffset: 2 }], end: 9 };
  const first = clean(log, known);
  assert.deepEqual(linesOf(first), ['1..2 of 9/3 from 1: nothing', '5..6: 5@1000 a=4 6@1001 b=3', '7..8: 8@1001 c=2']);
  assert.deepEqual(Buffer.from(clean(first, { ...known, dirtyFrom: 9 })), Buffer.from(first));
  assert.equal(linesOf(clean(first, { dirtyFrom: 9 })).length, 2, 'a producer that was forgotten needs nothing');
  const end = clean(logOf(keyedBatch(['a=1']), keyedBatch(['a!'])), { end: 2, nowMs: 1 });
  assert.deepEqual(linesOf(clean(end, { end: 2, nowMs: 501, dirtyFrom: 2 })), ['1..1: nothing']);
});

test('the last marker of a producer that is known stays, without its record', () => {
  const log = logOf(markerBatch('commit', 5, 2), keyedBatch(['a=1']));
  const producers = [{ producerId: 5, epoch: 2, lastOffset: -1 }];
  const first = clean(log, { producers, nowMs: 0 });
  assert.deepEqual(linesOf(first)[0], '0..0 until 500 of 5/2 from -1: commit');
  const second = clean(first, { producers, nowMs: 500, dirtyFrom: 2 });
  assert.deepEqual(linesOf(second), ['0..0 of 5/2 from -1: nothing', '1..1: 1@1000 a=1']);
  assert.deepEqual(Buffer.from(clean(second, { producers, nowMs: 5000, dirtyFrom: 2 })), Buffer.from(second));
});

test('keys that do not fit: what was not mapped stays as it is, and another pass goes on', () => {
  const batches = Array.from({ length: 40 }, (_, batch) => keyedBatch(Array.from({ length: 50 }, (_, index) => `k${(batch * 50 + index) % 1500}=${batch}`)));
  const log = logOf(...batches);
  const cleaner = new Cleaner({ ...start, mapBytes: 1, mapFill: 0.9 });
  const { full, mappedTo, consumed } = cleaner.map(log);
  assert.ok(full && mappedTo > 900 && mappedTo <= 1000, `${mappedTo}`);
  assert.ok(consumed < log.length);
  const { output, recordsIn, recordsKept } = cleaner.filter(log);
  assert.deepEqual([recordsIn, recordsKept], [2000, 2000], 'no key comes twice below 1500');
  const next = new Cleaner({ ...start, mapBytes: 1 << 20, dirtyFrom: mappedTo });
  assert.equal(next.map(output).full, false);
  const done = next.filter(output);
  assert.deepEqual([done.recordsIn, done.recordsKept], [2000, 1500]);
});

test('bytes come in stretches: what is cut is asked for again, with as much as it needs', () => {
  const log = logOf(keyedBatch(['a=1']), keyedBatch([`b=${'x'.repeat(1000)}`]));
  const cleaner = new Cleaner(start);
  const first = cleaner.map(log.subarray(0, 100));
  assert.deepEqual([first.consumed > 0, cleaner.map(log.subarray(first.consumed, 100)).consumed], [true, 0]);
  assert.equal(cleaner.map(log.subarray(first.consumed, first.consumed + 70)).wanted, log.length - first.consumed);
  assert.equal(cleaner.map(log.subarray(first.consumed, first.consumed + 20)).wanted, 61);
});

test('a batch that cannot be read stops the walk: its checksum, its codec, its records', () => {
  const bad = (change: (batch: Uint8Array) => void): void => {
    const log = logOf(keyedBatch(['a=1'], { codec: 'gzip' }));
    change(log);
    assert.throws(() => new Cleaner(start).map(log), (error) => isMillraceError(error));
  };
  bad((batch) => { batch[70]! ^= 1; });
  bad((batch) => { batch[22] = 7; });
});

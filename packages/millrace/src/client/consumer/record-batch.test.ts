// Reading fetched bytes: positions within a batch, compression, control records, aborted transactions, damage.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchBuilder, type BatchOptions } from '../../wire/mod.ts';
import { zeroTopicId } from '../net/metadata.ts';
import { RecordBatch, type AbortedTransaction } from './record-batch.ts';

/** A batch of text values from an offset on. */
function batch(baseOffset: number, values: readonly string[], options: BatchOptions = {}): Uint8Array {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(1_000 + baseOffset, null, value);
  return builder.finish({ baseOffset, ...options });
}

function control(baseOffset: number, producerId: number, kind: 'abort' | 'commit'): Uint8Array {
  const builder = new BatchBuilder();
  builder.append(0, new Uint8Array([0, 0, 0, kind === 'abort' ? 0 : 1]), new Uint8Array(6));
  return builder.finish({ baseOffset, producerId, producerEpoch: 0, transactional: true, control: true });
}

function read(startOffset: number, parts: readonly Uint8Array[], aborted: readonly AbortedTransaction[] = []): string {
  const bytes = Buffer.concat(parts);
  const records = new RecordBatch({ topic: 't', topicId: zeroTopicId, partition: 0, startOffset, nextOffset: 100, highWatermark: 100, bytes, aborted });
  return [...records].map((record) => `${record.offset}:${record.text()}`).join(' ');
}

test('records before the position are passed over, in the middle of batches too', () => {
  const parts = [batch(0, ['a', 'b']), batch(2, ['c', 'd', 'e'], { codec: 'lz4' }), batch(9, ['f'])];
  assert.equal(read(0, parts), '0:a 1:b 2:c 3:d 4:e 9:f');
  assert.equal(read(3, parts), '3:d 4:e 9:f');
  assert.equal(read(5, parts), '9:f');
});

test('a batch that is cut at the end of the answer is left for the next fetch', () => {
  assert.equal(read(0, [batch(0, ['a']), batch(1, ['b']).subarray(0, 65)]), '0:a');
});

test('aborted records are hidden, also when one producer aborts twice in one answer', () => {
  const by = (producerId: number): BatchOptions => ({ producerId, producerEpoch: 0, baseSequence: 0, transactional: true });
  const parts = [
    batch(0, ['x1'], by(1)), batch(1, ['y1'], by(2)), control(2, 1, 'abort'), batch(3, ['x2'], by(1)), control(4, 1, 'commit'),
    batch(5, ['x3'], by(1)), control(6, 2, 'commit'), control(7, 1, 'abort'), batch(8, ['plain']),
  ];
  const aborted = [{ producerId: 1, firstOffset: 0 }, { producerId: 1, firstOffset: 5 }];
  assert.equal(read(0, parts, aborted), '1:y1 3:x2 8:plain');
  assert.equal(read(0, parts), '0:x1 1:y1 3:x2 5:x3 8:plain', 'read_uncommitted');
  assert.equal(read(0, [batch(0, ['x1'], by(1)), batch(1, ['x2'], by(1))], [{ producerId: 1, firstOffset: 0 }]), '', 'the marker comes in a later answer');
});

test('a flipped bit is found before the record is handed out', () => {
  const bytes = batch(0, ['abc']);
  bytes[bytes.length - 3]! ^= 4;
  assert.throws(() => read(0, [bytes]), { code: 'corrupt-batch' });
});

test('views and texts of a record', () => {
  const builder = new BatchBuilder();
  builder.append(5, 'k', '{"a":1}', [{ key: 'h', value: 'v' }]);
  builder.append(6, null, null);
  const bytes = builder.finish();
  const [first, second] = [...new RecordBatch({ topic: 't', topicId: zeroTopicId, partition: 3, startOffset: 0, nextOffset: 2, highWatermark: 2, bytes, aborted: [] })];
  assert.deepEqual([first!.keyText(), first!.json(), first!.timestampMs, first!.partition, first!.headers.length], ['k', { a: 1 }, 5, 3, 1]);
  assert.deepEqual([second!.key, second!.value, second!.text(), second!.json(), second!.headers.length], [null, null, null, null, 0]);
});

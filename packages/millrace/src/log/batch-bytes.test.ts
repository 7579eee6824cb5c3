// What a header says of its batch, at the bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchBaseOffset, batchBytes, batchEndOffset, batchHeaderBytes, batchIsIntact, batchMaxTimestamp, batchShape, stampBatch } from './batch-bytes.ts';
import { batchOf } from './log-samples.ts';

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

test('a batch is whole with its last byte, and cut without', () => {
  const { bytes } = batchOf(['one', 'two']);
  const view = viewOf(bytes);
  assert.equal(batchShape(view, 0, bytes.length), 'whole');
  for (let available = 0; available < bytes.length; available++) assert.equal(batchShape(view, 0, available), 'cut', `${available} bytes`);
});

test('a header that cannot be one is bad, as soon as all of it is there', () => {
  const spoilt = (at: number, value: number): DataView => {
    const bytes = batchOf(['one']).bytes.slice();
    viewOf(bytes).setInt8(at, value);
    return viewOf(bytes);
  };
  for (const view of [spoilt(16, 1), spoilt(8, -1), spoilt(23, -1)]) {
    assert.equal(batchShape(view, 0, batchHeaderBytes), 'bad');
    assert.equal(batchShape(view, 0, batchHeaderBytes - 1), 'cut');
  }
  const header = new Uint8Array(batchHeaderBytes);
  viewOf(header).setInt32(8, batchHeaderBytes - 12);
  viewOf(header).setInt8(16, 2);
  assert.equal(batchShape(viewOf(header), 0, batchHeaderBytes), 'whole', 'a header alone is a batch without bytes');
  viewOf(header).setInt32(8, batchHeaderBytes - 13);
  assert.equal(batchShape(viewOf(header), 0, batchHeaderBytes), 'bad');
});

test('offsets and times of more than 32 bits are read as they are; a stamp leaves the checksum whole', () => {
  const { bytes } = batchOf(['one', 'two', 'three'], 1_700_000_000_000);
  const view = viewOf(bytes);
  stampBatch(view, 0, 2 ** 40 + 5, 3);
  assert.deepEqual([batchBaseOffset(view, 0), batchEndOffset(view, 0), batchMaxTimestamp(view, 0), batchBytes(view, 0)], [2 ** 40 + 5, 2 ** 40 + 8, 1_700_000_000_002, bytes.length]);
  assert.equal(batchIsIntact(bytes, view, 0), true);
  for (const at of [17, 21, 61, bytes.length - 1]) {
    bytes[at]! ^= 1;
    assert.equal(batchIsIntact(bytes, view, 0), false, `a bit of byte ${at}`);
    bytes[at]! ^= 1;
  }
});

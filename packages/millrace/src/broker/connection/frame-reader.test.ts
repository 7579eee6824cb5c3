// Cutting a stream into frames: any chunks, lent memory, refused reservations, hostile sizes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { FrameReader } from './frame-reader.ts';

/** A stream of frames of these sizes; every byte of a frame says which frame it is. */
function streamOf(sizes: readonly number[]): Uint8Array {
  return new Uint8Array(Buffer.concat(sizes.flatMap((size, number) => {
    const head = Buffer.alloc(4);
    head.writeInt32BE(size);
    return [head, Buffer.alloc(size, number + 1)];
  })));
}

/** Reads with one buffer for all chunks, as a socket does: what was lent is overwritten after settle(). */
function readAll(stream: Uint8Array, chunkSizes: () => number, reader: FrameReader): { sizes: number[]; wrong: number } {
  const lent = new Uint8Array(1 << 20);
  const sizes: number[] = [];
  let wrong = 0;
  for (let at = 0; at < stream.length;) {
    const size = Math.min(chunkSizes(), stream.length - at);
    lent.set(stream.subarray(at, at + size));
    reader.feed(lent.subarray(0, size));
    for (let frame; (frame = reader.next()) !== null;) {
      sizes.push(frame.byteLength);
      if (!frame.every((byte) => byte === (sizes.length & 0xff))) wrong++;
      if (reader.inBuffer) reader.recycle(frame);
    }
    reader.settle();
    lent.fill(0xee, 0, size);
    at += size;
  }
  return { sizes, wrong };
}

test('any cut of the stream gives the same frames, with lent chunks and recycled buffers', () => {
  const sizes = [0, 1, 4, 100, 3, 70_000, 5, 200_000, 65_536, 12, 70_000, 1];
  const stream = streamOf(sizes);
  let state = 7;
  const random = () => 1 + ((state = (state * 48271) % 2147483647) % 90_000);
  for (const chunkSizes of [() => 1, () => 3, () => 1000, () => 65_536, () => stream.length, random, random, random]) {
    const result = readAll(stream, chunkSizes, new FrameReader(1 << 20, new FrameBuffers(), () => true));
    assert.deepEqual(result, { sizes, wrong: 0 });
  }
});

test('a refused reservation is asked again, and nothing is allocated or lost meanwhile', () => {
  let room = 0;
  const asked: number[] = [];
  const reader = new FrameReader(1 << 20, new FrameBuffers(), (bytes) => { asked.push(bytes); return bytes <= room; });
  reader.feed(streamOf([10, 20]));
  assert.equal(reader.next(), null);
  assert.equal(reader.reservedBytes, 0);
  reader.settle();
  room = 15;
  assert.equal(reader.next()?.byteLength, 10);
  assert.equal(reader.next(), null);
  room = 20;
  assert.equal(reader.next()?.byteLength, 20);
  assert.equal(reader.next(), null);
  assert.deepEqual(asked, [10, 10, 20, 20]);
});

test('a frame that has not arrived whole says how much is reserved for it', () => {
  const reader = new FrameReader(1 << 20, new FrameBuffers(), () => true);
  const stream = streamOf([1000]);
  reader.feed(stream.subarray(0, 500));
  assert.equal(reader.next(), null);
  assert.equal(reader.reservedBytes, 1000);
  reader.settle();
  reader.feed(stream.subarray(500));
  assert.equal(reader.next()?.byteLength, 1000);
  assert.equal(reader.reservedBytes, 0);
});

test('sizes below zero and past the limit', () => {
  for (const size of [-1, -2147483648, 1001, 2147483647]) {
    const reader = new FrameReader(1000, new FrameBuffers(), () => true);
    const head = Buffer.alloc(4);
    head.writeInt32BE(size);
    reader.feed(new Uint8Array(head));
    assert.throws(() => reader.next(), (error) => isMillraceError(error, 'invalid-bytes'));
  }
});

test('buffers come back by their size, and no more are kept than allowed', () => {
  const buffers = new FrameBuffers();
  const first = buffers.take(100_000);
  assert.equal(first.byteLength, 100_000);
  buffers.give(first);
  const second = buffers.take(131_072);
  assert.equal(second.buffer, first.buffer, 'the same memory, at the size that is asked for');
  const huge = buffers.take(50 << 20);
  assert.equal(huge.byteLength, 50 << 20);
  buffers.give(huge);
  assert.notEqual(buffers.take(50 << 20).buffer, huge.buffer, 'the largest are not kept');
});

// Buffers that are lent again and again: the right size, and no more spare than allowed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameBuffers } from './frame-buffers.ts';

const MiB = 1 << 20;

test('a buffer has exactly the bytes asked for, and is lent again', () => {
  const buffers = new FrameBuffers();
  for (const bytes of [1, 65_536, 65_537, 4 * MiB, 4 * MiB + 1]) assert.equal(buffers.take(bytes).byteLength, bytes);
  const first = buffers.take(100_000);
  buffers.give(first);
  const again = buffers.take(120_000);
  assert.equal(again.buffer, first.buffer, 'one of the same power of two');
  assert.notEqual(buffers.take(120_000).buffer, first.buffer, 'it is lent once at a time');
  const large = buffers.take(5 * MiB);
  buffers.give(large);
  assert.notEqual(buffers.take(5 * MiB).buffer, large.buffer, 'very large ones are not kept');
});

test('at most 32 MiB are kept spare', () => {
  const buffers = new FrameBuffers();
  const lent = Array.from({ length: 10 }, () => buffers.take(4 * MiB));
  for (const buffer of lent) buffers.give(buffer);
  const known = new Set(lent.map(({ buffer }) => buffer));
  const again = Array.from({ length: 10 }, () => buffers.take(4 * MiB));
  assert.equal(again.filter(({ buffer }) => known.has(buffer)).length, 8);
  for (const buffer of again.slice(0, 8)) buffers.give(buffer);
  assert.equal(Array.from({ length: 10 }, () => buffers.take(4 * MiB)).filter(({ buffer }) => again.some((each) => each.buffer === buffer)).length, 8, 'what is lent is not spare');
});

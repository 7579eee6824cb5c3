// The record of a swap and the manifest around it: what is written is read again, an older manifest too, and a swap that is done again changes nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c } from '../base/mod.ts';
import { decodeManifest, encodeManifest, type Manifest } from './manifest.ts';
import { segmentFileOf, segmentPath } from './names.ts';
import { emptySegment, type SegmentFacts } from './segment.ts';
import { decodeSwap, encodeSwap, replacedBy, type Swap } from './swap.ts';

const facts = (baseOffset: number, generation: number): SegmentFacts => ({ ...emptySegment(baseOffset, generation), bytes: 500, endOffset: baseOffset + 10, maxTimestampMs: 77, maxTimestampOffset: baseOffset + 3, firstTimestampMs: 5, indexCount: 2, timeCount: 1 });
const swap: Swap = { from: 10, to: 31, generation: 3, cleanEndOffset: 40, segments: [facts(10, 3)] };
const named = (...names: string[]) => names.map((name) => ({ baseOffset: Number(name.split('/')[0]), generation: Number(name.split('/')[1]) }));

test('a swap is read as it was written, wherever it lies', () => {
  assert.deepEqual(decodeSwap(encodeSwap(swap)), swap);
  const bytes = new Uint8Array(1000);
  bytes.set(encodeSwap({ ...swap, segments: [] }), 24);
  assert.deepEqual(decodeSwap(bytes, 24), { ...swap, segments: [] });
});

test('a swap replaces what begins in its range and is older, and nothing when it was done, or retention was quicker', () => {
  assert.deepEqual(replacedBy(swap, named('0/1', '10/0', '20/2', '30/0', '40/0')), { first: 1, count: 3 });
  assert.deepEqual(replacedBy(swap, named('20/0', '30/0', '40/0')), { first: 0, count: 2 }, 'the first one was dropped meanwhile');
  assert.equal(replacedBy(swap, named('0/1', '10/3', '40/0')), null, 'done');
  assert.equal(replacedBy(swap, named('0/1', '10/4', '40/0')), null, 'done, and compacted again');
  assert.equal(replacedBy(swap, named('40/0', '50/0')), null, 'dropped');
});

test('names of files say base offset and generation', () => {
  for (const segment of [{ baseOffset: 0, generation: 0 }, { baseOffset: 123, generation: 45 }]) {
    const path = segmentPath('t-0', segment, 'log');
    assert.deepEqual(segmentFileOf(path.slice(4)), { ...segment, kind: 'log' });
  }
  for (const name of ['1.log', '00000000000000000000.0.log', '00000000000000000000.01.log', '00000000000000000000.x.log', '00000000000000000000.log.new']) assert.equal(segmentFileOf(name), null, name);
});

test('manifests of the first version are read: no generation, nothing compacted', () => {
  const manifest: Manifest = {
    number: 7, journalId: 12n, term: 3, journal: { fileSequence: 2, position: 4096, nextSequence: 9, previousCrc: 5 }, nextPartitionId: 4,
    partitions: [{ id: 1, name: 'flights-0', logStartOffset: 5, segments: [facts(0, 0), facts(10, 2)], cleanEndOffset: 20 }], removals: ['gone-0', 'flights-0/00000000000000000000.1.log'],
  };
  assert.deepEqual(decodeManifest(encodeManifest(manifest)), manifest);
  const first = { ...manifest, partitions: [{ ...manifest.partitions[0]!, segments: [facts(0, 0), facts(10, 0)], cleanEndOffset: 0 }] };
  assert.deepEqual(decodeManifest(firstVersionOf(encodeManifest(first))), first);
  const newer = encodeManifest(manifest);
  new DataView(newer.buffer).setUint32(12, 3, true);
  new DataView(newer.buffer).setUint32(4, crc32c(newer.subarray(8)), true);
  assert.equal(decodeManifest(newer), null, 'a newer one is not guessed at');
});

/** The bytes that version 1 would have written: without the clean end, and without generations. */
function firstVersionOf(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer);
  const nameBytes = view.getUint32(88 + 4, true);
  const parts = [bytes.subarray(0, 88 + 20), bytes.subarray(88 + 28, 88 + 28 + nameBytes)];
  let at = 88 + 28 + nameBytes;
  for (let count = view.getUint32(88 + 8, true); count > 0; count--, at += 64) parts.push(bytes.subarray(at, at + 56));
  const out = new Uint8Array(Buffer.concat([...parts, bytes.subarray(at)]));
  const outView = new DataView(out.buffer);
  outView.setUint32(8, out.length, true);
  outView.setUint32(12, 1, true);
  outView.setUint32(4, crc32c(out.subarray(8)), true);
  return out;
}

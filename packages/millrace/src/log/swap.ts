// log/swap.ts - the journal's record of a swap: segments of a partition give way to what compaction made of them.
// Owns: its bytes (docs/formats/journal.md), and what it replaces. Never: files.
// S1 A swap replaces whole segments that nothing is written to any more, and its own segments are durable before it is recorded: so a crash leaves
// the old ones or the new ones, whole. S2 It replaces what begins within its range and is of an earlier generation, and nothing when nothing is:
// done again it changes nothing.
import { factsBytes, readFacts, writeFacts } from './segment-facts.ts';
import type { SegmentFacts } from './segment.ts';

/** A swap of the segments that begin from `from` to before `to`. */
export interface Swap {
  readonly from: number;
  readonly to: number;
  /** Of the segments that come; later than that of any that go. */
  readonly generation: number;
  /** Below it the partition is compacted from now on. */
  readonly cleanEndOffset: number;
  /** What comes; none when nothing was left. */
  readonly segments: readonly SegmentFacts[];
}

const headBytes = 32;
const version = 2;

/** The record's body. */
export function encodeSwap({ from, to, generation, cleanEndOffset, segments }: Swap): Uint8Array {
  const bytes = new Uint8Array(headBytes + segments.length * factsBytes(version));
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, from, true);
  view.setFloat64(8, to, true);
  view.setFloat64(16, cleanEndOffset, true);
  view.setUint32(24, generation, true);
  view.setUint32(28, segments.length, true);
  segments.forEach((segment, index) => writeFacts(view, headBytes + index * factsBytes(version), segment));
  return bytes;
}

/** Reads the body that lies at `at`. */
export function decodeSwap(bytes: Uint8Array, at = 0): Swap {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
  const segments: SegmentFacts[] = [];
  for (let index = 0; index < view.getUint32(28, true); index++) segments.push(readFacts(view, headBytes + index * factsBytes(version), version));
  return { from: view.getFloat64(0, true), to: view.getFloat64(8, true), cleanEndOffset: view.getFloat64(16, true), generation: view.getUint32(24, true), segments };
}

/** S2: where the segments that a swap replaces lie in `segments`, or null. */
export function replacedBy(swap: Swap, segments: readonly { readonly baseOffset: number; readonly generation: number }[]): { readonly first: number; readonly count: number } | null {
  const isReplaced = (index: number): boolean => {
    const segment = segments[index];
    return segment !== undefined && segment.baseOffset >= swap.from && segment.baseOffset < swap.to && segment.generation < swap.generation;
  };
  for (let first = 0; first < segments.length; first++) {
    if (!isReplaced(first)) continue;
    let count = 1;
    while (isReplaced(first + count)) count++;
    return { first, count };
  }
  return null;
}

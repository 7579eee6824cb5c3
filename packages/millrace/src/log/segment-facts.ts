// log/segment-facts.ts - the facts of a segment as bytes: the same in a manifest and in the journal's record of a swap.
// Owns: that layout, little endian (docs/formats/manifest.md). Never: where it stands.
import type { SegmentFacts } from './segment.ts';

/** Bytes of a segment's facts in manifests of a version. */
export const factsBytes = (version: number): number => (version === 1 ? 56 : 64);

/** Writes the facts at `at`, in the newest form. */
export function writeFacts(view: DataView, at: number, segment: SegmentFacts): void {
  view.setFloat64(at, segment.baseOffset, true);
  view.setFloat64(at + 8, segment.endOffset, true);
  view.setFloat64(at + 16, segment.maxTimestampMs, true);
  view.setFloat64(at + 24, segment.maxTimestampOffset, true);
  view.setFloat64(at + 32, segment.firstTimestampMs, true);
  view.setFloat64(at + 40, segment.bytes, true);
  view.setUint32(at + 48, segment.indexCount, true);
  view.setUint32(at + 52, segment.timeCount, true);
  view.setUint32(at + 56, segment.generation, true);
  view.setUint32(at + 60, 0, true);
}

/** Reads the facts at `at`, in the form of a version. */
export function readFacts(view: DataView, at: number, version: number): SegmentFacts {
  return {
    baseOffset: view.getFloat64(at, true), endOffset: view.getFloat64(at + 8, true), maxTimestampMs: view.getFloat64(at + 16, true),
    maxTimestampOffset: view.getFloat64(at + 24, true), firstTimestampMs: view.getFloat64(at + 32, true), bytes: view.getFloat64(at + 40, true),
    indexCount: view.getUint32(at + 48, true), timeCount: view.getUint32(at + 52, true), generation: version === 1 ? 0 : view.getUint32(at + 56, true),
  };
}

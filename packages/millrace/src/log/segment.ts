// log/segment.ts - facts about one segment: a file of batches and its two indexes.
// Owns: where the next batch goes, what the segment holds. Never: reading or writing (flusher.ts, cold-read.ts).
// L5 Batches in a segment rise in offset, back to back; in one that was compacted they leave gaps. L6 `writtenBytes` <= `bytes`: only the former may be read from the file.
import { assert } from '../base/mod.ts';
import { SegmentIndex } from './segment-index.ts';

/** What the manifest keeps of a segment. */
export interface SegmentFacts {
  readonly baseOffset: number; readonly bytes: number; readonly endOffset: number;
  readonly maxTimestampMs: number; readonly maxTimestampOffset: number; readonly firstTimestampMs: number;
  readonly indexCount: number; readonly timeCount: number;
  /** 0 as it was appended; else rises with each compaction that wrote it, and is part of its files' names. */
  readonly generation: number;
}

/** What names a segment's files within its partition. */
export type SegmentName = Pick<SegmentFacts, 'baseOffset' | 'generation'>;

/** Facts of a segment that holds nothing yet. */
export const emptySegment = (baseOffset: number, generation = 0): SegmentFacts => ({
  baseOffset, bytes: 0, endOffset: baseOffset, maxTimestampMs: -1, maxTimestampOffset: -1, firstTimestampMs: -1, indexCount: 0, timeCount: 0, generation,
});

/** One segment as the background writer sees it: appends that are still only in the journal are not in it. */
export class Segment {
  readonly baseOffset: number;
  readonly generation: number;
  /** Bytes handed to the writer. */
  bytes: number;
  /** Bytes the file surely holds. */
  writtenBytes: number;
  /** Bytes written since the last sync. */
  unsyncedBytes = 0;
  endOffset: number;
  maxTimestampMs: number;
  maxTimestampOffset: number;
  firstTimestampMs: number;
  /** No batch will follow. */
  sealed = false;
  readonly index: SegmentIndex;

  constructor(facts: SegmentFacts, indexIntervalBytes?: number) {
    this.baseOffset = facts.baseOffset;
    this.generation = facts.generation;
    this.bytes = this.writtenBytes = facts.bytes;
    this.endOffset = facts.endOffset;
    this.maxTimestampMs = facts.maxTimestampMs;
    this.maxTimestampOffset = facts.maxTimestampOffset;
    this.firstTimestampMs = facts.firstTimestampMs;
    this.index = new SegmentIndex(facts.indexCount, facts.timeCount, facts.maxTimestampMs, indexIntervalBytes);
  }

  /** L5: takes in the batch that goes to `position`. */
  absorb(position: number, length: number, baseOffset: number, endOffset: number, maxTimestampMs: number): void {
    assert(position === this.bytes && (this.generation === 0 ? baseOffset === this.endOffset : baseOffset >= this.endOffset), 'L5: batches lie back to back');
    if (this.bytes === 0) this.firstTimestampMs = maxTimestampMs;
    if (maxTimestampMs > this.maxTimestampMs) {
      this.maxTimestampMs = maxTimestampMs;
      this.maxTimestampOffset = endOffset - 1;
    }
    this.index.note(endOffset - 1 - this.baseOffset, position, length, this.maxTimestampMs, this.maxTimestampOffset - this.baseOffset);
    this.bytes += length;
    this.endOffset = endOffset;
  }

  /** No more batches: the time index ends with the largest timestamp. */
  seal(): void {
    if (this.sealed) return;
    this.sealed = true;
    if (this.maxTimestampMs >= 0) this.index.noteTime(this.maxTimestampMs, this.maxTimestampOffset - this.baseOffset);
  }

  /** For the manifest: only those index entries count that are in the files. */
  facts(): SegmentFacts {
    return {
      baseOffset: this.baseOffset, bytes: this.bytes, endOffset: this.endOffset, maxTimestampMs: this.maxTimestampMs,
      maxTimestampOffset: this.maxTimestampOffset, firstTimestampMs: this.firstTimestampMs,
      indexCount: this.index.indexStored, timeCount: this.index.timeStored, generation: this.generation,
    };
  }
}

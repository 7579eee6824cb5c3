// log/compaction/plan.ts - which part of a partition compaction would clean, and whether it is due. Pure: looks at facts.
// Owns: the rules of min.cleanable.dirty.ratio, min.compaction.lag.ms and max.compaction.lag.ms, as Kafka has them; which segments become one.
// P1 Only whole segments are cleaned that are sealed and written, and end at or below the offset that the partition's owner calls stable.
import type { PartitionLog } from '../partition.ts';
import type { Segment } from '../segment.ts';

const relativeOffsetMax = 2 ** 31 - 1;

/** What could be cleaned now. */
export interface Plan {
  /** From the oldest on; those before `dirtyFrom` were cleaned before. */
  readonly segments: readonly Segment[];
  readonly dirtyFrom: number;
  /** First offset after the last of them. */
  readonly end: number;
  /** Share of their bytes that was not cleaned yet. */
  readonly dirtyRatio: number;
  /** A record has waited for longer than it may. */
  readonly overdue: boolean;
  readonly due: boolean;
}

/** Looks at a partition that has a compaction configuration; null when nothing is to be cleaned. */
export function planOf(partition: PartitionLog, stableOffset: number, nowMs: number): Plan | null {
  const { compaction } = partition.config;
  if (compaction === undefined) return null;
  const dirtyFrom = Math.max(partition.logStartOffset, partition.cleanEndOffset);
  const segments: Segment[] = [];
  let cleanBytes = 0;
  let dirtyBytes = 0;
  let oldestMs = Infinity;
  for (const segment of partition.segments.slice(0, -1)) {
    if (segment.endOffset <= partition.logStartOffset) continue;
    const dirty = segment.endOffset > dirtyFrom;
    const young = dirty && compaction.lagMsMin > 0 && segment.maxTimestampMs > nowMs - compaction.lagMsMin;
    if (!segment.sealed || segment.writtenBytes < segment.bytes || segment.endOffset > stableOffset || young) break; // P1
    segments.push(segment);
    if (!dirty) cleanBytes += segment.bytes;
    else {
      dirtyBytes += segment.bytes;
      if (segment.firstTimestampMs > 0) oldestMs = Math.min(oldestMs, segment.firstTimestampMs);
    }
  }
  if (dirtyBytes === 0) return null;
  const dirtyRatio = dirtyBytes / (cleanBytes + dirtyBytes);
  const overdue = oldestMs < nowMs - compaction.lagMsMax;
  return { segments, dirtyFrom, end: segments.at(-1)!.endOffset, dirtyRatio, overdue, due: overdue || dirtyRatio > compaction.dirtyRatioMin };
}

/** Neighbours that together are no larger than a segment may be, up to the one that `end` lies in: each group becomes one segment. */
export function groupsOf(segments: readonly Segment[], end: number, segmentBytes: number): Segment[][] {
  const groups: Segment[][] = [];
  let group: Segment[] = [];
  let bytes = 0;
  for (const segment of segments) {
    if (segment.baseOffset >= end) break;
    const fits = bytes + segment.bytes <= segmentBytes && segment.endOffset - (group[0] ?? segment).baseOffset <= relativeOffsetMax;
    if (group.length === 0 || !fits) {
      groups.push(group = []);
      bytes = 0;
    }
    group.push(segment);
    bytes += segment.bytes;
  }
  return groups;
}

// log/retention.ts - which segments are past their time or size. Pure: looks at facts, deletes nothing.
// Owns: the rules of retention.ms and retention.bytes. Never: acting on them (log.ts raises the log start, which is in the journal).
import type { PartitionLog } from './partition.ts';

/** What retention asks for: a new log start, or first a roll so that the active segment can go too. Null: nothing. */
export type Expired = { readonly roll: false; readonly offset: number } | { readonly roll: true } | null;

/** Applies the partition's configuration at `nowMs` to its segments, oldest first. */
export function expiredStart(partition: PartitionLog, nowMs: number): Expired {
  const { retentionMs, retentionBytes } = partition.config;
  let bytes = partition.sizeBytes;
  let start = partition.logStartOffset;
  const segments = partition.segments;
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index]!;
    if (segment.bytes === 0) break;
    const old = retentionMs >= 0 && segment.maxTimestampMs >= 0 && nowMs - segment.maxTimestampMs > retentionMs;
    const large = retentionBytes >= 0 && bytes - segment.bytes >= retentionBytes;
    if (!old && !large) break;
    if (index === segments.length - 1) return old && start === partition.logStartOffset && partition.endOffset === segment.endOffset ? { roll: true } : startOf(start, partition);
    bytes -= segment.bytes;
    start = Math.max(start, segments[index + 1]!.baseOffset);
  }
  return startOf(start, partition);
}

function startOf(offset: number, partition: PartitionLog): Expired {
  return offset > partition.logStartOffset ? { roll: false, offset: Math.min(offset, partition.highWatermark) } : null;
}

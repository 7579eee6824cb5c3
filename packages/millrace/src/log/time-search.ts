// log/time-search.ts - the first record at or after a time.
// Owns: the search over segments, then batches, then records of one batch. Never: what the record says.
// Cost: one index look-up, then reads of 256 KiB from the last indexed batch that is earlier.
import { MillraceError } from '../base/mod.ts';
import { BatchCursor, RecordCursor } from '../wire/mod.ts';
import type { LogCore } from './core.ts';
import type { PartitionLog } from './partition.ts';
import { lastTimeBefore } from './segment-index.ts';

const readBytes = 256 * 1024;

interface FoundTime { readonly offset: number; readonly timestampMs: number }

/** See Partition.offsetForTimestamp. */
export async function findTimestamp(core: LogCore, partition: PartitionLog, timestampMs: number): Promise<FoundTime | null> {
  for (;;) {
    const { logStartOffset: start, swaps } = partition;
    try {
      const found = await search(core, partition, timestampMs);
      if (found !== null || partition.swaps === swaps) return found;
    } catch (error) {
      if (partition.removed) throw new MillraceError('topic-not-found', `Cannot search '${partition.name}': it was removed`, { partition: partition.name });
      if (partition.logStartOffset === start && partition.swaps === swaps) throw error; // else what was looked at may have been dropped or replaced meanwhile
    }
  }
}

async function search(core: LogCore, partition: PartitionLog, timestampMs: number): Promise<FoundTime | null> {
  let offset = Math.max(partition.logStartOffset, await startOfSearch(core, partition, timestampMs));
  while (offset < partition.highWatermark) {
    const read = await partition.read(offset, readBytes, true);
    try {
      for (const part of read.parts) {
        const found = findInBatches(part, timestampMs, partition.logStartOffset);
        if (found !== null) return found;
      }
    } finally {
      read.release();
    }
    if (read.nextOffset === offset) return null;
    offset = read.nextOffset;
  }
  return null;
}

/** An offset before which every record is earlier than the time. */
async function startOfSearch(core: LogCore, partition: PartitionLog, timestampMs: number): Promise<number> {
  for (const segment of partition.segments) {
    if (segment.maxTimestampMs < timestampMs || segment.endOffset <= partition.logStartOffset) continue;
    const pending = segment.index.findPendingTime(timestampMs);
    if (pending >= 0) return segment.baseOffset + pending;
    let loaded = await core.indexes.load(partition.name, segment);
    let entry = lastTimeBefore(loaded.time, loaded.timeCount, timestampMs);
    if (entry !== null && !(await isTrue(partition, segment.baseOffset + entry.offset, entry.timestampMs))) {
      loaded = await core.indexes.rebuild(partition.name, segment);
      entry = lastTimeBefore(loaded.time, loaded.timeCount, timestampMs);
    }
    return segment.baseOffset + (entry?.offset ?? 0);
  }
  return partition.segments.at(-1)!.endOffset;
}

/** L4: whether the batch that ends with this offset has that largest timestamp. What retention took cannot be asked. */
async function isTrue(partition: PartitionLog, offset: number, timestampMs: number): Promise<boolean> {
  if (offset < partition.logStartOffset) return true;
  if (offset >= partition.highWatermark) return false;
  const read = await partition.read(offset, 1, true);
  try {
    const batches = new BatchCursor(read.parts[0]!);
    return batches.next() && batches.lastOffset === offset && batches.maxTimestampMs === timestampMs;
  } finally {
    read.release();
  }
}

function findInBatches(bytes: Uint8Array, timestampMs: number, offsetMin: number): { offset: number; timestampMs: number } | null {
  const batches = new BatchCursor(bytes);
  while (batches.next()) {
    if (batches.maxTimestampMs < timestampMs) continue;
    const records = new RecordCursor().open(bytes, batches.at);
    while (records.next()) if (records.timestampMs >= timestampMs && records.offset >= offsetMin) return { offset: records.offset, timestampMs: records.timestampMs };
  }
  return null;
}

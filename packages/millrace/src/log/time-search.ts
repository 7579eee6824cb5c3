// log/time-search.ts - the first record at or after a time.
// Owns: the search over segments, then batches, then records of one batch. Never: what the record says.
// Cost: one index look-up, then reads of 256 KiB from the last indexed batch that is earlier.
import { BatchCursor, RecordCursor } from '../wire/mod.ts';
import type { LogCore } from './core.ts';
import type { PartitionLog } from './partition.ts';
import { offsetInTimeIndex } from './segment-index.ts';

const readBytes = 256 * 1024;

/** See Partition.offsetForTimestamp. */
export async function findTimestamp(core: LogCore, partition: PartitionLog, timestampMs: number): Promise<{ offset: number; timestampMs: number } | null> {
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
    if (segment.maxTimestampMs < timestampMs) continue;
    const pending = segment.index.findPendingTime(timestampMs);
    if (pending >= 0) return segment.baseOffset + pending;
    const loaded = await core.indexes.load(partition.name, segment);
    return segment.baseOffset + offsetInTimeIndex(loaded.time, loaded.timeCount, timestampMs);
  }
  return partition.segments.at(-1)!.endOffset;
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

// log/segment-writes.ts - turns entries of journal groups into writes to segments: the same for the background writer and for replay.
// Owns: the order and place of batches in segments. Never: writing itself.
// L12 A segment gets a partition's batches in journal order; a batch that a segment already holds is passed over, so replay is idempotent.
import { assert } from '../base/mod.ts';
import { batchEndOffset, batchMaxTimestamp } from './batch-bytes.ts';
import { EntryCursor, entryKind } from './journal-format.ts';
import type { PartitionLog } from './partition.ts';
import type { Segment } from './segment.ts';

/** Consecutive batches for one segment. */
export interface SegmentWrite {
  readonly partition: PartitionLog;
  readonly segment: Segment;
  readonly position: number;
  readonly parts: Uint8Array[];
  bytes: number;
}

/** Writes being gathered, at most one for a segment. */
export type SegmentWrites = Map<Segment, SegmentWrite>;

/** Adds the batches of the entries in `bytes` from `from` to `to`. */
export function collectWrites(bytes: Uint8Array, from: number, to: number, byId: ReadonlyMap<number, PartitionLog>, writes: SegmentWrites, onOther?: (cursor: EntryCursor) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const cursor = new EntryCursor(bytes, from, to);
  while (cursor.next()) {
    if (cursor.kind === entryKind.batch) addBatch(bytes, view, cursor, byId, writes);
    else if (cursor.kind === entryKind.roll) byId.get(cursor.partitionId)?.absorbRoll(cursor.offset);
    else onOther?.(cursor);
  }
}

function addBatch(bytes: Uint8Array, view: DataView, cursor: EntryCursor, byId: ReadonlyMap<number, PartitionLog>, writes: SegmentWrites): void {
  const partition = byId.get(cursor.partitionId);
  const segment = partition?.segmentOf(cursor.offset) ?? null;
  if (partition === undefined || segment === null || cursor.offset < segment.endOffset) return;
  const at = cursor.bodyAt;
  const length = cursor.bodyBytes;
  let write = writes.get(segment);
  if (write === undefined) writes.set(segment, (write = { partition, segment, position: segment.bytes, parts: [], bytes: 0 }));
  assert(write.position + write.bytes === segment.bytes, 'L12: a segment is written back to back');
  segment.absorb(cursor.position, length, cursor.offset, batchEndOffset(view, at), batchMaxTimestamp(view, at));
  write.parts.push(bytes.subarray(at, at + length));
  write.bytes += length;
  partition.absorbed(length);
}

// log/cold-read.ts - reads of what is no longer in the tail, from segment files.
// Owns: finding the position, checking every batch. Never: what lies only in memory (partition.ts).
// L11 No batch is handed out whose checksum was not checked in this read. L15 In a segment that was compacted, and in front of one, the batch that
// follows a gap is answered; elsewhere a gap is damage. Cost: one file read and one crc32c pass over the bytes.
import { isMillraceError, MillraceError } from '../base/mod.ts';
import { batchBaseOffset, batchBytes, batchEndOffset, batchIsIntact, batchShape } from './batch-bytes.ts';
import type { LogCore } from './core.ts';
import { segmentPath } from './names.ts';
import type { PartitionLog } from './partition.ts';
import { positionInIndex } from './segment-index.ts';
import type { Segment } from './segment.ts';
import type { ReadResult } from './types.ts';

/** More than the distance of two index entries, so that one read mostly reaches the batch it looks for. */
const slackBytes = 8 * 1024;

/** Where batches for a read begin: exactly, or somewhere before. */
interface Place { readonly position: number; readonly exact: boolean }

/** What was read; when it was read ahead, its memory counts as the reader's once it is claimed. */
export interface ColdRead extends ReadResult { claim(): void }

/** Whole batches from `offset` on, for a reader or `ahead` of one; see Partition.read. */
export async function readCold(core: LogCore, partition: PartitionLog, offset: number, bytesMax: number, atLeastOne: boolean, ahead = false): Promise<ColdRead> {
  for (;;) {
    const { swaps } = partition;
    try {
      return await readOnce(core, partition, offset, bytesMax, atLeastOne, ahead);
    } catch (error) {
      if (partition.removed || partition.swaps === swaps) throw error; // else it was looked for in a segment that has been replaced
    }
  }
}

async function readOnce(core: LogCore, partition: PartitionLog, offset: number, bytesMax: number, atLeastOne: boolean, ahead: boolean): Promise<ColdRead> {
  const segment = partition.segmentFrom(offset);
  if (segment === null && !partition.hasGaps) throw outOfRange(partition, offset);
  // In a gap, and what follows it is still in the tail alone.
  if (segment === null || (segment.baseOffset > offset && segment.writtenBytes === 0)) return nothingAt(offset);
  const query = { segment, offset, bytesMax, atLeastOne, ahead };
  const { swaps } = partition;
  try {
    const place = await findPlace(core, partition, segment, offset);
    try {
      return await readFrom(core, partition, query, place);
    } catch (error) {
      if (place.exact || !isMillraceError(error, 'data-damaged')) throw error;
      // The index may have led astray: it is a hint (L4).
      const rebuilt = await core.indexes.rebuild(partition.name, segment);
      return await readFrom(core, partition, query, { position: positionInIndex(rebuilt.index, rebuilt.indexCount, offset - segment.baseOffset), exact: false });
    }
  } catch (error) {
    if (partition.removed) throw new MillraceError('topic-not-found', `Cannot read '${partition.name}': it was removed`, { partition: partition.name });
    if (offset < partition.logStartOffset) throw outOfRange(partition, offset);
    const known = isMillraceError(error, 'not-found') ? damaged(partition, segment, 0, 'the file is missing') : error;
    if (isMillraceError(known, 'data-damaged') && partition.swaps === swaps) core.reportDamage(known.data.path as string, known.data.position as number, known.data.what as string);
    throw known;
  }
}

const nothingAt = (offset: number): ColdRead => ({ parts: [], bytes: 0, nextOffset: offset, release: () => {}, claim: () => {} });

interface Query { readonly segment: Segment; readonly offset: number; readonly bytesMax: number; readonly atLeastOne: boolean; readonly ahead: boolean }

/** Reads on from a place until the batches asked for are whole in one buffer. */
async function readFrom(core: LogCore, partition: PartitionLog, query: Query, place: Place): Promise<ColdRead> {
  const { segment, offset, bytesMax } = query;
  const lease = await core.files.acquire(segmentPath(partition.name, segment, 'log'));
  try {
    let { position } = place;
    let want = Math.max(bytesMax, 1) + (place.exact ? 0 : slackBytes);
    for (;;) {
      want = Math.min(want, segment.writtenBytes - position);
      if (want <= 0) throw damaged(partition, segment, position, 'the batch is missing');
      const buffer = core.buffers.take(want, query.ahead);
      let kept = false;
      try {
        const bytes = buffer.bytes.subarray(0, await lease.file.read(buffer.bytes.subarray(0, want), position));
        if (bytes.length < want) throw damaged(partition, segment, position + bytes.length, 'the file is too short');
        const found = select(partition, query, bytes, position);
        if (found.kind === 'found') {
          kept = found.to > found.from;
          partition.coldHint = { offset: found.nextOffset, segment, position: position + found.to };
          if (!kept) return nothingAt(found.nextOffset);
          return { parts: [bytes.subarray(found.from, found.to)], bytes: found.to - found.from, nextOffset: found.nextOffset, release: buffer.release, claim: buffer.claim };
        }
        position += found.at;
        want = Math.max(found.bytes, bytesMax);
      } finally {
        if (!kept) buffer.release();
      }
    }
  } finally {
    lease.release();
  }
}

/** Position of the batch that holds the offset, or of one before it. */
export async function findPlace(core: LogCore, partition: PartitionLog, segment: Segment, offset: number): Promise<Place> {
  const hint = partition.coldHint;
  if (hint !== null && hint.segment === segment && hint.offset === offset) return { position: hint.position, exact: true };
  const relative = offset - segment.baseOffset;
  if (relative <= 0) return { position: 0, exact: true };
  const pending = segment.index.findPending(relative);
  if (pending >= 0 && pending < segment.writtenBytes) return { position: pending, exact: false };
  const loaded = await core.indexes.load(partition.name, segment);
  const position = positionInIndex(loaded.index, loaded.indexCount, relative);
  if (await pointsAtBatch(core, partition, segment, position, offset)) return { position, exact: false };
  const rebuilt = await core.indexes.rebuild(partition.name, segment);
  return { position: positionInIndex(rebuilt.index, rebuilt.indexCount, relative), exact: false };
}

/** Whether a batch begins at `position` that is not past `offset` (L4: indexes are hints). */
async function pointsAtBatch(core: LogCore, partition: PartitionLog, segment: Segment, position: number, offset: number): Promise<boolean> {
  if (position === 0) return true;
  const lease = await core.files.acquire(segmentPath(partition.name, segment, 'log'));
  try {
    const head = new Uint8Array(64);
    const view = new DataView(head.buffer);
    if ((await lease.file.read(head, position)) < 61 || batchShape(view, 0, Infinity) === 'bad') return false;
    const base = batchBaseOffset(view, 0);
    return base >= segment.baseOffset && base <= offset && position + batchBytes(view, 0) <= segment.writtenBytes;
  } finally {
    lease.release();
  }
}

type Selection =
  | { readonly kind: 'found'; readonly from: number; readonly to: number; readonly nextOffset: number }
  /** Nothing yet: go on at `at`, with at least `bytes`. */
  | { readonly kind: 'more'; readonly at: number; readonly bytes: number };

/** Picks the batches to answer with from bytes that begin with a batch. */
function select(partition: PartitionLog, { segment, offset, bytesMax, atLeastOne }: Query, bytes: Uint8Array, position: number): Selection {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let from = -1;
  let nextOffset = offset;
  while (at < bytes.length) {
    const shape = batchShape(view, at, bytes.length - at);
    if (shape === 'bad') throw damaged(partition, segment, position + at, 'no batch begins here');
    if (shape === 'cut') {
      if (from >= 0) break;
      const length = bytes.length - at < 61 ? 61 : batchBytes(view, at);
      if (position + at + length > segment.writtenBytes) throw damaged(partition, segment, position + at, 'the batch is longer than the segment');
      const holdsIt = bytes.length - at >= 61 && batchEndOffset(view, at) > offset; // one before it counts for nothing
      if (holdsIt && length > bytesMax && !atLeastOne) return { kind: 'found', from: 0, to: 0, nextOffset: offset };
      return { kind: 'more', at, bytes: length };
    }
    const end = batchEndOffset(view, at);
    const length = batchBytes(view, at);
    if (end > offset) {
      if (end > partition.highWatermark) {
        if (from < 0) throw damaged(partition, segment, position + at, 'the batch ends past the log'); // the offset asked for lies below
        break;
      }
      if (from < 0) {
        if (segment.generation === 0 && batchBaseOffset(view, at) > Math.max(offset, segment.baseOffset) && nextOffset === offset) throw damaged(partition, segment, position + at, 'an earlier batch is missing');
        if (length > bytesMax && !atLeastOne) return { kind: 'found', from: at, to: at, nextOffset: offset };
        from = at;
      } else if (at + length - from > bytesMax) {
        break;
      }
      if (!batchIsIntact(bytes, view, at)) throw damaged(partition, segment, position + at, 'the batch fails its checksum');
      nextOffset = end;
    }
    at += length;
  }
  if (from < 0) return { kind: 'more', at, bytes: 61 };
  return { kind: 'found', from, to: at, nextOffset };
}

function damaged(partition: PartitionLog, segment: Segment, position: number, what: string): MillraceError {
  const path = segmentPath(partition.name, segment, 'log');
  return new MillraceError('data-damaged', `Cannot read '${path}' at byte ${position}: ${what}`, { path, position, what, partition: partition.name });
}

function outOfRange(partition: PartitionLog, offset: number): MillraceError {
  return new MillraceError('offset-out-of-range', `Cannot read '${partition.name}' at ${offset}: it begins at ${partition.logStartOffset}`, {
    partition: partition.name, offset, logStartOffset: partition.logStartOffset, endOffset: partition.endOffset,
  });
}

// log/segment-index.ts - the two sparse indexes of a segment, in Kafka's formats.
// Owns: entries not yet in their files, and what the files hold. Never: opening files on its own (the caller passes them).
// Format: docs/formats/segment.md. .index: (last offset of a batch - base, position of that batch), 8 bytes, big endian;
// .timeindex: (largest timestamp so far, offset of it - base), 12 bytes.
// L4 Offsets, positions and timestamps of entries rise. An index is a hint: what it points at is checked, and it can be rebuilt from the log.
// Cost: one entry of 8 and at most one of 12 bytes for each 4 KiB of log.
import { assert, limits } from '../base/mod.ts';

/** Bytes of an entry in each file. */
export const indexEntryBytes = 8;
/** Bytes of an entry in the time index. */
export const timeEntryBytes = 12;

/** Entries of one segment that were not yet written, and how many were. */
export class SegmentIndex {
  /** Entries in the files. */
  indexStored: number;
  timeStored: number;
  /** (offset - base, position) pairs waiting. */
  readonly #pending: number[] = [];
  /** (timestamp, offset - base) pairs waiting. */
  readonly #pendingTimes: number[] = [];
  #bytesSinceEntry = 0;
  #lastTimestampMs = -1;
  /** Bytes of log for each entry (index.interval.bytes). */
  readonly intervalBytes: number;

  constructor(indexStored: number, timeStored: number, lastTimestampMs: number, intervalBytes: number = limits.log.indexIntervalBytes) {
    this.intervalBytes = intervalBytes;
    this.indexStored = indexStored;
    this.timeStored = timeStored;
    this.#lastTimestampMs = timeStored > 0 ? lastTimestampMs : -1;
  }

  /** Bytes of entries not yet in the files. */
  get pendingBytes(): number { return this.#pending.length * 4 + this.#pendingTimes.length * 6; }

  /** Notes a batch that lies at `position`, all offsets relative to the segment's base. */
  note(lastOffset: number, position: number, bytes: number, maxTimestampMs: number, maxTimestampOffset: number): void {
    if (this.#bytesSinceEntry > this.intervalBytes) {
      this.#pending.push(lastOffset, position);
      this.noteTime(maxTimestampMs, maxTimestampOffset);
      this.#bytesSinceEntry = 0;
    }
    this.#bytesSinceEntry += bytes;
  }

  /** Notes the largest timestamp so far, if it rose; also at the segment's end. */
  noteTime(timestampMs: number, offset: number): void {
    if (timestampMs <= this.#lastTimestampMs) return;
    this.#pendingTimes.push(timestampMs, offset);
    this.#lastTimestampMs = timestampMs;
  }

  /** Position to look from for a relative offset among waiting entries; -1 when those all lie later. */
  findPending(offset: number): number {
    for (let at = this.#pending.length - 2; at >= 0; at -= 2) if (this.#pending[at]! <= offset) return this.#pending[at + 1]!;
    return -1;
  }

  /** Relative offset to look from for a timestamp: of the last waiting entry that is earlier; -1 when none is. */
  findPendingTime(timestampMs: number): number {
    for (let at = this.#pendingTimes.length - 2; at >= 0; at -= 2) if (this.#pendingTimes[at]! < timestampMs) return this.#pendingTimes[at + 1]!;
    return -1;
  }

  /** The waiting entries as bytes of both files, and where they go; null when there are none. */
  encodePending(): { index: Uint8Array; indexAt: number; time: Uint8Array; timeAt: number; indexCount: number; timeCount: number } | null {
    if (this.#pending.length === 0 && this.#pendingTimes.length === 0) return null;
    const index = new Uint8Array(this.#pending.length * 4);
    const indexView = new DataView(index.buffer);
    this.#pending.forEach((value, at) => indexView.setUint32(at * 4, value));
    const time = new Uint8Array(this.#pendingTimes.length * 6);
    const timeView = new DataView(time.buffer);
    for (let at = 0; at < this.#pendingTimes.length; at += 2) {
      timeView.setBigInt64(at * 6, BigInt(this.#pendingTimes[at]!));
      timeView.setUint32(at * 6 + 8, this.#pendingTimes[at + 1]!);
    }
    return {
      index, indexAt: this.indexStored * indexEntryBytes, time, timeAt: this.timeStored * timeEntryBytes,
      indexCount: this.#pending.length / 2, timeCount: this.#pendingTimes.length / 2,
    };
  }

  /** The first entries were written. */
  stored(indexCount: number, timeCount: number): void {
    assert(indexCount * 2 <= this.#pending.length && timeCount * 2 <= this.#pendingTimes.length, 'only waiting entries are stored');
    this.#pending.splice(0, indexCount * 2);
    this.#pendingTimes.splice(0, timeCount * 2);
    this.indexStored += indexCount;
    this.timeStored += timeCount;
  }
}

/** Entries of an .index file, sorted: the position to look from for `offset` (relative), 0 when all lie later. */
export function positionInIndex(entries: DataView, count: number, offset: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries.getUint32(middle * indexEntryBytes) <= offset) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : entries.getUint32((low - 1) * indexEntryBytes + 4);
}

/** The last entry of a .timeindex file that is earlier than the time, its offset relative; null when none is. */
export function lastTimeBefore(entries: DataView, count: number, timestampMs: number): { offset: number; timestampMs: number } | null {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (Number(entries.getBigInt64(middle * timeEntryBytes)) < timestampMs) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return null;
  return { timestampMs: Number(entries.getBigInt64((low - 1) * timeEntryBytes)), offset: entries.getUint32((low - 1) * timeEntryBytes + 8) };
}

/** L4: true when the entries rise and stay inside a segment of `logBytes`. */
export function indexIsSane(entries: DataView, count: number, logBytes: number): boolean {
  if (entries.byteLength < count * indexEntryBytes) return false;
  for (let entry = 0, offset = -1, position = -1; entry < count; entry++) {
    const nextOffset = entries.getUint32(entry * indexEntryBytes);
    const nextPosition = entries.getUint32(entry * indexEntryBytes + 4);
    if (nextOffset <= offset || nextPosition <= position || nextPosition >= logBytes) return false;
    offset = nextOffset;
    position = nextPosition;
  }
  return true;
}

// log/batch-bytes.ts - the few fields of a v2 batch header that storage needs.
// Owns: their positions. Never: records inside (wire/ knows those). Field layout: Kafka's record batch, magic 2, big endian.
import { crc32c } from '../base/mod.ts';

/** Bytes of a batch before its records. */
export const batchHeaderBytes = 61;
const lengthAt = 8;
const magicAt = 16;
const crcAt = 17;
const checkedFrom = 21;
const lastOffsetDeltaAt = 23;
const maxTimestampAt = 35;

/** Writes base offset and leader epoch: both lie outside the checksum. */
export function stampBatch(view: DataView, at: number, baseOffset: number, leaderEpoch: number): void {
  view.setUint32(at, Math.floor(baseOffset / 2 ** 32));
  view.setUint32(at + 4, baseOffset >>> 0);
  view.setInt32(at + 12, leaderEpoch);
}

/** First offset of the batch. */
export const batchBaseOffset = (view: DataView, at: number): number => view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
/** Bytes of the whole batch. */
export const batchBytes = (view: DataView, at: number): number => view.getInt32(at + lengthAt) + 12;
/** First offset after the batch. */
export const batchEndOffset = (view: DataView, at: number): number => batchBaseOffset(view, at) + view.getInt32(at + lastOffsetDeltaAt) + 1;
/** Largest record timestamp, -1 for none. */
export const batchMaxTimestamp = (view: DataView, at: number): number => view.getInt32(at + maxTimestampAt) * 2 ** 32 + view.getUint32(at + maxTimestampAt + 4);

/** What a batch header at `at` looks like when `available` bytes follow: 'cut' needs more bytes, 'bad' cannot be one. */
export function batchShape(view: DataView, at: number, available: number): 'whole' | 'cut' | 'bad' {
  if (available < batchHeaderBytes) return 'cut';
  const length = batchBytes(view, at);
  if (length < batchHeaderBytes || view.getInt8(at + magicAt) !== 2 || view.getInt32(at + lastOffsetDeltaAt) < 0) return 'bad';
  return length > available ? 'cut' : 'whole';
}

/** True when the checksum covers the batch's bytes. */
export function batchIsIntact(bytes: Uint8Array, view: DataView, at: number): boolean {
  return crc32c(bytes.subarray(at + checkedFrom, at + batchBytes(view, at))) === view.getUint32(at + crcAt);
}

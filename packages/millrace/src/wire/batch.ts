// wire/batch.ts - the header of a record batch (format v2): reading, verifying, stamping.
// Owns: the 61 bytes before the records. Never: the records themselves (record-cursor.ts), topics, offsets' meaning.
// Layout, big-endian: baseOffset 0 i64 | batchLength 8 i32 | partitionLeaderEpoch 12 i32 | magic 16 i8 | crc 17 u32 | attributes 21 i16 |
//   lastOffsetDelta 23 i32 | baseTimestamp 27 i64 | maxTimestamp 35 i64 | producerId 43 i64 | producerEpoch 51 i16 | baseSequence 53 i32 |
//   recordCount 57 i32 | records 61. batchLength counts from byte 12; the crc covers byte 21 to the end. (Kafka, message format v2)
// B1 baseOffset and partitionLeaderEpoch lie outside the crc: stamping them leaves the batch valid.
// Cost of verifyBatch: one crc over the batch, no allocation but its result.
import { crc32c, MillraceError } from '../base/mod.ts';

/** Bytes before the first record. */
export const batchHeaderBytes = 61;
/** Bytes before batchLength starts to count. */
export const batchPrefixBytes = 12;
/** The only format that is read and written. */
export const batchMagic = 2;

const attributeCodec = 0x07;
const attributeLogAppendTime = 0x08;
const attributeTransactional = 0x10;
const attributeControl = 0x20;
const attributeDeleteHorizon = 0x40;

/** How records are compressed, by the number in the attributes. */
export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
/** How the records of a batch are compressed. */
export type Codec = (typeof codecs)[number];

/** What a batch header says. */
export interface BatchHeader {
  /** Where the batch starts in the bytes it was read from, and its whole size there. */
  readonly at: number;
  readonly sizeBytes: number;
  readonly baseOffset: number;
  readonly partitionLeaderEpoch: number;
  readonly crc: number;
  readonly attributes: number;
  readonly codec: Codec;
  readonly lastOffsetDelta: number;
  /** In ms; -1 for none. A time beyond 2^53-1 reads as plus or minus Infinity. */
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly isLogAppendTime: boolean;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  /** True when compaction has put the time at which tombstones may go into baseTimestampMs. */
  readonly hasDeleteHorizon: boolean;
  /** -1 when the producer is neither idempotent nor transactional; epoch and sequence then mean nothing. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/** Reads a long at `at`; beyond 2^53-1 it is plus or minus Infinity. */
export function readLong(bytes: Uint8Array, at: number): number {
  const value = readInt(bytes, at) * 0x100000000 + (readInt(bytes, at + 4) >>> 0);
  return Number.isSafeInteger(value) ? value : value > 0 ? Infinity : -Infinity;
}

/** Reads an int at `at`. */
export function readInt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Writes a whole number within 2^53-1, or plus or minus Infinity for the extremes, as a long. */
export function writeLong(bytes: Uint8Array, at: number, value: number): void {
  if (Number.isSafeInteger(value)) {
    writeInt(bytes, at, Math.floor(value / 0x100000000));
    writeInt(bytes, at + 4, value % 0x100000000);
  } else {
    writeInt(bytes, at, value > 0 ? 0x7fffffff : 0x80000000);
    writeInt(bytes, at + 4, value > 0 ? 0xffffffff : 0);
  }
}

/** Writes an int at `at`. */
export function writeInt(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}

const readShort = (bytes: Uint8Array, at: number): number => ((bytes[at]! << 24) | (bytes[at + 1]! << 16)) >> 16;

/** Whole size in bytes that the batch at `at` claims (12 + batchLength); the 12 bytes must be there. */
export function batchSizeBytes(bytes: Uint8Array, at: number): number {
  return batchPrefixBytes + readInt(bytes, at + 8);
}

/** First offset after the batch at `at`. */
export function batchNextOffset(bytes: Uint8Array, at: number): number {
  return readLong(bytes, at) + readInt(bytes, at + 23) + 1;
}

/** First offset of the batch at `at`. */
export function batchBaseOffset(bytes: Uint8Array, at: number): number {
  return readLong(bytes, at);
}

/** Largest timestamp of the batch at `at`, in ms. */
export function batchMaxTimestampMs(bytes: Uint8Array, at: number): number {
  return readLong(bytes, at + 35);
}

/**
 * Reads the header of the batch at `at` without checking its crc; the 61 bytes must be there. Throws 'corrupt-batch' for a codec that does not exist.
 */
export function readBatchHeader(bytes: Uint8Array, at = 0): BatchHeader {
  const attributes = readShort(bytes, at + 21);
  const codec = codecs[attributes & attributeCodec];
  if (codec === undefined) throw corrupt(at, 'unknown-codec', `codec ${attributes & attributeCodec} does not exist`);
  return {
    at,
    sizeBytes: batchSizeBytes(bytes, at),
    baseOffset: readLong(bytes, at),
    partitionLeaderEpoch: readInt(bytes, at + 12),
    crc: readInt(bytes, at + 17) >>> 0,
    attributes,
    codec,
    lastOffsetDelta: readInt(bytes, at + 23),
    baseTimestampMs: readLong(bytes, at + 27),
    maxTimestampMs: readLong(bytes, at + 35),
    isLogAppendTime: (attributes & attributeLogAppendTime) !== 0,
    isTransactional: (attributes & attributeTransactional) !== 0,
    isControl: (attributes & attributeControl) !== 0,
    hasDeleteHorizon: (attributes & attributeDeleteHorizon) !== 0,
    producerId: readLong(bytes, at + 43),
    producerEpoch: readShort(bytes, at + 51),
    baseSequence: readInt(bytes, at + 53),
    recordCount: readInt(bytes, at + 57),
  };
}

/** Why a batch was refused (`data.reason` of a 'corrupt-batch' error): a broker answers each in its own way. */
export type BatchDefect = 'cut' | 'old-format' | 'unknown-format' | 'length' | 'crc' | 'unknown-codec' | 'counts' | 'timestamps' | 'producer' | 'records';

/** The refusal of a batch: code 'corrupt-batch', `data.reason` the defect, `data.position` where the batch starts. */
export function corrupt(at: number, reason: BatchDefect, state: string): MillraceError {
  return new MillraceError('corrupt-batch', `Cannot take the batch at byte ${at}: ${state}`, { reason, position: at });
}

/**
 * Checks the batch that starts at `at` and must end by `end`: its length, format, crc, counts and timestamps. The records inside are not walked.
 * Throws 'corrupt-batch' with `data.reason`: 'cut' (ends past `end`), 'old-format' (magic 0 or 1: convertible elsewhere, refused here),
 * 'unknown-format', 'length', 'crc', 'unknown-codec', 'counts' (offsets and records disagree), 'timestamps', 'producer'.
 * @example const header = verifyBatch(bytes, 0, bytes.length); // header.sizeBytes is where the next one starts
 */
export function verifyBatch(bytes: Uint8Array, at: number, end: number): BatchHeader {
  const left = end - at;
  if (left < batchPrefixBytes + 5) throw corrupt(at, 'cut', `${left} bytes are no batch`);
  const magic = bytes[at + 16]!;
  if (magic < batchMagic) throw corrupt(at, 'old-format', `message format ${magic} is no longer taken`);
  if (magic > batchMagic) throw corrupt(at, 'unknown-format', `message format ${magic} does not exist`);
  const sizeBytes = batchSizeBytes(bytes, at);
  if (sizeBytes < batchHeaderBytes) throw corrupt(at, 'length', `${sizeBytes} bytes are less than a header`);
  if (sizeBytes > left) throw corrupt(at, 'cut', `${sizeBytes} bytes claimed, ${left} there`);
  const header = readBatchHeader(bytes, at);
  const crc = crc32c(bytes.subarray(at + 21, at + sizeBytes));
  if (crc !== header.crc) throw corrupt(at, 'crc', `its checksum is ${crc}, it says ${header.crc}`);
  checkCounts(header);
  return header;
}

/** Fewest bytes of a record: its length, attributes, two deltas, key and value lengths, header count. */
const recordBytesMin = 7;

function checkCounts(header: BatchHeader): void {
  const { at, recordCount, lastOffsetDelta } = header;
  if (recordCount < 0 || lastOffsetDelta < 0) throw corrupt(at, 'counts', `${recordCount} records, last offset delta ${lastOffsetDelta}`);
  // Compaction removes records and keeps the offsets, so fewer records than offsets is valid; more is not.
  if (recordCount > lastOffsetDelta + 1) throw corrupt(at, 'counts', `${recordCount} records over ${lastOffsetDelta + 1} offsets`);
  if (header.codec === 'none' && recordCount * recordBytesMin > header.sizeBytes - batchHeaderBytes) {
    throw corrupt(at, 'counts', `${recordCount} records in ${header.sizeBytes - batchHeaderBytes} bytes`);
  }
  if (!Number.isFinite(header.baseOffset) || !Number.isFinite(header.baseOffset + lastOffsetDelta)) throw corrupt(at, 'counts', 'its offset is beyond 2^53-1');
  if (header.maxTimestampMs < -1 || !Number.isFinite(header.maxTimestampMs)) throw corrupt(at, 'timestamps', `its largest timestamp is ${header.maxTimestampMs}`);
  if (header.producerId < -1 || !Number.isFinite(header.producerId)) throw corrupt(at, 'producer', `its producer id is ${header.producerId}`);
}

/**
 * Walks the verified batches between `at` and `end`, calling back with where each starts and its size. Stops at a batch that is cut by `end`
 * (the last one of a fetch may be) and returns where it stopped. Throws 'corrupt-batch' for a length that no batch can have.
 */
export function forEachBatch(bytes: Uint8Array, at: number, end: number, each: (at: number, sizeBytes: number) => void): number {
  while (end - at >= batchPrefixBytes) {
    const sizeBytes = batchSizeBytes(bytes, at);
    if (sizeBytes < batchHeaderBytes) throw corrupt(at, 'length', `${sizeBytes} bytes are less than a header`);
    if (sizeBytes > end - at) return at;
    each(at, sizeBytes);
    at += sizeBytes;
  }
  return at;
}

/** Puts the broker's offset and leader epoch into the batch at `at`: twelve bytes that the crc does not cover. */
export function stampBaseOffset(bytes: Uint8Array, at: number, baseOffset: number, leaderEpoch: number): void {
  writeLong(bytes, at, baseOffset);
  writeInt(bytes, at + 12, leaderEpoch);
}

/** Makes the broker's time the time of every record of the batch at `at`, and computes its crc anew. */
export function stampLogAppendTime(bytes: Uint8Array, at: number, timestampMs: number): void {
  bytes[at + 22] = bytes[at + 22]! | attributeLogAppendTime;
  writeLong(bytes, at + 35, timestampMs);
  stampCrc(bytes, at);
}

/** Computes the crc of the batch at `at` anew. */
export function stampCrc(bytes: Uint8Array, at: number): void {
  writeInt(bytes, at + 17, crc32c(bytes.subarray(at + 21, at + batchSizeBytes(bytes, at))));
}

/** What a new batch's attributes say. */
export function batchAttributes(codec: Codec, of: { transactional?: boolean; control?: boolean; logAppendTime?: boolean }): number {
  return codecs.indexOf(codec)
    | (of.logAppendTime === true ? attributeLogAppendTime : 0)
    | (of.transactional === true ? attributeTransactional : 0)
    | (of.control === true ? attributeControl : 0);
}

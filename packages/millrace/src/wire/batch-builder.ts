// wire/batch-builder.ts - builds record batches (format v2) in one growing buffer.
// Owns: writing records and the header around them. B1 what finish returns is never written again. B2 an uncompressed batch is built in place
// and not copied. Layouts: batch.ts, record-cursor.ts. Cost: each key and value is copied once; strings are encoded into place.
import { assert, MillraceError } from '../base/mod.ts';
import { batchAttributes, batchHeaderBytes, batchMagic, batchPrefixBytes, stampCrc, writeInt, writeLong, type Codec } from './batch.ts';
import { compress } from './compression.ts';

/** A record's header on its way in. */
export interface RecordHeaderInit { readonly key: string; readonly value: Uint8Array | string | null }

/** What a batch says about itself besides its records. */
export interface BatchOptions {
  /** Default 'none'. */
  readonly codec?: Codec;
  /** gzip's (1 to 9) or zstd's (1 to 22) own level. */
  readonly level?: number;
  /** Default 0: the broker stamps it. */
  readonly baseOffset?: number;
  /** Default -1: the broker stamps it. */
  readonly partitionLeaderEpoch?: number;
  /** All three default to -1: neither idempotent nor transactional. */
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly transactional?: boolean;
  readonly control?: boolean;
  /** When given, the time of all records, set by the broker. */
  readonly logAppendTimeMs?: number;
}

const utf8 = new TextEncoder();
const noBytes = new Uint8Array(0);
/** Longer strings are left to TextEncoder; below it a loop over ASCII is faster (codec.bench.ts). */
const shortStringChars = 24;
/** Attributes, timestamp delta, offset delta, key length, value length, header count at their longest, and the record length. */
const recordOverheadMax = 1 + 10 + 5 + 5 + 5 + 5 + 5;

/**
 * Collects records and finishes them into a batch; then it is empty and can be used again.
 * @example
 * const builder = new BatchBuilder();
 * builder.append(Date.now(), null, 'hello');
 * const bytes = builder.finish({ codec: 'zstd' });
 */
export class BatchBuilder {
  #bytes: Uint8Array;
  #at = batchHeaderBytes;
  #count = 0;
  #baseTimestampMs = -1;
  #maxTimestampMs = -1;
  readonly #capacity: number;

  /** `capacityBytes` is what the first buffer holds; it grows by doubling. */
  constructor(capacityBytes = 1024) {
    this.#capacity = Math.max(capacityBytes, batchHeaderBytes);
    this.#bytes = noBytes;
  }

  get recordCount(): number { return this.#count; }
  /** Size of the batch if it were finished uncompressed now. */
  get sizeBytes(): number { return this.#at; }

  /**
   * Adds a record at the next offset. Strings are written as UTF-8; null is no key, and no value (a tombstone).
   * Throws 'invalid-argument' for a timestamp that is not a whole number from -1 on.
   */
  append(timestampMs: number, key: Uint8Array | string | null, value: Uint8Array | string | null, headers?: readonly RecordHeaderInit[]): void {
    if (!Number.isSafeInteger(timestampMs) || timestampMs < -1) {
      throw new MillraceError('invalid-argument', `Cannot append a record: timestamp ${timestampMs} is not a whole number of milliseconds`, { timestampMs });
    }
    if (this.#count === 0) this.#baseTimestampMs = timestampMs;
    if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs;
    this.#writeRecord(timestampMs, this.#count++, key, value, headers);
  }

  /** The batch; the builder is empty afterwards. Throws what compression throws. */
  finish(options: BatchOptions = {}): Uint8Array {
    assert(this.#count > 0, 'a batch has a record');
    const codec = options.codec ?? 'none';
    const batch = codec === 'none' ? this.#bytes.subarray(0, this.#at) : this.#compressed(codec, options.level);
    this.#writeHeader(batch, codec, options);
    this.#bytes = noBytes; // the next buffer is made for the next record: most builders of a producer are used once
    this.#at = batchHeaderBytes;
    this.#count = 0;
    this.#baseTimestampMs = this.#maxTimestampMs = -1;
    return batch;
  }

  #compressed(codec: Codec, level: number | undefined): Uint8Array {
    const records = compress(codec, this.#bytes.subarray(batchHeaderBytes, this.#at), level);
    const batch = new Uint8Array(batchHeaderBytes + records.length);
    batch.set(records, batchHeaderBytes);
    return batch;
  }

  #writeHeader(batch: Uint8Array, codec: Codec, options: BatchOptions): void {
    const attributes = batchAttributes(codec, {
      transactional: options.transactional === true, control: options.control === true, logAppendTime: options.logAppendTimeMs !== undefined,
    });
    const epoch = options.producerEpoch ?? -1;
    writeLong(batch, 0, options.baseOffset ?? 0);
    writeInt(batch, 8, batch.length - batchPrefixBytes);
    writeInt(batch, 12, options.partitionLeaderEpoch ?? -1);
    batch[16] = batchMagic;
    batch[21] = 0;
    batch[22] = attributes;
    writeInt(batch, 23, this.#count - 1);
    writeLong(batch, 27, this.#baseTimestampMs);
    writeLong(batch, 35, options.logAppendTimeMs ?? this.#maxTimestampMs);
    writeLong(batch, 43, options.producerId ?? -1);
    batch[51] = epoch >> 8;
    batch[52] = epoch;
    writeInt(batch, 53, options.baseSequence ?? -1);
    writeInt(batch, 57, this.#count);
    stampCrc(batch, 0);
  }

  /** The record's length is guessed from the strings' length, and the record moved when it was not ASCII and the guess was short. */
  #writeRecord(timestampMs: number, offsetDelta: number, key: Uint8Array | string | null, value: Uint8Array | string | null, headers: readonly RecordHeaderInit[] | undefined): void {
    const guess = (key?.length ?? 0) + (value?.length ?? 0) + headersGuess(headers);
    this.#room(bytesMax(key) + bytesMax(value) + headersBytesMax(headers) + recordOverheadMax);
    const start = this.#at;
    const lengthBytes = varintBytes(guess + 8);
    this.#at = start + lengthBytes;
    this.#bytes[this.#at++] = 0;
    this.#varlong(timestampMs - this.#baseTimestampMs);
    this.#varint(offsetDelta);
    this.#data(key);
    this.#data(value);
    if (headers === undefined || headers.length === 0) this.#bytes[this.#at++] = 0;
    else this.#headers(headers);
    this.#writeLength(start, lengthBytes);
  }

  #writeLength(start: number, lengthBytes: number): void {
    const end = this.#at;
    const length = end - start - lengthBytes;
    const needed = varintBytes(length);
    if (needed !== lengthBytes) this.#bytes.copyWithin(start + needed, start + lengthBytes, end);
    this.#at = start;
    this.#varint(length);
    this.#at = start + needed + length;
  }

  #headers(headers: readonly RecordHeaderInit[]): void {
    this.#varint(headers.length);
    for (const header of headers) {
      this.#data(header.key);
      this.#data(header.value);
    }
  }

  /** Bytes behind their length; there is room for them. */
  #data(data: Uint8Array | string | null): void {
    if (data === null) {
      this.#bytes[this.#at++] = 1;
      return;
    }
    if (typeof data === 'string') return this.#text(data);
    this.#varint(data.length);
    this.#bytes.set(data, this.#at);
    this.#at += data.length;
  }

  #text(text: string): void {
    const length = text.length;
    const lengthAt = this.#at;
    this.#varint(length);
    const at = this.#at;
    if (length <= shortStringChars && this.#ascii(text, at)) return;
    const { written } = utf8.encodeInto(text, this.#bytes.subarray(at));
    this.#at = lengthAt;
    if (varintBytes(written) !== at - lengthAt) this.#bytes.copyWithin(lengthAt + varintBytes(written), at, at + written);
    this.#varint(written);
    this.#at += written;
  }

  #ascii(text: string, at: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      bytes[at + i] = code;
    }
    this.#at = at + text.length;
    return true;
  }

  #room(count: number): void {
    if (this.#bytes.length - this.#at >= count) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count, this.#capacity));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }

  #varint(value: number): void {
    let rest = (value << 1) ^ (value >> 31);
    while ((rest & ~0x7f) !== 0) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  #varlong(value: number): void {
    if (value >= -0x40000000 && value < 0x40000000) return this.#varint(value);
    let rest = value < 0 ? -BigInt(value) * 2n - 1n : BigInt(value) * 2n;
    while (rest > 127n) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }
}

function headersGuess(headers: readonly RecordHeaderInit[] | undefined): number {
  if (headers === undefined) return 0;
  let total = 0;
  for (const header of headers) total += header.key.length + (header.value?.length ?? 0) + 2;
  return total;
}

/** UTF-8 takes at most three bytes for a unit of a string. */
const bytesMax = (data: Uint8Array | string | null): number => (data === null ? 0 : typeof data === 'string' ? data.length * 3 : data.length);

function headersBytesMax(headers: readonly RecordHeaderInit[] | undefined): number {
  if (headers === undefined) return 0;
  let total = 0;
  for (const header of headers) total += bytesMax(header.key) + bytesMax(header.value) + 10;
  return total;
}

/** Bytes that a zigzag varint of `value` (zero or more) takes. */
function varintBytes(value: number): number {
  return value < 64 ? 1 : value < 8192 ? 2 : value < 1048576 ? 3 : value < 134217728 ? 4 : 5;
}

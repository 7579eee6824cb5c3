// wire/record-cursor.ts - walks the records of a batch without making an object for each.
// Owns: the record layout of format v2: length varint | attributes i8 | timestampDelta varlong | offsetDelta varint | keyLength varint | key |
//   valueLength varint | value | headerCount varint | (keyLength varint | key | valueLength varint | value)*; varints are zigzag, -1 is null.
// R1 a record is read within its own length, and the records fill the batch exactly as its count says. R2 keys and values are views.
// Cost: a few varints per record; nothing is allocated before key(), value() or headers() are called.
import { limits } from '../base/mod.ts';
import { batchHeaderBytes, corrupt, readBatchHeader, type BatchHeader } from './batch.ts';
import { decompress } from './compression.ts';

/** A record's header. */
export interface RecordHeader { readonly key: string; readonly value: Uint8Array | null }

const utf8 = new TextDecoder();

/**
 * A position in the records of one batch. Use it again for the next batch with `open`.
 * @example
 * const records = new RecordCursor().open(bytes, at);
 * while (records.next()) count(records.offset, records.valueLength);
 */
export class RecordCursor {
  /** What keyAt, valueAt and headersAt point into: the batch itself, or its decompressed records. */
  bytes: Uint8Array = new Uint8Array(0);
  offset = -1;
  timestampMs = -1;
  keyAt = 0;
  /** -1 for no key. */
  keyLength = -1;
  valueAt = 0;
  /** -1 for no value: a tombstone. */
  valueLength = -1;
  headersAt = 0;
  headerCount = 0;
  /** Where the record starts (with its length), where its attributes and its offset delta lie: for copying it as it is. */
  recordAt = 0;
  attributesAt = 0;
  offsetDeltaAt = 0;
  #header: BatchHeader | null = null;
  #at = 0;
  #end = 0;
  #left = 0;
  #recordEnd = 0;
  #baseOffset = 0;
  #baseTimestampMs = 0;
  /** The time of all records when the broker set it, else NaN. */
  #appendTimeMs = NaN;

  /**
   * Stands before the first record of the batch at `at`, decompressing it to at most `limitBytes`. Throws 'message-too-large' past that and
   * 'corrupt-batch' when the header is not one.
   */
  open(bytes: Uint8Array, at = 0, limitBytes: number = limits.wire.recordsBytesMax): this {
    const header = readBatchHeader(bytes, at);
    this.#header = header;
    const end = at + header.sizeBytes;
    if (header.sizeBytes < batchHeaderBytes || end > bytes.length) throw corrupt(at, 'cut', `${header.sizeBytes} bytes claimed, ${bytes.length - at} there`);
    if (header.codec === 'none') {
      this.bytes = bytes;
      this.#at = at + batchHeaderBytes;
      this.#end = end;
    } else {
      this.bytes = decompress(header.codec, bytes.subarray(at + batchHeaderBytes, end), limitBytes);
      this.#at = 0;
      this.#end = this.bytes.length;
    }
    this.#left = header.recordCount;
    this.#baseOffset = header.baseOffset;
    this.#baseTimestampMs = header.baseTimestampMs;
    this.#appendTimeMs = header.isLogAppendTime ? header.maxTimestampMs : NaN;
    return this;
  }

  /** Where the record ends. */
  get recordEndAt(): number { return this.#recordEnd; }

  /** The header of the batch that is open. */
  get batch(): BatchHeader { return this.#header!; }

  /** Steps onto the next record; false after the last. Throws 'corrupt-batch' (`data.reason` 'records') where the bytes are no record. */
  next(): boolean {
    if (this.#left <= 0) return this.#finish();
    this.#left--;
    this.recordAt = this.#at;
    const length = this.#varint(this.#end);
    const end = this.#at + length;
    if (length < 0 || end > this.#end) throw this.#damaged(`a record of ${length} bytes, ${this.#end - this.#at} left`);
    this.#recordEnd = end;
    this.attributesAt = this.#at++;
    const timestampDelta = this.#varlong(end);
    this.offsetDeltaAt = this.#at;
    this.offset = this.#baseOffset + this.#varint(end);
    this.timestampMs = this.#appendTimeMs === this.#appendTimeMs ? this.#appendTimeMs : this.#baseTimestampMs + timestampDelta;
    this.keyLength = this.#span(end);
    this.keyAt = this.#at;
    if (this.keyLength > 0) this.#at += this.keyLength;
    this.valueLength = this.#span(end);
    this.valueAt = this.#at;
    if (this.valueLength > 0) this.#at += this.valueLength;
    this.headerCount = this.#varint(end);
    if (this.headerCount < 0 || this.headerCount * 2 > end - this.#at) throw this.#damaged(`${this.headerCount} headers in ${end - this.#at} bytes`);
    this.headersAt = this.#at;
    if (this.headerCount === 0 && this.#at !== end) throw this.#damaged(`${end - this.#at} bytes too many in a record`);
    this.#at = end;
    return true;
  }

  /** The key as a view; null when there is none. */
  key(): Uint8Array | null {
    return this.keyLength < 0 ? null : this.bytes.subarray(this.keyAt, this.keyAt + this.keyLength);
  }

  /** The value as a view; null for a tombstone. */
  value(): Uint8Array | null {
    return this.valueLength < 0 ? null : this.bytes.subarray(this.valueAt, this.valueAt + this.valueLength);
  }

  /** The headers in their order; values are views. Throws 'corrupt-batch' where they are none. */
  headers(): RecordHeader[] {
    const found: RecordHeader[] = [];
    this.#eachHeader((keyAt, keyLength, valueAt, valueLength) => {
      found.push({
        key: utf8.decode(this.bytes.subarray(keyAt, keyAt + keyLength)),
        value: valueLength < 0 ? null : this.bytes.subarray(valueAt, valueAt + valueLength),
      });
    });
    return found;
  }

  /** Reads through the headers and checks that they fill the record. Throws 'corrupt-batch'. */
  checkHeaders(): void {
    this.#eachHeader(() => {});
  }

  #eachHeader(each: (keyAt: number, keyLength: number, valueAt: number, valueLength: number) => void): void {
    const resume = this.#at;
    const end = this.#recordEnd;
    this.#at = this.headersAt;
    for (let left = this.headerCount; left > 0; left--) {
      const keyLength = this.#span(end);
      if (keyLength < 0) throw this.#damaged('a header without a key');
      const keyAt = this.#at;
      this.#at += keyLength;
      const valueLength = this.#span(end);
      const valueAt = this.#at;
      if (valueLength > 0) this.#at += valueLength;
      each(keyAt, keyLength, valueAt, valueLength);
    }
    if (this.#at !== end) throw this.#damaged(`${end - this.#at} bytes too many in a record`);
    this.#at = resume;
  }

  #finish(): false {
    if (this.#at !== this.#end) throw this.#damaged(`${this.#end - this.#at} bytes after the last record`);
    return false;
  }

  /** A length that may be -1, with that many bytes left before `end`. */
  #span(end: number): number {
    const length = this.#varint(end);
    if (length < -1 || length > end - this.#at) throw this.#damaged(`a length of ${length}, ${end - this.#at} bytes left`);
    return length;
  }

  #varint(end: number): number {
    const bytes = this.bytes;
    let at = this.#at;
    if (at >= end) throw this.#damaged('a varint is cut');
    let byte = bytes[at++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte > 127; shift += 7) {
      if (at >= end || shift > 28) throw this.#damaged('a varint is cut or too long');
      byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
    }
    this.#at = at;
    return (value >>> 1) ^ -(value & 1);
  }

  #varlong(end: number): number {
    let at = this.#at;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (at >= end) break;
      const byte = this.bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 128) {
        this.#at = at;
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
      scale *= 128;
    }
    throw this.#damaged('a varlong is cut or too long');
  }

  #damaged(state: string): Error {
    return corrupt(this.#header!.at, 'records', state);
  }
}

/**
 * Walks every record of the batch at `at`, with headers, and checks what verifyBatch cannot see: that the records fill the batch, that their
 * offsets rise within it, and that no timestamp is beyond its largest. Throws 'corrupt-batch' with `data.reason` 'records', 'invalid-bytes' or
 * 'message-too-large' from decompression.
 */
export function verifyRecords(bytes: Uint8Array, at = 0, limitBytes: number = limits.wire.recordsBytesMax): void {
  const cursor = new RecordCursor().open(bytes, at, limitBytes);
  const { baseOffset, lastOffsetDelta } = cursor.batch;
  let offsetBefore = baseOffset - 1;
  while (cursor.next()) {
    if (cursor.offset <= offsetBefore || cursor.offset > baseOffset + lastOffsetDelta) {
      throw corrupt(at, 'records', `record offset ${cursor.offset} after ${offsetBefore}, last ${baseOffset + lastOffsetDelta}`);
    }
    offsetBefore = cursor.offset;
    cursor.checkHeaders();
  }
}


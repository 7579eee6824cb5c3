// wire/batch-cursor.ts - walks the batches in a piece of log, such as the records of a fetch.
// Owns: stepping over whole batches and reading single header fields in place. Never: checksums (verifyBatch) or records (RecordCursor).
import { batchHeaderBytes, batchPrefixBytes, batchSizeBytes, codecs, corrupt, readInt, readLong, type Codec } from './batch.ts';

/**
 * A position in batches that lie back to back. The last one may be cut, as the end of a fetch is: it is not stepped onto.
 * @example
 * const batches = new BatchCursor(bytes);
 * while (batches.next()) if (!batches.isControl) records.open(bytes, batches.at);
 */
export class BatchCursor {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Where the current batch starts. */
  at = 0;
  sizeBytes = 0;
  #nextAt: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.end = end;
    this.#nextAt = at;
  }

  /** Steps onto the next whole batch; false when there is none. Throws 'corrupt-batch' for a length that no batch can have. */
  next(): boolean {
    const at = this.#nextAt;
    if (this.end - at < batchPrefixBytes) return false;
    const sizeBytes = batchSizeBytes(this.bytes, at);
    if (sizeBytes < batchHeaderBytes) throw corrupt(at, 'length', `${sizeBytes} bytes are less than a header`);
    if (sizeBytes > this.end - at) return false;
    this.at = at;
    this.sizeBytes = sizeBytes;
    this.#nextAt = at + sizeBytes;
    return true;
  }

  /** Bytes after the last whole batch that was stepped onto. */
  get restBytes(): number { return this.end - this.#nextAt; }
  get magic(): number { return this.bytes[this.at + 16]!; }
  get baseOffset(): number { return readLong(this.bytes, this.at); }
  get lastOffset(): number { return this.baseOffset + readInt(this.bytes, this.at + 23); }
  get leaderEpoch(): number { return readInt(this.bytes, this.at + 12); }
  get recordCount(): number { return readInt(this.bytes, this.at + 57); }
  get maxTimestampMs(): number { return readLong(this.bytes, this.at + 35); }
  get producerId(): number { return readLong(this.bytes, this.at + 43); }
  get producerEpoch(): number { return readInt(this.bytes, this.at + 51) >> 16; }
  get baseSequence(): number { return readInt(this.bytes, this.at + 53); }
  get isTransactional(): boolean { return (this.bytes[this.at + 22]! & 0x10) !== 0; }
  get isControl(): boolean { return (this.bytes[this.at + 22]! & 0x20) !== 0; }
  /** Throws 'corrupt-batch' for a codec that does not exist. */
  get codec(): Codec {
    const codec = codecs[this.bytes[this.at + 22]! & 7];
    if (codec === undefined) throw corrupt(this.at, 'unknown-codec', `codec ${this.bytes[this.at + 22]! & 7} does not exist`);
    return codec;
  }
}

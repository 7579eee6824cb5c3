// client/consumer/record-batch.ts - what a consumer hands out: records of one partition as they came, read lazily.
// Owns: walking fetched bytes, past what a reader must not see (control records, aborted transactions, offsets before the position).
// R1 keys and values are views into the fetched bytes: copy what is kept, or the whole response (megabytes) stays in memory with it.
// R2 every batch's checksum is verified before its first record is handed out.
// Cost: with the reader nothing is allocated per record but the views asked for; iterating makes one object per record.
import { BatchCursor, RecordCursor, verifyBatch, type RecordHeader } from '../../wire/mod.ts';

/** A transaction that was aborted, as a fetch reports it. */
export interface AbortedTransaction { readonly producerId: number; readonly firstOffset: number }

const utf8 = new TextDecoder();
const noHeaders: readonly RecordHeader[] = Object.freeze([]);

/** One record. */
export class ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970; -1 for none. */
  readonly timestampMs: number;
  readonly headers: readonly RecordHeader[];
  readonly #topicId: string;
  readonly #bytes: Uint8Array;
  readonly #keyAt: number;
  readonly #keyLength: number;
  readonly #valueAt: number;
  readonly #valueLength: number;

  /** The record of a batch on which a reader stands. */
  constructor(of: RecordBatch, at: RecordCursor) {
    this.topic = of.topic;
    this.partition = of.partition;
    this.#topicId = of.topicId;
    this.offset = at.offset;
    this.timestampMs = at.timestampMs;
    this.headers = at.headerCount === 0 ? noHeaders : at.headers();
    this.#bytes = at.bytes;
    this.#keyAt = at.keyAt;
    this.#keyLength = at.keyLength;
    this.#valueAt = at.valueAt;
    this.#valueLength = at.valueLength;
  }

  /** Id of its topic: another one may have the name by now. zeroTopicId when the server has none. */
  get topicId(): string { return this.#topicId; }
  /** The key's bytes (R1); null when there is none. */
  get key(): Uint8Array | null { return view(this.#bytes, this.#keyAt, this.#keyLength); }
  /** The value's bytes (R1); null for a tombstone. */
  get value(): Uint8Array | null { return view(this.#bytes, this.#valueAt, this.#valueLength); }
  /** The key as text. */
  keyText(): string | null { return text(this.#bytes, this.#keyAt, this.#keyLength); }
  /** The value as text. */
  text(): string | null { return text(this.#bytes, this.#valueAt, this.#valueLength); }
  /** The value as JSON; null for a tombstone. Throws SyntaxError when it is none. */
  json<T = unknown>(): T | null {
    const source = this.text();
    return source === null ? null : (JSON.parse(source) as T);
  }
}

/** Records of one partition that were fetched together: one or more of the log's batches. */
export class RecordBatch {
  readonly topic: string;
  /** Another topic may have the name by now. */
  readonly topicId: string;
  readonly partition: number;
  /** No record before it is handed out. */
  readonly startOffset: number;
  /** First offset after these records. */
  readonly nextOffset: number;
  /** End of the partition when this was fetched. */
  readonly highWatermark: number;
  readonly bytes: Uint8Array;
  readonly #aborted: readonly AbortedTransaction[];

  constructor(of: { topic: string; topicId: string; partition: number; startOffset: number; nextOffset: number; highWatermark: number; bytes: Uint8Array; aborted: readonly AbortedTransaction[] }) {
    this.topic = of.topic;
    this.topicId = of.topicId;
    this.partition = of.partition;
    this.startOffset = of.startOffset;
    this.nextOffset = of.nextOffset;
    this.highWatermark = of.highWatermark;
    this.bytes = of.bytes;
    this.#aborted = of.aborted;
  }

  /** A cursor before the first record: the way without an object per record. @example const at = batch.reader(); while (at.next()) sum += at.valueLength; */
  reader(): RecordReader {
    return new RecordReader(this.bytes, this.startOffset, this.#aborted);
  }

  /** The same records without those before `offset`. */
  from(offset: number): RecordBatch {
    return new RecordBatch({ topic: this.topic, topicId: this.topicId, partition: this.partition, startOffset: offset, nextOffset: this.nextOffset, highWatermark: this.highWatermark, bytes: this.bytes, aborted: this.#aborted });
  }

  /** Counts the records by reading through them. */
  count(): number {
    const reader = this.reader();
    let count = 0;
    while (reader.next()) count++;
    return count;
  }

  *[Symbol.iterator](): IterableIterator<ConsumedRecord> {
    const reader = this.reader();
    while (reader.next()) yield new ConsumedRecord(this, reader);
  }
}

/** A cursor over all records of a RecordBatch. */
export class RecordReader extends RecordCursor {
  readonly #batches: BatchCursor;
  readonly #startOffset: number;
  /** Rising by first offset; those before `#abortedNext` have begun. */
  readonly #aborted: readonly AbortedTransaction[];
  readonly #abortedNow = new Set<number>();
  #abortedNext = 0;
  #isOpen = false;
  #isEnded = false;

  constructor(bytes: Uint8Array, startOffset: number, aborted: readonly AbortedTransaction[]) {
    super();
    this.#batches = new BatchCursor(bytes);
    this.#startOffset = startOffset;
    this.#aborted = aborted;
  }

  /** False once next() has said so: there is nothing after the record it stands on as far as anybody has looked. */
  hasNext(): boolean { return !this.#isEnded; }

  /** Steps onto the next record; false after the last. Throws 'corrupt-batch'. */
  override next(): boolean {
    for (;;) {
      while (this.#isOpen && super.next()) if (this.offset >= this.#startOffset) return true;
      if (!this.#openNext()) { this.#isEnded = true; return false; }
    }
  }

  /** Steps onto the next batch with records for a reader, before its first record; false after the last. For who takes batches whole. */
  nextBatch(): boolean { return this.#openNext(); }
  /** Where that batch lies in the bytes. */
  get batchAt(): number { return this.#batches.at; }
  get batchSizeBytes(): number { return this.#batches.sizeBytes; }

  /** Opens the next batch with records for a reader. */
  #openNext(): boolean {
    const batches = this.#batches;
    this.#isOpen = false;
    while (batches.next()) {
      if (batches.lastOffset < this.#startOffset) continue;
      verifyBatch(batches.bytes, batches.at, batches.end); // R2
      if (batches.isControl) { this.#endTransaction(batches.producerId); continue; }
      if (batches.isTransactional && this.#isAborted(batches.producerId, batches.baseOffset)) continue;
      this.open(batches.bytes, batches.at);
      this.#isOpen = true;
      return true;
    }
    return false;
  }

  #isAborted(producerId: number, baseOffset: number): boolean {
    while (this.#abortedNext < this.#aborted.length && this.#aborted[this.#abortedNext]!.firstOffset <= baseOffset) this.#abortedNow.add(this.#aborted[this.#abortedNext++]!.producerId);
    return this.#abortedNow.has(producerId);
  }

  /** A marker ends the producer's transaction, aborted or not. */
  #endTransaction(producerId: number): void {
    if (this.#aborted.length === 0) return;
    this.#isAborted(producerId, this.#batches.baseOffset);
    this.#abortedNow.delete(producerId);
  }
}

function view(bytes: Uint8Array, at: number, length: number): Uint8Array | null {
  return length < 0 ? null : bytes.subarray(at, at + length);
}

function text(bytes: Uint8Array, at: number, length: number): string | null {
  return length < 0 ? null : utf8.decode(bytes.subarray(at, at + length));
}

// client/producer/producer-batch.ts - a batch of records on its way to one partition, from its first record to its fate.
// Owns: the bytes, the numbers in their header, and who wants to know. Never: order and retries (partition-queue.ts).
// Cost: a record is encoded once, straight into the batch; compression once; a new number costs 18 bytes and a checksum.
import { assert } from '../../base/mod.ts';
import { BatchBuilder, RecordCursor, stampCrc, writeInt, writeLong, type Codec, type RecordHeaderInit } from '../../wire/mod.ts';
import type { RecordListener } from './outcome.ts';
import type { ProducerIdentity, QueuedBatch } from './partition-queue.ts';

type Fate =
  | { readonly kind: 'open' }
  | { readonly kind: 'stored'; readonly baseOffset: number; readonly appendTimeMs: number }
  | { readonly kind: 'failed'; readonly error: Error }
  /** Some records were refused, or all went on in smaller batches. By record: its error, or where it went. */
  | { readonly kind: 'parted'; readonly places: readonly (Error | { readonly batch: ProducerBatch; readonly index: number })[] };

const notIdempotent: ProducerIdentity = { producerId: -1, epoch: -1 };

/** Records of one partition that are sent together. */
export class ProducerBatch implements QueuedBatch {
  readonly topic: string;
  readonly partition: number;
  /** Moment on the monotonic clock at which its first record came. */
  readonly createdAtMs: number;
  identity: ProducerIdentity = notIdempotent;
  baseSequence = -1;
  /** Times it failed. */
  failures = 0;
  lastError: Error | null = null;
  /** Taken from the producer's buffer; given back when settled. */
  bufferBytes = 0;
  /** Some of its records have no listener: their failure is told to the producer as a whole. */
  hasQuietRecords = false;
  #builder: BatchBuilder;
  #bytes: Uint8Array | null = null;
  #stamped: { identity: ProducerIdentity; baseSequence: number } | null = null;
  #recordCount = 0;
  #listeners: RecordListener[] = [];
  #watchers: (() => void)[] = [];
  #fate: Fate = { kind: 'open' };

  constructor(topic: string, partition: number, createdAtMs: number, capacityBytes: number) {
    this.topic = topic;
    this.partition = partition;
    this.createdAtMs = createdAtMs;
    this.#builder = new BatchBuilder(capacityBytes);
  }

  get recordCount(): number { return this.#recordCount; }
  /** Uncompressed until sealed. */
  get sizeBytes(): number { return this.#bytes?.length ?? this.#builder.sizeBytes; }
  get isSealed(): boolean { return this.#bytes !== null; }
  get isSettled(): boolean { return this.#fate.kind !== 'open'; }

  /** Adds a record; its listener is told where it went and, once, what became of the batch. */
  append(timestampMs: number, key: Uint8Array | string | null, value: Uint8Array | string | null, headers: readonly RecordHeaderInit[] | undefined, listener: RecordListener | null): void {
    assert(this.#bytes === null, 'a sealed batch takes no more records');
    this.#builder.append(timestampMs, key, value, headers);
    const index = this.#recordCount++;
    if (listener === null) { this.hasQuietRecords = true; return; }
    const listeners = this.#listeners;
    if (listeners.length === 0 || listeners[listeners.length - 1] !== listener) listeners.push(listener);
    listener.placed(this, index, timestampMs);
  }

  /** Calls once it is settled. */
  whenSettled(watcher: () => void): void {
    assert(!this.isSettled, 'what is settled is no longer waited for');
    this.#watchers.push(watcher);
  }

  /** The bytes to send, numbered as the queue says, as part of a transaction or not. */
  seal(codec: Codec, transactional: boolean): Uint8Array {
    const { identity, baseSequence } = this;
    const numbers = { producerId: identity.producerId, producerEpoch: identity.epoch, baseSequence: identity.producerId < 0 ? -1 : baseSequence };
    if (this.#bytes === null) {
      this.#bytes = this.#builder.finish({ codec, transactional, ...numbers });
      this.#builder = emptyBuilder;
    } else if (this.#stamped!.identity !== identity || this.#stamped!.baseSequence !== baseSequence) {
      this.#stamp(this.#bytes, numbers);
    }
    this.#stamped = { identity, baseSequence };
    return this.#bytes;
  }

  /** All its records are stored, from `baseOffset` on; -1 when the server did not say. */
  stored(baseOffset: number, appendTimeMs: number): void {
    this.#settle({ kind: 'stored', baseOffset, appendTimeMs });
  }

  /** None of its records is stored, or nobody knows. */
  failed(error: Error): void {
    this.#settle({ kind: 'failed', error });
  }

  /**
   * Fails the records in `refused` and puts the others into new batches, of at most `countMax` records each; this one's callers
   * hear once all of these are settled. Returns the new batches, in order.
   */
  part(refused: ReadonlyMap<number, Error>, countMax: number): ProducerBatch[] {
    const places: (Error | { batch: ProducerBatch; index: number })[] = [];
    const parts: ProducerBatch[] = [];
    const waiter = new PartsWaiter(() => this.#settle({ kind: 'parted', places }));
    const records = new RecordCursor().open(this.#bytes!);
    for (let index = 0; records.next(); index++) {
      const error = refused.get(index);
      if (error) { places.push(error); continue; }
      let part = parts.at(-1);
      if (!part || part.recordCount >= countMax) parts.push((part = new ProducerBatch(this.topic, this.partition, this.createdAtMs, this.sizeBytes)));
      places.push({ batch: part, index: part.recordCount });
      part.append(records.timestampMs, records.key(), records.value(), records.headers(), waiter);
    }
    for (const part of parts) part.#inherit(this);
    waiter.complete();
    return parts;
  }

  /** What a record failed with, if it did. Call only once settled. */
  errorOf(index: number): Error | null {
    const fate = this.#fate;
    if (fate.kind === 'failed') return fate.error;
    if (fate.kind !== 'parted') return null;
    const place = fate.places[index]!;
    return place instanceof Error ? place : place.batch.errorOf(place.index);
  }

  get hasErrors(): boolean {
    const fate = this.#fate;
    return fate.kind === 'failed' || (fate.kind === 'parted' && fate.places.some((_place, index) => this.errorOf(index) !== null));
  }

  /** The record's offset; -1 when the server did not say. */
  offsetOf(index: number): number {
    const fate = this.#fate;
    if (fate.kind === 'stored') return fate.baseOffset < 0 ? -1 : fate.baseOffset + index;
    const place = fate.kind === 'parted' ? fate.places[index]! : null;
    return place && !(place instanceof Error) ? place.batch.offsetOf(place.index) : -1;
  }

  /** The time that was stored: the server's, where the topic says so, else `ownMs`. */
  timestampOf(index: number, ownMs: number): number {
    const fate = this.#fate;
    if (fate.kind === 'stored') return fate.appendTimeMs >= 0 ? fate.appendTimeMs : ownMs;
    const place = fate.kind === 'parted' ? fate.places[index]! : null;
    return place && !(place instanceof Error) ? place.batch.timestampOf(place.index, ownMs) : ownMs;
  }

  #inherit(from: ProducerBatch): void {
    this.failures = from.failures;
    this.lastError = from.lastError;
    this.hasQuietRecords = from.hasQuietRecords;
  }

  #settle(fate: Fate): void {
    assert(this.#fate.kind === 'open', 'a batch has one fate');
    this.#fate = fate;
    this.#bytes = null;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener.settled(this);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  #stamp(bytes: Uint8Array, numbers: { producerId: number; producerEpoch: number; baseSequence: number }): void {
    writeLong(bytes, 43, numbers.producerId);
    bytes[51] = numbers.producerEpoch >> 8;
    bytes[52] = numbers.producerEpoch;
    writeInt(bytes, 53, numbers.baseSequence);
    stampCrc(bytes, 0);
  }
}

const emptyBuilder = new BatchBuilder(0);

/** Waits for all parts of a batch. */
class PartsWaiter implements RecordListener {
  readonly #done: () => void;
  readonly #open = new Set<ProducerBatch>();
  #isComplete = false;

  constructor(done: () => void) { this.#done = done; }
  placed(batch: ProducerBatch): void { this.#open.add(batch); }
  settled(batch: ProducerBatch): void { this.#open.delete(batch); this.#check(); }
  refused(error: Error): void { assert(false, `a part takes what its batch took: ${error.message}`); }
  complete(): void { this.#isComplete = true; this.#check(); }
  #check(): void { if (this.#isComplete && this.#open.size === 0) this.#done(); }
}

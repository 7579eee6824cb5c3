// client/producer/outcome.ts - telling callers what became of their records: one promise for one record, or one for many.
// Owns: RecordListener and its two kinds. Never: when that is known (producer-batch.ts tells it).
// Cost: a record sent with others keeps two numbers in typed arrays and a reference to its batch; no promise, no object.
import { MillraceError } from '../../base/mod.ts';
import type { ProducerBatch } from './producer-batch.ts';
import type { RecordPosition } from './record.ts';

/** Gets word from each batch that holds a record of its own. */
export interface RecordListener {
  /** The record went into `batch` as its `index`-th; called in the order in which records were given. */
  placed(batch: ProducerBatch, index: number, timestampMs: number): void;
  /** Every record of the batch is stored or has failed: ask batch.offsetOf and batch.errorOf. Called once a batch. */
  settled(batch: ProducerBatch): void;
  /** A record never got into a batch. */
  refused(error: Error): void;
}

/** One record, one promise. */
export class SingleSend implements RecordListener {
  readonly #resolve: (position: RecordPosition) => void;
  readonly #reject: (error: Error) => void;
  #index = 0;
  #timestampMs = -1;

  constructor(resolve: (position: RecordPosition) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  placed(_batch: ProducerBatch, index: number, timestampMs: number): void {
    this.#index = index;
    this.#timestampMs = timestampMs;
  }

  settled(batch: ProducerBatch): void {
    const error = batch.errorOf(this.#index);
    if (error) this.#reject(error);
    else this.#resolve({ topic: batch.topic, partition: batch.partition, offset: batch.offsetOf(this.#index), timestampMs: batch.timestampOf(this.#index, this.#timestampMs) });
  }

  refused(error: Error): void { this.#reject(error); }
}

/** Where many records are now, by the order in which they were given. */
export interface ProducedRecords {
  readonly count: number;
  /** Where the record is. Throws what it failed with. */
  position(index: number): RecordPosition;
  /** Records that failed. */
  readonly failures: readonly { readonly index: number; readonly error: Error }[];
}

/** Many records, one promise: it resolves when all are stored and rejects with the first failure when one is not (`data.produced` tells of the rest). */
export class BulkSend implements RecordListener, ProducedRecords {
  readonly promise: Promise<ProducedRecords>;
  count = 0;
  #batches: (ProducerBatch | Error)[] = [];
  #indexes = new Int32Array(256);
  #timestamps = new Float64Array(256);
  #openBatches = new Set<ProducerBatch>();
  /** Records given in all; unknown until the last one: those whose topic is still being looked up are not in `count` yet. */
  #given = Number.POSITIVE_INFINITY;
  #failed = false;
  #resolve!: (produced: ProducedRecords) => void;
  #reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => { this.#resolve = resolve; this.#reject = reject; });
  }

  placed(batch: ProducerBatch, index: number, timestampMs: number): void {
    this.#openBatches.add(batch);
    this.#note(batch, index, timestampMs);
  }

  settled(batch: ProducerBatch): void {
    this.#openBatches.delete(batch);
    if (batch.hasErrors) this.#failed = true;
    this.#check();
  }

  refused(error: Error): void {
    this.#failed = true;
    this.#note(error, -1, -1);
    this.#check();
  }

  /** No more records follow after these. */
  complete(given: number): void {
    this.#given = given;
    this.#check();
  }

  position(index: number): RecordPosition {
    const batch = this.#batches[index];
    if (batch === undefined) throw new MillraceError('invalid-argument', `Cannot tell the position of record ${index}: ${this.count} were sent`, { index });
    if (batch instanceof Error) throw batch;
    const at = this.#indexes[index]!;
    const error = batch.errorOf(at);
    if (error) throw error;
    return { topic: batch.topic, partition: batch.partition, offset: batch.offsetOf(at), timestampMs: batch.timestampOf(at, this.#timestamps[index]!) };
  }

  get failures(): { index: number; error: Error }[] {
    const failures: { index: number; error: Error }[] = [];
    if (!this.#failed) return failures;
    this.#batches.forEach((batch, index) => {
      const error = batch instanceof Error ? batch : batch.errorOf(this.#indexes[index]!);
      if (error) failures.push({ index, error });
    });
    return failures;
  }

  #note(batch: ProducerBatch | Error, index: number, timestampMs: number): void {
    if (this.count === this.#indexes.length) this.#grow();
    this.#indexes[this.count] = index;
    this.#timestamps[this.count] = timestampMs;
    this.#batches[this.count++] = batch;
  }

  #grow(): void {
    const indexes = new Int32Array(this.#indexes.length * 2);
    const timestamps = new Float64Array(indexes.length);
    indexes.set(this.#indexes);
    timestamps.set(this.#timestamps);
    this.#indexes = indexes;
    this.#timestamps = timestamps;
  }

  #check(): void {
    if (this.count < this.#given || this.#openBatches.size > 0) return;
    if (!this.#failed) return this.#resolve(this);
    const failures = this.failures;
    const first = failures[0]!;
    const code = first.error instanceof MillraceError ? first.error.code : 'server-error';
    this.#reject(new MillraceError(code, `${first.error.message} (${failures.length} of ${this.count} records failed)`, { failures, produced: this, cause: first.error }));
  }
}

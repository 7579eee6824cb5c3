// client/consumer/record-iterator.ts - one record after the other for `for await`.
// Owns: stepping through batches. I1 a record is done when the next one is asked for, and only then. Never: fetching, committing.
// Cost: a record, a result and a resolved promise each; the loop is given back to the machine between batches, so that timers, heartbeats
// and fetches go on however busy the reader is.
import type { PartitionState } from './partition-state.ts';
import { ConsumedRecord, type RecordBatch, type RecordReader } from './record-batch.ts';

/** Where the iterator gets batches, and gives back what it did not hand out. */
export interface BatchSource {
  /** The next batch, taken into work; null at the end. */
  take(): Promise<{ readonly state: PartitionState; readonly batch: RecordBatch } | null>;
  /** It is out of work: all handed out, or the rest given back. */
  giveBack(state: PartitionState, rest: RecordBatch | null): void;
}

/** Iterates over the records of a source. */
export class RecordIterator implements AsyncIterableIterator<ConsumedRecord> {
  readonly #source: BatchSource;
  #state: PartitionState | null = null;
  #batch: RecordBatch | null = null;
  #reader: RecordReader | null = null;
  #seekCount = 0;

  constructor(source: BatchSource) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this { return this; }

  next(): Promise<IteratorResult<ConsumedRecord, undefined>> {
    const state = this.#state;
    if (state !== null && state.isHeld && !state.isPaused && state.seekCount === this.#seekCount) {
      state.tracker.advance(state.position);
      const reader = this.#reader!;
      if (reader.next()) {
        state.position = reader.offset + 1;
        return Promise.resolve({ value: new ConsumedRecord(this.#batch!, reader), done: false });
      }
    }
    return this.#nextBatch();
  }

  /** The loop was left, perhaps by an error: the record in hand is not done and comes again. */
  async return(): Promise<IteratorResult<ConsumedRecord, undefined>> {
    if (this.#state !== null && this.#state.seekCount === this.#seekCount && this.#reader!.hasNext()) {
      this.#state.position = this.#reader!.offset;
      this.#giveBack(this.#state, this.#batch!.from(this.#reader!.offset));
    } else {
      this.#leave();
    }
    return { value: undefined, done: true };
  }

  async #nextBatch(): Promise<IteratorResult<ConsumedRecord, undefined>> {
    this.#leave();
    for (;;) {
      const taken = await this.#source.take();
      if (taken === null) return { value: undefined, done: true };
      this.#state = taken.state;
      this.#batch = taken.batch;
      this.#reader = taken.batch.reader();
      this.#seekCount = taken.state.seekCount;
      if (!this.#reader.next()) { this.#leave(); continue; }
      taken.state.position = this.#reader.offset + 1;
      return { value: new ConsumedRecord(taken.batch, this.#reader), done: false };
    }
  }

  /** Off the current batch: what was handed out is done; the rest goes back if it is still wanted. */
  #leave(): void {
    const state = this.#state;
    if (state === null) return;
    const batch = this.#batch!;
    if (state.seekCount !== this.#seekCount) return this.#giveBack(state, null);
    const isFinished = !this.#reader!.hasNext();
    if (isFinished) state.position = batch.nextOffset;
    state.tracker.advance(state.position);
    this.#giveBack(state, isFinished ? null : batch.from(state.position));
  }

  #giveBack(state: PartitionState, rest: RecordBatch | null): void {
    this.#state = this.#batch = null;
    this.#source.giveBack(state, rest);
  }
}

// client/consumer/runner.ts - runs a caller's handler over batches or records, several partitions or keys at a time.
// Owns: workers and lanes. Never: fetching; committing (what is done is noted in the trackers).
// W1 order 'partition': the records of a partition one after the other, partitions side by side. W2 order 'key': records of one key one
// after the other, keys side by side; records without a key in no order. W3 a handler's error ends the run; what it had is not done.
import { assert } from '../../base/mod.ts';
import { partitionOfKey } from '../producer/murmur2.ts';
import type { BatchSource } from './record-iterator.ts';
import type { PartitionState } from './partition-state.ts';
import { ConsumedRecord, type RecordBatch } from './record-batch.ts';

/** What to run, and how much of it at a time. Give one of the two handlers. */
export interface RunOptions {
  /** Called with each record; it counts as done when the returned promise resolves, or at once when there is none. */
  readonly eachRecord?: (record: ConsumedRecord) => void | Promise<void>;
  /** Called with each batch of one partition. */
  readonly eachBatch?: (batch: RecordBatch) => void | Promise<void>;
  /** Handlers at a time (default 1). */
  readonly concurrency?: number;
  /** What stays in order (default 'partition'); 'key' needs eachRecord. */
  readonly order?: 'partition' | 'key';
  /** Ends the run: what is in work is finished, the rest given back. */
  readonly signal?: AbortSignal;
}

/** Records of one key that may wait before their lane is full. */
const laneRecordsMax = 64;

/** Runs until the source ends, the signal is given, or a handler fails. */
export async function run(source: BatchSource, options: RunOptions): Promise<void> {
  const concurrency = options.concurrency ?? 1;
  if (options.order === 'key') {
    assert(options.eachRecord !== undefined, 'order by key is of records');
    return await new KeyedRun(source, options.eachRecord, concurrency, options.signal).run();
  }
  const stop = { isOn: false };
  const workers = Array.from({ length: concurrency }, () => work(source, options, stop));
  const results = await Promise.allSettled(workers);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** One worker of W1. */
async function work(source: BatchSource, options: RunOptions, stop: { isOn: boolean }): Promise<void> {
  while (!stop.isOn && !options.signal?.aborted) {
    const taken = await source.take();
    if (taken === null) return;
    let rest: RecordBatch | null = taken.batch;
    try {
      rest = options.eachBatch ? await wholeBatch(taken.state, taken.batch, options.eachBatch) : await eachRecord(taken.state, taken.batch, options);
    } catch (error) {
      stop.isOn = true;
      rest = taken.batch.from(taken.state.position);
      throw error;
    } finally {
      source.giveBack(taken.state, rest);
    }
  }
}

async function wholeBatch(state: PartitionState, batch: RecordBatch, handle: NonNullable<RunOptions['eachBatch']>): Promise<null> {
  const { seekCount } = state;
  const pending = handle(batch);
  if (pending) await pending;
  if (state.seekCount === seekCount) {
    state.position = batch.nextOffset;
    state.tracker.advance(batch.nextOffset);
  }
  return null;
}

/** Returns what is left when the partition was paused, revoked or the run ended meanwhile. */
async function eachRecord(state: PartitionState, batch: RecordBatch, options: RunOptions): Promise<RecordBatch | null> {
  const handle = options.eachRecord!;
  const { seekCount } = state;
  const reader = batch.reader();
  while (reader.next()) {
    const pending = handle(new ConsumedRecord(batch, reader));
    if (pending) await pending;
    if (state.seekCount !== seekCount) return null;
    state.position = reader.offset + 1;
    state.tracker.advance(state.position);
    if (!state.isHeld || state.isPaused || options.signal?.aborted) return batch.from(state.position);
  }
  state.position = batch.nextOffset;
  state.tracker.advance(batch.nextOffset);
  return null;
}

interface Job { readonly state: PartitionState; readonly seekCount: number; readonly record: ConsumedRecord }

/** W2: one reader that deals records to lanes. */
class KeyedRun {
  readonly #source: BatchSource;
  readonly #handle: (record: ConsumedRecord) => void | Promise<void>;
  readonly #signal: AbortSignal | undefined;
  readonly #lanes: { jobs: Job[]; isRunning: boolean }[];
  readonly #roomWaiters: (() => void)[] = [];
  readonly #idleWaiters: (() => void)[] = [];
  #running = 0;
  #turn = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(source: BatchSource, handle: (record: ConsumedRecord) => void | Promise<void>, concurrency: number, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#handle = handle;
    this.#signal = signal;
    this.#lanes = Array.from({ length: concurrency }, () => ({ jobs: [], isRunning: false }));
  }

  async run(): Promise<void> {
    while (!this.#isEnding()) {
      const taken = await this.#source.take();
      if (taken === null) break;
      const rest = await this.#deal(taken.state, taken.batch);
      this.#source.giveBack(taken.state, rest);
    }
    while (this.#running > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    if (this.#failure) throw this.#failure.error;
  }

  #isEnding(): boolean { return this.#failure !== null || this.#signal?.aborted === true; }

  /** Returns what was not dealt. */
  async #deal(state: PartitionState, batch: RecordBatch): Promise<RecordBatch | null> {
    const { seekCount } = state;
    const reader = batch.reader();
    while (reader.next()) {
      const record = new ConsumedRecord(batch, reader);
      const lane = this.#laneOf(record);
      while (lane.jobs.length >= laneRecordsMax && !this.#isEnding()) await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
      if (state.seekCount !== seekCount) return null;
      if (!state.isHeld || state.isPaused || this.#isEnding()) return batch.from(record.offset);
      state.position = record.offset + 1;
      state.tracker.begin(record.offset);
      state.beginWork();
      lane.jobs.push({ state, seekCount, record });
      if (!lane.isRunning) void this.#runLane(lane);
    }
    state.position = batch.nextOffset;
    state.tracker.advance(batch.nextOffset);
    return null;
  }

  #laneOf(record: ConsumedRecord): { jobs: Job[]; isRunning: boolean } {
    const { key } = record;
    return this.#lanes[key === null ? this.#turn++ % this.#lanes.length : partitionOfKey(key, this.#lanes.length)]!;
  }

  async #runLane(lane: { jobs: Job[]; isRunning: boolean }): Promise<void> {
    lane.isRunning = true;
    this.#running++;
    for (let job = lane.jobs.shift(); job !== undefined; job = lane.jobs.shift()) {
      await this.#runJob(job);
      for (const wake of this.#roomWaiters.splice(0)) wake();
    }
    lane.isRunning = false;
    this.#running--;
    if (this.#running === 0) for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  /** A job whose partition is gone, or that waits behind a failure, is left undone: its offset is not committed. */
  async #runJob({ state, seekCount, record }: Job): Promise<void> {
    if (state.isHeld && state.seekCount === seekCount && this.#failure === null) {
      try {
        const pending = this.#handle(record);
        if (pending) await pending;
        if (state.seekCount === seekCount) state.tracker.done(record.offset);
      } catch (error) {
        this.#failure ??= { error };
      }
    }
    state.endWork();
  }
}

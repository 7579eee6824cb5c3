// broker/share/share-fetch-run.ts - one ShareFetch under way: looks at the partitions of its session, acquires what is free, waits when there is nothing.
// Owns: the limits of one answer, the wait. Never: which records are acquired (acquire.ts), what is answered (share-fetch.ts).
// X1 Bytes leave as they lie in the log; batches without an acquired record do not leave. X2 Nothing is acquired for a session or a connection that is over. X3 Nothing
// is acquired before there is enough to answer. X4 Memory for the answer is reserved before anything is read.
// Cost: one look at the header of each batch that was read; no object per record.
import { isMillraceError, MiB } from '../../base/mod.ts';
import type { ReadResult } from '../../log/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { BatchCursor, errorCodes } from '../../wire/mod.ts';
import type { BudgetWaiter } from '../connection/memory-budget.ts';
import type { ConnectionInfo } from '../handlers.ts';
import type { Services } from '../services.ts';
import { committedView } from '../transaction/committed-view.ts';
import type { AcquiredRange } from './effects.ts';
import type { HeldPartition, RecordWaiter } from './held-partition.ts';
import type { SharePartition } from './moves.ts';
import type { ShareGroup } from './share-group.ts';

/** What a run was asked. */
export interface ShareFetchOrder {
  readonly group: ShareGroup;
  readonly memberId: string;
  /** Topic ids and indexes, in the order in which they are looked at. */
  readonly places: readonly (readonly [string, number])[];
  readonly connection: ConnectionInfo;
  /** True once the session has ended. */
  readonly isOver: () => boolean;
  readonly waitMs: number;
  readonly bytesMin: number;
  readonly bytesMax: number;
  readonly recordsMax: number;
  readonly exact: boolean;
  readonly rangeRecords: number;
  /** Called once, when the run is over; `release` what was fetched when the answer has left. */
  readonly onOver: (fetched: readonly FetchedShare[]) => void;
}

/** What a run found in one partition. */
export interface FetchedShare { readonly topicId: string; readonly index: number; readonly errorCode: number; readonly ranges: readonly AcquiredRange[]; readonly parts: readonly Uint8Array[]; release(): void }

interface Look { readonly held: HeldPartition; /** As it was when the read began: a reset makes another one. */ readonly state: SharePartition; readonly topicId: string; readonly index: number; readonly offset: number; readonly view: ReadResult }

const partitionBytesMax = 2 * MiB;
const memoryShare = 1 / 8;
const answerBytesMin = 1 * MiB;
const noRelease = (): void => {};

/** A share fetch under way. */
export class ShareFetchRun implements RecordWaiter, BudgetWaiter {
  readonly #services: Services;
  readonly #order: ShareFetchOrder;
  #state: 'reading' | 'waiting' | 'over' = 'reading';
  #expired: boolean;
  #stirred = false;
  #wakeQueued = false;
  #timer: Timer | null = null;
  #forgetClose: (() => void) | null = null;
  /** Those that are waited for. */
  readonly #watched = new Set<HeldPartition>();
  // One look:
  #looks: Look[] = [];
  #failures: FetchedShare[] = [];
  #bytes = 0;
  #reservedBytes = 0;

  constructor(services: Services, order: ShareFetchOrder) {
    this.#services = services;
    this.#order = order;
    this.#expired = order.waitMs <= 0;
  }

  /** Looks at once; is over within the call when there are records and nothing must be read from the disk. */
  start(): void { this.#look(); }

  /** Waits no longer. */
  finish(): void {
    this.#expired = true;
    if (this.#state === 'waiting') this.#look();
  }

  /** There may be records. */
  stir(): void {
    this.#stirred = true;
    if (this.#state !== 'waiting' || this.#wakeQueued) return;
    this.#wakeQueued = true;
    queueMicrotask(() => {
      this.#wakeQueued = false;
      if (this.#state === 'waiting') this.#look();
    });
  }

  /** Memory was given back. */
  retry(): void { this.stir(); }

  #look(): void {
    this.#state = 'reading';
    this.#stirred = false;
    const { freeBytes } = this.#services.responseMemory;
    this.#reservedBytes = freeBytes === 0 ? 0 : Math.min(this.#order.bytesMax, Math.max(answerBytesMin, Math.floor(freeBytes * memoryShare)));
    this.#services.responseMemory.take(this.#reservedBytes);
    this.#lookFrom(0);
  }

  /** A loop that leaves and comes back where something is not answered at once. */
  #lookFrom(from: number): void {
    const { places } = this.#order;
    for (let at = from; at < places.length && this.#reservedBytes > 0; at++) {
      const pending = this.#lookAt(...places[at]!);
      if (pending !== null) return void pending.then(() => this.#lookFrom(at + 1));
    }
    this.#decide();
  }

  #lookAt(topicId: string, index: number): Promise<void> | null {
    const topic = this.#services.topics.byId(topicId);
    if (topic === undefined) return this.#fail(topicId, index, errorCodes.UNKNOWN_TOPIC_ID);
    if (topic.partitions[index] === undefined || topic.internal) return this.#fail(topicId, index, errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
    const held = this.#order.group.partition(topicId, index);
    if (held !== undefined) return this.#readFrom(held, topicId, index);
    const begun = this.#order.group.begin(new Map([[topicId, [index]]])); // a member may fetch what it was not told to
    return begun === null ? null : begun.then(() => {}, (error: unknown) => { this.#failWith(topicId, index, error); });
  }

  #readFrom(held: HeldPartition, topicId: string, index: number): Promise<void> | null {
    const offset = held.nextOffset;
    const { log, lastStableOffset } = held.source;
    const room = this.#reservedBytes - this.#bytes;
    if (!this.#watched.has(held)) { this.#watched.add(held); held.wait(this); }
    if (held.isReading) { held.skip(this); return null; }
    if (!held.mayAcquire || room <= 0 || offset >= (this.#order.group.settings.committedOnly ? lastStableOffset : log.highWatermark)) return null;
    held.isReading = true;
    const { state } = held;
    const failed = (error: unknown): void => { held.readDone(); this.#failWith(topicId, index, error); };
    try {
      const result = log.read(offset, Math.min(room, partitionBytesMax), this.#bytes === 0);
      if (!(result instanceof Promise)) this.#note(held, state, topicId, index, offset, result);
      else return result.then((read) => this.#note(held, state, topicId, index, offset, read), failed);
    } catch (error) {
      failed(error);
    }
    return null;
  }

  #note(held: HeldPartition, state: SharePartition, topicId: string, index: number, offset: number, read: ReadResult): void {
    const { transactions, lastStableOffset } = held.source;
    const view = this.#order.group.settings.committedOnly && transactions.any ? committedView(read, offset, transactions, lastStableOffset) : read;
    this.#bytes += view.bytes;
    this.#looks.push({ held, state, topicId, index, offset, view });
  }

  #fail(topicId: string, index: number, errorCode: number): null {
    this.#failures.push({ topicId, index, errorCode, ranges: [], parts: [], release: noRelease });
    return null;
  }

  /** A read that failed for want of memory is tried again later; what retention took away meanwhile, the partition is told of. */
  #failWith(topicId: string, index: number, error: unknown): void {
    if (!isMillraceError(error)) throw error;
    if (error.code === 'overloaded' || error.code === 'offset-out-of-range') return;
    this.#fail(topicId, index, error.code === 'topic-not-found' ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : error.code === 'data-damaged' ? errorCodes.CORRUPT_MESSAGE : errorCodes.KAFKA_STORAGE_ERROR);
  }

  #decide(): void {
    if (this.#order.connection.closed || this.#order.isOver()) return this.#over([]); // X2
    const enough = this.#bytes >= this.#order.bytesMin || this.#failures.length > 0 || this.#expired;
    const fetched = enough ? this.#acquire() : [];
    const isProgress = enough && fetched.length === 0 && this.#looks.length > 0;
    const failures = this.#failures;
    this.#forgetLook(enough);
    if (fetched.length > 0 || failures.length > 0) return this.#over([...failures, ...fetched]);
    if (isProgress) return void this.#services.clock.soon(() => { if (this.#state !== 'over') this.#look(); }); // only what is not there any more was read: on, in another turn
    if (this.#expired) return this.#over([]);
    if (this.#stirred && this.#services.responseMemory.freeBytes > 0) return this.#look();
    this.#wait();
  }

  /** X3: gives the member what was read, as far as it may have it. */
  #acquire(): FetchedShare[] {
    const { memberId, exact, rangeRecords, recordsMax } = this.#order;
    const fetched: FetchedShare[] = [];
    let left = recordsMax;
    for (const { held, state, topicId, index, offset, view } of this.#looks) {
      const ranges = left <= 0 || held.isFrozen || held.state !== state ? [] : held.acquire({ memberId, spans: spansOf(view.parts), from: offset, to: view.nextOffset, recordsMax: left, exact, rangeRecords });
      for (const { first, last } of ranges) left -= last - first + 1;
      if (ranges.length === 0) view.release();
      else fetched.push({ topicId, index, errorCode: errorCodes.NONE, ranges, parts: partsOf(view.parts, ranges), release: view.release });
    }
    return fetched;
  }

  #wait(): void {
    this.#state = 'waiting';
    if (this.#services.responseMemory.freeBytes === 0) this.#services.responseMemory.wait(this);
    if (this.#timer !== null) return;
    this.#timer = this.#services.clock.after(this.#order.waitMs, () => this.finish());
    this.#forgetClose = this.#order.connection.onClose(() => { if (this.#state === 'waiting') this.#over([]); });
  }

  /** Gives back what the last look took; `settled`: what was read was released already, or belongs to the answer. */
  #forgetLook(settled: boolean): void {
    const looks = this.#looks;
    this.#looks = [];
    this.#failures = [];
    this.#bytes = 0;
    if (this.#reservedBytes > 0) this.#services.responseMemory.give(this.#reservedBytes);
    this.#reservedBytes = 0;
    if (!settled) for (const { view } of looks) view.release();
    for (const { held } of looks) held.readDone();
  }

  #over(fetched: readonly FetchedShare[]): void {
    this.#forgetLook(false);
    this.#state = 'over';
    this.#timer?.cancel();
    this.#forgetClose?.();
    this.#services.responseMemory.forget(this);
    for (const held of this.#watched) held.unwait(this);
    this.#watched.clear();
    this.#order.onOver(fetched);
  }
}

/** First and last offsets of the batches with records. */
function spansOf(parts: readonly Uint8Array[]): number[] {
  const spans: number[] = [];
  for (const part of parts) {
    const batches = new BatchCursor(part);
    while (batches.next()) if (!batches.isControl) spans.push(batches.baseOffset, batches.lastOffset);
  }
  return spans;
}

/** X1: the runs of batches that hold an acquired record. */
function partsOf(parts: readonly Uint8Array[], ranges: readonly AcquiredRange[]): Uint8Array[] {
  const kept: Uint8Array[] = [];
  let range = 0;
  for (const part of parts) {
    const batches = new BatchCursor(part);
    let from = -1;
    let to = 0;
    while (batches.next()) {
      while (range < ranges.length && ranges[range]!.last < batches.baseOffset) range++;
      const isWanted = range < ranges.length && ranges[range]!.first <= batches.lastOffset && !batches.isControl;
      if (isWanted && from < 0) from = batches.at;
      if (!isWanted && from >= 0) { kept.push(part.subarray(from, to)); from = -1; }
      to = batches.at + batches.sizeBytes;
    }
    if (from >= 0) kept.push(part.subarray(from, to));
  }
  return kept;
}

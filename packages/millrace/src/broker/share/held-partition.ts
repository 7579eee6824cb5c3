// broker/share/held-partition.ts - one share partition at work: carries out what share-partition.ts decides.
// Owns: the order of changes, the timer of its locks, who waits for records. Never: decisions, reading (share-fetch-run.ts).
// H1 An acknowledgement is answered once it is durable. H2 Locks are not taken for expired because this thread stood still: what waits in the
// sockets is read first. H3 Records are read by one at a time: two that read at once would be given the same ones.
import { isMillraceError } from '../../base/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import { tickAt } from '../tick-at.ts';
import type { PartitionWatcher, TopicPartition } from '../topics/topic.ts';
import type { DeadLetterOffice, PreparedLetters } from './dead-letters.ts';
import type { Acknowledgement, AcquiredRange, ShareEffect, ShareEvent, ShareSettings } from './effects.ts';
import type { SharePartition } from './moves.ts';
import { mayAcquire, nextOffset, step } from './share-partition.ts';
import type { ShareLog } from './share-log.ts';
import { changeText, partitionKey } from './stored-state.ts';

/** What a share partition works with. */
export interface HeldOptions { readonly services: Services; readonly log: ShareLog; readonly office: DeadLetterOffice; readonly group: string; readonly settings: () => ShareSettings }

/** Told when there may be records. */
export interface RecordWaiter { stir(): void }

/** Kafka's code and words for an acknowledgement; NONE and null when it is durable. */
export type Told = (errorCode: number, message: string | null) => void;

/** A share partition of a group. */
export class HeldPartition implements PartitionWatcher {
  readonly source: TopicPartition;
  readonly key: string;
  readonly #options: HeldOptions;
  #state: SharePartition;
  /** Requests that found nothing, in the order in which they came. */
  readonly #waiters = new Set<RecordWaiter>();
  /** Those of them that came while somebody else was reading. */
  readonly #skipped = new Set<RecordWaiter>();
  /** H3. */
  isReading = false;
  /** Its start is being set anew, or it is being deleted: nothing is handed out. */
  isFrozen = false;
  #timer: Timer | null = null;
  #timerAtMs = Infinity;
  #ended = false;

  constructor(options: HeldOptions, source: TopicPartition, state: SharePartition) {
    this.#options = options;
    this.source = source;
    this.#state = state;
    this.key = partitionKey(options.group, source.topic.id, source.index);
    source.watch(this);
  }

  /** For looking at. */
  get state(): SharePartition { return this.#state; }
  /** Where reading goes on. */
  get nextOffset(): number { return nextOffset(this.#state); }
  /** Whether a read is worth while now. */
  get mayAcquire(): boolean { return !this.isReading && !this.isFrozen && !this.#ended && mayAcquire(this.#state, this.#options.settings()); }

  wait(waiter: RecordWaiter): void { this.#waiters.add(waiter); }
  unwait(waiter: RecordWaiter): void {
    this.#waiters.delete(waiter);
    this.#skipped.delete(waiter);
  }

  /** The log has more records, or fewer at its start. */
  advanced({ log }: TopicPartition): void {
    if (log.logStartOffset > this.#state.start) this.#do({ kind: 'log-start', offset: log.logStartOffset });
    this.#stir();
  }

  /** Somebody else reads now: `waiter` is told when that is over. */
  skip(waiter: RecordWaiter): void { this.#skipped.add(waiter); }

  /** A read is over. */
  readDone(): void {
    this.isReading = false;
    const skipped = [...this.#skipped];
    this.#skipped.clear();
    for (const waiter of skipped) waiter.stir();
  }

  /** Gives records of what was read to a member. */
  acquire(asked: Omit<Extract<ShareEvent, { kind: 'acquire' }>, 'kind' | 'nowMs'>): readonly AcquiredRange[] {
    const effects = this.#step({ kind: 'acquire', ...asked, nowMs: this.#nowMs() });
    this.#carryOut(effects, () => {});
    for (const effect of effects) if (effect.kind === 'acquired') return effect.ranges;
    return [];
  }

  /** Takes acknowledgements of a member (H1). */
  acknowledge(memberId: string, batches: readonly Acknowledgement[], told: Told): void {
    this.#carryOut(this.#step({ kind: 'acknowledge', memberId, batches, nowMs: this.#nowMs() }), told);
  }

  /** Gives up all that a member holds. */
  release(memberId: string): void {
    this.#do({ kind: 'release', memberId });
  }

  /** Begins anew with this state; nothing is handed out before thaw(). */
  replace(state: SharePartition): void {
    this.#state = state;
    this.advanced(this.source);
    this.#aim();
  }

  /** Records may be handed out (again). */
  thaw(): void {
    this.isFrozen = false;
    this.#stir();
  }

  /** The group or the topic is gone. */
  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.source.unwatch(this);
    this.#stir();
    this.#waiters.clear();
  }

  #nowMs(): number { return this.#options.services.clock.monotonicMs(); }

  #do(event: ShareEvent): void { this.#carryOut(this.#step(event), () => {}); }

  #step(event: ShareEvent): ShareEffect[] { return step(this.#state, event, this.#options.settings()); }

  #carryOut(effects: readonly ShareEffect[], told: Told): void {
    let isWritten = false;
    for (const effect of effects) {
      if (effect.kind === 'write') { isWritten = true; this.#write(effect, told); }
      else if (effect.kind === 'refuse') { told(effect.errorCode, effect.message); return; }
      else if (effect.kind === 'available') this.#stir();
    }
    this.#aim();
    if (!isWritten) told(errorCodes.NONE, null);
  }

  #write(effect: Extract<ShareEffect, { kind: 'write' }>, told: Told): void {
    const { office, group } = this.#options;
    const state = this.#state;
    if (effect.deadLetters.length === 0 || !office.isWanted(group)) return this.#append(state, effect, { parts: [], noteAppended() {} }, told);
    office.prepare(group, this.source, effect.deadLetters).then((letters) => this.#append(state, effect, letters, told)).catch((error: unknown) => {
      if (!isMillraceError(error)) throw error;
      this.#written(state, effect.moveId, error, told);
    });
  }

  #append(state: SharePartition, { moveId, runs }: Extract<ShareEffect, { kind: 'write' }>, { parts, noteAppended }: PreparedLetters, told: Told): void {
    this.#options.log.append({
      key: this.key, deadLetters: parts, appended: noteAppended,
      begin: () => state.unwritten.delete(moveId),
      undo: () => state.unwritten.add(moveId),
      value: () => changeText(state, runs),
      done: (error) => this.#written(state, moveId, error, told),
    });
  }

  /** What was decided of a state that has been replaced counts for nothing. */
  #written(state: SharePartition, moveId: number, error: Error | null, told: Told): void {
    if (state === this.#state) this.#do({ kind: 'written', moveId, ok: error === null, nowMs: this.#nowMs() });
    told(error === null ? errorCodes.NONE : storageErrorCode(error), error?.message ?? null);
  }

  #stir(): void { for (const waiter of [...this.#waiters]) waiter.stir(); }

  #aim(): void {
    const atMs = this.#ended ? Infinity : this.#state.wakeAtMs;
    if (atMs === this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAtMs = atMs;
    if (atMs === Infinity) return;
    this.#timer = tickAt(this.#options.services.clock, atMs, () => { // H2
      if (this.#ended) return;
      this.#timerAtMs = Infinity;
      this.#do({ kind: 'tick', nowMs: this.#nowMs() });
    });
  }
}

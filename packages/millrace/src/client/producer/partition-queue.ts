// client/producer/partition-queue.ts - the batches of one partition on their way: in what order they are sent, and sent again.
// Owns: sequences, retries and epochs of one partition. Pure: no clock, no socket, no bytes.
// Q1 batches are stored in the order in which they were filled, whatever is lost on the way. Q2 a batch is numbered once and keeps its
// number when it is sent again, so the server recognises it; only after the server has refused a number (nothing of it or after it
// is stored then) do all unsettled batches get new ones under a higher epoch. Q3 after a failure nothing is sent until every batch in
// flight has been answered; then they go again in order, and only then new ones. Q4 from the oldest unsettled batch on at most
// `inFlightMax` are sent, settled ones counted: a server knows only the last five batches of a producer again, and must know that one.
// Q5 the first batch, and the first after a failure, goes alone until it is stored: a server that does not know the producer (it is new, its
// topic was created anew, it was forgotten) takes any number for the first, so that a second batch would be stored without the lost one before it.
// Source: KIP-98, KIP-360 (idempotence, epochs). Cost: no allocation a record.
import { assert } from '../../base/mod.ts';

/** Who a producer is to the server. An id of -1 means: not idempotent. */
export interface ProducerIdentity { readonly producerId: number; readonly epoch: number }

/** What the queue needs of a batch. */
export interface QueuedBatch {
  readonly recordCount: number;
  /** Set when numbered. */
  identity: ProducerIdentity;
  baseSequence: number;
}

/** What came back for a batch. */
export type BatchOutcome =
  /** Stored (perhaps by an earlier attempt), or given up: it leaves the queue. */
  | { readonly kind: 'settled'; readonly isStored: boolean }
  /** Not stored, or nobody knows: it goes again with the same number. */
  | { readonly kind: 'again' }
  /** The server refuses the number: it misses earlier records, or has forgotten or fenced the producer. */
  | { readonly kind: 'misnumbered' };

type Phase =
  | { readonly kind: 'flowing' }
  /** Something failed; waiting for what is in flight. `renumber`: with new numbers afterwards. */
  | { readonly kind: 'draining'; readonly renumber: boolean }
  /** Sending again; `next` is the index in `unsettled` of the first not yet sent. */
  | { readonly kind: 'resending'; readonly next: number };

/** `ordinal` counts the batches of the partition in their order. */
interface Unsettled<B> { batch: B; inFlight: boolean; ordinal: number }

/** Sequences wrap after 2^31 - 1. */
const sequenceCount = 2 ** 31;

/** The queue of one partition. */
export class PartitionQueue<B extends QueuedBatch> {
  readonly #inFlightMax: number;
  readonly #nextIdentity: (refused: ProducerIdentity) => ProducerIdentity;
  readonly waiting: B[] = [];
  #unsettled: Unsettled<B>[] = [];
  #phase: Phase = { kind: 'flowing' };
  #identity: ProducerIdentity | null = null;
  /** Q5: the server has stored a batch since the last failure. */
  #isKnown = false;
  #sequenceNext = 0;
  #ordinalNext = 0;

  /** `nextIdentity` gives an identity newer than the one that was refused. */
  constructor(inFlightMax: number, nextIdentity: (refused: ProducerIdentity) => ProducerIdentity) {
    this.#inFlightMax = inFlightMax;
    this.#nextIdentity = nextIdentity;
  }

  get unsettledCount(): number { return this.#unsettled.length; }
  get inFlightCount(): number { return this.#unsettled.reduce((count, one) => count + (one.inFlight ? 1 : 0), 0); }
  get isEmpty(): boolean { return this.waiting.length === 0 && this.#unsettled.length === 0; }
  /** True while failed batches go again: waiting for more records would only delay them. */
  get isRecovering(): boolean { return this.#phase.kind !== 'flowing'; }

  /** The batch that `take` would give, if any. */
  peek(): B | null {
    switch (this.#phase.kind) {
      case 'draining': return null;
      case 'resending': {
        const again = this.#unsettled[this.#phase.next];
        return again && this.#isInWindow(again.ordinal) ? again.batch : null;
      }
      case 'flowing': return this.#isInWindow(this.#ordinalNext) ? this.waiting[0] ?? null : null;
    }
  }

  /** Takes the next batch to send, numbered under `identity` if the partition has none yet. Call only when peek() gave one. */
  take(identity: ProducerIdentity): B {
    const phase = this.#phase;
    assert(phase.kind !== 'draining', 'Q3: nothing is sent while failures drain');
    if (phase.kind === 'resending') return this.#takeAgain(phase.next);
    const batch = this.waiting.shift();
    assert(batch !== undefined && this.#isInWindow(this.#ordinalNext), 'Q4: a batch waits and there is room for it');
    this.#identity ??= identity;
    this.#number(batch);
    this.#unsettled.push({ batch, inFlight: true, ordinal: this.#ordinalNext++ });
    return batch;
  }

  /** Tells what became of a batch that was taken. */
  finish(batch: B, outcome: BatchOutcome): void {
    const index = this.#unsettled.findIndex((one) => one.batch === batch);
    assert(index >= 0 && this.#unsettled[index]!.inFlight, 'an answer belongs to a batch in flight');
    this.#unsettled[index]!.inFlight = false;
    if (outcome.kind === 'settled') this.#settle(index, outcome.isStored);
    else this.#fail(outcome.kind === 'misnumbered' && index === 0); // with an earlier batch unsettled, its absence explains the refusal
    this.#advance();
  }

  /** Puts other batches in the place of a failed one (it was too large, or some of its records were refused), none at all to give it up. */
  replace(batch: B, by: readonly B[]): void {
    const index = this.#unsettled.findIndex((one) => one.batch === batch);
    assert(index >= 0 && !this.#unsettled[index]!.inFlight, 'only a batch that was answered is replaced');
    const { ordinal } = this.#unsettled[index]!;
    let sequence = batch.baseSequence;
    const places = by.map((part, at): Unsettled<B> => {
      part.identity = batch.identity;
      part.baseSequence = sequence;
      sequence = after(sequence, part.recordCount);
      return { batch: part, inFlight: false, ordinal: ordinal + at };
    });
    this.#unsettled.splice(index, 1, ...places);
    const shift = Math.max(0, by.length - 1);
    for (const later of this.#unsettled.slice(index + by.length)) later.ordinal += shift;
    this.#ordinalNext += shift;
    this.#fail(false);
    this.#advance();
  }

  /** Whether no batch before this one is unsettled: what the server says of its number is meant for it. */
  isOldest(batch: B): boolean { return this.#unsettled[0]?.batch === batch; }

  /** The next batch is the first of a new identity, with sequence 0. Call only when the queue is empty. */
  renew(): void {
    assert(this.isEmpty, 'batches keep their numbers');
    this.#identity = null;
    this.#sequenceNext = 0;
    this.#isKnown = false;
  }

  /** All batches, oldest first. */
  all(): B[] {
    return [...this.#unsettled.map((one) => one.batch), ...this.waiting];
  }

  /** Batches that are not in flight, oldest first: those that may be given up when their time is over. */
  idle(): B[] {
    return [...this.#unsettled.filter((one) => !one.inFlight).map((one) => one.batch), ...this.waiting];
  }

  /** Takes a batch that is not in flight out of the queue. */
  giveUp(batch: B): void {
    const waitingAt = this.waiting.indexOf(batch);
    if (waitingAt >= 0) this.waiting.splice(waitingAt, 1);
    else this.replace(batch, []);
  }

  /** Q4, Q5. */
  #isInWindow(ordinal: number): boolean {
    const oldest = this.#unsettled[0];
    return oldest === undefined || ordinal - oldest.ordinal < (this.#isKnown ? this.#inFlightMax : 1);
  }

  #takeAgain(index: number): B {
    const again = this.#unsettled[index];
    assert(again !== undefined && !again.inFlight, 'Q3: what goes again was answered');
    again.inFlight = true;
    this.#phase = index + 1 < this.#unsettled.length ? { kind: 'resending', next: index + 1 } : { kind: 'flowing' };
    return again.batch;
  }

  #settle(index: number, isStored: boolean): void {
    if (isStored && this.#phase.kind !== 'draining') this.#isKnown = true;
    this.#unsettled.splice(index, 1);
    const phase = this.#phase;
    if (phase.kind === 'resending' && index < phase.next) this.#phase = { kind: 'resending', next: phase.next - 1 };
  }

  #fail(renumber: boolean): void {
    const before = this.#phase.kind === 'draining' && this.#phase.renumber;
    this.#isKnown = false;
    this.#phase = { kind: 'draining', renumber: before || renumber };
  }

  /** Leaves 'draining' once everything in flight was answered. */
  #advance(): void {
    if (this.#phase.kind !== 'draining' || this.#unsettled.some((one) => one.inFlight)) return;
    if (this.#phase.renumber) this.#renumber();
    this.#phase = this.#unsettled.length > 0 ? { kind: 'resending', next: 0 } : { kind: 'flowing' };
  }

  /** Q2: new numbers from zero under a higher epoch. */
  #renumber(): void {
    assert(this.#identity !== null, 'only numbered batches are refused for their numbers');
    this.#identity = this.#nextIdentity(this.#identity);
    this.#sequenceNext = 0;
    for (const { batch } of this.#unsettled) this.#number(batch);
  }

  #number(batch: B): void {
    batch.identity = this.#identity!;
    batch.baseSequence = this.#sequenceNext;
    this.#sequenceNext = after(this.#sequenceNext, batch.recordCount);
  }
}

function after(sequence: number, count: number): number {
  return (sequence + count) % sequenceCount;
}

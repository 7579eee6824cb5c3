// broker/produce/producer-table.ts - the idempotent producers of one partition: who may append next, and what was appended twice.
// Owns: epochs and sequences per producer. Never: I/O, and which producer ids exist (producer-ids.ts).
// P1 Sequences of one producer and epoch rise without gaps. P2 A batch that repeats one of the last five is answered with the first
// one's offset and not appended. P3 An older epoch never appends again. Source: KIP-98, KIP-360.
// Cost: one map lookup and at most five comparisons per batch; 200 bytes per producer and partition.
import { assert, limits } from '../../base/mod.ts';

/** What a batch says of its producer. */
export interface BatchOrigin {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  /** Records in the batch. */
  readonly count: number;
}

/** Whether a batch may be appended. */
export type Verdict =
  | { readonly kind: 'append' }
  /** Appended before, at these offsets. */
  | { readonly kind: 'duplicate'; readonly baseOffset: number; readonly lastOffset: number; readonly timestampMs: number }
  | { readonly kind: 'out-of-order'; readonly expectedSequence: number }
  | { readonly kind: 'fenced'; readonly currentEpoch: number };

/** One remembered batch. */
export interface RememberedBatch {
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** Time of the append as told to the client: -1 with CreateTime. */
  readonly timestampMs: number;
}

/** One producer as it is remembered; `batches` oldest first, at most five. None: the end of a transaction began its epoch, and it starts at sequence 0. */
export interface RememberedProducer {
  readonly producerId: number;
  epoch: number;
  batches: RememberedBatch[];
  /** When it last appended, by the node's clock. */
  activeMs: number;
}

const sequenceModulus = 2 ** 31;
const append: Verdict = { kind: 'append' };

/** The producers of one partition. */
export class ProducerTable {
  readonly #producers = new Map<number, RememberedProducer>();
  get size(): number { return this.#producers.size; }
  all(): Iterable<RememberedProducer> { return this.#producers.values(); }

  /** The epoch in which a producer was last seen; -1 for one that is not known. */
  epochOf(producerId: number): number { return this.#producers.get(producerId)?.epoch ?? -1; }

  /** Decides about a batch; changes nothing. */
  check(origin: BatchOrigin): Verdict {
    const producer = this.#producers.get(origin.producerId);
    if (producer === undefined) return append; // never seen, or forgotten with its records: any sequence may start (KIP-360)
    if (origin.producerEpoch < producer.epoch) return { kind: 'fenced', currentEpoch: producer.epoch };
    if (origin.producerEpoch > producer.epoch) return origin.baseSequence === 0 ? append : { kind: 'out-of-order', expectedSequence: 0 };
    const lastSequence = sequenceAfter(origin.baseSequence, origin.count - 1);
    for (const batch of producer.batches) {
      if (batch.baseSequence === origin.baseSequence && batch.lastSequence === lastSequence) {
        return { kind: 'duplicate', baseOffset: batch.baseOffset, lastOffset: batch.lastOffset, timestampMs: batch.timestampMs };
      }
    }
    const last = producer.batches.at(-1);
    const expectedSequence = last === undefined ? 0 : sequenceAfter(last.lastSequence, 1);
    return origin.baseSequence === expectedSequence ? append : { kind: 'out-of-order', expectedSequence };
  }

  /** Remembers a batch that was appended at `baseOffset`; of too many producers the longest silent is forgotten. */
  appended(origin: BatchOrigin, baseOffset: number, timestampMs: number, nowMs: number): void {
    const batch: RememberedBatch = {
      baseSequence: origin.baseSequence,
      lastSequence: sequenceAfter(origin.baseSequence, origin.count - 1),
      baseOffset,
      lastOffset: baseOffset + origin.count - 1,
      timestampMs,
    };
    const producer = this.#producers.get(origin.producerId);
    if (producer === undefined) {
      this.#makeRoom();
      this.#producers.set(origin.producerId, { producerId: origin.producerId, epoch: origin.producerEpoch, batches: [batch], activeMs: nowMs });
      return;
    }
    assert(origin.producerEpoch >= producer.epoch, 'P3: an older epoch never appends');
    if (origin.producerEpoch > producer.epoch) {
      producer.epoch = origin.producerEpoch;
      producer.batches = [];
    }
    producer.batches.push(batch);
    if (producer.batches.length > limits.broker.producerBatchesMax) producer.batches.shift();
    producer.activeMs = nowMs;
  }

  /** The end of a transaction was appended with this epoch: older ones never append again, a new one begins at sequence 0 (KIP-890). */
  marker(producerId: number, producerEpoch: number, nowMs: number): void {
    const producer = this.#producers.get(producerId);
    if (producer === undefined) return;
    assert(producerEpoch >= producer.epoch, 'P3: an older epoch ends no transaction');
    if (producerEpoch > producer.epoch) producer.batches = [];
    producer.epoch = producerEpoch;
    producer.activeMs = nowMs;
  }

  /** Takes back what was remembered from `offset` on: the log did not keep it. */
  truncate(offset: number): void {
    for (const producer of this.#producers.values()) {
      if ((producer.batches.at(-1)?.lastOffset ?? -1) < offset) continue;
      producer.batches = producer.batches.filter((batch) => batch.lastOffset < offset);
      if (producer.batches.length === 0) this.#producers.delete(producer.producerId);
    }
  }

  /** Forgets producers that have been silent since before `beforeMs`. */
  expire(beforeMs: number): void {
    for (const producer of this.#producers.values()) {
      if (producer.activeMs < beforeMs) this.#producers.delete(producer.producerId);
    }
  }

  /** Brings back a producer from a snapshot. */
  restore(producer: RememberedProducer): void {
    this.#producers.set(producer.producerId, producer);
  }

  #makeRoom(): void {
    if (this.#producers.size < limits.broker.producersPerPartitionMax) return;
    let oldest: RememberedProducer | null = null;
    for (const producer of this.#producers.values()) {
      if (oldest === null || producer.activeMs < oldest.activeMs) oldest = producer;
    }
    if (oldest !== null) this.#producers.delete(oldest.producerId);
  }
}

/** The sequence `steps` after `sequence`; after 2^31-1 comes 0. */
export function sequenceAfter(sequence: number, steps: number): number {
  return (sequence + steps) % sequenceModulus;
}

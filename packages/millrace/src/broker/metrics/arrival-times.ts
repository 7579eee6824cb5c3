// broker/metrics/arrival-times.ts - when the records of a partition were appended, remembered well enough to say how long a reader is behind.
// Owns: a few pairs of offset and time. Never: clocks, reading the log (group-lag.ts).
// R1 Times are of the append by the node's clock, not what records say of themselves: the wait of a record from last year begins today.
// R2 At most limits.metrics.arrivalsPerPartition pairs: where room is needed, the one goes whose loss changes answers least for its age, so
// that what is old is remembered coarsely and what is new finely. R3 An answer is never later than the append, and earlier by
// less than the distance of two pairs: a tenth of a second while none was forgotten.
// Cost: one comparison per batch; every tenth of a second at most a pair; 1 KiB for a partition that was written to.
import { limits } from '../../base/mod.ts';

/** Appends closer together than this are one pair. */
const stepMs = 100;
const pairsMax = limits.metrics.arrivalsPerPartition;
const none = new Float64Array(0);

/** Times of appends to one partition. */
export class ArrivalTimes {
  /** Made for the first append: most partitions of a large node are never written to. */
  #offsets = none;
  #times = none;
  #count = 0;
  #lastMs = -Infinity;
  /** End of the last batch of a producer; behind it lie markers of transactions at most. -1: not known. */
  #dataEnd = -1;
  /** What was looked up in the log, by offset: for records that are older than the first pair. */
  #found: Map<number, number> | null = null;

  /** A producer's batch from `offset` to before `endOffset` was appended. Markers between it and the batch before count as its own: nobody waits for them. */
  note(offset: number, endOffset: number, nowMs: number): void {
    const from = this.#dataEnd < 0 ? offset : this.#dataEnd;
    this.#dataEnd = endOffset;
    if (nowMs - this.#lastMs < stepMs && nowMs >= this.#lastMs) return;
    this.#lastMs = nowMs;
    if (this.#offsets === none) { this.#offsets = new Float64Array(pairsMax); this.#times = new Float64Array(pairsMax); }
    if (this.#count === pairsMax) this.#makeRoom(nowMs);
    this.#offsets[this.#count] = from;
    this.#times[this.#count++] = nowMs;
  }

  /** True when there is nothing of a producer at `offset` or behind it. */
  isPastData(offset: number): boolean { return this.#dataEnd >= 0 && offset >= this.#dataEnd; }

  /** The log was asked: from `offset` on there are markers only. */
  foundDataEnd(offset: number): void {
    if (this.#dataEnd < 0) this.#dataEnd = offset;
  }

  /** When the record at `offset` was appended; null when that is not known. */
  timeOf(offset: number): number | null {
    const known = this.#found?.get(offset);
    if (known !== undefined) return known;
    if (this.#count === 0 || offset < this.#offsets[0]!) return null;
    let place = this.#count - 1;
    while (this.#offsets[place]! > offset) place--;
    return this.#times[place]!;
  }

  /** The log was asked for the time of `offset`. */
  found(offset: number, timeMs: number): void {
    const found = (this.#found ??= new Map());
    if (found.size >= limits.metrics.foundTimesPerPartition) found.delete(found.keys().next().value!);
    found.set(offset, timeMs);
  }

  /** R2: forgets the pair between two others that lie closest for their age. */
  #makeRoom(nowMs: number): void {
    let worst = 1;
    let least = Infinity;
    for (let place = 1; place < pairsMax - 1; place++) {
      const share = (this.#times[place + 1]! - this.#times[place - 1]!) / Math.max(1, nowMs - this.#times[place]!);
      if (share < least) { least = share; worst = place; }
    }
    this.#offsets.copyWithin(worst, worst + 1);
    this.#times.copyWithin(worst, worst + 1);
    this.#count--;
  }
}

// broker/transaction/partition-transactions.ts - the transactions of one partition: which are open, how far readers of committed data may go, and
// which ranges were aborted.
// Owns: first offsets and ranges. Never: I/O, transactional ids (transactions.ts), sequences (producer-table.ts).
// T1 lastStableOffset <= highWatermark, and no transaction that is open, or whose end is not durable, has a record below it.
// T2 A range is known as aborted before the last stable offset passes it. T3 Ranges are kept in the order of their markers.
// Cost: nothing for partitions without transactions; one map entry per open one, 5 words per aborted one until its records are deleted.
import { assert } from '../../base/mod.ts';

/** A transaction that has records here and is not decided. */
export interface OpenTransaction { readonly producerId: number; readonly firstOffset: number; readonly startedMs: number }

/** A transaction that was aborted: its records lie from `firstOffset` to before `lastOffset`, where its marker is. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** No record of a transaction decided later lies below this offset: a search for ranges may end here. */
  readonly stableAfter: number;
}

interface Ending { readonly firstOffset: number; readonly markerOffset: number }

/** One partition's transactions. */
export class PartitionTransactions {
  /** By producer id, in the order of their first offsets. */
  readonly #open = new Map<number, OpenTransaction>();
  /** Decided, their markers not durable yet; in the order of the markers. */
  #ending: Ending[] = [];
  #aborted: AbortedTransaction[] = [];
  /** How many aborted ones were forgotten: the place of the first one left, counted over the partition's life. */
  #abortedFrom = 0;

  /** Whether readers of committed data may have to wait or to leave something out. */
  get any(): boolean { return this.#open.size > 0 || this.#ending.length > 0 || this.#aborted.length > 0; }
  get open(): ReadonlyMap<number, OpenTransaction> { return this.#open; }
  /** All aborted ones that are known, in the order of their markers. */
  get aborted(): readonly AbortedTransaction[] { return this.#aborted; }
  /** Places of the first of `aborted` and of the next one to come, counted over the partition's life. */
  get abortedFrom(): number { return this.#abortedFrom; }
  get abortedTo(): number { return this.#abortedFrom + this.#aborted.length; }

  /** A transactional batch was appended at `firstOffset`; the first one of its producer opens the transaction. */
  appended(producerId: number, firstOffset: number, startedMs: number): void {
    if (!this.#open.has(producerId)) this.#open.set(producerId, { producerId, firstOffset, startedMs });
  }

  /** The marker that decides a transaction was appended at `markerOffset`; `durable` when it was read back. Nothing is done for a producer that has none open. */
  decided(producerId: number, result: 'commit' | 'abort', markerOffset: number, durable: boolean): void {
    const open = this.#open.get(producerId);
    if (open === undefined) return;
    this.#open.delete(producerId);
    if (!durable) this.#ending.push({ firstOffset: open.firstOffset, markerOffset });
    if (result === 'commit') return;
    assert(markerOffset > (this.#aborted.at(-1)?.lastOffset ?? -1), 'T3: markers come in order');
    this.#aborted.push({ producerId, firstOffset: open.firstOffset, lastOffset: markerOffset, stableAfter: this.#firstUndecided(markerOffset + 1) });
  }

  /** All markers up to `markerOffset` are durable. */
  durable(markerOffset: number): void {
    let count = 0;
    while (count < this.#ending.length && this.#ending[count]!.markerOffset <= markerOffset) count++;
    if (count > 0) this.#ending = this.#ending.slice(count);
  }

  /** First offset that readers of committed data may not see yet. */
  lastStableOffset(highWatermark: number): number {
    let first = this.#firstUndecided(highWatermark);
    for (const { firstOffset } of this.#ending) if (firstOffset < first) first = firstOffset;
    return first;
  }

  /** Aborted transactions with records from `from` to before `to`. */
  abortedIn(from: number, to: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = [];
    for (let index = this.#firstEndingAt(from); index < this.#aborted.length; index++) {
      const range = this.#aborted[index]!;
      if (range.firstOffset < to) found.push(range);
      if (range.stableAfter >= to) break;
    }
    return found;
  }

  /** What lay before `logStartOffset` was deleted. */
  forgetBefore(logStartOffset: number): void {
    const count = this.#firstEndingAt(logStartOffset);
    if (count === 0) return;
    this.#aborted = this.#aborted.slice(count);
    this.#abortedFrom += count;
  }

  /** Brings back what a snapshot says of offsets below `endOffset`; aborted ones in the order of their markers, the first at place `abortedFrom`. */
  restore(open: readonly OpenTransaction[], aborted: readonly AbortedTransaction[], abortedFrom: number, endOffset: number): void {
    for (const each of [...open].sort((a, b) => a.firstOffset - b.firstOffset)) if (each.firstOffset < endOffset) this.#open.set(each.producerId, each);
    this.#aborted = aborted.filter(({ lastOffset }) => lastOffset < endOffset);
    this.#abortedFrom = abortedFrom;
  }

  #firstUndecided(otherwise: number): number {
    const first = this.#open.values().next();
    return first.done === true ? otherwise : Math.min(first.value.firstOffset, otherwise);
  }

  /** Index of the first aborted transaction whose marker lies at `offset` or after. */
  #firstEndingAt(offset: number): number {
    let low = 0;
    let high = this.#aborted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#aborted[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

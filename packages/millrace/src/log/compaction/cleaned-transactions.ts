// log/compaction/cleaned-transactions.ts - what a walk over a log, from its start, knows of transactions: which batches were aborted, and which
// markers no longer end anything.
// Owns: that knowledge for one walk. Never: deciding transactions (the broker says which were aborted).
// N1 A marker stays as long as the walk met a batch of its transaction, also one that it is about to drop: so it goes a walk later at the earliest.
import type { BatchHeader } from '../../wire/mod.ts';

/** An aborted transaction: its records lie from `firstOffset` to before its marker at `lastOffset`. */
export interface AbortedRange { readonly producerId: number; readonly firstOffset: number; readonly lastOffset: number }

/** Transactions as one walk meets them. */
export class CleanedTransactions {
  readonly #aborted = new Map<number, AbortedRange[]>();
  /** Producers with a batch that the walk met since their last marker. */
  readonly #met = new Set<number>();

  constructor(aborted: readonly AbortedRange[]) {
    for (const range of aborted) {
      const ranges = this.#aborted.get(range.producerId);
      if (ranges === undefined) this.#aborted.set(range.producerId, [range]);
      else ranges.push(range);
    }
  }

  /** Whether the batch belongs to a transaction that was aborted. */
  isAborted({ isTransactional, isControl, producerId, baseOffset }: BatchHeader): boolean {
    if (!isTransactional || isControl) return false;
    const ranges = this.#aborted.get(producerId);
    return ranges !== undefined && ranges.some(({ firstOffset, lastOffset }) => firstOffset <= baseOffset && baseOffset < lastOffset);
  }

  /** The walk meets a batch of data. */
  meet({ isTransactional, producerId }: BatchHeader): void {
    if (isTransactional) this.#met.add(producerId);
  }

  /** The walk meets a marker: true when it met no batch of what the marker ends (N1). */
  endsNothing({ producerId }: BatchHeader): boolean {
    return !this.#met.delete(producerId);
  }
}

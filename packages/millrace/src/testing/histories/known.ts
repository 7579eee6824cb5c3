// testing/histories/known.ts - what the parts of the check share: the words for findings, who wrote what, how each transaction ended.
// Owns: resolving what clients do not know: an end that nobody answered is what readers find in the end. Never: judging (check.ts and its parts).
import { assert } from '../../base/mod.ts';
import { nameOf, type History, type Seen, type TransactionRecord, type Written } from './history.ts';

/** What can be wrong. */
export type AnomalyKind =
  /** A committed record is not there. */
  | 'lost write'
  /** A record is there more than once. */
  | 'duplicate'
  /** A record of a transaction that was aborted, or never asked to commit, is there. */
  | 'aborted read'
  /** A record was read before its transaction asked to commit. */
  | 'early read'
  /** A part of a transaction is there. */
  | 'torn transaction'
  /** Records of one client are not in the order of its sending. */
  | 'reordered'
  /** A record that nobody sent there. */
  | 'unknown value'
  /** An offset had two values, or a record is not where it was acknowledged. */
  | 'inconsistent offset'
  /** A reader's position fell back. */
  | 'nonmonotonic poll'
  /** A reader passed a committed record and was not given it. */
  | 'skipped read'
  /** What was stable for one reader was not for a later one. */
  | 'stale read'
  /** A group is at an offset that no committed transaction gave it. */
  | 'wrong position'
  /** A group is behind what was acknowledged before. */
  | 'stale position'
  /** Two committed transactions of a group consumed the same record. */
  | 'consumed twice'
  /** A group passed a record that no committed transaction of it consumed. */
  | 'never consumed'
  /** Transactions read from each other in a circle. */
  | 'circular flow';

/** One finding, in words. */
export interface Anomaly { readonly kind: AnomalyKind; readonly message: string }

/** What the parts of the check share: who wrote what, what is there in the end, and how each transaction ended. */
export interface Known {
  readonly history: History;
  readonly writers: ReadonlyMap<string, { readonly transaction: TransactionRecord; readonly write: Written }>;
  readonly transactions: ReadonlyMap<string, TransactionRecord>;
  /** Where each value is in the end. */
  readonly places: ReadonlyMap<string, readonly { readonly key: string; readonly offset: number }[]>;
  /** Committed as its client knows, or as what is there shows. */
  isCommitted(transaction: TransactionRecord): boolean;
  note(kind: AnomalyKind, message: string): void;
}

/** Looks through a history once. @throws AssertionError for one that was recorded wrongly. */
export function know(history: History, note: Known['note']): Known {
  const writers = new Map<string, { transaction: TransactionRecord; write: Written }>();
  const transactions = new Map<string, TransactionRecord>();
  for (const transaction of history.transactions) {
    assert(!transactions.has(nameOf(transaction)), `transaction ${nameOf(transaction)} is recorded once`);
    transactions.set(nameOf(transaction), transaction);
    for (const write of transaction.writes) {
      assert(!writers.has(write.value), `R2: ${short(write.value)} is written once`);
      writers.set(write.value, { transaction, write });
    }
  }
  const places = new Map<string, { key: string; offset: number }[]>();
  for (const [key, records] of history.finals) {
    for (const { offset, value } of records) {
      const at = places.get(value);
      if (at === undefined) places.set(value, [{ key, offset }]);
      else at.push({ key, offset });
    }
  }
  const isCommitted = (transaction: TransactionRecord): boolean => transaction.outcome === 'committed'
    || transaction.outcome === 'unknown' && transaction.commitAskedAt !== null && transaction.writes.some(({ value }) => places.has(value));
  return { history, writers, transactions, places, isCommitted, note };
}

/** A value, cut to what a person reads. */
export const short = (value: string): string => `'${value.length > 60 ? `${value.slice(0, 60)}...` : value}'`;

/** How it ended, for its client. */
export function said(transaction: TransactionRecord): string {
  if (transaction.outcome !== 'unknown') return `was ${transaction.outcome}`;
  return transaction.commitAskedAt === null ? 'never asked to commit' : 'asked to commit and was not answered';
}

/** Index of the first record at `offset` or after. */
export function firstAt(records: readonly Seen[], offset: number): number {
  let low = 0;
  for (let high = records.length; low < high;) {
    const middle = (low + high) >> 1;
    if (records[middle]!.offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

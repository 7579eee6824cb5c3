// testing/histories/check.ts - judges a recorded history of transactions: a function from what was recorded to what is wrong with it.
// Owns: which promise each finding breaks. Never: recording, requests, time. After Jepsen's workload of appends and polls for Kafka.
// V1 A finding is certain: a history that some order of the requests explains has none. What clients do not know (an end that nobody answered)
// is decided by what readers find in the end. V2 It does not ask for more than Kafka promises: writes of transactions may interleave,
// and a transaction may be seen in one partition before it is seen in another.
// Cost: a sort and a few maps over all that was recorded.
import { checkConsumption, checkPositions } from './consumption.ts';
import { checkFlow } from './flow.ts';
import { nameOf, type History, type Seen, type TransactionRecord } from './history.ts';
import { know, said, short, type Anomaly, type AnomalyKind, type Known } from './known.ts';
import { checkPolls, checkStableEnds } from './readers.ts';

/** What may be chosen. */
export interface CheckOptions {
  /** Findings of each kind that are told (default 5). */
  readonly limit?: number;
  /** Whether readers see an end as soon as it is acknowledged (default true). Millrace promises that, Apache Kafka does not: it acknowledges before it writes the markers. */
  readonly endsAtOnce?: boolean;
}

/** The findings of a history, none when every promise was kept. */
export function checkHistory(history: History, { limit = 5, endsAtOnce = true }: CheckOptions = {}): Anomaly[] {
  const found: Anomaly[] = [];
  const counts = new Map<AnomalyKind, number>();
  const known = know(history, (kind, message) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count <= limit) found.push({ kind, message });
  });
  for (const [key, records] of history.finals) checkFinal(known, key, records);
  for (const transaction of history.transactions) checkWhole(known, transaction);
  checkPolls(known);
  checkStableEnds(known, endsAtOnce);
  checkPositions(known);
  checkConsumption(known);
  checkFlow(known);
  return found;
}

/** Findings as lines. */
export const describeAnomalies = (anomalies: readonly Anomaly[]): string => anomalies.map(({ kind, message }) => `${kind}: ${message}`).join('\n');

/** A partition as it is in the end. */
function checkFinal({ writers, isCommitted, places, note }: Known, key: string, records: readonly Seen[]): void {
  const last = new Map<string, { number: number; index: number; value: string }>();
  let before = -1;
  for (const { offset, value } of records) {
    if (offset <= before) note('inconsistent offset', `${key} has ${offset} after ${before}`);
    before = offset;
    const by = writers.get(value);
    if (by === undefined || by.write.key !== key) { note('unknown value', `${short(value)} is at ${offset} of ${key}, and nobody sent it there`); continue; }
    const { transaction, write } = by;
    const at = places.get(value)!;
    if (at.length > 1 && at[0]!.offset === offset && at[0]!.key === key) note('duplicate', `${short(value)} is ${at.length} times there, at ${at.map((each) => `${each.offset} of ${each.key}`).join(' and ')}`);
    if (!isCommitted(transaction)) note('aborted read', `${short(value)} is at ${offset} of ${key}; its transaction ${said(transaction)}`);
    if (write.offset !== null && write.offset !== offset && at.length === 1) note('inconsistent offset', `${short(value)} was acknowledged at ${write.offset} of ${key} and is at ${offset}`);
    const index = transaction.writes.indexOf(write);
    const former = last.get(transaction.client);
    const inOrder = former === undefined || former.number < transaction.number || former.number === transaction.number && former.index < index;
    if (!inOrder && at.length === 1) note('reordered', `${key} has ${short(value)} at ${offset}, after ${short(former!.value)}`);
    if (inOrder) last.set(transaction.client, { number: transaction.number, index, value });
  }
}

/** All of it is there, or nothing. */
function checkWhole({ places, note }: Known, transaction: TransactionRecord): void {
  const missing = transaction.writes.filter(({ value }) => !places.has(value));
  const there = transaction.writes.length - missing.length;
  if (missing.length === 0) return;
  if (there > 0) note('torn transaction', `${there} of the ${transaction.writes.length} records of ${nameOf(transaction)} are there; it ${said(transaction)}; missing is ${short(missing[0]!.value)} of ${missing[0]!.key}`);
  else if (transaction.outcome === 'committed') note('lost write', `${nameOf(transaction)} was committed, and none of its ${transaction.writes.length} records is there, such as ${short(missing[0]!.value)} of ${missing[0]!.key}`);
}

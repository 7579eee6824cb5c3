// testing/histories/readers.ts - the part of the check about what readers were given while the work went on.
// Owns: polls and stable ends. Never: what is there in the end (check.ts).
import { firstAt, said, short, type Known } from './known.ts';
import { nameOf, type Poll, type TransactionRecord } from './history.ts';

/** Every poll: by itself, and after the one before it in its session. */
export function checkPolls(known: Known): void {
  const { history, note } = known;
  const valueAt = new Map<string, string>();
  for (const [key, records] of history.finals) for (const { offset, value } of records) valueAt.set(`${key}@${offset}`, value);
  const sessions = new Map<string, Poll>();
  for (const poll of [...history.polls].sort((a, b) => a.startedAt - b.startedAt)) {
    for (const { offset, value } of poll.records) checkRecord(known, poll, offset, value, valueAt);
    const session = `${poll.reader} ${poll.session} ${poll.key}`;
    const before = sessions.get(session);
    sessions.set(session, poll);
    checkOrder(known, poll);
    if (before !== undefined && poll.from < before.next) note('nonmonotonic poll', `${poll.reader} stood at ${before.next} of ${poll.key} and went on at ${poll.from}`);
    checkSkipped(known, poll, before === undefined ? poll.from : Math.min(before.next, poll.from));
  }
}

function checkRecord({ writers, isCommitted, places, note }: Known, { reader, key, endedAt }: Poll, offset: number, value: string, valueAt: Map<string, string>): void {
  const by = writers.get(value);
  if (by === undefined || by.write.key !== key) return note('unknown value', `${reader} read ${short(value)} at ${offset} of ${key}, and nobody sent it there`);
  const place = `${key}@${offset}`;
  const other = valueAt.get(place);
  if (other === undefined) valueAt.set(place, value);
  else if (other !== value) note('inconsistent offset', `${reader} read ${short(value)} at ${offset} of ${key}, where ${short(other)} is`);
  const { transaction } = by;
  if (!isCommitted(transaction)) note('aborted read', `${reader} read ${short(value)} at ${offset} of ${key}; its transaction ${said(transaction)}${places.has(value) ? '' : ', and it is gone'}`);
  else if (transaction.commitAskedAt !== null && endedAt < transaction.commitAskedAt) note('early read', `${reader} read ${short(value)} at ${offset} of ${key}, before ${nameOf(transaction)} asked to commit`);
}

function checkOrder({ note }: Known, { reader, key, from, next, records }: Poll): void {
  let at = from - 1;
  for (const { offset } of records) {
    if (offset <= at) note('nonmonotonic poll', `${reader} was given ${offset} of ${key} after ${at}`);
    at = offset;
  }
  if (next < from || at >= next) note('nonmonotonic poll', `${reader} went from ${from} to ${next} of ${key}, over ${at}`);
}

/** All that is there in the end between two positions was given to who passed from one to the other. */
function checkSkipped({ history, note }: Known, { reader, key, next, records }: Poll, from: number): void {
  const final = history.finals.get(key) ?? [];
  const given = new Set(records.map(({ offset }) => offset));
  for (let at = firstAt(final, from); at < final.length && final[at]!.offset < next; at++) {
    const { offset, value } = final[at]!;
    if (!given.has(offset)) note('skipped read', `${reader} went from ${from} to ${next} of ${key} and was not given ${short(value)} at ${offset}`);
  }
}

/** What was stable stays stable, and (with `endsAtOnce`) the end of a transaction that was acknowledged has made its records so. */
export function checkStableEnds({ history, writers, note }: Known, endsAtOnce: boolean): void {
  const observed = [
    ...history.polls.map(({ key, next, endedAt }) => ({ key, offset: next, endedAt })), ...history.stableEnds.map(({ key, offset, endedAt }) => ({ key, offset, endedAt })),
  ].sort((a, b) => a.endedAt - b.endedAt);
  const at = new Map<string, TransactionRecord>();
  for (const { transaction, write } of writers.values()) if (write.offset !== null) at.set(`${write.key}@${write.offset}`, transaction);
  for (const [key, records] of history.finals) for (const { offset, value } of records) { const by = writers.get(value); if (by !== undefined) at.set(`${key}@${offset}`, by.transaction); }
  const highest = new Map<string, number>();
  let taken = 0;
  for (const { key, offset, startedAt } of [...history.stableEnds].sort((a, b) => a.startedAt - b.startedAt)) {
    for (; taken < observed.length && observed[taken]!.endedAt < startedAt; taken++) {
      const { key: of, offset: seen } = observed[taken]!;
      if (seen > (highest.get(of) ?? 0)) highest.set(of, seen);
    }
    const before = highest.get(key) ?? 0;
    if (offset < before) note('stale read', `${key} was stable up to ${before}, and a later request was told ${offset}`);
    const first = at.get(`${key}@${offset}`);
    if (endsAtOnce && first !== undefined && first.outcome !== 'unknown' && first.endedAt! < startedAt) note('stale read', `${key} is told to be stable up to ${offset}, where a record of ${nameOf(first)} is, which ${said(first)} before`);
  }
}

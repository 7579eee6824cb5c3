// testing/histories/consumption.ts - the part of the check about what groups consumed and committed inside of transactions.
// Owns: positions of groups, and that each record was consumed once.
import { firstAt, said, short, type Known } from './known.ts';
import { nameOf, type Consumed, type Position, type TransactionRecord } from './history.ts';

interface Step { readonly transaction: TransactionRecord; readonly consumed: Consumed }

/** Every position that somebody was told: one that a transaction gave which is committed, and not one from before. */
export function checkPositions(known: Known): void {
  const steps = stepsOf(known);
  for (const position of known.history.positions) checkPosition(known, position, steps.get(placeOf(position)) ?? []);
}

function checkPosition({ isCommitted, note }: Known, { group, key, offset, startedAt, endedAt }: Position, steps: readonly Step[]): void {
  const where = `group '${group}' is at ${offset} of ${key}`;
  const acknowledged = steps.filter(({ transaction }) => transaction.outcome === 'committed' && transaction.endedAt! < startedAt);
  const least = Math.max(-1, ...acknowledged.map(({ consumed }) => consumed.next));
  if (offset < least) note('stale position', `${where}, and ${least} was committed before`);
  if (offset === -1) return;
  const from = steps.filter(({ consumed }) => consumed.next === offset);
  // One that asked to commit and left nothing to be seen may have given it all the same: nobody can tell.
  const possible = from.filter(({ transaction }) => transaction.commitAskedAt !== null && transaction.commitAskedAt <= endedAt
    && (isCommitted(transaction) || transaction.outcome === 'unknown' && transaction.writes.length === 0));
  if (possible.length === 0) note('wrong position', `${where}; ${from.length === 0 ? 'no transaction says so' : `${nameOf(from[0]!.transaction)} says so, which ${said(from[0]!.transaction)}`}`);
}

/** What the committed transactions of a group consumed: each record that is there, once, without a gap below where the group is. */
export function checkConsumption(known: Known): void {
  const { history, isCommitted, note } = known;
  for (const steps of stepsOf(known).values()) {
    const done = steps.filter(({ transaction, consumed }) => consumed.from !== null && isCommitted(transaction)).sort((a, b) => a.consumed.from! - b.consumed.from!);
    if (done.length === 0) continue;
    const { group, key } = done[0]!.consumed;
    const records = history.finals.get(key) ?? [];
    let upTo = 0; // groups begin with the first record
    let by = done[0]!;
    for (const step of done) {
      const { from, next } = step.consumed;
      const again = records[firstAt(records, from!)];
      if (step !== by && again !== undefined && again.offset < Math.min(upTo, next)) note('consumed twice', `${short(again.value)} at ${again.offset} of ${key} was consumed for '${group}' by ${nameOf(by.transaction)} and by ${nameOf(step.transaction)}`);
      const passed = records[firstAt(records, upTo)];
      if (passed !== undefined && passed.offset < from!) note('never consumed', `${short(passed.value)} at ${passed.offset} of ${key} was passed by '${group}', which is at ${next} with ${nameOf(step.transaction)}`);
      if (next > upTo) { upTo = next; by = step; }
    }
  }
}

function stepsOf({ history }: Known): Map<string, Step[]> {
  const steps = new Map<string, Step[]>();
  for (const transaction of history.transactions) {
    for (const consumed of transaction.consumed) {
      const place = placeOf(consumed);
      const there = steps.get(place);
      if (there === undefined) steps.set(place, [{ transaction, consumed }]);
      else there.push({ transaction, consumed });
    }
  }
  return steps;
}

const placeOf = ({ group, key }: { readonly group: string; readonly key: string }): string => `${group}\n${key}`;

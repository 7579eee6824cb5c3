// testing/histories/flow.ts - the part of the check about which transaction read from which: information does not flow in a circle.
// Owns: the graph of reads (with each client's own order) and its circles. Writes that interleave are no circle: Kafka promises nothing of them.
import type { Known } from './known.ts';
import { nameOf, type TransactionRecord } from './history.ts';

/** Finds transactions that would each have to come before the other. */
export function checkFlow(known: Known): void {
  const { history, writers, transactions, isCommitted, note } = known;
  const after = new Map<TransactionRecord, Set<TransactionRecord>>();
  const edge = (from: TransactionRecord, to: TransactionRecord): void => {
    if (from === to) return;
    const there = after.get(from);
    if (there === undefined) after.set(from, new Set([to]));
    else there.add(to);
  };
  for (const { transaction: name, records } of history.polls) {
    const reader = name === null ? undefined : transactions.get(name);
    if (reader === undefined || !isCommitted(reader)) continue;
    for (const { value } of records) {
      const writer = writers.get(value)?.transaction;
      if (writer === reader) note('circular flow', `${nameOf(reader)} read its own '${value.slice(0, 60)}' as committed`);
      else if (writer !== undefined && isCommitted(writer)) edge(writer, reader);
    }
  }
  const last = new Map<string, TransactionRecord>();
  for (const transaction of [...history.transactions].sort((a, b) => a.number - b.number)) {
    if (!isCommitted(transaction)) continue;
    const former = last.get(transaction.client);
    if (former !== undefined) edge(former, transaction);
    last.set(transaction.client, transaction);
  }
  for (const circle of circles(after)) note('circular flow', `${circle.map(nameOf).join(' -> ')} -> ${nameOf(circle[0]!)}: each read from, or follows, the one before`);
}

/** One circle for each knot of the graph. Depth first without recursion: histories are long. */
function circles<T>(after: ReadonlyMap<T, ReadonlySet<T>>): T[][] {
  const found: T[][] = [];
  const done = new Set<T>();
  for (const start of after.keys()) {
    if (done.has(start)) continue;
    const path: T[] = [];
    const onPath = new Map<T, number>();
    const stack: Iterator<T>[] = [];
    const enter = (node: T): void => { onPath.set(node, path.length); path.push(node); stack.push((after.get(node) ?? new Set<T>()).values()); };
    enter(start);
    while (stack.length > 0) {
      const next = stack.at(-1)!.next();
      if (next.done === true) {
        const left = path.pop()!;
        onPath.delete(left);
        done.add(left);
        stack.pop();
      } else if (onPath.has(next.value)) found.push(path.slice(onPath.get(next.value)));
      else if (!done.has(next.value)) enter(next.value);
    }
  }
  return found;
}

// testing/sim/node/ledger.ts - the truth about transactions: what each one wrote where, and how it ended as far as its client knows.
// Owns: the checks of atomicity. Never: requests (transactors.ts). Of committed reads it finds: a committed record that is missing, an aborted or an
// open one that is seen, a transaction of which only a part is seen, a record seen twice, records of one client out of order, and offsets that are not
// those of the transaction that should have committed them.
import { expect } from '../log-model.ts';
import type { FoundRecord } from '../sim-batch.ts';

/** What a client knows of how its transaction ended. */
export type Ending = 'open' | 'asked to commit' | 'committed' | 'aborted';

/** One transaction. */
export interface Entry {
  readonly client: string;
  readonly number: number;
  /** Values by partition, in order. */
  readonly values: Map<number, string[]>;
  /** Offset that it commits for its client's group; null for none. */
  offset: number | null;
  ending: Ending;
}

/** All transactions of a topic. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  /** Transactions of which something was seen by readers of committed data: they can end in no other way. */
  readonly #seen = new Set<Entry>();

  open(client: string, number: number): Entry {
    const entry: Entry = { client, number, values: new Map(), offset: null, ending: 'open' };
    this.#entries.set(`${client}/${number}`, entry);
    return entry;
  }

  /** Something that a reader of committed data was given. */
  seen(partition: number, records: readonly FoundRecord[]): void {
    for (const { value, offset } of records) {
      const entry = this.#of(value);
      expect(entry.values.get(partition)?.includes(value) === true, `'${value}' is in partition ${partition}, and was not sent there`);
      expect(entry.ending === 'committed' || entry.ending === 'asked to commit', `'${value}' was read as committed at ${offset}, its transaction is ${entry.ending}`);
      this.#seen.add(entry);
    }
  }

  /** A client learns how its transaction ended. */
  ended(entry: Entry, ending: 'committed' | 'aborted'): void {
    expect(ending === 'committed' || !this.#seen.has(entry), `${entry.client}/${entry.number} was aborted, and readers saw it committed`);
    expect(entry.ending !== 'committed' || ending === 'committed', `${entry.client}/${entry.number} was committed and then ${ending}`);
    entry.ending = ending;
  }

  /** Everything that readers of committed data find, by partition; nobody has a transaction under way. */
  checkAll(found: ReadonlyMap<number, readonly FoundRecord[]>): void {
    const places = new Map<string, number>();
    for (const [partition, records] of found) {
      this.seen(partition, records);
      const last = new Map<string, number>();
      for (const { value } of records) {
        expect(!places.has(value), `'${value}' is there twice`);
        places.set(value, partition);
        const { client, number } = this.#of(value);
        expect(number >= (last.get(client) ?? -1), `partition ${partition} has ${client}/${number} after ${client}/${last.get(client)}`);
        last.set(client, number);
      }
    }
    for (const entry of this.#entries.values()) {
      const values = [...entry.values.values()].flat();
      const there = values.filter((value) => places.has(value)).length;
      const name = `${entry.client}/${entry.number} (${entry.ending})`;
      expect(there === 0 || there === values.length, `${name}: ${there} of its ${values.length} records are there`);
      if (entry.ending === 'committed') expect(there === values.length, `${name}: its records are not there`);
      for (const [partition, inOrder] of entry.values) {
        const order = found.get(partition)?.map(({ value }) => value).filter((value) => inOrder.includes(value)) ?? [];
        expect(there === 0 || order.join() === inOrder.join(), `${name}: partition ${partition} has its records in another order`);
      }
    }
  }

  /** The committed offset of a client's group is that of its last transaction that was committed, or of one after it of which nobody knows. */
  checkOffset(client: string, offset: number): void {
    const own = [...this.#entries.values()].filter((entry) => entry.client === client && entry.offset !== null);
    const known = own.findLastIndex((entry) => entry.ending === 'committed');
    const possible = [known < 0 ? -1 : own[known]!.offset!, ...own.slice(known + 1).filter((entry) => entry.ending === 'asked to commit' && !this.#isSeenAborted(entry)).map((entry) => entry.offset!)];
    expect(possible.includes(offset), `the group of ${client} is at ${offset}, its transactions say ${possible.join(' or ')}`);
  }

  #isSeenAborted(entry: Entry): boolean { return entry.ending === 'aborted'; }

  #of(value: string): Entry {
    const [client, number] = value.split('/');
    const entry = this.#entries.get(`${client}/${number}`);
    expect(entry !== undefined, `'${value}' was never sent`);
    return entry!;
  }
}

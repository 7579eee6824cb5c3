// testing/histories/history.ts - what clients of transactions did and saw, as data: the same for the simulator and for real processes.
// Owns: the words, and a recorder for clients of this process. Never: what is right (check.ts).
// R1 Times are of one clock; what ended at the same time as another thing began is taken as side by side. R2 A value is written once, ever: it names its write.
// R3 A transaction's record exists before its first request leaves, and `commitAskedAt` is set before the request to commit leaves.

/** One record that a transaction sent. `key` is a partition, such as 'orders-0'. */
export interface Written {
  readonly key: string;
  readonly value: string;
  /** Where it was acknowledged; null when it was not, or nobody said where. */
  offset: number | null;
}

/** Offsets of a group that a transaction commits: it consumed from `from` (null when it consumed nothing and only says so) to before `next`. */
export interface Consumed { readonly group: string; readonly key: string; readonly from: number | null; readonly next: number }

/** What the client knows of the end. */
export type Outcome = 'committed' | 'aborted' | 'unknown';

/** One transaction. */
export interface TransactionRecord {
  readonly client: string;
  /** Rises by the order in which the client began them. */
  readonly number: number;
  readonly startedAt: number;
  /** When the commit was asked for first; null when it never was: then it cannot be committed. */
  commitAskedAt: number | null;
  /** When the client learned the outcome. */
  endedAt: number | null;
  outcome: Outcome;
  readonly writes: Written[];
  readonly consumed: Consumed[];
}

/** A record as a reader found it. */
export interface Seen { readonly offset: number; readonly value: string }

/** One step of a reader of committed data: it stood at `from` and stands at `next` after it. A reader that seeks begins another session. */
export interface Poll {
  readonly reader: string;
  readonly session: number;
  readonly key: string;
  readonly from: number;
  readonly next: number;
  readonly records: readonly Seen[];
  readonly startedAt: number;
  readonly endedAt: number;
  /** Name of the transaction that consumed what was found; null for readers that write nothing. */
  readonly transaction: string | null;
}

/** The last stable offset of a partition, as somebody was told. */
export interface StableEnd { readonly key: string; readonly offset: number; readonly startedAt: number; readonly endedAt: number }

/** A group's committed offset, as somebody was told; -1 for none. */
export interface Position { readonly group: string; readonly key: string; readonly offset: number; readonly startedAt: number; readonly endedAt: number }

/** A recorded history. */
export interface History {
  readonly transactions: readonly TransactionRecord[];
  readonly polls: readonly Poll[];
  readonly stableEnds: readonly StableEnd[];
  readonly positions: readonly Position[];
  /** All that a reader of committed data finds of each partition once nobody writes any more and nothing is open, in the order of offsets. */
  readonly finals: ReadonlyMap<string, readonly Seen[]>;
}

/** The name of a transaction in polls and findings. */
export const nameOf = ({ client, number }: Pick<TransactionRecord, 'client' | 'number'>): string => `${client}/${number}`;

/** Records what the clients of one clock do. */
export class HistoryRecorder implements History {
  readonly transactions: TransactionRecord[] = [];
  readonly polls: Poll[] = [];
  readonly stableEnds: StableEnd[] = [];
  readonly positions: Position[] = [];
  readonly finals = new Map<string, readonly Seen[]>();
  readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  /** A client begins a transaction. */
  begin(client: string, number: number): TransactionRecord {
    const begun: TransactionRecord = { client, number, startedAt: this.now(), commitAskedAt: null, endedAt: null, outcome: 'unknown', writes: [], consumed: [] };
    this.transactions.push(begun);
    return begun;
  }

  /** The commit is asked for, the first time or again. */
  askCommit(transaction: TransactionRecord): void { transaction.commitAskedAt ??= this.now(); }

  /** The client learns the outcome. */
  end(transaction: TransactionRecord, outcome: 'committed' | 'aborted'): void {
    transaction.outcome = outcome;
    transaction.endedAt = this.now();
  }

  /** Takes what another process of this machine recorded by the same clock. */
  add(other: Partial<Omit<History, 'finals'>>): void {
    this.transactions.push(...other.transactions ?? []);
    this.polls.push(...other.polls ?? []);
    this.stableEnds.push(...other.stableEnds ?? []);
    this.positions.push(...other.positions ?? []);
  }
}

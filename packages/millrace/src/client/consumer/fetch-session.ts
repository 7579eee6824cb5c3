// client/consumer/fetch-session.ts - one fetch session with one broker (KIP-227): what must be said again, and what the broker still knows.
// Owns: session id, epoch and the difference to the last request. Pure. S1 after any doubt the next request is a full one.

/** What to fetch of one partition. */
export interface WantedPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly fetchOffset: number;
  readonly leaderEpoch: number;
  /** Of the record before `fetchOffset`; -1 when unknown. */
  readonly fetchEpoch: number;
  readonly maxBytes: number;
}

/** What a request says about the session. */
export interface SessionRequest {
  readonly sessionId: number;
  readonly sessionEpoch: number;
  readonly added: readonly WantedPartition[];
  readonly forgotten: readonly WantedPartition[];
}

const epochMax = 0x7fffffff;

/** The client's side of a session. */
export class FetchSession {
  #sessionId = 0;
  #epoch = 0;
  #known = new Map<string, WantedPartition>();

  /** The next request for these partitions (by partition key): all of them in a full one, the differences in an incremental one. */
  request(wanted: ReadonlyMap<string, WantedPartition>): SessionRequest {
    if (this.#epoch === 0) {
      this.#known = new Map(wanted);
      return { sessionId: this.#sessionId, sessionEpoch: 0, added: [...wanted.values()], forgotten: [] };
    }
    const added = [...wanted].filter(([key, partition]) => !isSame(this.#known.get(key), partition)).map(([, partition]) => partition);
    const forgotten = [...this.#known].filter(([key, partition]) => wanted.get(key)?.topicId !== partition.topicId).map(([, partition]) => partition);
    this.#known = new Map(wanted);
    return { sessionId: this.#sessionId, sessionEpoch: this.#epoch, added, forgotten };
  }

  /** The broker answered: it keeps the session, or has none for us (id 0). */
  answered(sessionId: number): void {
    if (sessionId === 0) return this.reset();
    this.#sessionId = sessionId;
    this.#epoch = this.#epoch >= epochMax ? 1 : this.#epoch + 1;
  }

  /** The broker refused, or nobody knows what it heard (S1). */
  reset(): void {
    this.#sessionId = 0;
    this.#epoch = 0;
    this.#known = new Map();
  }
}

function isSame(a: WantedPartition | undefined, b: WantedPartition): boolean {
  return a !== undefined && a.topicId === b.topicId && a.fetchOffset === b.fetchOffset && a.leaderEpoch === b.leaderEpoch && a.fetchEpoch === b.fetchEpoch && a.maxBytes === b.maxBytes;
}

// broker/fetch/fetch-session.ts - fetch sessions (KIP-227): a reader names its partitions once and then only what changed.
// Owns: session ids and epochs, their number, who gives way. Never: reading.
// S1 At most `slots` sessions. S2 A full cache gives a slot away only for a session that was idle for two minutes, or that
// is smaller than the new one and older than two minutes; else the new reader goes without a session, which always works.
import { errorCodes, type Fetch, type RequestOf } from '../../wire/mod.ts';
import type { Random } from '../../os/mod.ts';
import { FetchSet } from './fetch-set.ts';

type FetchRequest = RequestOf<typeof Fetch>;

const idleMsBeforeEviction = 120_000;
const firstEpoch = 1;
const epochMax = 2 ** 31 - 1;

/** Session id 0: none. */
export const noSession = 0;
/** Epoch that ends a session, or asks for none. */
const finalEpoch = -1;
/** Epoch that starts one. */
const initialEpoch = 0;

/** One reader's session. */
export class FetchSession {
  readonly id: number;
  readonly set = new FetchSet();
  /** True when topics are named by id (Fetch 13 and later). */
  readonly byId: boolean;
  /** Epoch that the next request must carry. */
  epoch = firstEpoch;
  readonly createdMs: number;
  usedMs: number;

  constructor(id: number, byId: boolean, nowMs: number) {
    this.id = id;
    this.byId = byId;
    this.createdMs = this.usedMs = nowMs;
  }
}

/** How a request is to be answered. */
export type SessionChoice =
  /** Everything that the request names, once; in a new session when `session` is set. */
  | { readonly kind: 'full'; readonly set: FetchSet; readonly session: FetchSession | null }
  /** Only what changed. */
  | { readonly kind: 'incremental'; readonly session: FetchSession }
  | { readonly kind: 'refused'; readonly errorCode: number };

/** The sessions of a node. */
export class FetchSessions {
  /** Least recently used first. */
  readonly #sessions = new Map<number, FetchSession>();
  readonly #random: Random;
  readonly #slots: () => number;

  constructor(random: Random, slots: () => number) {
    this.#random = random;
    this.#slots = slots;
  }

  get size(): number { return this.#sessions.size; }

  /** Decides what kind of fetch a request is, and keeps the books. */
  choose(request: FetchRequest, byId: boolean, nowMs: number): SessionChoice {
    const { sessionId, sessionEpoch } = request;
    if (sessionEpoch === finalEpoch || sessionEpoch === initialEpoch) {
      this.#end(sessionId);
      const session = sessionEpoch === initialEpoch ? this.#create(byId, countPartitions(request), nowMs) : null;
      return { kind: 'full', set: session?.set ?? new FetchSet(), session };
    }
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return { kind: 'refused', errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND };
    if (session.epoch !== sessionEpoch) return { kind: 'refused', errorCode: errorCodes.INVALID_FETCH_SESSION_EPOCH };
    if (session.byId !== byId) return { kind: 'refused', errorCode: errorCodes.FETCH_SESSION_TOPIC_ID_ERROR };
    session.epoch = session.epoch === epochMax ? firstEpoch : session.epoch + 1;
    session.usedMs = nowMs;
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, session);
    return { kind: 'incremental', session };
  }

  /** Ends a session that its reader was never told of. */
  forget(session: FetchSession): void {
    this.#end(session.id);
  }

  #create(byId: boolean, partitionCount: number, nowMs: number): FetchSession | null {
    if (partitionCount === 0 || !this.#makeRoom(partitionCount, nowMs)) return null;
    const session = new FetchSession(this.#freshId(), byId, nowMs);
    this.#sessions.set(session.id, session);
    return session;
  }

  #freshId(): number {
    for (;;) {
      const id = this.#random.uint32() >>> 1;
      if (id !== noSession && !this.#sessions.has(id)) return id;
    }
  }

  #makeRoom(partitionCount: number, nowMs: number): boolean {
    const slots = this.#slots();
    if (this.#sessions.size < slots) return true;
    if (slots === 0) return false;
    const [oldest] = this.#sessions.values();
    if (oldest !== undefined && nowMs - oldest.usedMs >= idleMsBeforeEviction) return this.#end(oldest.id);
    let smallest: FetchSession | undefined;
    for (const session of this.#sessions.values()) {
      if (nowMs - session.createdMs >= idleMsBeforeEviction && session.set.size < (smallest?.set.size ?? partitionCount)) smallest = session;
    }
    return smallest !== undefined && this.#end(smallest.id);
  }

  #end(sessionId: number): boolean {
    const session = this.#sessions.get(sessionId);
    session?.set.end();
    return this.#sessions.delete(sessionId);
  }
}

function countPartitions(request: FetchRequest): number {
  let count = 0;
  for (const topic of request.topics) count += topic.partitions.length;
  return count;
}

// broker/share/share-session.ts - share sessions: which partitions a member fetches, without naming them in every request.
// Owns: sessions, epochs, their number. Never: what a request does.
// S1 Each request of a session carries the next epoch: one that is repeated or lost is told. S2 A session ends with its connection, when its member
// closes it, or when the member leaves its group; whoever ends it gives up what the member holds.
import { errorCodes } from '../../wire/mod.ts';

/** Epochs with a meaning of their own. */
export const sessionEpoch = { initial: 0, final: -1 } as const;
const epochMax = 2 ** 31 - 1;

/** The session of one member. */
export interface ShareSession {
  readonly group: string;
  readonly memberId: string;
  readonly connectionId: number;
  epoch: number;
  /** Partitions by topic id, in the order in which they are looked at. */
  readonly partitions: Map<string, Set<number>>;
}

/** What a request is about: a session, or why there is none. */
export type SessionChoice = { readonly kind: 'session'; readonly session: ShareSession } | { readonly kind: 'refused'; readonly errorCode: number };

const refused = (errorCode: number): SessionChoice => ({ kind: 'refused', errorCode });

/** The share sessions of a node. */
export class ShareSessions {
  readonly #byMember = new Map<string, ShareSession>();
  readonly #sessionsMax: () => number;

  constructor(sessionsMax: () => number) {
    this.#sessionsMax = sessionsMax;
  }

  find(group: string, memberId: string): ShareSession | undefined { return this.#byMember.get(keyOf(group, memberId)); }

  /** Opens a session in place of any that the member has: that one is handed to `ended` first. */
  open(group: string, memberId: string, connectionId: number, ended: (session: ShareSession) => void): SessionChoice {
    const key = keyOf(group, memberId);
    const before = this.#byMember.get(key);
    if (before !== undefined) { this.#byMember.delete(key); ended(before); }
    if (this.#byMember.size >= this.#sessionsMax()) return refused(errorCodes.SHARE_SESSION_LIMIT_REACHED);
    const session: ShareSession = { group, memberId, connectionId, epoch: 1, partitions: new Map() };
    this.#byMember.set(key, session);
    return { kind: 'session', session };
  }

  /** The session that a later request belongs to (S1). */
  next(group: string, memberId: string, epoch: number): SessionChoice {
    const session = this.find(group, memberId);
    if (session === undefined) return refused(errorCodes.SHARE_SESSION_NOT_FOUND);
    if (epoch === sessionEpoch.final) return { kind: 'session', session };
    if (epoch !== session.epoch) return refused(errorCodes.INVALID_SHARE_SESSION_EPOCH);
    session.epoch = session.epoch === epochMax ? 1 : session.epoch + 1;
    return { kind: 'session', session };
  }

  /** Ends a session; false when it was over. */
  end(session: ShareSession): boolean {
    const key = keyOf(session.group, session.memberId);
    return this.#byMember.get(key) === session && this.#byMember.delete(key);
  }
}

/** Adds and takes out what a request names. */
export function updateSession(session: ShareSession, added: Iterable<readonly [string, number]>, forgotten: Iterable<readonly [string, number]>): void {
  for (const [topicId, index] of added) {
    const indexes = session.partitions.get(topicId);
    if (indexes === undefined) session.partitions.set(topicId, new Set([index]));
    else indexes.add(index);
  }
  for (const [topicId, index] of forgotten) {
    const indexes = session.partitions.get(topicId);
    indexes?.delete(index);
    if (indexes?.size === 0) session.partitions.delete(topicId);
  }
}

const keyOf = (group: string, memberId: string): string => JSON.stringify([group, memberId]);

// client/consumer/membership.ts - what a consumer asks of its membership in a group, whichever protocol the group speaks.
// Owns: the interface. Never: protocols (group-member.ts: classic; consumer-member.ts: KIP-848).
import type { Deadline } from '../../base/mod.ts';
import type { TopicPartition } from '../partitions.ts';

/** What the member asks of its consumer. All are awaited before it goes on. */
export interface MemberEvents {
  /** Finish what is in work of these by the deadline, commit, and let go. */
  revoke(partitions: readonly TopicPartition[], deadline: Deadline): Promise<void>;
  /** These are gone already: others may have them. */
  lose(partitions: readonly TopicPartition[]): Promise<void>;
  /** It has joined, before anything is assigned. */
  joined(): void;
  /** Begin with these. */
  assign(partitions: readonly TopicPartition[]): Promise<void>;
  /** It cannot go on. */
  fail(error: Error): void;
}

/** One member of one group. */
export interface Membership {
  readonly memberId: string;
  /** Generation, or the member's epoch: what commits carry; -1 outside. */
  readonly generation: number;
  readonly phase: 'outside' | 'joining' | 'stable' | 'away' | 'closed';
  /** Begins to join, and keeps the membership until close(). */
  start(): void;
  /** The handler takes too long: leaves, so that others go on, until back(). A static member falls silent: they go on once its session is over. */
  goAway(): void;
  /** The handler is done: joins again. */
  back(): void;
  /** A commit made in `generation` failed. */
  noteError(error: unknown, generation: number): void;
  /** Resolves to true once commits carry another generation than this one without that anything was lost; to false when there is no hope of it. */
  renewed(generation: number, deadline: Deadline): Promise<boolean>;
  /** Gives everything up, leaves the group if it is to and ends. */
  close(deadline: Deadline, leaves?: boolean): Promise<void>;
  /** Leaves after all, when close() did not. */
  leaveClosed(deadline: Deadline): Promise<void>;
}

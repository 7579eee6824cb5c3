// broker/share/effects.ts - what can happen to a share partition, and what follows from it.
// Owns: the shapes. Never: behaviour.
import type { RecordState } from './runs.ts';

/** What a group's configuration says; read at each step. */
export interface ShareSettings {
  readonly deliveryCountMax: number;
  /** Records of a partition that may be undecided at once. */
  readonly recordLocksMax: number;
  readonly lockDurationMs: number;
  readonly renewAllowed: boolean;
}

/** Kafka's kinds of acknowledgement. */
export const acknowledgeType = { gap: 0, accept: 1, release: 2, reject: 3, renew: 4 } as const;

/** Offsets with what a member says of them: one type for all, or one for each. */
export interface Acknowledgement { readonly first: number; readonly last: number; readonly types: readonly number[] }

/** What happens to a share partition. Times are monotonic. */
export type ShareEvent =
  /**
   * A member wants records of what was read: `spans` are first and last offsets of its batches, `from` where the reading began, `to` the first
   * offset behind it. `exact`: no record more than `recordsMax`; else whole batches.
   */
  | { readonly kind: 'acquire'; readonly memberId: string; readonly spans: readonly number[]; readonly from: number; readonly to: number; readonly recordsMax: number; readonly exact: boolean; readonly rangeRecords: number; readonly nowMs: number }
  | { readonly kind: 'acknowledge'; readonly memberId: string; readonly batches: readonly Acknowledgement[]; readonly nowMs: number }
  /** A member is gone, or gives up all that it holds. */
  | { readonly kind: 'release'; readonly memberId: string }
  /** Locks may have expired. */
  | { readonly kind: 'tick'; readonly nowMs: number }
  /** A change is durable, or could not be written. */
  | { readonly kind: 'written'; readonly moveId: number; readonly ok: boolean; readonly nowMs: number }
  /** Records before `offset` are no longer in the log. */
  | { readonly kind: 'log-start'; readonly offset: number };

/** Records in one state, as they are stored. */
export interface StoredRun { readonly first: number; readonly last: number; readonly state: RecordState; readonly deliveryCount: number }

/** Why records are given up, in Kafka's words. */
export type DeadLetterCause = 'Offset rejected by client.' | 'Offset delivery count exceeded the threshold.';

/** Records that go to the dead letters. */
export interface DeadLetters { readonly first: number; readonly last: number; readonly deliveryCount: number; readonly cause: DeadLetterCause }

/** Records that a member was given. */
export interface AcquiredRange { readonly first: number; last: number; readonly deliveryCount: number }

/** What has to be done. */
export type ShareEffect =
  | { readonly kind: 'acquired'; readonly ranges: readonly AcquiredRange[] }
  /** To be appended (then it is no longer `unwritten`), then told by 'written'. */
  | { readonly kind: 'write'; readonly moveId: number; readonly runs: readonly StoredRun[]; readonly deadLetters: readonly DeadLetters[] }
  | { readonly kind: 'refuse'; readonly errorCode: number; readonly message: string }
  /** Somebody who waits may be served now. */
  | { readonly kind: 'available' };

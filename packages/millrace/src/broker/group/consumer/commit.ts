// broker/group/consumer/commit.ts - who may commit and read offsets in a consumer group.
// Owns: those rules. Never: offsets themselves (offsets.ts).
// K1 Who has a partition may commit for it with any epoch since it was given to it: an epoch that changed on the way costs no commit. K2 Whoever
// had it before, or never, may not. Source: KIP-848, KIP-1251.
import { errorCodes } from '../../../wire/mod.ts';
import type { CommitEvent, OffsetEntry, PendEvent } from '../effects.ts';
import type { ConsumerMember, ConsumerMembership } from './membership.ts';

/** The first version of OffsetCommit that knows members' epochs. */
const epochsVersion = 9;

/** What becomes of a commit: one code for all, or of some partitions. */
export interface CommitVerdict { readonly errorCode: number; readonly refused: ReadonlySet<OffsetEntry> | null }

/** Judges a commit. Without a member's id anybody may while there are no members; transactions of older clients always may. */
export function commitVerdict(membership: ConsumerMembership, event: CommitEvent | PendEvent): CommitVerdict {
  const all = (errorCode: number): CommitVerdict => ({ errorCode, refused: null });
  const { memberId, instanceId, generation, version } = event;
  if (generation < 0 && membership.members.size === 0) return all(errorCodes.NONE);
  const isTransactional = event.kind === 'pend';
  if (isTransactional && generation === -1 && memberId === '' && instanceId === null) return all(errorCodes.NONE);
  const member = membership.members.get(memberId);
  if (member === undefined) return all(errorCodes.UNKNOWN_MEMBER_ID);
  if (!isTransactional && member.classic === null && version < epochsVersion) return all(errorCodes.UNSUPPORTED_VERSION);
  if (generation === member.epoch) return all(errorCodes.NONE);
  const stale = isTransactional || member.classic !== null ? errorCodes.ILLEGAL_GENERATION : errorCodes.STALE_MEMBER_EPOCH;
  if (generation > member.epoch || generation < 0) return all(stale);
  const refused = new Set(event.entries.filter((entry) => !mayCommit(member, entry, generation))); // K1, K2
  return { errorCode: refused.size === 0 ? errorCodes.NONE : stale, refused };
}

function mayCommit(member: ConsumerMember, { partition, value }: OffsetEntry, generation: number): boolean {
  const epoch = member.assigned.get(value.topicId)?.get(partition) ?? member.revoking.get(value.topicId)?.get(partition);
  return epoch !== undefined && epoch <= generation;
}

/** Whether a member may read offsets; anybody may who does not say that it is one. */
export function fetchFault(membership: ConsumerMembership, memberId: string | null, memberEpoch: number): number {
  if (memberId === null && memberEpoch < 0) return errorCodes.NONE;
  const member = membership.members.get(memberId ?? '');
  if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
  if (member.epoch === memberEpoch) return errorCodes.NONE;
  return member.classic === null ? errorCodes.STALE_MEMBER_EPOCH : errorCodes.ILLEGAL_GENERATION;
}

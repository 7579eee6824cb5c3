// broker/group/consumer/members.ts - members of a consumer group coming, changing their names and their patterns, as bookkeeping.
// Owns: which record each such act makes another. Never: whether it may be (heartbeat.ts, classic-members.ts).
import type { Change } from './change.ts';
import { insertConsumer, newMember, removeConsumer, type ConsumerMember, type ConsumerMembership } from './membership.ts';

/** The member that speaks: known, new, or a static one under a new id, which takes over what its former self had. */
export function memberFor(change: Change, memberId: string, instanceId: string | null): ConsumerMember {
  const { membership } = change;
  const former = instanceId === null ? undefined : membership.members.get(membership.staticIds.get(instanceId) ?? '');
  if (former !== undefined && former.id !== memberId) return takeOver(change, former, memberId);
  const known = membership.members.get(memberId);
  if (known !== undefined) return named(membership, known, instanceId);
  const member = { ...newMember(memberId), instanceId };
  insertConsumer(membership, member);
  change.noteMember(memberId);
  return member;
}

/** A member that says for the first time by which name it is static. */
function named(membership: ConsumerMembership, member: ConsumerMember, instanceId: string | null): ConsumerMember {
  if (instanceId === null || member.instanceId === instanceId) return member;
  if (member.instanceId !== null) membership.staticIds.delete(member.instanceId);
  member.instanceId = instanceId;
  membership.staticIds.set(instanceId, member.id);
  return member;
}

/** The same static member under a new id, as one that has just joined. */
function takeOver(change: Change, former: ConsumerMember, memberId: string): ConsumerMember {
  const { membership } = change;
  removeConsumer(membership, former);
  const member: ConsumerMember = { ...former, id: memberId, epoch: 0, previousEpoch: 0 };
  insertConsumer(membership, member);
  change.noteMember(former.id);
  change.noteMember(memberId);
  return member;
}

/** Makes the member read by another pattern ('' for none); a pattern that nobody reads by any more is forgotten. */
export function usePattern(change: Change, member: ConsumerMember, text: string, topics: readonly string[]): void {
  const { membership } = change;
  const former = member.pattern;
  if (former === text) return;
  member.pattern = text;
  if (text !== '' && !membership.patterns.has(text)) {
    membership.patterns.set(text, topics);
    change.note('pattern', text);
  }
  forgetPattern(change, former);
}

/** Forgets a pattern unless somebody reads by it. */
export function forgetPattern(change: Change, text: string): void {
  const { membership } = change;
  if (text === '' || [...membership.members.values()].some(({ pattern }) => pattern === text)) return;
  if (membership.patterns.delete(text)) change.note('pattern', text);
}

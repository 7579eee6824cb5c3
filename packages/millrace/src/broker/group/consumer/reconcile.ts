// broker/group/consumer/reconcile.ts - one step of a member from what it has to what it shall have.
// Owns: revoke before grant. Never: what it shall have (assign.ts), records (change.ts).
// Q1 A member that must give something up gets nothing new and stays in its epoch until it says that it gave it up. Q2 It is given only what
// nobody has. Q3 It has no partition of a topic that it does not read.
// Source: KIP-848.
import { holdsAny, nothingHeld, putHeld, type HeldPartitions, type PartitionLists } from './partitions.ts';
import { hold, isReconciled, ownerOf, type ConsumerMember, type ConsumerMembership, type MemberState } from './membership.ts';

/** What a step starts from. */
export interface Step {
  readonly membership: ConsumerMembership;
  readonly member: ConsumerMember;
  /** Topic ids that the member reads. */
  readonly topicIds: ReadonlySet<string>;
  /** Its subscription is another than before: what it has must fit it at once (Q3). */
  readonly subscriptionChanged: boolean;
  /** What the member says it has; null when it does not say. */
  readonly owned: PartitionLists | null;
}

/** Moves the member on as far as it can go now; false when nothing changed. */
export function reconcile(step: Step): boolean {
  const { membership, member, subscriptionChanged, owned } = step;
  if (!subscriptionChanged && isReconciled(membership, member)) return false;
  if (member.state === 'unrevoked' && stillOwns(member.revoking, owned)) return subscriptionChanged && dropUnread(step);
  if (member.state === 'stable' && member.epoch === membership.assignmentEpoch) return dropUnread(step);
  return towardsTarget(step);
}

function towardsTarget(step: Step): boolean {
  const { membership, member, topicIds, owned } = step;
  const kept = new Map<string, Map<number, number>>();
  const dropped = new Map<string, Map<number, number>>();
  for (const [topicId, partitions] of member.assigned) {
    const target = topicIds.has(topicId) ? member.target.get(topicId) : undefined;
    for (const [partition, epoch] of partitions) putHeld(target?.has(partition) === true ? kept : dropped, topicId, partition, epoch);
  }
  if (dropped.size > 0 && stillOwns(dropped, owned)) return settle(step, 'unrevoked', member.epoch, kept, dropped); // Q1
  const waits = grant(step, kept);
  return settle(step, waits ? 'unreleased' : 'stable', membership.assignmentEpoch, kept, nothingHeld);
}

/** Q2: adds to `kept` what of the target is free, or the member's own to give up. True when something is not. */
function grant({ membership, member, topicIds }: Step, kept: Map<string, Map<number, number>>): boolean {
  let waits = false;
  for (const [topicId, partitions] of member.target) {
    if (!topicIds.has(topicId)) continue;
    for (const partition of partitions) {
      if (kept.get(topicId)?.has(partition) === true) continue;
      const owner = ownerOf(membership, topicId, partition);
      if (owner === undefined || owner === member.id) putHeld(kept, topicId, partition, membership.assignmentEpoch);
      else waits = true;
    }
  }
  return waits;
}

/** Q3 within the epoch: what the member no longer reads is to be given up. */
function dropUnread(step: Step): boolean {
  const { member, topicIds, owned } = step;
  const kept = new Map<string, Map<number, number>>();
  const revoking = new Map([...member.revoking].map(([topicId, partitions]) => [topicId, new Map(partitions)]));
  for (const [topicId, partitions] of member.assigned) {
    for (const [partition, epoch] of partitions) putHeld(topicIds.has(topicId) ? kept : revoking, topicId, partition, epoch);
  }
  if (kept.size === member.assigned.size) return false;
  if (stillOwns(revoking, owned)) return settle(step, 'unrevoked', member.epoch, kept, revoking);
  return settle(step, member.state, member.epoch, kept, nothingHeld);
}

/** A member that does not say what it has may still have all of it. */
function stillOwns(held: HeldPartitions, owned: PartitionLists | null): boolean {
  return owned === null || holdsAny(held, owned);
}

function settle({ membership, member }: Step, state: MemberState, epoch: number, assigned: HeldPartitions, revoking: HeldPartitions): true {
  member.state = state;
  member.previousEpoch = member.epoch;
  member.epoch = epoch;
  hold(membership, member, assigned, revoking);
  return true;
}

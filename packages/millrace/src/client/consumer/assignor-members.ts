// client/consumer/assignor-members.ts - the members an assignor divides among, their order, and the shares it fills.
// Owns: Member, Assignment and the order of members that Java's assignors use. Never: who gets what.
import type { Subscription } from './protocol.ts';

/** One member as the leader sees it. */
export interface Member {
  readonly memberId: string;
  /** Static members keep their place in the order by it. */
  readonly instanceId: string | null;
  readonly subscription: Subscription;
}

/** What each member gets, by member id; every member has an entry. */
export type Assignment = Map<string, Map<string, number[]>>;

/** Java's order of members: static ones by instance id before the others by member id. */
export function inOrder(members: readonly Member[]): Member[] {
  return [...members].sort((a, b) => {
    if (a.instanceId !== null && b.instanceId !== null) return compare(a.instanceId, b.instanceId);
    if (a.instanceId !== null) return -1;
    if (b.instanceId !== null) return 1;
    return compare(a.memberId, b.memberId);
  });
}

/** An empty assignment with an entry for each member. */
export function emptyAssignment(members: readonly Member[]): Assignment {
  return new Map(members.map((member) => [member.memberId, new Map<string, number[]>()]));
}

/** Adds one partition to a member's share. */
export function give(assignment: Assignment, memberId: string, topic: string, partition: number): void {
  const share = assignment.get(memberId)!;
  const list = share.get(topic);
  if (list) list.push(partition);
  else share.set(topic, [partition]);
}

/** Order of strings by code unit, as Java has it. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}


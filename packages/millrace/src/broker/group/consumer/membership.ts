// broker/group/consumer/membership.ts - the members of a consumer group (KIP-848) as data, and questions about them.
// Owns: the shapes; who has which partition. Never: decisions (heartbeat.ts, reconcile.ts ...), clocks, storage.
// B1 A partition has at most one owner: whoever was given it keeps it until it has said that it gave it up, or is gone. B2 An epoch of the group
// never falls; a member's never falls while it is in. B3 `owners` says exactly what the members' `assigned` and `revoking` say.
// Members of the classic protocol may be among them while a group moves from one protocol to the other: they have a `classic` side.
import { assert } from '../../../base/mod.ts';
import type { Protocol } from '../group.ts';
import { eachHeld, noPartitions, nothingHeld, type HeldPartitions, type PartitionSet } from './partitions.ts';
import { ConsumerWrites } from './writes.ts';

/** How far a member is on its way to what it shall have. */
export type MemberState =
  /** It has what it shall have in its epoch. */
  | 'stable'
  /** It must give partitions up first. */
  | 'unrevoked'
  /** It waits for partitions that others have not given up. */
  | 'unreleased';

/** What a member of the classic protocol says of itself. */
export interface ClassicSide { readonly sessionTimeoutMs: number; readonly protocols: readonly Protocol[] }

/** One member. Deadlines are monotonic, Infinity for none. */
export interface ConsumerMember {
  readonly id: string;
  instanceId: string | null;
  rackId: string | null;
  clientId: string;
  clientHost: string;
  rebalanceTimeoutMs: number;
  /** Names it subscribed to, sorted. */
  topics: readonly string[];
  /** Pattern it subscribed to; '' for none. */
  pattern: string;
  /** Assignor that it asks for; null for the node's choice. */
  assignor: string | null;
  classic: ClassicSide | null;
  /** 0 until it has been given its first assignment, awayEpoch when it is a static member that went away to come back. */
  epoch: number;
  previousEpoch: number;
  state: MemberState;
  assigned: HeldPartitions;
  /** What it must give up: still its own until it says so. */
  revoking: HeldPartitions;
  /** What it shall have. */
  target: PartitionSet;
  expiresAtMs: number;
  revokeByMs: number;
  /** Classic members: when it must have joined again, and asked for its assignment. */
  joinByMs: number;
  syncByMs: number;
  /** Since when it waits for partitions of others (monotonic); -1 when it does not. */
  waitingSinceMs: number;
}

/** Epoch of a static member that went away and may come back. */
export const awayEpoch = -2;
/** Epoch by which a member leaves for good. */
export const leaveEpoch = -1;

/** A consumer group's membership. */
export interface ConsumerMembership {
  epoch: number;
  /** Epoch for which targets were computed last. */
  assignmentEpoch: number;
  /** Of the topics subscribed to, with their ids and sizes. */
  fingerprint: bigint;
  readonly members: Map<string, ConsumerMember>;
  /** Member ids of static members by instance id. */
  readonly staticIds: Map<string, string>;
  /** Member that has a partition, by topic id and partition. */
  readonly owners: Map<string, Map<number, string>>;
  /** Topics that each pattern stands for, sorted. */
  readonly patterns: Map<string, readonly string[]>;
  readonly writes: ConsumerWrites;
}

/** A membership without members, before its first epoch. */
export function emptyMembership(): ConsumerMembership {
  return { epoch: 0, assignmentEpoch: 0, fingerprint: 0n, members: new Map(), staticIds: new Map(), owners: new Map(), patterns: new Map(), writes: new ConsumerWrites() };
}

/** A member that nothing is known of but its id. */
export function newMember(id: string): ConsumerMember {
  return {
    id, instanceId: null, rackId: null, clientId: '', clientHost: '', rebalanceTimeoutMs: -1, topics: [], pattern: '', assignor: null, classic: null,
    epoch: 0, previousEpoch: 0, state: 'stable', assigned: nothingHeld, revoking: nothingHeld, target: noPartitions,
    expiresAtMs: Infinity, revokeByMs: Infinity, joinByMs: Infinity, syncByMs: Infinity, waitingSinceMs: -1,
  };
}

/** Puts a member in, with what it has. */
export function insertConsumer(membership: ConsumerMembership, member: ConsumerMember): void {
  assert(!membership.members.has(member.id), 'a member is put in once');
  membership.members.set(member.id, member);
  if (member.instanceId !== null) membership.staticIds.set(member.instanceId, member.id);
  own(membership, member);
}

/** Takes a member out; what it had is free. */
export function removeConsumer(membership: ConsumerMembership, member: ConsumerMember): void {
  membership.members.delete(member.id);
  if (member.instanceId !== null && membership.staticIds.get(member.instanceId) === member.id) membership.staticIds.delete(member.instanceId);
  disown(membership, member);
}

/** Changes what a member has (B1, B3). */
export function hold(membership: ConsumerMembership, member: ConsumerMember, assigned: HeldPartitions, revoking: HeldPartitions): void {
  disown(membership, member);
  member.assigned = assigned;
  member.revoking = revoking;
  own(membership, member);
}

/** Who has a partition; undefined when it is free. */
export function ownerOf(membership: ConsumerMembership, topicId: string, partition: number): string | undefined {
  return membership.owners.get(topicId)?.get(partition);
}

/** Names of the topics that a member reads: those it named, and those of its pattern. */
export function topicsRead(membership: ConsumerMembership, member: ConsumerMember): ReadonlySet<string> {
  return new Set(member.pattern === '' ? member.topics : [...member.topics, ...membership.patterns.get(member.pattern) ?? []]);
}

/** Names of all topics that anybody in the group reads. */
export function groupTopics(membership: ConsumerMembership): Set<string> {
  const names = new Set<string>();
  for (const member of membership.members.values()) for (const name of topicsRead(membership, member)) names.add(name);
  return names;
}

/** Whether a member has all that it shall have now. */
export function isReconciled(membership: ConsumerMembership, member: ConsumerMember): boolean {
  return member.state === 'stable' && member.epoch === membership.assignmentEpoch;
}

/** Kafka's name of the group's state. */
export function consumerStateName(membership: ConsumerMembership): string {
  if (membership.members.size === 0) return 'Empty';
  if (membership.epoch > membership.assignmentEpoch) return 'Assigning';
  for (const member of membership.members.values()) if (!isReconciled(membership, member)) return 'Reconciling';
  return 'Stable';
}

function own(membership: ConsumerMembership, member: ConsumerMember): void {
  for (const held of [member.assigned, member.revoking]) {
    for (const [topicId, partition] of eachHeld(held)) {
      let owners = membership.owners.get(topicId);
      if (owners === undefined) membership.owners.set(topicId, owners = new Map());
      const owner = owners.get(partition);
      assert(owner === undefined, `B1: partition ${partition} of ${topicId} is given to ${member.id}, and ${owner} has it`);
      owners.set(partition, member.id);
    }
  }
}

function disown(membership: ConsumerMembership, member: ConsumerMember): void {
  for (const held of [member.assigned, member.revoking]) {
    for (const [topicId, partition] of eachHeld(held)) {
      const owners = membership.owners.get(topicId);
      owners?.delete(partition);
      if (owners?.size === 0) membership.owners.delete(topicId);
    }
  }
}

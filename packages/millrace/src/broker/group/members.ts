// broker/group/members.ts - members coming, changing and going, as bookkeeping.
// Owns: the group's tables of members (ids, static ids, offered protocols, leader). Never: what a change means for the phase.
// M1 Each instance id belongs to at most one member. M2 `offered` counts each member's protocols once.
import { assert } from '../../base/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import type { JoinEvent } from './effects.ts';
import { noBytes, waitingForNothing, type Group, type Member } from './group.ts';
import { countProtocols, ownProtocols } from './protocols.ts';
import { endWaiting, type Turn } from './turn.ts';

/** How long a newcomer may wait for its first generation without being able to say that it lives. */
export const newMemberWaitMs = 5 * 60_000;

/** Adds a member under `memberId`; the first one sets the group's type and leads. */
export function addMember(turn: Turn, event: JoinEvent, memberId: string): Member {
  const { group, now } = turn;
  assert(event.instanceId === null || !group.staticIds.has(event.instanceId), 'M1: one member per instance id');
  const member: Member = {
    id: memberId, instanceId: event.instanceId, clientId: event.clientId, clientHost: event.clientHost,
    sessionTimeoutMs: event.sessionTimeoutMs, rebalanceTimeoutMs: event.rebalanceTimeoutMs, protocols: ownProtocols(event.protocols),
    assignment: noBytes, waiting: waitingForNothing, isNew: true, expiresAtMs: now.monotonicMs + newMemberWaitMs,
  };
  if (group.members.size === 0) group.protocolType = event.protocolType;
  insertMember(group, member);
  group.promised.delete(memberId);
  return member;
}

/** Puts a complete member into the tables. */
export function insertMember(group: Group, member: Member): void {
  group.members.set(member.id, member);
  countProtocols(group, member.protocols, 1);
  if (member.instanceId !== null) group.staticIds.set(member.instanceId, member.id);
  group.leaderId ??= member.id;
}

/** Takes over what a member says of itself when it joins again. */
export function updateMember(group: Group, member: Member, event: JoinEvent): void {
  countProtocols(group, member.protocols, -1);
  member.protocols = ownProtocols(event.protocols);
  countProtocols(group, member.protocols, 1);
  member.sessionTimeoutMs = event.sessionTimeoutMs;
  member.rebalanceTimeoutMs = event.rebalanceTimeoutMs;
}

/** Takes a member out; what it waited for is refused with `errorCode`. The next member in line leads if it led (G3). */
export function removeMember(turn: Turn, member: Member, errorCode: number = errorCodes.UNKNOWN_MEMBER_ID): void {
  const { group } = turn;
  endWaiting(turn, member, errorCode);
  group.members.delete(member.id);
  countProtocols(group, member.protocols, -1);
  if (member.instanceId !== null) group.staticIds.delete(member.instanceId);
  if (group.leaderId === member.id) group.leaderId = group.members.keys().next().value ?? null;
  if (group.phase.kind === 'completing' || group.phase.kind === 'stable') group.phase.unsynced.delete(member.id);
}

/** The same static member under a new id (KIP-345): it keeps its assignment; its former self is fenced. */
export function renameMember(turn: Turn, former: Member, newId: string): Member {
  const { group } = turn;
  const led = group.leaderId === former.id;
  removeMember(turn, former, errorCodes.FENCED_INSTANCE_ID);
  const member: Member = { ...former, id: newId, waiting: waitingForNothing };
  insertMember(group, member);
  if (led) group.leaderId = newId;
  return member;
}

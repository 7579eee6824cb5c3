// broker/group/session.ts - who lives, who leaves, who is taken for gone.
// Owns: Heartbeat, LeaveGroup, and every deadline of members. Never: offsets' age (retention.ts).
// E1 A member that waits for an answer lives as long as it waits, but a newcomer no longer than newMemberWaitMs.
import { unreachable } from '../../base/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import { consumerDeadline, consumerTick } from './consumer/leaving.ts';
import type { HeartbeatEvent, LeaveEvent } from './effects.ts';
import type { Group, Member } from './group.ts';
import { removeMember } from './members.ts';
import { completeWhenReady, preparationDue, rebalance } from './rebalance.ts';
import { endWaiting, memberFault, reply, touch, type Turn } from './turn.ts';

/** Handles a heartbeat: alive, and told whether to join again. */
export function heartbeat(turn: Turn, event: HeartbeatEvent): void {
  reply(turn, event.to, { errorCode: heartbeatCode(turn, event) });
}

function heartbeatCode(turn: Turn, event: HeartbeatEvent): number {
  const { group } = turn;
  if (group.phase.kind === 'dead') return errorCodes.COORDINATOR_NOT_AVAILABLE;
  const errorCode = memberFault(group, event.memberId, event.instanceId);
  if (errorCode !== errorCodes.NONE) return errorCode;
  if (event.generation !== group.generation) return errorCodes.ILLEGAL_GENERATION;
  touch(turn, group.members.get(event.memberId)!);
  return group.phase.kind === 'preparing' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
}

/** Handles members that leave, one code for each. An operator names a static member by its instance id alone. */
export function leave(turn: Turn, event: LeaveEvent): void {
  const { group } = turn;
  if (group.phase.kind === 'dead') return reply(turn, event.to, { errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE, members: [] });
  const gone: Member[] = [];
  const members = event.members.map(({ memberId, instanceId }) => {
    const known = instanceId !== null && memberId === '' ? group.staticIds.get(instanceId) ?? '' : memberId;
    const promised = instanceId === null && group.promised.delete(known);
    const errorCode = promised ? errorCodes.NONE : memberFault(group, known, instanceId);
    const member = group.members.get(known);
    if (errorCode === errorCodes.NONE && member !== undefined) {
      removeMember(turn, member);
      gone.push(member);
    }
    return { memberId, groupInstanceId: instanceId, errorCode };
  });
  reply(turn, event.to, { errorCode: errorCodes.NONE, members });
  membershipShrank(turn, gone.length);
}

/** A deadline may have passed: newcomers, members, promised ids, then the phase's own. */
export function tick(turn: Turn): void {
  const { group, now } = turn;
  group.wakeAtMs = Infinity;
  if (group.phase.kind === 'consumer') consumerTick(turn, group.phase.membership);
  for (const [id, expiresAtMs] of group.promised) if (expiresAtMs <= now.monotonicMs) group.promised.delete(id);
  let gone = 0;
  for (const member of [...group.members.values()]) if (memberDue(turn, member)) gone++;
  membershipShrank(turn, gone);
  phaseDue(turn);
  wakeAgain(turn);
}

/** The node stops: who waits is told to look for a coordinator; the group stays as it is for the next start. */
export function stop(turn: Turn): void {
  for (const member of turn.group.members.values()) endWaiting(turn, member, errorCodes.COORDINATOR_NOT_AVAILABLE);
}

/** Removes a member whose time is over. */
function memberDue(turn: Turn, member: Member): boolean {
  if (member.expiresAtMs > turn.now.monotonicMs) return false;
  if (member.waiting.kind !== 'nothing' && !member.isNew) {
    touch(turn, member); // E1
    return false;
  }
  removeMember(turn, member);
  return true;
}

/** Members are gone: those left share the work anew. */
function membershipShrank(turn: Turn, gone: number): void {
  const { phase } = turn.group;
  if (phase.kind === 'preparing') completeWhenReady(turn);
  else if (gone > 0 && (phase.kind === 'completing' || phase.kind === 'stable')) rebalance(turn);
}

function phaseDue(turn: Turn): void {
  const { group, now } = turn;
  const { phase } = group;
  switch (phase.kind) {
    case 'empty': case 'dead': case 'consumer': return;
    case 'preparing': if (phase.deadlineMs <= now.monotonicMs) preparationDue(turn); return;
    case 'completing': case 'stable': if (phase.deadlineMs <= now.monotonicMs) syncDue(turn, phase); return;
    default: unreachable(phase);
  }
}

/** Who has not asked for its assignment in all this time is gone. */
function syncDue(turn: Turn, phase: Extract<Group['phase'], { kind: 'completing' | 'stable' }>): void {
  const late = [...phase.unsynced].map((id) => turn.group.members.get(id)!);
  for (const member of late) removeMember(turn, member);
  if (late.length > 0) rebalance(turn);
  else if (phase.kind === 'stable') phase.deadlineMs = Infinity;
}

/** The earliest of all deadlines is the next tick (G5). */
function wakeAgain(turn: Turn): void {
  const { group } = turn;
  const { phase } = group;
  let atMs = phase.kind === 'empty' || phase.kind === 'dead' ? Infinity : phase.kind === 'consumer' ? consumerDeadline(phase.membership) : phase.deadlineMs;
  if (phase.kind === 'completing' && phase.unsynced.size === 0) atMs = Infinity;
  for (const member of group.members.values()) atMs = Math.min(atMs, member.expiresAtMs);
  for (const expiresAtMs of group.promised.values()) atMs = Math.min(atMs, expiresAtMs);
  group.wakeAtMs = atMs;
  turn.effects.push({ kind: 'wake', atMs });
}

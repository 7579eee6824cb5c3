// broker/group/join.ts - a member asks to be in the next generation.
// Owns: JoinGroup's decisions. Never: when the generation begins (rebalance.ts).
// Source: KIP-394 (nameless members get a name first), KIP-345 (static members), KIP-814 (skipped assignment).
import { limits } from '../../base/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import type { JoinEvent } from './effects.ts';
import type { Group, Member } from './group.ts';
import { addMember, renameMember, updateMember } from './members.ts';
import { electProtocol, fits, membersForLeader, offersTheSame } from './protocols.ts';
import { completeWhenReady, groupValue, joinAnswer, rebalance } from './rebalance.ts';
import { append, joinRefused, memberFault, reply, touch, wait, wakeBy, type Turn } from './turn.ts';

/** Handles a join. */
export function join(turn: Turn, event: JoinEvent): void {
  const errorCode = joinFault(turn.group, event);
  if (errorCode !== errorCodes.NONE) {
    return reply(turn, event.to, joinRefused(errorCode, errorCode === errorCodes.GROUP_MAX_SIZE_REACHED ? '' : event.memberId));
  }
  if (event.memberId === '') joinNameless(turn, event);
  else joinNamed(turn, event);
}

/** What makes a join impossible whoever asks. */
function joinFault(group: Group, event: JoinEvent): number {
  const { config } = group;
  if (event.protocolType === '' || event.protocols.length === 0) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
  if (event.sessionTimeoutMs < config.sessionTimeoutMinMs || event.sessionTimeoutMs > config.sessionTimeoutMaxMs) return errorCodes.INVALID_SESSION_TIMEOUT;
  if (group.phase.kind === 'dead') return errorCodes.COORDINATOR_NOT_AVAILABLE;
  if (isFull(group, event)) return errorCodes.GROUP_MAX_SIZE_REACHED;
  if (!fits(group, event.protocolType, event.protocols)) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
  return errorCodes.NONE;
}

/** Whether there is no place for this member (group.max.size). In a rebalance places go to those who come first. */
function isFull(group: Group, event: JoinEvent): boolean {
  const membersMax = Math.min(group.config.membersMax, limits.group.membersMax);
  if (event.memberId === '' && group.promised.size >= limits.group.membersMax) return true;
  if (event.instanceId !== null && group.staticIds.has(event.instanceId)) return false;
  const known = group.members.get(event.memberId);
  if (group.phase.kind === 'preparing') return known?.waiting.kind !== 'join' && group.joinsWaiting >= membersMax;
  return known === undefined && group.members.size >= membersMax;
}

function joinNameless(turn: Turn, event: JoinEvent): void {
  const { group, now } = turn;
  const formerId = event.instanceId === null ? undefined : group.staticIds.get(event.instanceId);
  if (formerId !== undefined) return takeOver(turn, event, group.members.get(formerId)!);
  if (event.instanceId === null && event.nameFirst) {
    const expiresAtMs = now.monotonicMs + event.sessionTimeoutMs;
    group.promised.set(event.freshId, expiresAtMs);
    wakeBy(turn, expiresAtMs);
    return reply(turn, event.to, joinRefused(errorCodes.MEMBER_ID_REQUIRED, event.freshId));
  }
  enterAsNew(turn, event, event.freshId);
}

function joinNamed(turn: Turn, event: JoinEvent): void {
  const { group } = turn;
  if (group.promised.has(event.memberId)) return enterAsNew(turn, event, event.memberId);
  const errorCode = memberFault(group, event.memberId, event.instanceId);
  if (errorCode !== errorCodes.NONE) return reply(turn, event.to, joinRefused(errorCode, event.memberId));
  const member = group.members.get(event.memberId)!;
  switch (group.phase.kind) {
    case 'preparing': return joinAgain(turn, event, member);
    case 'completing':
      // The client may have missed the answer to its join: the same answer again.
      if (offersTheSame(member, event.protocols)) return answerAgain(turn, event, member, group.leaderId === member.id);
      return joinAgain(turn, event, member);
    case 'stable':
      // A leader asks for a rebalance by joining again (it saw new partitions, say); others only with a changed subscription.
      if (group.leaderId !== member.id && offersTheSame(member, event.protocols)) return answerAgain(turn, event, member, false);
      return joinAgain(turn, event, member);
    default:
      return reply(turn, event.to, joinRefused(errorCodes.UNKNOWN_MEMBER_ID, event.memberId));
  }
}

function enterAsNew(turn: Turn, event: JoinEvent, memberId: string): void {
  const { phase } = turn.group;
  const member = addMember(turn, event, memberId);
  wait(turn, member, { kind: 'join', to: event.to });
  wakeBy(turn, member.expiresAtMs);
  if (phase.kind === 'preparing' && phase.gathering !== null) phase.gathering.memberAdded = true;
  rebalance(turn);
}

function joinAgain(turn: Turn, event: JoinEvent, member: Member): void {
  updateMember(turn.group, member, event);
  wait(turn, member, { kind: 'join', to: event.to });
  rebalance(turn);
}

function answerAgain(turn: Turn, event: JoinEvent, member: Member, withMembers: boolean): void {
  touch(turn, member);
  reply(turn, event.to, joinAnswer(turn.group, member.id, withMembers));
}

/**
 * A static member started again without knowing its former id. In a stable group, when the elected protocol stays the same, it
 * simply goes on with the assignment of its former self; the record is written before it is told so.
 */
function takeOver(turn: Turn, event: JoinEvent, former: Member): void {
  const { group } = turn;
  const wasNew = former.isNew;
  const member = renameMember(turn, former, event.freshId);
  updateMember(group, member, event);
  if (group.phase.kind === 'stable' && electProtocol(group) === group.protocolName) {
    touch(turn, member);
    const answer = takeOverAnswer(group, event, former.id, member.id);
    return append(turn, [{ kind: 'group', value: groupValue(group) }], { kind: 'takeover', to: event.to, reply: answer });
  }
  member.isNew = wasNew;
  wait(turn, member, { kind: 'join', to: event.to });
  if (!wasNew) touch(turn, member);
  if (group.phase.kind === 'preparing') completeWhenReady(turn);
  else rebalance(turn);
}

/**
 * Keeps a returning leader from assigning anew: since version 9 it is told so; before, it is told that its former self leads, and
 * so believes to be a follower.
 */
function takeOverAnswer(group: Group, event: JoinEvent, formerId: string, memberId: string) {
  const leads = group.leaderId === memberId;
  const answer = joinAnswer(group, memberId, false);
  if (!leads) return answer;
  if (event.canSkipAssignment) return { ...answer, skipAssignment: true, members: membersForLeader(group) };
  return { ...answer, leader: formerId };
}

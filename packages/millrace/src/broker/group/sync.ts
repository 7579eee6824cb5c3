// broker/group/sync.ts - the leader's assignment goes to the log, then to every member that asks.
// Owns: SyncGroup's decisions, and the way from 'completing' to 'stable'. Never: what an assignment says.
// S1 No member hears an assignment that is not durable.
import { errorCodes } from '../../wire/mod.ts';
import type { Purpose, SyncEvent, SyncReply } from './effects.ts';
import { noBytes, type Group, type Member } from './group.ts';
import { assignmentRefused, groupValue } from './rebalance.ts';
import { append, enter, memberFault, reply, syncRefused, takeWaiting, touch, wait, type Turn } from './turn.ts';

/** Handles a sync. */
export function sync(turn: Turn, event: SyncEvent): void {
  const { group } = turn;
  const errorCode = syncFault(group, event);
  if (errorCode !== errorCodes.NONE) return reply(turn, event.to, syncRefused(errorCode));
  const member = group.members.get(event.memberId)!;
  if (group.phase.kind === 'completing') {
    group.phase.unsynced.delete(member.id);
    wait(turn, member, { kind: 'sync', to: event.to });
    if (group.leaderId === member.id && !group.phase.writing) writeAssignment(turn, event);
  } else if (group.phase.kind === 'stable') {
    group.phase.unsynced.delete(member.id);
    touch(turn, member);
    reply(turn, event.to, syncAnswer(group, member));
  }
}

function syncFault(group: Group, event: SyncEvent): number {
  if (group.phase.kind === 'dead') return errorCodes.COORDINATOR_NOT_AVAILABLE;
  const errorCode = memberFault(group, event.memberId, event.instanceId);
  if (errorCode !== errorCodes.NONE) return errorCode;
  if (event.generation !== group.generation) return errorCodes.ILLEGAL_GENERATION;
  if (event.protocolType !== null && event.protocolType !== group.protocolType) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
  if (event.protocolName !== null && event.protocolName !== group.protocolName) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
  return group.phase.kind === 'preparing' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
}

function writeAssignment(turn: Turn, event: SyncEvent): void {
  const { group } = turn;
  if (group.phase.kind !== 'completing') return;
  group.phase.writing = true;
  const given = new Map(event.assignments.map(({ memberId, assignment }) => [memberId, assignment]));
  // Members that the leader left out get nothing, whatever they had; what names no member is dropped.
  const assignments = new Map([...group.members.keys()].map((id) => [id, given.get(id)?.slice() ?? noBytes]));
  append(turn, [{ kind: 'group', value: groupValue(group, assignments) }], { kind: 'assignment', generation: group.generation, assignments });
}

/** The assignment is durable, or was refused. If the group moved on meanwhile it is of no interest. */
export function assignmentWritten(turn: Turn, purpose: Extract<Purpose, { kind: 'assignment' }>, errorCode: number): void {
  const { group } = turn;
  const { phase } = group;
  if (phase.kind !== 'completing' || group.generation !== purpose.generation) return;
  if (errorCode !== errorCodes.NONE) return assignmentRefused(turn, errorCode);
  enter(turn, { kind: 'stable', unsynced: phase.unsynced, deadlineMs: phase.unsynced.size === 0 ? Infinity : phase.deadlineMs });
  for (const member of group.members.values()) {
    member.assignment = purpose.assignments.get(member.id) ?? noBytes;
    const waiting = takeWaiting(turn, member);
    if (waiting.kind !== 'sync') continue;
    touch(turn, member);
    reply(turn, waiting.to, syncAnswer(group, member));
  }
}

function syncAnswer(group: Group, member: Member): SyncReply {
  return { errorCode: errorCodes.NONE, protocolType: group.protocolType, protocolName: group.protocolName, assignment: member.assignment };
}

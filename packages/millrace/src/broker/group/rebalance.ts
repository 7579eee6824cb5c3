// broker/group/rebalance.ts - from one generation to the next.
// Owns: the phases 'preparing' and the entry to 'completing' or 'empty'. Never: single requests (join.ts, sync.ts, leave.ts).
// R1 A rebalance ends when all members have joined again and all promised ids have come, or at its deadline; who did not come is
// removed, but for static members, whose session decides. R2 The first generation of an empty group waits for company first.
import { assert } from '../../base/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import type { GroupValue } from './effects.ts';
import { metadataFor, noBytes, rebalanceTimeoutMs, type Group } from './group.ts';
import { removeMember } from './members.ts';
import { electProtocol, membersForLeader } from './protocols.ts';
import { subscribedTopics } from './subscription.ts';
import { append, endWaiting, enter, reply, sleep, takeWaiting, touch, wakeBy, type Turn } from './turn.ts';

/** Begins a rebalance unless one is being prepared already; goes on with it as far as it can. */
export function rebalance(turn: Turn): void {
  const { group, now } = turn;
  assert(group.phase.kind !== 'dead', 'a dead group does not rebalance');
  if (group.phase.kind === 'empty') return gather(turn);
  if (group.phase.kind === 'completing') dropAssignments(turn, errorCodes.REBALANCE_IN_PROGRESS);
  if (group.phase.kind !== 'preparing') {
    enter(turn, { kind: 'preparing', deadlineMs: now.monotonicMs + rebalanceTimeoutMs(group), gathering: null });
  }
  completeWhenReady(turn);
}

/** R2: the wait of an empty group. */
function gather(turn: Turn): void {
  const { group, now } = turn;
  const delayMs = group.config.initialRebalanceDelayMs;
  if (delayMs === 0) return completeJoin(turn);
  const remainingMs = Math.max(rebalanceTimeoutMs(group) - delayMs, 0);
  enter(turn, { kind: 'preparing', deadlineMs: now.monotonicMs + delayMs, gathering: { delayMs, remainingMs, memberAdded: false } });
}

/** Assignments of the generation being completed are void; who waits for one is told to join again. */
function dropAssignments(turn: Turn, errorCode: number): void {
  for (const member of turn.group.members.values()) {
    member.assignment = noBytes;
    if (member.waiting.kind === 'sync') endWaiting(turn, member, errorCode);
  }
}

/** The leader's assignment could not be kept: all start over. */
export function assignmentRefused(turn: Turn, errorCode: number): void {
  dropAssignments(turn, errorCode);
  rebalance(turn);
}

/** R1: ends the preparation if nobody is missing. */
export function completeWhenReady(turn: Turn): void {
  const { phase, members, joinsWaiting, promised } = turn.group;
  if (phase.kind !== 'preparing' || phase.gathering !== null) return;
  if (joinsWaiting === members.size && promised.size === 0) completeJoin(turn);
}

/** The deadline of the preparation: a gathering group waits once more if somebody came meanwhile. */
export function preparationDue(turn: Turn): void {
  const { phase } = turn.group;
  assert(phase.kind === 'preparing', 'only a preparation is due');
  const { gathering } = phase;
  if (gathering === null || !gathering.memberAdded || gathering.remainingMs === 0) return completeJoin(turn);
  const delayMs = Math.min(gathering.delayMs, gathering.remainingMs);
  gathering.memberAdded = false;
  gathering.remainingMs -= delayMs;
  phase.deadlineMs = turn.now.monotonicMs + delayMs;
  wakeBy(turn, phase.deadlineMs);
}

/** Ends the preparation with those who came. */
function completeJoin(turn: Turn): void {
  const { group, now } = turn;
  for (const member of [...group.members.values()]) {
    if (member.waiting.kind !== 'join' && member.instanceId === null) removeMember(turn, member);
  }
  if (group.members.size === 0) return becomeEmpty(turn);
  if (!electLeader(group)) {
    // Only static members that have not come: their sessions decide, so look again later.
    return enter(turn, { kind: 'preparing', deadlineMs: now.monotonicMs + rebalanceTimeoutMs(group), gathering: null });
  }
  group.generation++;
  group.protocolName = electProtocol(group);
  group.subscribedTopics = subscribedTopics(group);
  enter(turn, { kind: 'completing', unsynced: new Set(group.members.keys()), deadlineMs: now.monotonicMs + rebalanceTimeoutMs(group), writing: false });
  answerJoins(turn);
}

/** The leader stays if it came; else the first who came leads. False when nobody came. */
function electLeader(group: Group): boolean {
  const leader = group.leaderId === null ? undefined : group.members.get(group.leaderId);
  if (leader?.waiting.kind === 'join') return true;
  for (const member of group.members.values()) {
    if (member.waiting.kind !== 'join') continue;
    group.leaderId = member.id;
    return true;
  }
  return false;
}

function answerJoins(turn: Turn): void {
  const { group } = turn;
  for (const member of group.members.values()) {
    const waiting = takeWaiting(turn, member);
    member.isNew = false;
    touch(turn, member);
    if (waiting.kind === 'join') reply(turn, waiting.to, joinAnswer(group, member.id, member.id === group.leaderId));
  }
}

/** The answer that lets a member into the current generation; only the leader gets the list of members. */
export function joinAnswer(group: Group, memberId: string, withMembers: boolean) {
  return {
    errorCode: errorCodes.NONE, generationId: group.generation, protocolType: group.protocolType, protocolName: group.protocolName,
    leader: group.leaderId ?? '', skipAssignment: false, memberId, members: withMembers ? membersForLeader(group) : [],
  };
}

/** The last member is gone: a generation without members, kept so that a restart knows it. */
function becomeEmpty(turn: Turn): void {
  const { group } = turn;
  group.generation++;
  group.protocolName = null;
  group.subscribedTopics = subscribedTopics(group);
  enter(turn, { kind: 'empty' });
  if (group.promised.size === 0) sleep(turn);
  append(turn, [{ kind: 'group', value: groupValue(group) }], { kind: 'note' });
}

/** The group as its record tells it; `assignments` where they are not the members' own yet. */
export function groupValue(group: Group, assignments?: ReadonlyMap<string, Uint8Array>): GroupValue {
  return {
    protocolType: group.protocolType ?? '', generation: group.generation, protocol: group.protocolName, leader: group.leaderId,
    currentStateTimestamp: group.phaseSinceMs,
    members: [...group.members.values()].map((member) => ({
      memberId: member.id, groupInstanceId: member.instanceId, clientId: member.clientId, clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs, sessionTimeout: member.sessionTimeoutMs,
      subscription: metadataFor(member, group.protocolName), assignment: assignments?.get(member.id) ?? member.assignment,
    })),
  };
}

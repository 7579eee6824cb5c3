// broker/group/turn.ts - one event being handled: the group, the time, and the effects so far.
// Owns: the small acts that every part of the core needs. Never: decisions about phases (rebalance.ts).
import { errorCodes } from '../../wire/mod.ts';
import type { Effect, GroupRecord, JoinReply, Now, Purpose, SyncReply, Ticket, WriteChain } from './effects.ts';
import { noBytes, waitingForNothing, type Group, type Member, type Phase } from './group.ts';

/** What the functions of the core share while one event is handled. */
export interface Turn { readonly group: Group; readonly now: Now; readonly effects: Effect[] }

/** Answers a request. */
export function reply<Body>(turn: Turn, to: Ticket<Body>, body: Body): void {
  turn.effects.push({ kind: 'reply', to, body });
}

/** Sends records to the log; what follows from their durability waits for 'written'. */
export function append(turn: Turn, records: readonly GroupRecord[], purpose: Purpose, chain?: WriteChain): void {
  turn.group.writesInFlight++;
  turn.effects.push({ kind: 'append', records, purpose, ...(chain ? { chain } : {}) });
}

/** Makes sure that a tick comes by `deadlineMs` (G5). */
export function wakeBy(turn: Turn, deadlineMs: number): void {
  if (deadlineMs >= turn.group.wakeAtMs) return;
  turn.group.wakeAtMs = deadlineMs;
  turn.effects.push({ kind: 'wake', atMs: deadlineMs });
}

/** No tick is needed any more. */
export function sleep(turn: Turn): void {
  turn.group.wakeAtMs = Infinity;
  turn.effects.push({ kind: 'wake', atMs: Infinity });
}

/** Moves the group to another phase. */
export function enter(turn: Turn, phase: Phase): void {
  turn.group.phase = phase;
  turn.group.phaseSinceMs = turn.now.wallMs;
  if (phase.kind === 'preparing' || phase.kind === 'completing' || phase.kind === 'stable') wakeBy(turn, phase.deadlineMs);
}

/** The member lives: its session starts again. */
export function touch(turn: Turn, member: Member): void {
  member.expiresAtMs = turn.now.monotonicMs + member.sessionTimeoutMs;
  wakeBy(turn, member.expiresAtMs);
}

/** An answer that refuses a join. */
export function joinRefused(errorCode: number, memberId: string): JoinReply {
  return { errorCode, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId, members: [] };
}

/** An answer that refuses a sync. */
export function syncRefused(errorCode: number): SyncReply {
  return { errorCode, protocolType: null, protocolName: null, assignment: noBytes };
}

/** Makes the member wait for an answer; a request that it had already waiting is refused (G2): its client asked again. */
export function wait(turn: Turn, member: Member, waiting: Member['waiting']): void {
  endWaiting(turn, member, errorCodes.REBALANCE_IN_PROGRESS);
  member.waiting = waiting;
  if (waiting.kind === 'join') turn.group.joinsWaiting++;
}

/** The request that the member waited with, to be answered by the caller: it waits no longer. */
export function takeWaiting(turn: Turn, member: Member): Member['waiting'] {
  const { waiting } = member;
  member.waiting = waitingForNothing;
  if (waiting.kind === 'join') turn.group.joinsWaiting--;
  return waiting;
}

/** Refuses what the member waits for, if anything. */
export function endWaiting(turn: Turn, member: Member, errorCode: number): void {
  const waiting = takeWaiting(turn, member);
  if (waiting.kind === 'join') reply(turn, waiting.to, joinRefused(errorCode, member.id));
  else if (waiting.kind === 'sync') reply(turn, waiting.to, syncRefused(errorCode));
}

/**
 * Whether a request may speak for a member: the error code to answer, NONE when it may.
 * A static member that was taken over is fenced (KIP-345).
 */
export function memberFault(group: Group, memberId: string, instanceId: string | null): number {
  if (instanceId !== null) {
    const currentId = group.staticIds.get(instanceId);
    if (currentId === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
    if (currentId !== memberId) return errorCodes.FENCED_INSTANCE_ID;
  }
  return group.members.has(memberId) ? errorCodes.NONE : errorCodes.UNKNOWN_MEMBER_ID;
}

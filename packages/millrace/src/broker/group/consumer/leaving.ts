// broker/group/consumer/leaving.ts - who leaves a consumer group, who goes away for a while, who is taken for gone.
// Owns: leaving, expiry of sessions and of the times for revoking, joining and syncing. Never: staying (heartbeat.ts).
// Z1 What a member that is gone had is free at once: the others share it anew.
import { errorCodes } from '../../../wire/mod.ts';
import type { ConsumerHeartbeatEvent, ConsumerHeartbeatReply, Ticket } from '../effects.ts';
import { reply, type Turn } from '../turn.ts';
import { nextEpoch } from './assign.ts';
import { Change } from './change.ts';
import { forgetPattern } from './members.ts';
import { awayEpoch, hold, removeConsumer, type ConsumerMember, type ConsumerMembership } from './membership.ts';
import { becomeClassic, mayDowngrade } from './migrate.ts';
import { nothingHeld } from './partitions.ts';

/** Handles a heartbeat that says goodbye. */
export function consumerLeave(turn: Turn, event: ConsumerHeartbeatEvent): void {
  const { group } = turn;
  const { memberId, memberEpoch, instanceId, to } = event;
  const refuse = (errorCode: number, errorMessage: string | null = null) => reply(turn, to, { errorCode, errorMessage, memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null });
  if (group.phase.kind === 'dead') return refuse(errorCodes.COORDINATOR_NOT_AVAILABLE);
  if (group.phase.kind !== 'consumer') return refuse(errorCodes.GROUP_ID_NOT_FOUND, `Group ${group.id} is not a consumer group.`);
  const { membership } = group.phase;
  const member = membership.members.get(instanceId === null ? memberId : membership.staticIds.get(instanceId) ?? '');
  if (member === undefined) return refuse(errorCodes.UNKNOWN_MEMBER_ID, `Member ${memberId} is not a member of the group.`);
  if (member.id !== memberId) return refuse(errorCodes.FENCED_INSTANCE_ID, `Static member ${memberId} was fenced by member ${member.id}.`);
  const answer: ConsumerHeartbeatReply = { errorCode: errorCodes.NONE, errorMessage: null, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
  const unwritten = { ...answer, errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE };
  if (instanceId !== null && memberEpoch === awayEpoch) return goAway(turn, membership, member, to, answer, unwritten);
  removeMembers(turn, membership, [member], to, answer, unwritten);
}

/** A static member goes away to come back within its session: it keeps what it has, and nobody else may have it meanwhile. */
function goAway(turn: Turn, membership: ConsumerMembership, member: ConsumerMember, to: Ticket<ConsumerHeartbeatReply>, answer: ConsumerHeartbeatReply, unwritten: ConsumerHeartbeatReply): void {
  const change = new Change(turn, membership);
  member.previousEpoch = member.epoch;
  member.epoch = awayEpoch;
  member.revokeByMs = Infinity;
  member.waitingSinceMs = -1;
  hold(membership, member, member.assigned, nothingHeld);
  change.note('current', member.id);
  change.writeAndAnswer(to, answer, unwritten);
}

/** Takes members out (Z1); a group in which only members of the classic protocol are left becomes a classic one. */
export function removeMembers<Body>(turn: Turn, membership: ConsumerMembership, gone: readonly ConsumerMember[], to: Ticket<Body> | null, answer: Body, unwritten: Body): void {
  const change = new Change(turn, membership);
  if (mayDowngrade(turn.group, membership, gone)) return becomeClassic(change, gone, () => change.writeAndAnswer(to, answer, unwritten));
  for (const member of gone) {
    removeConsumer(membership, member);
    change.noteMember(member.id);
    forgetPattern(change, member.pattern);
  }
  if (gone.length > 0) nextEpoch(change);
  change.writeAndAnswer(to, answer, unwritten);
}

/** A deadline may have passed. */
export function consumerTick(turn: Turn, membership: ConsumerMembership): void {
  const { monotonicMs } = turn.now;
  const gone = [...membership.members.values()].filter((member) => deadlineOf(member) <= monotonicMs);
  if (gone.length > 0) removeMembers(turn, membership, gone, null, null, null);
}

/** The earliest of all deadlines; Infinity without any. */
export function consumerDeadline(membership: ConsumerMembership): number {
  let atMs = Infinity;
  for (const member of membership.members.values()) atMs = Math.min(atMs, deadlineOf(member));
  return atMs;
}

function deadlineOf({ expiresAtMs, revokeByMs, joinByMs, syncByMs }: ConsumerMember): number {
  return Math.min(expiresAtMs, revokeByMs, joinByMs, syncByMs);
}

// broker/group/consumer/heartbeat.ts - a member of a consumer group says that it lives, what it reads and what it has; it is told what it shall have.
// Owns: joining, rejoining and staying (ConsumerGroupHeartbeat with an epoch from 0 on). Never: leaving (leaving.ts), forms of requests (requests.ts).
// V1 A member with another epoch than the group's is fenced: it gives everything up and joins again with epoch 0. Only the epoch before passes, for
// the answer with the new one may have been lost, and only with partitions that it still has. V2 A static name is taken over only from a member that went away.
// Source: KIP-848, KIP-1082 (ids made by clients).
import { assert, limits } from '../../../base/mod.ts';
import { errorCodes } from '../../../wire/mod.ts';
import type { ConsumerHeartbeatEvent, ConsumerHeartbeatReply } from '../effects.ts';
import type { Group } from '../group.ts';
import { reply, wakeBy, type Turn } from '../turn.ts';
import { nextEpoch, topicIdsRead } from './assign.ts';
import { Change } from './change.ts';
import { memberFor, usePattern } from './members.ts';
import { awayEpoch, isReconciled, type ConsumerMember, type ConsumerMembership } from './membership.ts';
import { consumerLeave } from './leaving.ts';
import { becomeConsumer, upgradeFault } from './migrate.ts';
import { holdsAll, listsOf, samePartitions, type HeldPartitions } from './partitions.ts';
import { reconcile } from './reconcile.ts';

/** Shortest heartbeat interval told to a member that waits for partitions of others; it grows with the wait. */
const waitingHeartbeatMsMin = 50;

/** Handles a heartbeat. */
export function consumerHeartbeat(turn: Turn, event: ConsumerHeartbeatEvent): void {
  if (event.memberEpoch < 0) return consumerLeave(turn, event);
  const fault = heartbeatFault(turn.group, event);
  if (fault !== null) return reply(turn, event.to, fault);
  const isNewForm = turn.group.phase.kind !== 'consumer';
  const change = isNewForm ? becomeConsumer(turn) : new Change(turn, membershipOf(turn.group));
  const { membership } = change;
  const instanceBefore = membership.members.get(event.memberId)?.instanceId ?? null;
  const member = memberFor(change, event.memberId, event.instanceId);
  const had = member.assigned;
  const isChanged = describe(change, member, event, instanceBefore);
  if (isChanged || isNewForm) nextEpoch(change); // what a classic group's leader has not divided is divided now
  moveOn(change, member, isChanged, event);
  change.writeAndAnswer(event.to, answerOf(turn, membership, member, event, had), refused(errorCodes.COORDINATOR_NOT_AVAILABLE, null));
}

/** An answer that refuses a heartbeat. */
export function refused(errorCode: number, errorMessage: string | null): ConsumerHeartbeatReply {
  return { errorCode, errorMessage, memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null };
}

function membershipOf({ phase }: Group): ConsumerMembership {
  assert(phase.kind === 'consumer', 'only consumer groups have such a membership');
  return phase.membership;
}

function heartbeatFault(group: Group, event: ConsumerHeartbeatEvent): ConsumerHeartbeatReply | null {
  const { phase } = group;
  const isJoining = event.memberEpoch === 0;
  if (phase.kind === 'dead') return refused(errorCodes.COORDINATOR_NOT_AVAILABLE, null);
  if (event.pattern !== null && event.pattern.topics === null) return refused(errorCodes.INVALID_REGULAR_EXPRESSION, event.pattern.fault);
  if (phase.kind === 'consumer') {
    if (isFull(group, phase.membership.members.size) && !phase.membership.members.has(event.memberId)) return full(group);
    return memberFaultOf(phase.membership, event) ?? idFault(event, phase.membership.staticIds, phase.membership.members.has(event.memberId));
  }
  if (!isJoining) return refused(errorCodes.GROUP_ID_NOT_FOUND, `Group ${group.id} is not a consumer group.`);
  const why = upgradeFault(group);
  if (why !== null) return refused(errorCodes.GROUP_ID_NOT_FOUND, why);
  if (isFull(group, group.members.size) && !group.members.has(event.memberId)) return full(group);
  return idFault(event, group.staticIds, group.members.has(event.memberId));
}

/** Nobody takes over a static member's place under the id of yet another member. */
function idFault({ memberId, instanceId }: ConsumerHeartbeatEvent, staticIds: ReadonlyMap<string, string>, isMember: boolean): ConsumerHeartbeatReply | null {
  const currentId = instanceId === null ? undefined : staticIds.get(instanceId);
  if (currentId === undefined || currentId === memberId || !isMember) return null;
  return refused(errorCodes.UNRELEASED_INSTANCE_ID, `Member ${memberId} cannot become the static member with instance id ${instanceId}: it is another one, and the instance id is owned by ${currentId}.`);
}

function isFull(group: Group, count: number): boolean {
  return count >= Math.min(group.config.consumer.membersMax, limits.group.membersMax);
}

function full(group: Group): ConsumerHeartbeatReply {
  return refused(errorCodes.GROUP_MAX_SIZE_REACHED, `The consumer group has reached its maximum capacity of ${group.config.consumer.membersMax} members.`);
}

function memberFaultOf(membership: ConsumerMembership, event: ConsumerHeartbeatEvent): ConsumerHeartbeatReply | null {
  const { memberId, memberEpoch, instanceId } = event;
  const isJoining = memberEpoch === 0;
  if (instanceId === null) {
    const member = membership.members.get(memberId);
    if (member === undefined) return isJoining ? null : refused(errorCodes.UNKNOWN_MEMBER_ID, `Member ${memberId} is not a member of the group.`);
    return epochFault(member, event);
  }
  const current = membership.members.get(membership.staticIds.get(instanceId) ?? '');
  if (current === undefined) return isJoining ? null : refused(errorCodes.UNKNOWN_MEMBER_ID, `Instance id ${instanceId} is unknown.`);
  if (current.id === memberId) return epochFault(current, event);
  if (!isJoining) return refused(errorCodes.FENCED_INSTANCE_ID, `Static member ${memberId} with instance id ${instanceId} was fenced by member ${current.id}.`);
  if (current.classic === null && current.epoch !== awayEpoch) { // V2
    return refused(errorCodes.UNRELEASED_INSTANCE_ID, `Static member ${memberId} with instance id ${instanceId} cannot join: the instance id is owned by ${current.id}.`);
  }
  return null;
}

/** V1. */
function epochFault(member: ConsumerMember, { memberEpoch, owned }: ConsumerHeartbeatEvent): ConsumerHeartbeatReply | null {
  if (memberEpoch === 0 || memberEpoch === member.epoch) return null;
  const isLate = memberEpoch === member.previousEpoch && owned !== null && holdsAll(member.assigned, owned);
  if (memberEpoch < member.epoch && isLate) return null;
  const relation = memberEpoch > member.epoch ? 'greater' : 'smaller';
  return refused(errorCodes.FENCED_MEMBER_EPOCH, `The member has a ${relation} epoch (${memberEpoch}) than the one known by the group (${member.epoch}). It must abandon all its partitions and rejoin.`);
}

/** Takes over what the member says of itself; true when it reads other topics than before. */
function describe(change: Change, member: ConsumerMember, event: ConsumerHeartbeatEvent, saidBefore: string | null): boolean {
  if (saysNothingNew(member, event, saidBefore)) return false;
  const before = { ...member, instanceId: saidBefore };
  member.rackId = event.rackId ?? member.rackId;
  if (event.rebalanceTimeoutMs !== -1) member.rebalanceTimeoutMs = event.rebalanceTimeoutMs;
  member.assignor = event.assignor ?? member.assignor;
  member.clientId = event.clientId;
  member.clientHost = event.clientHost;
  member.classic = null;
  member.joinByMs = member.syncByMs = Infinity;
  if (event.topics !== null) member.topics = [...new Set(event.topics)].sort();
  if (event.pattern !== null) usePattern(change, member, event.pattern.text, event.pattern.topics ?? []);
  const namesChanged = JSON.stringify(before.topics) !== JSON.stringify(member.topics);
  if (namesChanged || described(before) !== described(member)) change.note('member', member.id);
  return namesChanged || before.pattern !== member.pattern;
}

/** A plain heartbeat: most are, and cost little. */
function saysNothingNew(member: ConsumerMember, event: ConsumerHeartbeatEvent, saidBefore: string | null): boolean {
  const saysNothing = event.topics === null && event.pattern === null && event.assignor === null && event.rackId === null && event.rebalanceTimeoutMs === -1;
  return saysNothing && member.classic === null && member.instanceId === saidBefore && member.clientId === event.clientId && member.clientHost === event.clientHost;
}

function described({ instanceId, rackId, rebalanceTimeoutMs, assignor, clientId, clientHost, classic, pattern }: ConsumerMember): string {
  return JSON.stringify([instanceId, rackId, rebalanceTimeoutMs, assignor, clientId, clientHost, classic !== null, pattern]);
}

/** One step towards what the member shall have; its session starts again. */
function moveOn(change: Change, member: ConsumerMember, isChanged: boolean, event: ConsumerHeartbeatEvent): void {
  const { membership, turn } = change;
  const { monotonicMs } = turn.now;
  const { group } = turn;
  if (isChanged || !isReconciled(membership, member)) {
    const topicIds = topicIdsRead(membership, member, group.config.topics);
    const before = stateOf(member);
    if (reconcile({ membership, member, topicIds, subscriptionChanged: isChanged, owned: event.owned }) && stateOf(member) !== before) {
      change.note('current', member.id);
      member.revokeByMs = member.state === 'unrevoked' ? monotonicMs + member.rebalanceTimeoutMs : Infinity;
    }
  }
  if (member.state !== 'unreleased') member.waitingSinceMs = -1;
  else if (member.waitingSinceMs < 0) member.waitingSinceMs = monotonicMs;
  member.expiresAtMs = monotonicMs + group.config.consumer.sessionTimeoutMs(group.id);
  wakeBy(turn, Math.min(member.expiresAtMs, member.revokeByMs));
}

function stateOf({ state, epoch, assigned, revoking }: ConsumerMember): string {
  return `${state} ${epoch} ${JSON.stringify([listsOf(assigned), listsOf(revoking)])}`;
}

/** The assignment is told when it is new to the member, or when the member told all of itself. */
function answerOf(turn: Turn, membership: ConsumerMembership, member: ConsumerMember, event: ConsumerHeartbeatEvent, had: HeldPartitions): ConsumerHeartbeatReply {
  const isWhole = event.rebalanceTimeoutMs !== -1 && (event.topics !== null || event.pattern !== null) && event.owned !== null;
  const tells = event.memberEpoch === 0 || isWhole || !samePartitions(had, member.assigned);
  return {
    errorCode: errorCodes.NONE, errorMessage: null, memberId: member.id, memberEpoch: member.epoch, heartbeatIntervalMs: intervalOf(turn, member),
    assignment: tells ? { topicPartitions: listsOf(member.assigned) } : null,
  };
}

/** Who waits for what others give up comes back soon, and the later the longer it has waited. */
function intervalOf({ group, now }: Turn, member: ConsumerMember): number {
  const configuredMs = group.config.consumer.heartbeatIntervalMs(group.id);
  if (member.waitingSinceMs < 0) return configuredMs;
  return Math.min(configuredMs, Math.max(waitingHeartbeatMsMin, Math.floor((now.monotonicMs - member.waitingSinceMs) / 2)));
}

// broker/group/consumer/classic-members.ts - members of the classic protocol in a consumer group, while a group moves from one protocol to the other.
// Owns: JoinGroup, SyncGroup, Heartbeat and LeaveGroup there. Never: the groups of only such members (join.ts, sync.ts, session.ts).
// The node divides for them, too: nobody leads, a member's generation is its epoch, and its SyncGroup brings what it has been given.
// Source: KIP-848, "Online consumer group upgrades and downgrades".
import { limits } from '../../../base/mod.ts';
import { errorCodes } from '../../../wire/mod.ts';
import type { HeartbeatEvent, JoinEvent, LeaveEvent, SyncEvent } from '../effects.ts';
import { consumerProtocolType, type Group } from '../group.ts';
import { ownProtocols } from '../protocols.ts';
import { joinRefused, reply, syncRefused, wakeBy, type Turn } from '../turn.ts';
import { nextEpoch, topicIdsRead } from './assign.ts';
import { Change } from './change.ts';
import { assignmentBytes, subscriptionOf, type Subscription } from './consumer-protocol.ts';
import { removeMembers } from './leaving.ts';
import { memberFor, usePattern } from './members.ts';
import { ownerOf, type ConsumerMember, type ConsumerMembership } from './membership.ts';
import { becomeClassic, mayDowngrade } from './migrate.ts';
import { reconcile } from './reconcile.ts';

/** Handles a join. `joinClassic` goes on when the join makes a classic group of it. */
export function joinConsumer(turn: Turn, membership: ConsumerMembership, event: JoinEvent, joinClassic: (event: JoinEvent) => void): void {
  const subscription = subscriptionOf(event.protocols[0]?.metadata);
  const errorCode = joinFault(turn.group, membership, event, subscription);
  if (errorCode !== errorCodes.NONE || subscription === null) return reply(turn, event.to, joinRefused(errorCode, event.memberId));
  if (event.memberId === '' && event.instanceId === null && event.nameFirst) return reply(turn, event.to, joinRefused(errorCodes.MEMBER_ID_REQUIRED, event.freshId));
  const memberId = event.memberId === '' ? event.freshId : event.memberId;
  const change = new Change(turn, membership);
  const former = event.instanceId === null ? undefined : membership.members.get(membership.staticIds.get(event.instanceId) ?? '');
  const downgrades = former !== undefined && former.id !== memberId && mayDowngrade(turn.group, membership, [], former);
  const member = memberFor(change, memberId, event.instanceId);
  const isChanged = describe(change, member, event, subscription);
  if (downgrades) return becomeClassic(change, [], () => { change.write(); joinClassic({ ...event, memberId }); });
  if (isChanged) nextEpoch(change);
  moveOn(change, member, isChanged, event, subscription);
  change.writeAndAnswer(event.to, {
    errorCode: errorCodes.NONE, memberId, generationId: member.epoch, protocolType: consumerProtocolType, protocolName: event.protocols[0]!.name, leader: '', skipAssignment: false, members: [],
  }, joinRefused(errorCodes.COORDINATOR_NOT_AVAILABLE, memberId));
}

function joinFault(group: Group, membership: ConsumerMembership, event: JoinEvent, subscription: Subscription | null): number {
  const { config } = group;
  if (event.sessionTimeoutMs < config.sessionTimeoutMinMs || event.sessionTimeoutMs > config.sessionTimeoutMaxMs) return errorCodes.INVALID_SESSION_TIMEOUT;
  const isKnown = membership.members.has(event.memberId) || (event.instanceId !== null && membership.staticIds.has(event.instanceId));
  if (!isKnown && membership.members.size >= Math.min(config.consumer.membersMax, limits.group.membersMax)) return errorCodes.GROUP_MAX_SIZE_REACHED;
  if (event.protocolType !== consumerProtocolType || subscription === null || !sharesProtocol(membership, event)) return errorCodes.INCONSISTENT_GROUP_PROTOCOL;
  if (event.instanceId === null || event.memberId === '') return errorCodes.NONE;
  return staticFault(membership, event.memberId, event.instanceId);
}

/** Classic members must have an assignor in common, for the day on which they are alone. */
function sharesProtocol(membership: ConsumerMembership, event: JoinEvent): boolean {
  const others = [...membership.members.values()].filter(({ id, classic }) => classic !== null && id !== event.memberId);
  return event.protocols.some(({ name }) => others.every(({ classic }) => classic!.protocols.some((protocol) => protocol.name === name)));
}

function describe(change: Change, member: ConsumerMember, event: JoinEvent, subscription: Subscription): boolean {
  const topics = [...new Set(subscription.topics)].sort();
  const isChanged = JSON.stringify(topics) !== JSON.stringify(member.topics) || member.pattern !== '';
  usePattern(change, member, '', []);
  Object.assign(member, {
    topics, rackId: subscription.rackId ?? member.rackId, rebalanceTimeoutMs: event.rebalanceTimeoutMs, assignor: null, clientId: event.clientId, clientHost: event.clientHost,
    classic: { sessionTimeoutMs: event.sessionTimeoutMs, protocols: ownProtocols(event.protocols) },
  });
  change.note('member', member.id);
  return isChanged;
}

function moveOn(change: Change, member: ConsumerMember, isChanged: boolean, event: JoinEvent, subscription: Subscription): void {
  const { membership, turn } = change;
  const { topics } = turn.group.config;
  const owned = subscription.owned.flatMap(({ topic, partitions }) => {
    const topicId = topics.idOf(topic);
    return topicId === null ? [] : [{ topicId, partitions }];
  });
  if (reconcile({ membership, member, topicIds: topicIdsRead(membership, member, topics), subscriptionChanged: isChanged, owned })) change.note('current', member.id);
  member.revokeByMs = member.joinByMs = Infinity;
  member.waitingSinceMs = -1;
  member.syncByMs = turn.now.monotonicMs + event.rebalanceTimeoutMs;
  touchClassic(turn, member);
  wakeBy(turn, member.syncByMs);
}

/** Handles a sync. */
export function syncConsumer(turn: Turn, membership: ConsumerMembership, event: SyncEvent): void {
  const found = classicMember(membership, event.memberId, event.instanceId, event.generation);
  if (typeof found === 'number') return reply(turn, event.to, syncRefused(found));
  const protocol = found.classic!.protocols[0]!;
  if ((event.protocolType ?? consumerProtocolType) !== consumerProtocolType || (event.protocolName ?? protocol.name) !== protocol.name) {
    return reply(turn, event.to, syncRefused(errorCodes.INCONSISTENT_GROUP_PROTOCOL));
  }
  if (membership.epoch > found.epoch && found.state !== 'unrevoked') {
    mustJoin(turn, found);
    return reply(turn, event.to, syncRefused(errorCodes.REBALANCE_IN_PROGRESS));
  }
  found.syncByMs = Infinity;
  touchClassic(turn, found);
  const assignment = assignmentBytes(found.assigned, turn.group.config.topics, protocol.metadata);
  membership.writes.answer(turn, event.to, { errorCode: errorCodes.NONE, protocolType: event.protocolType, protocolName: event.protocolName, assignment }, syncRefused(errorCodes.COORDINATOR_NOT_AVAILABLE));
}

/** Handles a heartbeat: told to join again when there is something new for it. */
export function heartbeatClassicMember(turn: Turn, membership: ConsumerMembership, event: HeartbeatEvent): void {
  const found = classicMember(membership, event.memberId, event.instanceId, event.generation);
  if (typeof found === 'number') return reply(turn, event.to, { errorCode: found });
  touchClassic(turn, found);
  const isNew = found.epoch < membership.epoch || found.state === 'unrevoked' || (found.state === 'unreleased' && !waits(membership, found));
  if (isNew) mustJoin(turn, found);
  membership.writes.answer(turn, event.to, { errorCode: isNew ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE }, { errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE });
}

/** Handles members that leave, of whichever protocol: an operator removes static ones by it. */
export function leaveConsumer(turn: Turn, membership: ConsumerMembership, event: LeaveEvent): void {
  const gone = new Set<ConsumerMember>();
  const members = event.members.map(({ memberId, instanceId }) => {
    const isByName = instanceId !== null && memberId === '';
    const errorCode = isByName && membership.staticIds.has(instanceId) ? errorCodes.NONE
      : instanceId !== null ? staticFault(membership, memberId, instanceId) : membership.members.has(memberId) ? errorCodes.NONE : errorCodes.UNKNOWN_MEMBER_ID;
    if (errorCode === errorCodes.NONE) gone.add(membership.members.get(isByName ? membership.staticIds.get(instanceId)! : memberId)!);
    return { memberId, groupInstanceId: instanceId, errorCode };
  });
  removeMembers(turn, membership, [...gone], event.to, { errorCode: errorCodes.NONE, members }, { errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE, members: [] });
}

function classicMember(membership: ConsumerMembership, memberId: string, instanceId: string | null, generation: number): ConsumerMember | number {
  const fault = instanceId === null ? errorCodes.NONE : staticFault(membership, memberId, instanceId);
  if (fault !== errorCodes.NONE) return fault;
  const member = membership.members.get(memberId);
  if (member === undefined || member.classic === null) return errorCodes.UNKNOWN_MEMBER_ID;
  return member.epoch === generation ? member : errorCodes.ILLEGAL_GENERATION;
}

function staticFault(membership: ConsumerMembership, memberId: string, instanceId: string): number {
  const currentId = membership.staticIds.get(instanceId);
  if (currentId === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
  return currentId === memberId ? errorCodes.NONE : errorCodes.FENCED_INSTANCE_ID;
}

/** Whether something that the member shall have is still another's. */
function waits(membership: ConsumerMembership, member: ConsumerMember): boolean {
  for (const [topicId, partitions] of member.target) {
    for (const partition of partitions) {
      const owner = ownerOf(membership, topicId, partition);
      if (owner !== undefined && owner !== member.id) return true;
    }
  }
  return false;
}

function mustJoin(turn: Turn, member: ConsumerMember): void {
  if (member.joinByMs < Infinity) return;
  member.joinByMs = turn.now.monotonicMs + member.rebalanceTimeoutMs;
  wakeBy(turn, member.joinByMs);
}

function touchClassic(turn: Turn, member: ConsumerMember): void {
  member.expiresAtMs = turn.now.monotonicMs + member.classic!.sessionTimeoutMs;
  wakeBy(turn, member.expiresAtMs);
}

// broker/group/consumer/migrate.ts - a group goes from the classic protocol to the consumer protocol and back, while its members run.
// Owns: both conversions, and when they are allowed (group.consumer.migration.policy). Never: what members do before and after.
// X1 The old form is taken back and the new one written in one batch. X2 Offsets stay as they are: they belong to the group, not to its protocol.
// X3 Nobody loses or gets a partition by a conversion. Source: KIP-848.
import { assert } from '../../../base/mod.ts';
import { errorCodes } from '../../../wire/mod.ts';
import type { GroupRecord } from '../effects.ts';
import { consumerProtocolType, metadataFor, waitingForNothing, type Group, type Member } from '../group.ts';
import { insertMember } from '../members.ts';
import { electProtocol } from '../protocols.ts';
import { groupValue, rebalance } from '../rebalance.ts';
import { subscribedTopics } from '../subscription.ts';
import { endWaiting, enter, touch, wakeBy, type Turn } from '../turn.ts';
import { fingerprintOf } from './assign.ts';
import { Change } from './change.ts';
import { assignmentBytes, assignmentOf, subscriptionOf } from './consumer-protocol.ts';
import { emptyMembership, insertConsumer, newMember, ownerOf, removeConsumer, type ConsumerMember, type ConsumerMembership } from './membership.ts';
import { putHeld, putPartition, type HeldPartitions } from './partitions.ts';

/** Why a classic group cannot become a consumer group; null when it can. One without members always can. */
export function upgradeFault(group: Group): string | null {
  if (group.members.size === 0) return null;
  const cannot = (why: string) => `Cannot upgrade classic group ${group.id} to consumer group because ${why}.`;
  if (!group.config.consumer.mayUpgrade) return cannot('online upgrade is disabled');
  if (group.protocolType !== consumerProtocolType) return cannot('the group does not use the consumer embedded protocol');
  if (group.members.size > group.config.consumer.membersMax) return cannot('the group size exceeds the consumer group maximum size');
  for (const member of group.members.values()) {
    const assignment = assignmentOf(member.assignment);
    if (assignment === null || subscriptionOf(embedded(group, member)) === null) return cannot('the embedded consumer protocol is malformed');
    if (assignment.userData !== null && assignment.userData.length > 0) return cannot('an unsupported custom assignor is in use');
  }
  return null;
}

/** Makes a consumer group of a classic one that has passed upgradeFault. Its members stay in, each with what it has. */
export function becomeConsumer(turn: Turn): Change {
  const { group } = turn;
  const membership = emptyMembership();
  const hadRecord = group.protocolType !== null;
  membership.epoch = membership.assignmentEpoch = group.generation;
  const change = new Change(turn, membership);
  for (const member of [...group.members.values()]) {
    endWaiting(turn, member, errorCodes.REBALANCE_IN_PROGRESS);
    const consumer = consumerOf(group, membership, member);
    insertConsumer(membership, consumer);
    change.noteMember(member.id);
    wakeBy(turn, consumer.expiresAtMs);
  }
  membership.fingerprint = fingerprintOf(membership, group.config.topics);
  change.note('epoch');
  change.note('assignment-epoch');
  if (hadRecord) change.with([{ kind: 'group', value: null }]);
  forgetClassic(group);
  group.protocolType = consumerProtocolType;
  enter(turn, { kind: 'consumer', membership });
  return change;
}

/** Takes everything out of a group that makes it a classic one; offsets stay. */
export function forgetClassic(group: Group): void {
  group.members.clear();
  group.offered.clear();
  group.staticIds.clear();
  group.promised.clear();
  group.joinsWaiting = 0;
  group.leaderId = null;
  group.protocolName = null;
  group.generation = 0;
}

/** Whether only members of the classic protocol are left without those in `gone` (or in place of `replaced`), and the group may become a classic one. */
export function mayDowngrade(group: Group, membership: ConsumerMembership, gone: readonly ConsumerMember[], replaced?: ConsumerMember): boolean {
  const left = [...membership.members.values()].filter((member) => !gone.includes(member));
  return left.length > 0 && left.every((member) => member.classic !== null || member === replaced)
    && (replaced !== undefined || gone.length > 0) && group.config.consumer.mayDowngrade && left.length <= group.config.membersMax;
}

/** Makes a classic group of what is left when `gone` are out; `write` hands the records on. The members are called to a rebalance when somebody went. */
export function becomeClassic(change: Change, gone: readonly ConsumerMember[], write: () => void): void {
  const { membership, turn } = change;
  const { group } = turn;
  for (const member of membership.members.values()) change.noteMember(member.id);
  for (const pattern of membership.patterns.keys()) change.note('pattern', pattern);
  for (const member of gone) removeConsumer(membership, member);
  const members = [...membership.members.values()];
  forgetClassic(group);
  enter(turn, { kind: 'stable', unsynced: new Set(), deadlineMs: Infinity });
  group.protocolType = consumerProtocolType;
  group.generation = membership.epoch;
  for (const member of members) insertMember(group, classicOf(group, member));
  group.protocolName = electProtocol(group);
  group.subscribedTopics = subscribedTopics(group);
  for (const member of group.members.values()) touch(turn, member);
  membership.members.clear(); // its records are taken back
  membership.patterns.clear();
  change.with([...goneRecords(), { kind: 'group', value: groupValue(group) }]);
  const { subscribedTopics: topics } = group;
  write();
  group.subscribedTopics = topics;
  if (gone.length > 0) rebalance(turn);
}

/** An empty consumer group becomes an empty classic one: somebody of that protocol asks for it. */
export function becomeEmptyClassic(turn: Turn, membership: ConsumerMembership): void {
  const { group } = turn;
  const change = new Change(turn, membership);
  for (const pattern of membership.patterns.keys()) change.note('pattern', pattern);
  membership.patterns.clear();
  change.with(goneRecords());
  change.write();
  forgetClassic(group);
  group.protocolType = null;
  group.subscribedTopics = null;
  enter(turn, { kind: 'empty' });
}

function goneRecords(): GroupRecord[] {
  return (['epoch', 'assignment-epoch'] as const).map((name) => ({ kind: 'consumer', record: { name, of: '', value: null } }));
}

/** What the member said in JoinGroup for the protocol in use; before the first generation, for the one it likes best. */
function embedded(group: Group, member: Member): Uint8Array | undefined {
  return group.protocolName === null ? member.protocols[0]?.metadata : metadataFor(member, group.protocolName);
}

function consumerOf(group: Group, membership: ConsumerMembership, member: Member): ConsumerMember {
  const subscription = subscriptionOf(embedded(group, member));
  assert(subscription !== null, 'upgradeFault has read it');
  const assigned = assignedOf(group, membership, member);
  const target = new Map<string, Set<number>>();
  for (const [topicId, partitions] of assigned) for (const partition of partitions.keys()) putPartition(target, topicId, partition);
  return {
    ...newMember(member.id), instanceId: member.instanceId, rackId: subscription.rackId, clientId: member.clientId, clientHost: member.clientHost, rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    topics: [...new Set(subscription.topics)].sort(), classic: { sessionTimeoutMs: member.sessionTimeoutMs, protocols: member.protocols },
    epoch: group.generation, previousEpoch: group.generation, assigned, target, expiresAtMs: member.expiresAtMs,
  };
}

/** X3: what the leader gave it; what it gave to two goes to the first. */
function assignedOf(group: Group, membership: ConsumerMembership, member: Member): HeldPartitions {
  const held = new Map<string, Map<number, number>>();
  const { topics } = group.config;
  for (const { topic, partitions } of assignmentOf(member.assignment)?.assignedPartitions ?? []) {
    const topicId = topics.idOf(topic);
    if (topicId === null) continue;
    for (const partition of partitions) {
      if (topics.hasPartition(topic, partition) && ownerOf(membership, topicId, partition) === undefined) putHeld(held, topicId, partition, group.generation);
    }
  }
  return held;
}

function classicOf(group: Group, member: ConsumerMember): Member {
  const { classic } = member;
  assert(classic !== null && classic.protocols.length > 0, 'only members of the classic protocol are left');
  return {
    id: member.id, instanceId: member.instanceId, clientId: member.clientId, clientHost: member.clientHost, sessionTimeoutMs: classic.sessionTimeoutMs, rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    protocols: classic.protocols, assignment: assignmentBytes(member.assigned, group.config.topics, classic.protocols[0]!.metadata), waiting: waitingForNothing, isNew: false, expiresAtMs: member.expiresAtMs,
  };
}

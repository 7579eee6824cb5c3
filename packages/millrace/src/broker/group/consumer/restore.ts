// broker/group/consumer/restore.ts - a consumer group's membership brought back from its records.
// Owns: that translation. Never: reading records (codec.ts).
// Every member's session begins anew, and the time of those that are to give something up: clients that come back in time notice nothing.
import { noBytes } from '../group.ts';
import { wakeBy, type Turn } from '../turn.ts';
import { memberStateNumbers } from './change.ts';
import type { ConsumerImage, ConsumerValues } from './consumer-record.ts';
import { emptyMembership, groupTopics, insertConsumer, newMember, type ClassicSide, type ConsumerMember, type ConsumerMembership, type MemberState } from './membership.ts';
import { putHeld, setOf, type HeldPartitions } from './partitions.ts';

/** Puts the group into the form that its records say; false when they tell of no consumer group. */
export function restoreConsumer(turn: Turn, image: ConsumerImage): boolean {
  const epoch = image.value('epoch', '');
  if (epoch === undefined) return false;
  const { group } = turn;
  const membership = emptyMembership();
  membership.epoch = epoch.epoch ?? 0;
  membership.fingerprint = epoch.metadataHash ?? 0n;
  membership.assignmentEpoch = image.value('assignment-epoch', '')?.assignmentEpoch ?? 0;
  for (const pattern of image.keys('pattern')) membership.patterns.set(pattern, image.value('pattern', pattern)?.topics ?? []);
  for (const id of image.keys('member')) restoreMember(turn, membership, id, image);
  group.phase = { kind: 'consumer', membership };
  group.protocolType = 'consumer';
  group.subscribedTopics = groupTopics(membership);
  return true;
}

function restoreMember(turn: Turn, membership: ConsumerMembership, id: string, image: ConsumerImage): void {
  const { group, now } = turn;
  const stored = image.value('member', id)!;
  const current = image.value('current', id);
  const classic = classicOf(stored);
  const state = stateOf(current?.state ?? 0);
  const rebalanceTimeoutMs = stored.rebalanceTimeoutMs ?? -1;
  const member: ConsumerMember = {
    ...newMember(id), instanceId: stored.instanceId ?? null, rackId: stored.rackId ?? null, clientId: stored.clientId ?? '', clientHost: stored.clientHost ?? '', rebalanceTimeoutMs,
    topics: stored.subscribedTopicNames ?? [], pattern: stored.subscribedTopicRegex ?? '', assignor: stored.serverAssignor ?? null, classic, state,
    epoch: current?.memberEpoch ?? 0, previousEpoch: current?.previousMemberEpoch ?? 0,
    assigned: heldOf(current?.assignedPartitions), revoking: heldOf(current?.partitionsPendingRevocation),
    target: setOf((image.value('target', id)?.topicPartitions ?? []).map(({ topicId, partitions }) => ({ topicId: topicId ?? '', partitions: partitions ?? [] }))),
    expiresAtMs: now.monotonicMs + (classic?.sessionTimeoutMs ?? group.config.consumer.sessionTimeoutMs(group.id)),
    revokeByMs: state === 'unrevoked' && classic === null ? now.monotonicMs + rebalanceTimeoutMs : Infinity,
  };
  insertConsumer(membership, member);
  wakeBy(turn, Math.min(member.expiresAtMs, member.revokeByMs));
}

function classicOf(stored: ConsumerValues['member']): ClassicSide | null {
  const classic = stored.classicMemberMetadata;
  if (classic === null || classic === undefined) return null;
  return { sessionTimeoutMs: classic.sessionTimeoutMs ?? 0, protocols: (classic.supportedProtocols ?? []).map(({ name, metadata }) => ({ name: name ?? '', metadata: metadata ?? noBytes })) };
}

function stateOf(number: number): MemberState {
  const found = Object.entries(memberStateNumbers).find(([, value]) => value === number);
  return (found?.[0] ?? 'stable') as MemberState;
}

function heldOf(lists: ConsumerValues['current']['assignedPartitions']): HeldPartitions {
  const held = new Map<string, Map<number, number>>();
  for (const { topicId, partitions, assignmentEpochs } of lists ?? []) {
    for (const [index, partition] of (partitions ?? []).entries()) putHeld(held, topicId ?? '', partition, assignmentEpochs?.[index] ?? 0);
  }
  return held;
}

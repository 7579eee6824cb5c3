// broker/group/restore.ts - a group brought back from its records.
// Owns: that translation. Never: reading records (group-log.ts).
// A group with members comes back stable, each member's session beginning anew: so clients that reconnect in time notice nothing.
import { noBytes, waitingForNothing, emptyGroup, type Group, type GroupConfig, type Member } from './group.ts';
import type { Effect, GroupValue, Now } from './effects.ts';
import type { GroupImage } from './image.ts';
import { insertMember } from './members.ts';
import { setOffset } from './offset-table.ts';
import { subscribedTopics } from './subscription.ts';
import { restoreConsumer } from './consumer/restore.ts';
import { touch, type Turn } from './turn.ts';

/** The group, and what the shell has to do for it (wake it). */
export function restoreGroup(id: string, image: GroupImage, config: GroupConfig, now: Now): { group: Group; effects: Effect[] } {
  const group = emptyGroup(id, config, -1);
  const turn: Turn = { group, now, effects: [] };
  for (const [topic, partitions] of image.offsets) {
    for (const [partition, value] of partitions) setOffset(group.offsets, topic, partition, value);
  }
  for (const [producerId, table] of image.pending) group.pending.set(producerId, new Map([...table].map(([topic, partitions]) => [topic, new Map(partitions)])));
  restoreMembership(turn, image);
  return { group, effects: turn.effects };
}

/** Puts the members into a group without any. */
export function restoreMembership(turn: Turn, image: GroupImage): void {
  if (restoreConsumer(turn, image.consumer)) return;
  if (image.value !== null) restoreClassic(turn, image.value);
}

function restoreClassic(turn: Turn, value: GroupValue): void {
  const { group } = turn;
  group.protocolType = value.protocolType || null;
  group.generation = value.generation ?? 0;
  group.phaseSinceMs = value.currentStateTimestamp ?? -1;
  for (const member of value.members ?? []) {
    const restored = restoreMember(member, value.protocol ?? '');
    insertMember(group, restored);
    touch(turn, restored);
  }
  if (group.members.size > 0) {
    group.protocolName = value.protocol ?? null;
    if (value.leader && group.members.has(value.leader)) group.leaderId = value.leader;
    group.phase = { kind: 'stable', unsynced: new Set(), deadlineMs: Infinity };
  }
  group.subscribedTopics = subscribedTopics(group);
}

function restoreMember(stored: NonNullable<GroupValue['members']>[number], protocolName: string): Member {
  return {
    id: stored.memberId ?? '', instanceId: stored.groupInstanceId ?? null, clientId: stored.clientId ?? '', clientHost: stored.clientHost ?? '',
    sessionTimeoutMs: stored.sessionTimeout ?? 0, rebalanceTimeoutMs: stored.rebalanceTimeout ?? stored.sessionTimeout ?? 0,
    protocols: [{ name: protocolName, metadata: stored.subscription ?? noBytes }], assignment: stored.assignment ?? noBytes,
    waiting: waitingForNothing, isNew: false, expiresAtMs: 0,
  };
}

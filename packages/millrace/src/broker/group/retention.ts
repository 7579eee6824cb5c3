// broker/group/retention.ts - how long committed offsets are kept.
// Owns: which offsets have expired. Never: when it is looked for (coordinator.ts, offsets.retention.check.interval.ms).
// T1 Offsets of a topic that members subscribe to never expire. T2 Nothing expires while a write of the group is on its way: what
// it brings may be newer than what is seen. Source: KIP-211.
import type { PartitionName } from './effects.ts';
import { consumerProtocolType, isSubscribed, type Committed, type Group } from './group.ts';
import { deleteGroup, dropOffsets } from './offsets.ts';
import { isEmpty } from './state-name.ts';
import type { Turn } from './turn.ts';

/** Drops what has expired; a group without members and offsets goes itself. */
export function expireOffsets(turn: Turn, retentionMs: number): void {
  const { group, now } = turn;
  if (group.writesInFlight > 0 || group.phase.kind === 'dead') return;
  const expired = expiredOffsets(group, retentionMs, now.wallMs);
  if (isEmpty(group) && group.promised.size === 0 && group.pending.size === 0 && expired.length === countOffsets(group)) return deleteGroup(turn, null);
  if (expired.length > 0) dropOffsets(turn, expired, null);
}

function expiredOffsets(group: Group, retentionMs: number, wallMs: number): PartitionName[] {
  const expired: PartitionName[] = [];
  for (const [topic, partitions] of group.offsets) {
    if (isSubscribed(group, topic)) continue; // T1
    for (const [partition, value] of partitions) {
      const sinceMs = agesSinceMs(group, value);
      if (sinceMs === null) continue;
      const expiresMs = value.expireTimestampMs >= 0 ? value.expireTimestampMs : sinceMs + retentionMs;
      if (wallMs >= expiresMs) expired.push({ topic, partition });
    }
  }
  return expired;
}

/**
 * The wall time from which an offset ages: in a group that never had members, since its commit; without members, since the last
 * one went; with members, since its commit, if their subscriptions are known and settled; in a consumer group always since its commit. Null: it does
 * not age.
 */
function agesSinceMs(group: Group, value: Committed): number | null {
  if (group.protocolType === null || group.phase.kind === 'consumer') return value.commitTimestampMs;
  if (group.phase.kind === 'empty') return group.phaseSinceMs >= 0 ? group.phaseSinceMs : value.commitTimestampMs;
  const settled = group.phase.kind === 'stable' && group.protocolType === consumerProtocolType && group.subscribedTopics !== null;
  return settled ? value.commitTimestampMs : null;
}

function countOffsets(group: Group): number {
  let count = 0;
  for (const partitions of group.offsets.values()) count += partitions.size;
  return count;
}

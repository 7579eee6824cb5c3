// broker/group/consumer/assign.ts - a consumer group's next epoch: who is in and what they read has changed, so the partitions are divided anew.
// Owns: epochs, the fingerprint of topics, targets. Never: handing over (reconcile.ts).
// A target counts at once; members move towards it one by one, at their own heartbeats.
import { serverAssignors, type Candidate } from './assignors.ts';
import type { Change } from './change.ts';
import type { ConsumerGroupConfig, GroupTopics } from '../ports.ts';
import { groupTopics, topicsRead, type ConsumerMember, type ConsumerMembership } from './membership.ts';
import { noPartitions, samePartitions } from './partitions.ts';

/** Begins the next epoch and divides for it. */
export function nextEpoch(change: Change): void {
  const { membership, turn } = change;
  const { topics, consumer } = turn.group.config;
  membership.epoch++;
  membership.fingerprint = fingerprintOf(membership, topics);
  change.note('epoch');
  divide(change, topics, consumer);
}

/** Ids of the topics that a member reads and that are there. */
export function topicIdsRead(membership: ConsumerMembership, member: ConsumerMember, topics: GroupTopics): Set<string> {
  const ids = new Set<string>();
  for (const name of topicsRead(membership, member)) {
    const id = topics.idOf(name);
    if (id !== null) ids.add(id);
  }
  return ids;
}

/** Another number when a topic that the group reads came, went, was made anew or grew. */
export function fingerprintOf(membership: ConsumerMembership, topics: GroupTopics): bigint {
  const lines: string[] = [];
  for (const name of groupTopics(membership)) {
    const id = topics.idOf(name);
    if (id !== null) lines.push(`${name} ${id} ${topics.partitionCount(name)}`);
  }
  return lines.length === 0 ? 0n : hash64(lines.sort().join('\n'));
}

/** The assignor that most members ask for, and nothing else counts; the node's first when nobody asks. */
export function preferredAssignor(membership: ConsumerMembership, { assignors }: ConsumerGroupConfig): string {
  const votes = new Map<string, number>();
  for (const { assignor } of membership.members.values()) if (assignor !== null) votes.set(assignor, (votes.get(assignor) ?? 0) + 1);
  let [preferred, most] = [assignors[0]!, 0];
  for (const [name, count] of votes) if (count > most) [preferred, most] = [name, count];
  return preferred;
}

function divide(change: Change, topics: GroupTopics, config: ConsumerGroupConfig): void {
  const { membership } = change;
  const candidates = [...membership.members.values()].map((member): Candidate => ({
    id: member.id, instanceId: member.instanceId, topicIds: topicIdsRead(membership, member, topics), had: member.target,
  }));
  const partitionCount = (topicId: string) => topics.partitionCount(topics.nameOf(topicId) ?? '');
  const shares = serverAssignors[preferredAssignor(membership, config)]!({ candidates, partitionCount });
  for (const member of membership.members.values()) {
    const target = shares.get(member.id) ?? noPartitions;
    if (samePartitions(target, member.target)) continue;
    member.target = target;
    change.note('target', member.id);
  }
  membership.assignmentEpoch = membership.epoch;
  change.note('assignment-epoch');
}

/** Two 32-bit FNV-1a hashes of the text, one forwards and one backwards, as one signed number. */
function hash64(text: string): bigint {
  let [forwards, backwards] = [0x811c9dc5, 0x811c9dc5];
  for (let i = 0; i < text.length; i++) {
    forwards = Math.imul(forwards ^ text.charCodeAt(i), 0x01000193);
    backwards = Math.imul(backwards ^ text.charCodeAt(text.length - 1 - i), 0x01000193);
  }
  return BigInt.asIntN(64, (BigInt(forwards >>> 0) << 32n) | BigInt(backwards >>> 0));
}

// broker/group/consumer/assignors.ts - the ways in which the node divides partitions among the members of a consumer group.
// Owns: `range`; the table of both. Never: who is in, what they have (membership.ts).
// A1 Every partition of a topic that somebody reads goes to exactly one member that reads it. A2 The same input gives the same division.
import { uniform } from './uniform.ts';
import { putPartition, type PartitionSet } from './partitions.ts';

/** One member to be served. */
export interface Candidate {
  readonly id: string;
  readonly instanceId: string | null;
  readonly topicIds: ReadonlySet<string>;
  /** What it was to have before. */
  readonly had: PartitionSet;
}

/** What is to be divided. Topics that are not there have no partitions. */
export interface Division { readonly candidates: readonly Candidate[]; partitionCount(topicId: string): number }

/** Divides: a set for each candidate. */
export type ServerAssignor = (division: Division) => Map<string, PartitionSet>;

/** Kafka's names; the first is the default. */
export const serverAssignors: Readonly<Record<string, ServerAssignor>> = { uniform, range };

/**
 * Consecutive partitions of each topic, in the order of the members' names: members with the same topics get the same partitions of topics of the same
 * size, so that their records can be joined. Static members come first, by instance id: they get the same again under another member id.
 */
function range({ candidates, partitionCount }: Division): Map<string, PartitionSet> {
  const sorted = [...candidates].sort(byName);
  const readers = new Map<string, Candidate[]>();
  for (const candidate of sorted) {
    for (const topicId of candidate.topicIds) {
      const list = readers.get(topicId);
      if (list === undefined) readers.set(topicId, [candidate]);
      else list.push(candidate);
    }
  }
  const shares = new Map(sorted.map(({ id }) => [id, new Map<string, Set<number>>()]));
  for (const [topicId, list] of readers) {
    const count = partitionCount(topicId);
    const least = Math.floor(count / list.length);
    const extra = count % list.length;
    let next = 0;
    for (const [index, { id }] of list.entries()) {
      const end = next + least + (index < extra ? 1 : 0);
      for (; next < end; next++) putPartition(shares.get(id)!, topicId, next);
    }
  }
  return shares;
}

function byName(a: Candidate, b: Candidate): number {
  if (a.instanceId !== null && b.instanceId !== null) return compare(a.instanceId, b.instanceId);
  if (a.instanceId !== null) return -1;
  return b.instanceId !== null ? 1 : compare(a.id, b.id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

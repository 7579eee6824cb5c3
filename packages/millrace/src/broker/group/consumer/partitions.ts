// broker/group/consumer/partitions.ts - partitions by topic id, as sets.
// Owns: the few acts on such sets. Never: who has them.

/** Partitions by topic id. No entry is empty. Never changed once made. */
export type PartitionSet = ReadonlyMap<string, ReadonlySet<number>>;
/** The same with the epoch in which each partition was given to its member. */
export type HeldPartitions = ReadonlyMap<string, ReadonlyMap<number, number>>;
/** Partitions in the form of messages and records. */
export type PartitionLists = readonly { readonly topicId: string; readonly partitions: readonly number[] }[];

/** No partitions. */
export const nothingHeld: HeldPartitions = new Map();
/** No partitions. */
export const noPartitions: PartitionSet = new Map();

/** Puts one held partition into a map under construction. */
export function putHeld(held: Map<string, Map<number, number>>, topicId: string, partition: number, epoch: number): void {
  const partitions = held.get(topicId);
  if (partitions === undefined) held.set(topicId, new Map([[partition, epoch]]));
  else partitions.set(partition, epoch);
}

/** Puts one partition into a set under construction. */
export function putPartition(set: Map<string, Set<number>>, topicId: string, partition: number): void {
  const partitions = set.get(topicId);
  if (partitions === undefined) set.set(topicId, new Set([partition]));
  else partitions.add(partition);
}

/** All of them, one by one. */
export function* eachHeld(held: HeldPartitions): Iterable<readonly [topicId: string, partition: number, epoch: number]> {
  for (const [topicId, partitions] of held) for (const [partition, epoch] of partitions) yield [topicId, partition, epoch];
}

/** A held set from lists; partitions named twice count once. */
export function heldOf(lists: PartitionLists, epoch: number): HeldPartitions {
  const held = new Map<string, Map<number, number>>();
  for (const { topicId, partitions } of lists) for (const partition of partitions) putHeld(held, topicId, partition, epoch);
  return held;
}

/** A set from lists. */
export function setOf(lists: PartitionLists): PartitionSet {
  const set = new Map<string, Set<number>>();
  for (const { topicId, partitions } of lists) for (const partition of partitions) putPartition(set, topicId, partition);
  return set;
}

/** Lists with rising partitions. */
export function listsOf(set: PartitionSet | HeldPartitions): { topicId: string; partitions: number[] }[] {
  return [...set].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions.keys()].sort((a, b) => a - b) }));
}

/** Whether all partitions of the lists are held. */
export function holdsAll(held: HeldPartitions, lists: PartitionLists): boolean {
  return lists.every(({ topicId, partitions }) => partitions.every((partition) => held.get(topicId)?.has(partition) === true));
}

/** Whether any partition of the lists is held. */
export function holdsAny(held: HeldPartitions, lists: PartitionLists): boolean {
  return lists.some(({ topicId, partitions }) => partitions.some((partition) => held.get(topicId)?.has(partition) === true));
}

/** Whether both have the same partitions. */
export function samePartitions(a: PartitionSet | HeldPartitions, b: PartitionSet | HeldPartitions): boolean {
  if (a.size !== b.size) return false;
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId);
    if (others === undefined || others.size !== partitions.size) return false;
    for (const partition of partitions.keys()) if (!others.has(partition)) return false;
  }
  return true;
}

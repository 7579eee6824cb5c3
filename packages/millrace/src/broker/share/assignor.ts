// broker/share/assignor.ts - which members of a share group read which partitions: the assignor 'simple' of KIP-932.
// Owns: that decision. A1 Every partition has a member and every member a partition, as far as subscriptions allow; numbers differ by one at most.
// A2 Who has a partition keeps it as far as A1 allows. Topics with the same subscribers are dealt out together.

/** Partitions by topic id. */
export type Assignment = ReadonlyMap<string, readonly number[]>;
/** A member with the ids of the topics that it wants. */
export interface Subscriber { readonly id: string; readonly topicIds: readonly string[] }

interface Place { readonly topicId: string; readonly index: number }

/** Deals partitions out. `counts` are the partitions of each topic, `current` is who has what. */
export function assign(members: readonly Subscriber[], counts: ReadonlyMap<string, number>, current: ReadonlyMap<string, Assignment>): Map<string, Map<string, number[]>> {
  const shares = new Map(members.map(({ id }) => [id, new Map<string, number[]>()]));
  for (const { readers, topicIds } of bySubscribers(members, counts)) {
    const places = topicIds.flatMap((topicId) => Array.from({ length: counts.get(topicId)! }, (_, index): Place => ({ topicId, index })));
    const has = (member: string, { topicId, index }: Place): boolean => current.get(member)?.get(topicId)?.includes(index) === true;
    const give = (member: string, { topicId, index }: Place): void => {
      const share = shares.get(member)!;
      share.set(topicId, [...(share.get(topicId) ?? []), index]);
    };
    if (places.length >= readers.length) deal(places, readers, (place, member) => has(member, place)).forEach((member, at) => give(readers[member]!, places[at]!));
    else deal(readers, places, (member, place) => has(member, place)).forEach((place, at) => give(readers[at]!, places[place]!));
  }
  for (const share of shares.values()) for (const indexes of share.values()) indexes.sort((a, b) => a - b);
  return shares;
}

function bySubscribers(members: readonly Subscriber[], counts: ReadonlyMap<string, number>): { readers: string[]; topicIds: string[] }[] {
  const readersOf = new Map<string, string[]>();
  for (const { id, topicIds } of members) {
    for (const topicId of topicIds) {
      if (!counts.has(topicId)) continue;
      const readers = readersOf.get(topicId);
      if (readers === undefined) readersOf.set(topicId, [id]);
      else readers.push(id);
    }
  }
  const groups = new Map<string, { readers: string[]; topicIds: string[] }>();
  for (const [topicId, readers] of readersOf) {
    const key = JSON.stringify(readers);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { readers, topicIds: [topicId] });
    else group.topicIds.push(topicId);
  }
  return [...groups.values()];
}

/** Puts each item into one bin; answers the bin of each. Bins get equally many, the rest one more. */
function deal<Item, Bin>(items: readonly Item[], bins: readonly Bin[], isIn: (item: Item, bin: Bin) => boolean): number[] {
  const least = Math.floor(items.length / bins.length);
  let extra = items.length % bins.length;
  const filled = bins.map(() => 0);
  const binOf = items.map(() => -1);
  const put = (item: number, bin: number): void => {
    if (filled[bin]! === least) extra--;
    filled[bin]!++;
    binOf[item] = bin;
  };
  const hasRoom = (bin: number): boolean => filled[bin]! < least || (filled[bin]! === least && extra > 0);
  for (const [at, item] of items.entries()) {
    const bin = bins.findIndex((one, index) => isIn(item, one) && hasRoom(index));
    if (bin >= 0) put(at, bin);
  }
  let next = 0;
  for (const at of items.keys()) {
    if (binOf[at] !== -1) continue;
    while (next < bins.length && filled[next]! >= least) next++;
    put(at, next < bins.length ? next : bins.findIndex((_, index) => hasRoom(index)));
  }
  return binOf;
}

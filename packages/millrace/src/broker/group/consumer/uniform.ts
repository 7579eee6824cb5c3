// broker/group/consumer/uniform.ts - the `uniform` assignor: as even as can be, moving as few partitions as that allows.
// Owns: that division. Never: records, members' states.
// U1 Members that read the same topics differ by one partition at most. U2 A member keeps what it had unless that stands in the way of U1.
// Cost: what all read alike is divided in one pass over the partitions; else each move makes the shares more even, so the moves come to an end.
import type { Candidate, Division } from './assignors.ts';
import { putPartition, type PartitionSet } from './partitions.ts';

interface Share { readonly candidate: Candidate; readonly partitions: Map<string, Set<number>>; count: number }

/** Divides evenly and stickily. */
export function uniform(division: Division): Map<string, PartitionSet> {
  const shares = division.candidates.map((candidate): Share => ({ candidate, partitions: new Map(), count: 0 }));
  const free = keepWhatFits(division, shares);
  if (readAlike(division.candidates)) levelAlike(shares, free);
  else {
    giveAway(shares, free);
    even(shares);
  }
  return new Map(shares.map(({ candidate, partitions }) => [candidate.id, partitions]));
}

/** Gives each what it had and may have; returns what nobody has. */
function keepWhatFits(division: Division, shares: readonly Share[]): [topicId: string, partition: number][] {
  const counts = new Map<string, number>();
  for (const { candidate } of shares) for (const topicId of candidate.topicIds) if (!counts.has(topicId)) counts.set(topicId, division.partitionCount(topicId));
  const taken = new Map([...counts.keys()].map((topicId) => [topicId, new Set<number>()]));
  for (const share of shares) {
    for (const [topicId, partitions] of share.candidate.had) {
      if (!share.candidate.topicIds.has(topicId)) continue;
      for (const partition of partitions) {
        if (partition >= counts.get(topicId)! || taken.get(topicId)!.has(partition)) continue;
        taken.get(topicId)!.add(partition);
        add(share, topicId, partition);
      }
    }
  }
  const free: [string, number][] = [];
  for (const [topicId, count] of counts) for (let partition = 0; partition < count; partition++) if (!taken.get(topicId)!.has(partition)) free.push([topicId, partition]);
  return free;
}

function readAlike(candidates: readonly Candidate[]): boolean {
  const first = candidates[0]?.topicIds;
  return candidates.every(({ topicIds }) => topicIds.size === first!.size && [...topicIds].every((topicId) => first!.has(topicId)));
}

/** All may have everything: who has more than its due gives the rest away, those below it are filled up. Who had more keeps the odd ones. */
function levelAlike(shares: readonly Share[], free: [string, number][]): void {
  if (shares.length === 0) return;
  const total = shares.reduce((sum, share) => sum + share.count, free.length);
  const least = Math.floor(total / shares.length);
  let extra = total % shares.length;
  const dues = new Map<Share, number>();
  for (const share of shares) if (share.count > least && extra > 0) { dues.set(share, least + 1); extra--; }
  for (const share of shares) {
    if (dues.has(share)) continue;
    dues.set(share, least + (extra > 0 ? 1 : 0));
    extra = Math.max(0, extra - 1);
  }
  for (const share of shares) while (share.count > dues.get(share)!) free.push(takeLast(share));
  let next = 0;
  for (const share of shares) while (share.count < dues.get(share)!) add(share, ...free[next++]!);
}

/** What nobody has goes to the one with least among those who read it; topics with few readers first, for they have least choice. */
function giveAway(shares: readonly Share[], free: readonly [string, number][]): void {
  const readers = Map.groupBy(free, ([topicId]) => topicId);
  const topics = [...readers].map(([topicId, partitions]) => ({ topicId, partitions, sharers: shares.filter(({ candidate }) => candidate.topicIds.has(topicId)) }));
  topics.sort((a, b) => a.sharers.length - b.sharers.length);
  for (const { topicId, partitions, sharers } of topics) for (const [, partition] of partitions) add(smallest(sharers), topicId, partition);
}

/** Moves single partitions from who has more to who has at least two less, until there is no such pair. */
function even(shares: readonly Share[]): void {
  for (let moved = true; moved;) {
    moved = false;
    for (const from of [...shares].sort((a, b) => b.count - a.count)) {
      for (const topicId of [...from.partitions.keys()]) {
        const to = smallest(shares.filter(({ candidate }) => candidate.topicIds.has(topicId)));
        while (from.count > to.count + 1 && from.partitions.has(topicId)) {
          add(to, topicId, takeFrom(from, topicId));
          moved = true;
        }
      }
    }
  }
}

function smallest(shares: readonly Share[]): Share {
  return shares.reduce((least, share) => (share.count < least.count ? share : least));
}

function add(share: Share, topicId: string, partition: number): void {
  putPartition(share.partitions, topicId, partition);
  share.count++;
}

function takeLast(share: Share): [string, number] {
  const topicId = [...share.partitions.keys()].at(-1)!;
  return [topicId, takeFrom(share, topicId)];
}

function takeFrom(share: Share, topicId: string): number {
  const partitions = share.partitions.get(topicId)!;
  const partition = [...partitions].at(-1)!;
  partitions.delete(partition);
  if (partitions.size === 0) share.partitions.delete(topicId);
  share.count--;
  return partition;
}

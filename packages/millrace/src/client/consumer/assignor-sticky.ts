// client/consumer/assignor-sticky.ts - balanced shares that move as few partitions as possible.
// Owns: the sticky division and the cooperative rule. Never: bytes.
// S1 no member that could take a partition from another holds two fewer than that one. S2 a partition moves only if S1 or a
// subscription demands it. S3 (cooperative) a partition is given to nobody while a member that must let it go still holds it;
// that member joins again once it has, and the next round gives it away.
// Cost: O(partitions x log members) when all members want the same topics; else each move costs O(members).
import type { PartitionsByTopic } from './protocol.ts';
import { emptyAssignment, give, inOrder, type Assignment, type Member } from './assignor-members.ts';

/** A member with what it says it holds. */
export interface Claim {
  readonly member: Member;
  readonly owned: PartitionsByTopic;
  /** The generation in which it got it; the newer claim to a partition wins. */
  readonly generation: number;
}

interface Place { readonly topic: string; readonly partition: number }
interface Share { readonly member: Member; readonly topics: ReadonlySet<string>; readonly places: Place[] }

/** Divides with S1 and S2. */
export function assignSticky(claims: readonly Claim[], partitionCounts: ReadonlyMap<string, number>): Assignment {
  const shares = inOrder(claims.map((claim) => claim.member)).map((member): Share => ({ member, topics: new Set(member.subscription.topics), places: [] }));
  const owners = ownersOf(claims);
  const orphans = keepOwned(shares, owners, partitionCounts);
  for (const place of orphans) smallestTaker(shares, place)?.places.push(place);
  balance(shares);
  const assignment = emptyAssignment(claims.map((claim) => claim.member));
  for (const share of shares) for (const { topic, partition } of inPlaceOrder(share.places)) give(assignment, share.member.memberId, topic, partition);
  return assignment;
}

/** S3: takes out of `assignment` what another member still holds. */
export function withheldUntilRevoked(claims: readonly Claim[], assignment: Assignment): Assignment {
  const owners = ownersOf(claims);
  for (const [memberId, topics] of assignment) {
    for (const [topic, partitions] of topics) {
      const free = partitions.filter((partition) => {
        const owner = owners.get(placeKey(topic, partition));
        return owner === undefined || owner === memberId;
      });
      if (free.length > 0) topics.set(topic, free);
      else topics.delete(topic);
    }
  }
  return assignment;
}

/** Who holds what: the newest generation wins; two members with the same generation cancel each other out. */
function ownersOf(claims: readonly Claim[]): Map<string, string> {
  const best = new Map<string, { memberId: string; generation: number; contested: boolean }>();
  for (const { member, owned, generation } of claims) {
    for (const [topic, partitions] of owned) {
      for (const partition of partitions) {
        const key = placeKey(topic, partition);
        const before = best.get(key);
        if (!before || generation > before.generation) best.set(key, { memberId: member.memberId, generation, contested: false });
        else if (generation === before.generation && before.memberId !== member.memberId) before.contested = true;
      }
    }
  }
  const owners = new Map<string, string>();
  for (const [key, claim] of best) if (!claim.contested) owners.set(key, claim.memberId);
  return owners;
}

/** Gives every partition to its owner if that one still subscribes; returns the rest, topic by topic. */
function keepOwned(shares: readonly Share[], owners: ReadonlyMap<string, string>, partitionCounts: ReadonlyMap<string, number>): Place[] {
  const byId = new Map(shares.map((share) => [share.member.memberId, share]));
  const orphans: Place[] = [];
  for (const topic of [...partitionCounts.keys()].sort()) {
    for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) {
      const owner = byId.get(owners.get(placeKey(topic, partition)) ?? '');
      if (owner?.topics.has(topic)) owner.places.push({ topic, partition });
      else orphans.push({ topic, partition });
    }
  }
  return orphans;
}

function smallestTaker(shares: readonly Share[], place: Place): Share | undefined {
  let best: Share | undefined;
  for (const share of shares) if (share.topics.has(place.topic) && (!best || share.places.length < best.places.length)) best = share;
  return best;
}

/** Moves one partition at a time from the fullest to the emptiest member that may take it, until S1 holds. Each move lowers the sum of squares, so it ends. */
function balance(shares: Share[]): void {
  for (;;) {
    shares.sort((a, b) => b.places.length - a.places.length);
    const moved = shares.some((from) => moveOne(from, shares));
    if (!moved) return;
  }
}

function moveOne(from: Share, shares: readonly Share[]): boolean {
  for (let i = shares.length - 1; i >= 0; i--) {
    const to = shares[i]!;
    if (to.places.length + 1 >= from.places.length) return false; // the emptiest come first: no later one is emptier
    const at = from.places.findLastIndex((place) => to.topics.has(place.topic));
    if (at < 0) continue;
    to.places.push(...from.places.splice(at, 1));
    return true;
  }
  return false;
}

function inPlaceOrder(places: readonly Place[]): Place[] {
  return [...places].sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition));
}

function placeKey(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

// client/consumer/assignor.ts - how the leader of a classic group divides partitions: the door to the three kinds.
// Owns: names, the eager/cooperative distinction, 'range' and 'roundrobin' (same results as Java's). 'sticky' kinds: assignor-sticky.ts.
// A1 every partition of a subscribed topic goes to exactly one member that subscribes to it (cooperative: at most one, see there).
import type { PartitionsByTopic, Subscription } from './protocol.ts';
import { compare, emptyAssignment, give, inOrder, type Assignment, type Member } from './assignor-members.ts';
import { assignSticky, withheldUntilRevoked } from './assignor-sticky.ts';
import { decodeCooperativeUserData, decodeStickyUserData, encodeCooperativeUserData, encodeStickyUserData } from './protocol.ts';

export type { Assignment, Member } from './assignor-members.ts';

/** Names as Kafka knows them. */
export type AssignorName = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky';

/** One way of dividing. */
export interface Assignor {
  readonly name: AssignorName;
  /** 'cooperative' members keep what they hold while they join again; 'eager' ones give everything up first. */
  readonly kind: 'eager' | 'cooperative';
  userData(owned: PartitionsByTopic, generation: number): Uint8Array | null;
  /** Topics without an entry in `partitionCounts` do not exist and are left out. */
  assign(members: readonly Member[], partitionCounts: ReadonlyMap<string, number>): Assignment;
}

/** All assignors by name. */
export const assignors: Readonly<Record<AssignorName, Assignor>> = {
  range: { name: 'range', kind: 'eager', userData: () => null, assign: assignRange },
  roundrobin: { name: 'roundrobin', kind: 'eager', userData: () => null, assign: assignRoundRobin },
  sticky: {
    name: 'sticky', kind: 'eager',
    userData: (owned, generation) => encodeStickyUserData(owned, generation),
    assign: (members, counts) => assignSticky(members.map((member) => ({ member, ...decodeStickyUserData(member.subscription.userData) })), counts),
  },
  'cooperative-sticky': {
    name: 'cooperative-sticky', kind: 'cooperative',
    userData: (_owned, generation) => encodeCooperativeUserData(generation),
    assign(members, counts) {
      const claims = members.map((member) => ({ member, owned: member.subscription.owned, generation: generationOf(member.subscription) }));
      return withheldUntilRevoked(claims, assignSticky(claims, counts));
    },
  },
};

function generationOf(subscription: Subscription): number {
  return subscription.generation >= 0 ? subscription.generation : decodeCooperativeUserData(subscription.userData);
}

/** Topic by topic, a run of partitions for each member; the first members get one more when it does not come out even. */
function assignRange(members: readonly Member[], partitionCounts: ReadonlyMap<string, number>): Assignment {
  const assignment = emptyAssignment(members);
  const ordered = inOrder(members);
  for (const [topic, count] of partitionCounts) {
    const takers = ordered.filter((member) => member.subscription.topics.includes(topic));
    let partition = 0;
    takers.forEach((taker, index) => {
      const share = Math.floor(count / takers.length) + (index < count % takers.length ? 1 : 0);
      for (let i = 0; i < share; i++) give(assignment, taker.memberId, topic, partition++);
    });
  }
  return assignment;
}

/** All partitions of all topics in order, dealt one at a time to the members around the table, past those who do not subscribe. */
function assignRoundRobin(members: readonly Member[], partitionCounts: ReadonlyMap<string, number>): Assignment {
  const assignment = emptyAssignment(members);
  const ordered = inOrder(members);
  let turn = 0;
  for (const topic of [...partitionCounts.keys()].sort(compare)) {
    if (!ordered.some((member) => member.subscription.topics.includes(topic))) continue;
    for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) {
      while (!ordered[turn % ordered.length]!.subscription.topics.includes(topic)) turn++;
      give(assignment, ordered[turn++ % ordered.length]!.memberId, topic, partition);
    }
  }
  return assignment;
}

// broker/share/membership.ts - the members of a share group: who is there, which partitions each is to read.
// Owns: joining, heartbeats, leaving, epochs. Never: I/O, clocks, records (share-partition.ts).
// M1 The group epoch rises with every change of members, subscriptions or topics, and never falls. M2 A member is told of an assignment with the
// epoch in which it was made. M3 Members are not stored: after a restart each is unknown, joins again with its next heartbeat, and holds no records.
// Source: KIP-932, in the words of Kafka's coordinator.
import { errorCodes } from '../../wire/mod.ts';
import { assign, type Assignment } from './assignor.ts';

/** One member. */
export interface ShareMember {
  readonly id: string;
  readonly clientId: string;
  readonly clientHost: string;
  rackId: string | null;
  /** As last told, and before that: an answer may have been lost. */
  epoch: number;
  previousEpoch: number;
  /** Names of topics, sorted. */
  topics: readonly string[];
  assignment: Assignment;
  /** Monotonic. */
  expiresAtMs: number;
}

/** The members of one group. */
export interface Membership {
  groupEpoch: number;
  /** The group epoch in which partitions were dealt out last. */
  assignmentEpoch: number;
  readonly members: Map<string, ShareMember>;
  target: ReadonlyMap<string, Assignment>;
}

/** What a heartbeat says. */
export interface Beat { readonly memberId: string; readonly memberEpoch: number; readonly rackId: string | null; readonly topics: readonly string[] | null; readonly clientId: string; readonly clientHost: string }

/** Topics as members see them: id and number of partitions; null for one that is not there. */
export type TopicLookup = (name: string) => { readonly id: string; readonly partitionCount: number } | null;

/** What a heartbeat needs besides. */
export interface BeatContext { readonly nowMs: number; readonly sessionTimeoutMs: number; readonly membersMax: number; readonly topicOf: TopicLookup }

/** The answer to a heartbeat; `assignment` is null when it is as it was. */
export type BeatAnswer =
  | { readonly kind: 'beat'; readonly member: ShareMember; readonly assignment: Assignment | null }
  | { readonly kind: 'refused'; readonly errorCode: number; readonly message: string };

/** A group without members. */
export function newMembership(groupEpoch: number): Membership {
  return { groupEpoch, assignmentEpoch: groupEpoch, members: new Map(), target: new Map() };
}

const refused = (errorCode: number, message: string): BeatAnswer => ({ kind: 'refused', errorCode, message });

/** A member joins (epoch 0) or says that it is alive. */
export function beat(group: Membership, said: Beat, context: BeatContext): BeatAnswer {
  const known = group.members.get(said.memberId);
  const fault = faultOf(group, known, said, context);
  if (fault !== null) return fault;
  const member = known ?? join(group, said);
  member.expiresAtMs = context.nowMs + context.sessionTimeoutMs;
  member.rackId = said.rackId ?? member.rackId;
  const topics = said.topics === null ? member.topics : [...new Set(said.topics)].sort();
  if (known === undefined || !sameNames(topics, member.topics)) {
    member.topics = topics;
    group.groupEpoch++;
  }
  dealOut(group, context.topicOf);
  const repeats = said.memberEpoch !== member.epoch; // it joins, or did not hear the last answer
  const changed = moveOn(group, member);
  return { kind: 'beat', member, assignment: repeats || changed ? member.assignment : null };
}

function faultOf(group: Membership, known: ShareMember | undefined, { memberId, memberEpoch }: Beat, { membersMax }: BeatContext): BeatAnswer | null {
  if (memberEpoch === 0) {
    return known === undefined && group.members.size >= membersMax ? refused(errorCodes.GROUP_MAX_SIZE_REACHED, `The share group has reached its maximum capacity of ${membersMax} members.`) : null;
  }
  if (known === undefined) return refused(errorCodes.UNKNOWN_MEMBER_ID, `Member ${memberId} is not a member of the group.`);
  if (memberEpoch > known.epoch) {
    return refused(errorCodes.FENCED_MEMBER_EPOCH, `The share group member has a greater member epoch (${memberEpoch}) than the one known by the group coordinator (${known.epoch}). The member must abandon all its partitions and rejoin.`);
  }
  if (memberEpoch < known.epoch && memberEpoch !== known.previousEpoch) {
    return refused(errorCodes.FENCED_MEMBER_EPOCH, `The share group member has a smaller member epoch (${memberEpoch}) than the one known by the group coordinator (${known.epoch}), and it does not match the previous member epoch (${known.previousEpoch}). The member must abandon all its partitions and rejoin.`);
  }
  return null;
}

function join(group: Membership, { memberId, clientId, clientHost, rackId }: Beat): ShareMember {
  const member: ShareMember = { id: memberId, clientId, clientHost, rackId, epoch: 0, previousEpoch: 0, topics: [], assignment: new Map(), expiresAtMs: Infinity };
  group.members.set(memberId, member);
  return member;
}

/** A member is gone; false when it was not there. */
export function leave(group: Membership, memberId: string): boolean {
  if (!group.members.delete(memberId)) return false;
  group.groupEpoch++;
  return true;
}

/** Members whose time is over. */
export function expired(group: Membership, nowMs: number): string[] {
  return [...group.members.values()].filter(({ expiresAtMs }) => expiresAtMs <= nowMs).map(({ id }) => id);
}

/** A topic came, grew or went: partitions are dealt out anew with the next heartbeat, if anybody wants it. */
export function topicChanged(group: Membership, name: string): void {
  for (const { topics } of group.members.values()) if (topics.includes(name)) { group.groupEpoch++; return; }
}

/** The first time at which a member expires. */
export function firstExpiryMs(group: Membership): number {
  let first = Infinity;
  for (const { expiresAtMs } of group.members.values()) first = Math.min(first, expiresAtMs);
  return first;
}

function dealOut(group: Membership, topicOf: TopicLookup): void {
  if (group.assignmentEpoch === group.groupEpoch) return;
  const counts = new Map<string, number>();
  const subscribers = [...group.members.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id, topics }) => {
    const found = topics.map(topicOf).filter((topic) => topic !== null);
    for (const topic of found) counts.set(topic.id, topic.partitionCount);
    return { id, topicIds: found.map((topic) => topic.id) };
  });
  group.target = assign(subscribers, counts, new Map([...group.members].map(([id, { assignment }]) => [id, assignment])));
  group.assignmentEpoch = group.groupEpoch;
}

/** M2: the member gets what was dealt out; true when that is something else than it had. */
function moveOn(group: Membership, member: ShareMember): boolean {
  if (member.epoch === group.assignmentEpoch) return false;
  member.previousEpoch = member.epoch;
  member.epoch = group.assignmentEpoch;
  const before = member.assignment;
  member.assignment = group.target.get(member.id) ?? new Map();
  return !sameAssignment(before, member.assignment);
}

const sameNames = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((name, at) => name === b[at]);

function sameAssignment(a: Assignment, b: Assignment): boolean {
  if (a.size !== b.size) return false;
  for (const [topicId, indexes] of a) {
    const other = b.get(topicId);
    if (other === undefined || other.length !== indexes.length || indexes.some((index, at) => index !== other[at])) return false;
  }
  return true;
}

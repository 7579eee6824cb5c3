// broker/group/consumer/change.ts - what one event changes in a consumer group, written as one batch.
// Owns: which records follow from a change. Never: the changes themselves.
// Y1 What a member has, and what it shall have, is written in the batch of the event that changed it. Y2 A change that changes nothing writes nothing.
import { append, reply, type Turn } from '../turn.ts';
import type { GroupRecord, Ticket } from '../effects.ts';
import { consumerRecordNames, type ConsumerRecord, type ConsumerRecordName } from './consumer-record.ts';
import { groupTopics, type ConsumerMember, type ConsumerMembership, type MemberState } from './membership.ts';
import { listsOf, type HeldPartitions } from './partitions.ts';

/** Kafka's numbers of members' states. */
export const memberStateNumbers: Readonly<Record<MemberState, number>> = { stable: 0, unrevoked: 1, unreleased: 2 };

/** Records to be written for one event. */
export class Change {
  readonly turn: Turn;
  readonly membership: ConsumerMembership;
  readonly #dirty = new Map<ConsumerRecordName, Set<string>>();
  #others: readonly GroupRecord[] = [];

  constructor(turn: Turn, membership: ConsumerMembership) {
    this.turn = turn;
    this.membership = membership;
  }

  /** Notes that a record is another now: of a member, of a pattern, or ('') of the group. */
  note(name: ConsumerRecordName, of = ''): void {
    const dirty = this.#dirty.get(name);
    if (dirty === undefined) this.#dirty.set(name, new Set([of]));
    else dirty.add(of);
  }

  /** Notes all that the group keeps of a member. */
  noteMember(memberId: string): void {
    for (const name of ['member', 'target', 'current'] as const) this.note(name, memberId);
  }

  /** Records of other kinds that belong to the same change, written before it. */
  with(records: readonly GroupRecord[]): void {
    this.#others = [...this.#others, ...records];
  }

  /** Hands the records to the log. */
  write(): void {
    const { turn, membership } = this;
    const records = [...this.#others, ...this.#records()];
    if (records.length === 0) return;
    const { writes } = membership;
    append(turn, records, { kind: 'consumer', writes, number: writes.issue() }, writes);
    turn.group.subscribedTopics = groupTopics(membership);
  }

  /** The same, and an answer once all is durable; `refused` if it never is. */
  writeAndAnswer<Body>(to: Ticket<Body> | null, body: Body, refused: Body): void {
    this.write();
    if (to !== null) this.membership.writes.answer(this.turn, to, body, refused);
  }

  /** Answers at once: what was refused changes nothing. */
  refuse<Body>(to: Ticket<Body>, body: Body): void {
    reply(this.turn, to, body);
  }

  #records(): GroupRecord[] {
    const records: GroupRecord[] = [];
    for (const name of consumerRecordNames) for (const of of this.#dirty.get(name) ?? []) records.push({ kind: 'consumer', record: recordOf(this.membership, name, of) });
    return records;
  }
}

/** A group's record as it is now: a tombstone when there is nothing any more. */
export function recordOf(membership: ConsumerMembership, name: ConsumerRecordName, of: string): ConsumerRecord {
  const member = membership.members.get(of);
  switch (name) {
    case 'epoch': return { name, of, value: { epoch: membership.epoch, metadataHash: membership.fingerprint } };
    case 'assignment-epoch': return { name, of, value: { assignmentEpoch: membership.assignmentEpoch } };
    case 'member': return { name, of, value: member === undefined ? null : memberValue(member) };
    case 'target': return { name, of, value: member === undefined ? null : { topicPartitions: listsOf(member.target) } };
    case 'current': return { name, of, value: member === undefined ? null : currentValue(member) };
    case 'pattern': {
      const topics = membership.patterns.get(of);
      return { name, of, value: topics === undefined ? null : { topics: [...topics], version: 0, timestamp: 0 } };
    }
  }
}

function memberValue(member: ConsumerMember) {
  const { instanceId, rackId, clientId, clientHost, topics, pattern, rebalanceTimeoutMs, assignor, classic } = member;
  return {
    instanceId, rackId, clientId, clientHost, subscribedTopicNames: [...topics], subscribedTopicRegex: pattern, rebalanceTimeoutMs, serverAssignor: assignor,
    classicMemberMetadata: classic === null ? null : { sessionTimeoutMs: classic.sessionTimeoutMs, supportedProtocols: classic.protocols.map(({ name, metadata }) => ({ name, metadata })) },
  };
}

function currentValue(member: ConsumerMember) {
  return {
    memberEpoch: member.epoch, previousMemberEpoch: member.previousEpoch, state: memberStateNumbers[member.state],
    assignedPartitions: heldLists(member.assigned), partitionsPendingRevocation: heldLists(member.revoking),
  };
}

function heldLists(held: HeldPartitions) {
  return listsOf(held).map(({ topicId, partitions }) => ({ topicId, partitions, assignmentEpochs: partitions.map((partition) => held.get(topicId)!.get(partition)!) }));
}

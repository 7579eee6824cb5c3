// broker/group/offsets.ts - committed offsets: kept once durable, and forgotten by request.
// Owns: OffsetCommit's and OffsetDelete's rules, and the deletion of a group. Never: ageing (retention.ts), forms of answers.
// O1 A commit is answered after its record is durable, and seen from then on (G4). O2 Records of one group are written and become
// durable in the order of the events, so the table always equals a replay of the durable log.
import { errorCodes } from '../../wire/mod.ts';
import type { CodeReply, CommitEvent, PartitionName, Purpose, Ticket } from './effects.ts';
import { consumerProtocolType, type Group } from './group.ts';
import { judgeCommit } from './judge-commit.ts';
import { removeOffset, setOffset } from './offset-table.ts';
import { dropPending } from './pending.ts';
import { isEmpty } from './state-name.ts';
import { append, memberFault, reply, sleep, touch, type Turn } from './turn.ts';

/** Handles a commit. */
export function commit(turn: Turn, event: CommitEvent): void {
  const { group } = turn;
  const { entries, ...verdict } = judgeCommit(group, event, commitFault);
  if (entries.length === 0) return reply(turn, event.to, verdict);
  const member = group.members.get(event.memberId);
  if (member !== undefined) touch(turn, member);
  append(turn, entries.map((entry) => ({ kind: 'offset', ...entry })), { kind: 'commit', to: event.to, entries, refused: verdict.refused });
}

/** Who may commit: members of this generation while work is assigned; anybody without a generation while the group has no members. */
function commitFault(group: Group, event: CommitEvent): number {
  const { phase } = group;
  if (phase.kind === 'dead') return errorCodes.COORDINATOR_NOT_AVAILABLE;
  if (event.generation < 0 && phase.kind === 'empty') return errorCodes.NONE;
  if (event.generation < 0 && event.memberId === '' && event.instanceId === null) return errorCodes.UNKNOWN_MEMBER_ID;
  const errorCode = memberFault(group, event.memberId, event.instanceId);
  if (errorCode !== errorCodes.NONE) return errorCode;
  if (event.generation !== group.generation) return errorCodes.ILLEGAL_GENERATION;
  return phase.kind === 'completing' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
}

/** The commit's records are durable, or were refused. */
export function commitWritten(turn: Turn, purpose: Extract<Purpose, { kind: 'commit' }>, errorCode: number): void {
  if (errorCode === errorCodes.NONE) {
    for (const { topic, partition, value } of purpose.entries) setOffset(turn.group.offsets, topic, partition, value);
  }
  reply(turn, purpose.to, { errorCode, refused: purpose.refused });
}

/** Handles the deletion of offsets of topics that nobody subscribes to (the caller has looked: isSubscribed). */
export function deleteOffsets(turn: Turn, to: Ticket<CodeReply>, partitions: readonly PartitionName[]): void {
  const errorCode = offsetDeleteFault(turn.group);
  const known = partitions.filter(({ topic, partition }) => turn.group.offsets.get(topic)?.has(partition));
  if (errorCode !== errorCodes.NONE || known.length === 0) return reply(turn, to, { errorCode });
  dropOffsets(turn, known, to);
}

/** Whether offsets may be deleted at all: of a group with members only when it tells its subscriptions, as consumers do. */
export function offsetDeleteFault(group: Group): number {
  if (group.phase.kind === 'dead') return errorCodes.GROUP_ID_NOT_FOUND;
  if (group.phase.kind === 'consumer') return errorCodes.NONE;
  return group.phase.kind !== 'empty' && group.protocolType !== consumerProtocolType ? errorCodes.NON_EMPTY_GROUP : errorCodes.NONE;
}

/** Writes tombstones for these offsets; they are gone once that is durable. */
export function dropOffsets(turn: Turn, partitions: readonly PartitionName[], to: Ticket<CodeReply> | null): void {
  const records = partitions.map(({ topic, partition }) => ({ kind: 'offset', topic, partition, value: null } as const));
  append(turn, records, { kind: 'offsets-gone', to, partitions });
}

/** The tombstones are durable, or were refused. */
export function offsetsGone(turn: Turn, purpose: Extract<Purpose, { kind: 'offsets-gone' }>, errorCode: number): void {
  if (errorCode === errorCodes.NONE) {
    for (const { topic, partition } of purpose.partitions) removeOffset(turn.group.offsets, topic, partition);
  }
  if (purpose.to !== null) reply(turn, purpose.to, { errorCode });
}

/** A topic was deleted: its offsets mean nothing any more. */
export function topicGone(turn: Turn, topic: string): void {
  const partitions = [...turn.group.offsets.get(topic)?.keys() ?? []].map((partition) => ({ topic, partition }));
  if (turn.group.phase.kind === 'dead') return;
  if (partitions.length > 0) dropOffsets(turn, partitions, null);
  dropPending(turn, topic);
}

/** Handles the deletion of the group: only without members. Until the tombstones are durable it is dead and answers nobody. */
export function deleteGroup(turn: Turn, to: Ticket<CodeReply> | null): void {
  const { group } = turn;
  if (isEmpty(group)) {
    const { phase } = group;
    group.phase = { kind: 'dead' };
    append(turn, [{ kind: 'forget' }], { kind: 'delete', to, phase });
  } else if (to !== null) {
    reply(turn, to, { errorCode: group.phase.kind === 'dead' ? errorCodes.GROUP_ID_NOT_FOUND : errorCodes.NON_EMPTY_GROUP });
  }
}

/** The group's tombstones are durable and it is gone; or they were refused and it lives on. */
export function groupDeleted(turn: Turn, purpose: Extract<Purpose, { kind: 'delete' }>, errorCode: number): void {
  const { group } = turn;
  if (errorCode === errorCodes.NONE) {
    group.offsets.clear();
    group.pending.clear();
    group.promised.clear();
    sleep(turn);
    turn.effects.push({ kind: 'gone' });
  } else {
    group.phase = purpose.phase;
  }
  if (purpose.to !== null) reply(turn, purpose.to, { errorCode });
}

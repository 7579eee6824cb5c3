// broker/group/pending.ts - offsets that belong to transactions: kept aside, and committed or dropped with them.
// Owns: TxnOffsetCommit's rules within the group, and what the end of a transaction does to its offsets. Never: transactions (transaction/).
// N1 The records that an end writes stand in one group of the journal with the transaction's markers: offsets count if and only if the records do.
// N2 From the request on until the end is durable the partition's offset is unstable: who asks for stable offsets waits.
import { errorCodes } from '../../wire/mod.ts';
import type { GroupRecord, OffsetEntry, PendEvent, Purpose } from './effects.ts';
import type { Group, OffsetTable } from './group.ts';
import { judgeCommit } from './judge-commit.ts';
import { removeOffset, setOffset } from './offset-table.ts';
import { append, memberFault, reply, touch, type Turn } from './turn.ts';

/** Handles offsets of a transaction. */
export function pend(turn: Turn, event: PendEvent): void {
  const { group } = turn;
  const { entries, ...verdict } = judgeCommit(group, event, pendFault);
  if (entries.length === 0) return reply(turn, event.to, verdict);
  const member = group.members.get(event.memberId);
  if (member !== undefined) touch(turn, member);
  const { producerId, to } = event;
  const table = tableOf(group, producerId);
  for (const { topic, partition, value } of entries) setOffset(table, topic, partition, value);
  append(turn, entries.map((entry) => ({ kind: 'pending', producerId, ...entry })), { kind: 'pending', to, producerId, entries, refused: verdict.refused });
}

/** Who may: anybody without a member id, as older clients do; else members of this generation. */
function pendFault(group: Group, { memberId, instanceId, generation }: PendEvent): number {
  if (group.phase.kind === 'dead') return errorCodes.COORDINATOR_NOT_AVAILABLE;
  if (generation < 0 && memberId === '' && instanceId === null) return errorCodes.NONE;
  const errorCode = memberFault(group, memberId, instanceId);
  if (errorCode !== errorCodes.NONE) return errorCode;
  return generation === group.generation ? errorCodes.NONE : errorCodes.ILLEGAL_GENERATION;
}

/** The records are durable, or were refused: then nothing of them is left. */
export function pendingWritten(turn: Turn, purpose: Extract<Purpose, { kind: 'pending' }>, errorCode: number): void {
  const { group } = turn;
  const table = group.pending.get(purpose.producerId);
  if (errorCode !== errorCodes.NONE && table !== undefined) {
    for (const { topic, partition, value } of purpose.entries) if (table.get(topic)?.get(partition) === value) removeOffset(table, topic, partition);
    if (table.size === 0) group.pending.delete(purpose.producerId);
  }
  reply(turn, purpose.to, { errorCode, refused: purpose.refused });
}

/** The transaction ends: its offsets become the group's, or nobody's. */
export function decide(turn: Turn, producerId: number, committed: boolean): void {
  const entries = entriesOf(turn.group.pending.get(producerId));
  if (entries.length === 0) return;
  const records: GroupRecord[] = committed ? entries.map((entry) => ({ kind: 'offset', ...entry })) : [];
  for (const { topic, partition } of entries) records.push({ kind: 'pending', producerId, topic, partition, value: null });
  append(turn, records, { kind: 'decided', producerId, committed, entries });
}

/** The end is durable, or was not written: then all is as before. */
export function decisionWritten(turn: Turn, purpose: Extract<Purpose, { kind: 'decided' }>, errorCode: number): void {
  if (errorCode !== errorCodes.NONE) return;
  const { group } = turn;
  const table = group.pending.get(purpose.producerId);
  for (const { topic, partition, value } of purpose.entries) {
    if (table?.get(topic)?.get(partition) === value) removeOffset(table, topic, partition);
    if (purpose.committed) setOffset(group.offsets, topic, partition, value);
  }
  if (table?.size === 0) group.pending.delete(purpose.producerId);
}

/** A topic was deleted: what transactions would commit for it means nothing any more. */
export function dropPending(turn: Turn, topic: string): void {
  for (const [producerId, table] of turn.group.pending) {
    const partitions = table.get(topic);
    if (partitions === undefined) continue;
    append(turn, [...partitions.keys()].map((partition) => ({ kind: 'pending', producerId, topic, partition, value: null })), { kind: 'note' });
    table.delete(topic);
    if (table.size === 0) turn.group.pending.delete(producerId);
  }
}

/** Whether a transaction that is not decided would commit an offset for this partition. */
export function isUnstable(group: Group, topic: string, partition: number): boolean {
  for (const table of group.pending.values()) if (table.get(topic)?.has(partition) === true) return true;
  return false;
}

function tableOf(group: Group, producerId: number): OffsetTable {
  let table = group.pending.get(producerId);
  if (table === undefined) group.pending.set(producerId, table = new Map());
  return table;
}

function entriesOf(table: OffsetTable | undefined): OffsetEntry[] {
  return [...table ?? []].flatMap(([topic, partitions]) => [...partitions].map(([partition, value]) => ({ topic, partition, value })));
}

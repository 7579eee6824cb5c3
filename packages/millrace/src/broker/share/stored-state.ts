// broker/share/stored-state.ts - share groups and share partitions as records, and back.
// Owns: keys and values. Never: when anything is written (share-log.ts).
// Two kinds of record speak of a partition: 'state' says all of it, 'change' what became of some records since; both say the start. Records that
// are held are stored as they were before: what nobody decided is free again after a restart, and that delivery does not count.
// Format: docs/formats/share-groups.md.
import { newSharePartition, writtenStart } from './share-partition.ts';
import type { StoredRun } from './effects.ts';
import type { SharePartition } from './moves.ts';
import { addRun, changeRange, dropBefore, passDecided, plainRun, recordState, type RecordState, type Run } from './runs.ts';

/** What a key names. */
export type StoredKey = { readonly kind: 'group'; readonly group: string } | { readonly kind: 'partition'; readonly group: string; readonly topicId: string; readonly index: number } | { readonly kind: 'unknown' };

/** Key of a group's record. */
export const groupKey = (group: string): string => JSON.stringify(['group', group]);
/** Key of the records of one partition as a group sees it. */
export const partitionKey = (group: string, topicId: string, index: number): string => JSON.stringify(['partition', group, topicId, index]);

/** Reads a key. */
export function readKey(text: string): StoredKey {
  const [kind, group, topicId, index] = JSON.parse(text) as [string, string, string, number];
  if (kind === 'group') return { kind, group };
  if (kind === 'partition') return { kind, group, topicId, index };
  return { kind: 'unknown' };
}

/** Value of a group's record. */
export const groupText = (epoch: number): string => JSON.stringify({ version: 1, epoch });
/** The epoch in a group's record. */
export const readGroup = (text: string): number => (JSON.parse(text) as { epoch: number }).epoch;

interface Stored { readonly version: 1; readonly kind: 'state' | 'change'; readonly epoch: number; readonly start: number; readonly runs: readonly (readonly [number, number, RecordState, number])[] }

/** Value that says all of a partition, as far as it stands in the log. */
export function stateText(partition: SharePartition): string {
  const start = writtenStart(partition);
  const runs = partition.runs.map((run) => writtenRun(partition, run)).filter(({ last, state, deliveryCount }) => last >= start && !(state === recordState.available && deliveryCount === 0));
  return textOf('state', partition.stateEpoch, start, runs);
}

/** Value that says what becomes of some records; the change counts as appended. */
export function changeText(partition: SharePartition, runs: readonly StoredRun[]): string {
  return textOf('change', partition.stateEpoch, writtenStart(partition), runs);
}

function textOf(kind: Stored['kind'], epoch: number, start: number, runs: readonly StoredRun[]): string {
  const stored: Stored = { version: 1, kind, epoch, start, runs: runs.map(({ first, last, state, deliveryCount }) => [first, last, state, deliveryCount]) };
  return JSON.stringify(stored);
}

function writtenRun({ unwritten }: SharePartition, run: Run): StoredRun {
  const { first, last } = run;
  if (run.moveId !== 0 && !unwritten.has(run.moveId)) return { first, last, state: run.movesTo, deliveryCount: run.deliveryCount };
  if (run.state === recordState.acquired) return { first, last, state: recordState.available, deliveryCount: run.deliveryCount - 1 };
  return { first, last, state: run.state, deliveryCount: run.deliveryCount };
}

/** The partition after a record, `before` being what earlier ones said. */
export function replayRecord(before: SharePartition | undefined, text: string): SharePartition {
  const { kind, epoch, start, runs } = JSON.parse(text) as Stored;
  const partition = before === undefined || kind === 'state' ? newSharePartition(start, epoch) : before;
  for (const [first, last, state, deliveryCount] of runs) overwrite(partition, first, last, state, deliveryCount);
  if (start > partition.start) dropBefore(partition, start);
  passDecided(partition);
  return partition;
}

/** Says of records what a record says of them; what was handed out before them and is not decided is free. */
function overwrite(partition: SharePartition, from: number, last: number, state: RecordState, deliveryCount: number): void {
  const first = Math.max(from, partition.start);
  if (first > last) return;
  if (first > partition.end) addRun(partition, plainRun(partition.end, first - 1, recordState.available, 0));
  const known = Math.min(last, partition.end - 1);
  if (first <= known) changeRange(partition, first, known, (run) => { run.state = run.movesTo = state; run.deliveryCount = deliveryCount; });
  if (last >= partition.end) addRun(partition, plainRun(partition.end, last, state, deliveryCount));
}

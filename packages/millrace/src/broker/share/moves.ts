// broker/share/moves.ts - changes of records that are on their way to the log.
// Owns: the state of a share partition as data, and how a change is put together. Never: which change is due.
import type { DeadLetterCause, DeadLetters, ShareEffect, ShareSettings, StoredRun } from './effects.ts';
import { changeRun, recordState, type RecordState, type Run, type Runs } from './runs.ts';

/** The state of a share partition. */
export interface SharePartition extends Runs {
  stateEpoch: number;
  movesMade: number;
  /** Changes that were decided and do not stand in the log yet. */
  readonly unwritten: Set<number>;
  /** At or before the first time at which a lock expires (monotonic). */
  wakeAtMs: number;
}

/** Puts records of a run on their way to `to`; P4. Adds to what is written and to the dead letters. */
export function move(partition: SharePartition, run: Run, moveId: number, to: RecordState, into: Moves): void {
  changeRun(partition, run, () => { run.moveId = moveId; run.movesTo = to; });
  const before = into.runs.at(-1);
  if (before !== undefined && before.last + 1 === run.first && before.state === to && before.deliveryCount === run.deliveryCount) into.runs[into.runs.length - 1] = { ...before, last: run.last };
  else into.runs.push({ first: run.first, last: run.last, state: to, deliveryCount: run.deliveryCount });
}

/** A change that is being put together. */
export interface Moves { readonly runs: StoredRun[]; readonly deadLetters: DeadLetters[] }

/** Notes that records of a run go to the dead letters. */
export function addDeadLetters(into: Moves, { first, last, deliveryCount }: Run, cause: DeadLetterCause): void {
  into.deadLetters.push({ first, last, deliveryCount, cause });
}

/** A fresh number for a change; `moves` may stay empty: then nothing is written. */
export function beginMove(partition: SharePartition): number {
  return partition.movesMade + 1;
}

/** The effect that writes a change; none when there is nothing to write. */
export function writeEffect(partition: SharePartition, moveId: number, { runs, deadLetters }: Moves): ShareEffect[] {
  if (runs.length === 0) return [];
  partition.movesMade = moveId;
  partition.unwritten.add(moveId);
  return [{ kind: 'write', moveId, runs, deadLetters }];
}

/** What a record that is given up becomes: free again, or archived when it was delivered often enough (P3). */
export function release(partition: SharePartition, run: Run, moveId: number, settings: ShareSettings, into: Moves): void {
  const isLast = run.deliveryCount >= settings.deliveryCountMax;
  move(partition, run, moveId, isLast ? recordState.archived : recordState.available, into);
  if (isLast) addDeadLetters(into, run, 'Offset delivery count exceeded the threshold.');
}

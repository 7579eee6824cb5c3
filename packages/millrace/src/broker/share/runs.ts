// broker/share/runs.ts - the records of a share partition as runs of offsets that are in the same state.
// Owns: finding, splitting, overwriting and joining runs. Never: which change is allowed (acquire.ts, acknowledge.ts).
// R1 Runs cover start to end without gaps or overlaps, in order. R2 Neighbours that are alike are one run, so that a million records that fare
// alike cost one object. R3 `available` and `undecided` count what the runs hold.
// Cost: a search per change, and one splice of an array that is as long as the group's records are scattered.
import { assert } from '../../base/mod.ts';

/** What can be said of a record; the numbers are Kafka's (they stand in the stored state). */
export const recordState = { available: 0, acquired: 1, acknowledged: 2, archived: 4 } as const;
/** One of them. */
export type RecordState = (typeof recordState)[keyof typeof recordState];

/** Records from `first` to `last` that are alike. */
export interface Run {
  first: number;
  last: number;
  state: RecordState;
  /** Deliveries so far, the present one included. */
  deliveryCount: number;
  /** Who holds them; '' unless acquired. */
  memberId: string;
  /** Monotonic time until which they are held. */
  lockedUntilMs: number;
  /** The change that is on its way to the log; 0 for none. Until it is durable they are as they were, and nobody may touch them. */
  moveId: number;
  /** What they become by it. */
  movesTo: RecordState;
}

/** Runs with their bounds. */
export interface Runs {
  /** First offset that is not decided, or comes next. */
  start: number;
  /** First offset that was never looked at. */
  end: number;
  runs: Run[];
  /** Records that may be acquired, and those that are neither acknowledged nor archived. */
  available: number;
  undecided: number;
}

/** A run in the given state that nobody holds. */
export function plainRun(first: number, last: number, state: RecordState, deliveryCount: number): Run {
  return { first, last, state, deliveryCount, memberId: '', lockedUntilMs: Infinity, moveId: 0, movesTo: state };
}

/** True for a state that is final. */
export const isFinal = (state: RecordState): boolean => state === recordState.acknowledged || state === recordState.archived;
/** True for records that a member may be given. */
export const isFree = (run: Run): boolean => run.state === recordState.available && run.moveId === 0;

const lengthOf = (run: Run): number => run.last - run.first + 1;

/** Index of the run that holds `offset`, which lies between start and end. */
export function runAt({ runs, start, end }: Runs, offset: number): number {
  assert(offset >= start && offset < end, 'R1: the offset lies in a run');
  let low = 0;
  let high = runs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (runs[middle]!.first <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Makes a run begin at `offset` and answers its index; the number of runs when that is the end. */
export function cutAt(of: Runs, offset: number): number {
  if (offset >= of.end) return of.runs.length;
  const index = runAt(of, offset);
  const run = of.runs[index]!;
  if (run.first === offset) return index;
  of.runs.splice(index + 1, 0, { ...run, first: offset });
  run.last = offset - 1;
  return index + 1;
}

/** Calls back with the runs from `first` to `last`, which lie between start and end, cut to these bounds; joins what has become alike. */
export function eachRun(of: Runs, first: number, last: number, visit: (run: Run) => void): void {
  const from = cutAt(of, first);
  const to = cutAt(of, last + 1);
  for (let index = from; index < to; index++) visit(of.runs[index]!);
  joinAlike(of, from - 1, to);
}

/** Changes the runs from `first` to `last`, which lie between start and end; `change` says what becomes of each. */
export function changeRange(of: Runs, first: number, last: number, change: (run: Run) => void): void {
  eachRun(of, first, last, (run) => changeRun(of, run, change));
}

/** Changes one run, whole; the caller joins what has become alike. */
export function changeRun(of: Runs, run: Run, change: (run: Run) => void): void {
  weigh(of, run, -1);
  change(run);
  weigh(of, run, 1);
}

/** Adds a run behind the last one. */
export function addRun(of: Runs, run: Run): void {
  assert(run.first === of.end && run.last >= run.first, 'R1: runs follow each other');
  of.runs.push(run);
  of.end = run.last + 1;
  weigh(of, run, 1);
  joinAlike(of, of.runs.length - 2, of.runs.length - 1);
}

/** Joins neighbours that are alike, from index `from` to `to`. */
export function joinAlike({ runs }: Runs, from: number, to: number): void {
  let kept = Math.max(0, from);
  const stop = Math.min(to, runs.length - 1);
  if (stop <= kept) return;
  for (let index = kept + 1; index <= stop; index++) {
    const before = runs[kept]!;
    const run = runs[index]!;
    if (alike(before, run)) before.last = run.last;
    else runs[++kept] = run;
  }
  if (kept < stop) runs.splice(kept + 1, stop - kept);
}

/** Lets go of what lies before `offset`; where nothing is left it begins at `startAt`. */
export function dropBefore(of: Runs, offset: number, startAt = offset): void {
  if (offset >= of.end) {
    of.runs.length = 0;
    of.start = of.end = startAt;
    of.available = of.undecided = 0;
    return;
  }
  if (offset <= of.start) return;
  const count = cutAt(of, offset);
  for (let index = 0; index < count; index++) weigh(of, of.runs[index]!, -1);
  of.runs.splice(0, count);
  of.start = offset;
}

/** Lets go of what lies from `offset` on. */
export function dropFrom(of: Runs, offset: number): void {
  if (offset >= of.end) return;
  if (offset <= of.start) return dropBefore(of, Infinity, offset);
  const from = cutAt(of, offset);
  for (const run of of.runs.splice(from)) weigh(of, run, -1);
  of.end = offset;
}

/** Moves the start over what is decided. */
export function passDecided(of: Runs): void {
  let start = of.start;
  for (const run of of.runs) {
    if (!isFinal(run.state) || run.moveId !== 0) break;
    start = run.last + 1;
  }
  dropBefore(of, start);
}

function alike(a: Run, b: Run): boolean {
  return a.state === b.state && a.deliveryCount === b.deliveryCount && a.moveId === b.moveId && a.movesTo === b.movesTo
    && a.memberId === b.memberId && a.lockedUntilMs === b.lockedUntilMs;
}

function weigh(of: Runs, run: Run, sign: 1 | -1): void {
  if (isFree(run)) of.available += sign * lengthOf(run);
  if (!isFinal(run.state)) of.undecided += sign * lengthOf(run);
}

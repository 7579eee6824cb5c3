// broker/share/acquire.ts - which records of what was read a member is given.
// Owns: that decision. Never: reading. A1 What lies between the batches that were read is not there any more (markers, compaction, aborted
// transactions) and is archived, so that the start can pass it. A2 Records that were delivered often go out in ever smaller pieces, a last attempt
// alone: one that cannot be processed does not take others with it (as in Kafka).
import type { AcquiredRange, ShareEffect, ShareEvent, ShareSettings } from './effects.ts';
import { addDeadLetters, beginMove, move, writeEffect, type Moves, type SharePartition } from './moves.ts';
import { addRun, changeRange, eachRun, isFree, passDecided, plainRun, recordState, runAt, type Run } from './runs.ts';

type Asked = Extract<ShareEvent, { kind: 'acquire' }>;

/** One acquisition under way. */
interface Taking {
  readonly partition: SharePartition;
  readonly asked: Asked;
  readonly settings: ShareSettings;
  readonly lockedUntilMs: number;
  readonly ranges: AcquiredRange[];
  readonly moves: Moves;
  readonly moveId: number;
  taken: number;
  /** No more this time. */
  full: boolean;
}

/** Gives records to a member. */
export function acquire(partition: SharePartition, asked: Asked, settings: ShareSettings): ShareEffect[] {
  const taking: Taking = {
    partition, asked, settings, lockedUntilMs: asked.nowMs + settings.lockDurationMs, ranges: [], moves: { runs: [], deadLetters: [] }, moveId: beginMove(partition), taken: 0, full: asked.recordsMax <= 0,
  };
  let at = Math.max(asked.from, partition.start);
  for (let index = 0; index < asked.spans.length && !taking.full; index += 2) {
    const first = asked.spans[index]!;
    const last = asked.spans[index + 1]!;
    if (last < at) continue;
    if (first > at) archiveMissing(partition, at, first - 1);
    takeBatch(taking, Math.max(at, first), last);
    at = last + 1;
  }
  if (!taking.full && asked.to > at) archiveMissing(partition, at, asked.to - 1);
  if (taking.taken > 0) partition.wakeAtMs = Math.min(partition.wakeAtMs, taking.lockedUntilMs);
  passDecided(partition);
  return [{ kind: 'acquired', ranges: taking.ranges }, ...writeEffect(partition, taking.moveId, taking.moves)];
}

/** A1. */
function archiveMissing(partition: SharePartition, first: number, last: number): void {
  const known = Math.min(last, partition.end - 1);
  if (first <= known) changeRange(partition, first, known, (run) => { if (isFree(run)) { run.state = run.movesTo = recordState.archived; } });
  if (last >= partition.end) addRun(partition, plainRun(partition.end, last, recordState.archived, 0));
}

/** Takes what is free of a batch; whole, unless the limit is exact. */
function takeBatch(taking: Taking, first: number, last: number): void {
  const { partition, asked, settings } = taking;
  takeKnown(taking, first, Math.min(last, partition.end - 1));
  if (!taking.full && last >= partition.end) {
    const room = Math.min(asked.recordsMax - taking.taken, settings.recordLocksMax - partition.undecided);
    if (room <= 0) taking.full = true;
    else takeNew(taking, asked.exact ? Math.min(last, partition.end + room - 1) : last);
  }
  if (taking.taken >= asked.recordsMax) taking.full = true;
}

function takeNew(taking: Taking, last: number): void {
  const { partition, asked } = taking;
  const run: Run = { ...plainRun(partition.end, last, recordState.acquired, 1), memberId: asked.memberId, lockedUntilMs: taking.lockedUntilMs };
  const { first } = run;
  addRun(partition, run);
  note(taking, first, last, 1);
}

/** Takes what is free among records that were looked at before. */
function takeKnown(taking: Taking, first: number, last: number): void {
  const { partition, asked, settings } = taking;
  if (first > last || partition.available === 0) return;
  for (let at = first; at <= last && !taking.full;) {
    const run = partition.runs[runAt(partition, at)]!;
    const end = Math.min(run.last, last);
    if (!isFree(run)) at = end + 1;
    else if (run.deliveryCount >= settings.deliveryCountMax) { giveUp(taking, at, end); at = end + 1; }
    else {
      const count = countOf(taking, run, end - at + 1);
      if (count <= 0) { taking.full = true; return; }
      hold(taking, at, at + count - 1, run.deliveryCount + 1);
      if (asked.exact && taking.taken >= asked.recordsMax) taking.full = true;
      at += count;
    }
  }
}

/** How many of a run's `count` records go out now; says when they are the last ones (A2). */
function countOf(taking: Taking, { deliveryCount }: Run, count: number): number {
  const { deliveryCountMax } = taking.settings;
  const throttledFrom = Math.max(2, Math.ceil(deliveryCountMax / 2));
  const { asked, taken } = taking;
  const allowed = asked.exact ? Math.min(count, asked.recordsMax - taken) : count;
  if (deliveryCount < throttledFrom) return allowed;
  if (taken > 0) return 0;
  taking.full = true;
  const isLastAttempt = deliveryCountMax > 2 && deliveryCount === deliveryCountMax - 1;
  return isLastAttempt ? Math.min(1, allowed) : Math.min(allowed, Math.max(1, Math.floor(count / 2 ** (deliveryCount - throttledFrom + 1))));
}

/** The limit was lowered below what these have had. */
function giveUp({ partition, moveId, moves }: Taking, first: number, last: number): void {
  eachRun(partition, first, last, (run) => {
    move(partition, run, moveId, recordState.archived, moves);
    addDeadLetters(moves, run, 'Offset delivery count exceeded the threshold.');
  });
}

function hold(taking: Taking, first: number, last: number, deliveryCount: number): void {
  const { partition, asked, lockedUntilMs } = taking;
  changeRange(partition, first, last, (run) => {
    run.state = run.movesTo = recordState.acquired;
    run.deliveryCount = deliveryCount;
    run.memberId = asked.memberId;
    run.lockedUntilMs = lockedUntilMs;
  });
  note(taking, first, last, deliveryCount);
}

function note(taking: Taking, first: number, last: number, deliveryCount: number): void {
  taking.taken += last - first + 1;
  const before = taking.ranges.at(-1);
  const rangeRecords = before === undefined ? 0 : before.last - before.first + 1;
  if (before !== undefined && before.last + 1 === first && before.deliveryCount === deliveryCount && rangeRecords < taking.asked.rangeRecords) before.last = last;
  else taking.ranges.push({ first, last, deliveryCount });
}

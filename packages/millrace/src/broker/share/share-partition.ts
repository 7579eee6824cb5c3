// broker/share/share-partition.ts - one partition as one share group sees it: which records are free, held, decided.
// Owns: the state, which event is whose, changes on their way to the log, locks that expire. Never: I/O, clocks, members (membership.ts).
// P1 A record is held by one member at most. P2 What is decided is never free again. P3 No record is delivered more often than the limit. P4 A change
// counts once it is durable; until then its records are neither free nor may anybody else decide about them. P5 The start only rises, except by a
// reset, which raises the state epoch.
// Source: KIP-932, KIP-1206 (exact limits), KIP-1222 (renewal).
import { assert } from '../../base/mod.ts';
import { acknowledge } from './acknowledge.ts';
import { acquire } from './acquire.ts';
import type { ShareEffect, ShareEvent, ShareSettings } from './effects.ts';
import { beginMove, release, writeEffect, type Moves, type SharePartition } from './moves.ts';
import { changeRun, dropBefore, isFinal, joinAlike, passDecided, recordState, type Run } from './runs.ts';

/** A share partition in which nothing was delivered. */
export function newSharePartition(start: number, stateEpoch: number): SharePartition {
  return { stateEpoch, start, end: start, runs: [], available: 0, undecided: 0, movesMade: 0, unwritten: new Set(), wakeAtMs: Infinity };
}

/** A lock whose release could not be written is tried again after this. */
const retryMs = 1_000;

/** Changes the partition and says what has to be done. */
export function step(partition: SharePartition, event: ShareEvent, settings: ShareSettings): ShareEffect[] {
  switch (event.kind) {
    case 'acquire': return acquire(partition, event, settings);
    case 'acknowledge': return acknowledge(partition, event, settings);
    case 'release': return giveUp(partition, settings, (run) => run.memberId === event.memberId);
    case 'tick': return expire(partition, event.nowMs, settings);
    case 'written': return settle(partition, event.moveId, event.ok, event.nowMs, settings);
    case 'log-start': return forgetBefore(partition, event.offset);
  }
}

/** First offset that a member may be given next: one that is free again, or the first never looked at. */
export function nextOffset(partition: SharePartition): number {
  if (partition.available === 0) return partition.end;
  for (const run of partition.runs) if (run.state === recordState.available && run.moveId === 0) return run.first;
  return partition.end;
}

/** Whether a member could be given a record if the log has one. */
export function mayAcquire(partition: SharePartition, settings: ShareSettings): boolean {
  return partition.available > 0 || partition.undecided < settings.recordLocksMax;
}

/** The start as the log knows it once all that was appended is durable. */
export function writtenStart({ start, runs, unwritten }: SharePartition): number {
  let written = start;
  for (const run of runs) {
    if (!isFinal(run.moveId !== 0 && !unwritten.has(run.moveId) ? run.movesTo : run.state)) break;
    written = run.last + 1;
  }
  return written;
}

/** Records between start and end that need no delivery any more. */
export function decidedCount({ start, end, undecided }: SharePartition): number {
  return end - start - undecided;
}

function giveUp(partition: SharePartition, settings: ShareSettings, which: (run: Run) => boolean): ShareEffect[] {
  const moveId = beginMove(partition);
  const moves: Moves = { runs: [], deadLetters: [] };
  for (const run of partition.runs) {
    if (run.state === recordState.acquired && run.moveId === 0 && which(run)) release(partition, run, moveId, settings, moves);
  }
  joinAlike(partition, 0, partition.runs.length);
  return writeEffect(partition, moveId, moves);
}

function expire(partition: SharePartition, nowMs: number, settings: ShareSettings): ShareEffect[] {
  const effects = giveUp(partition, settings, (run) => run.lockedUntilMs <= nowMs);
  partition.wakeAtMs = Infinity;
  for (const run of partition.runs) if (run.state === recordState.acquired && run.moveId === 0) partition.wakeAtMs = Math.min(partition.wakeAtMs, run.lockedUntilMs);
  return effects;
}

/** P4: what was on its way is so now; or it is as before, and its locks run on. */
function settle(partition: SharePartition, moveId: number, ok: boolean, nowMs: number, settings: ShareSettings): ShareEffect[] {
  const wasFull = partition.undecided >= settings.recordLocksMax;
  partition.unwritten.delete(moveId);
  for (const run of partition.runs) {
    if (run.moveId !== moveId) continue;
    changeRun(partition, run, () => {
      run.moveId = 0;
      if (ok) { run.state = run.movesTo; run.memberId = ''; run.lockedUntilMs = Infinity; }
      else if (run.state === recordState.acquired) run.lockedUntilMs = Math.max(run.lockedUntilMs, nowMs + retryMs);
      run.movesTo = run.state;
    });
    if (run.state === recordState.acquired) partition.wakeAtMs = Math.min(partition.wakeAtMs, run.lockedUntilMs);
  }
  joinAlike(partition, 0, partition.runs.length);
  passDecided(partition);
  return partition.available > 0 || wasFull ? [{ kind: 'available' }] : [];
}

function forgetBefore(partition: SharePartition, offset: number): ShareEffect[] {
  if (offset <= partition.start) return [];
  dropBefore(partition, offset);
  passDecided(partition);
  return [{ kind: 'available' }];
}

/** Checks R1 to R3 and P1; for tests and simulations. */
export function checkSharePartition(partition: SharePartition, deliveryCountMax: number): void {
  let at = partition.start;
  let available = 0;
  let undecided = 0;
  for (const run of partition.runs) {
    assert(run.first === at && run.last >= run.first, 'R1: runs cover the range');
    at = run.last + 1;
    if (run.state === recordState.available && run.moveId === 0) available += run.last - run.first + 1;
    if (!isFinal(run.state)) undecided += run.last - run.first + 1;
    assert((run.state === recordState.acquired) === (run.memberId !== ''), 'P1: what is acquired has a holder, and nothing else has');
    assert(run.deliveryCount <= deliveryCountMax, 'P3: the limit of deliveries holds');
    assert(run.moveId !== 0 || run.movesTo === run.state, 'P4: what does not move is what it is');
  }
  assert(at === partition.end, 'R1: runs reach the end');
  assert(available === partition.available && undecided === partition.undecided, 'R3: the counts are right');
  const [head] = partition.runs;
  assert(head === undefined || !isFinal(head.state) || head.moveId !== 0, 'the start has passed what is decided');
}

// broker/share/acknowledge.ts - what a member says of records that it holds: accepted, released, rejected, kept for longer, not there.
// Owns: the checks and the change. K1 All that is said of a partition at once is taken or nothing of it. K2 Only who holds a record may speak of it.
import { errorCodes } from '../../wire/mod.ts';
import { acknowledgeType, type Acknowledgement, type ShareEffect, type ShareEvent, type ShareSettings } from './effects.ts';
import { addDeadLetters, beginMove, move, release, writeEffect, type Moves, type SharePartition } from './moves.ts';
import { eachRun, isFinal, recordState, runAt, type Run } from './runs.ts';

type Said = Extract<ShareEvent, { kind: 'acknowledge' }>;

/** Takes acknowledgements, or refuses all of them. */
export function acknowledge(partition: SharePartition, said: Said, settings: ShareSettings): ShareEffect[] {
  for (const batch of said.batches) {
    const fault = faultOf(partition, batch, said.memberId, settings);
    if (fault !== null) return [fault];
  }
  const moveId = beginMove(partition);
  const moves: Moves = { runs: [], deadLetters: [] };
  for (const batch of said.batches) {
    eachPiece(partition, batch, (first, last, type) => apply(partition, first, last, type, said.nowMs, moveId, settings, moves));
  }
  return writeEffect(partition, moveId, moves);
}

/** Calls back with pieces of equal type, without what lies before the start: that was decided. */
function eachPiece({ start }: SharePartition, { first, last, types }: Acknowledgement, visit: (first: number, last: number, type: number) => void): void {
  if (types.length === 1) { if (last >= start) visit(Math.max(first, start), last, types[0]!); return; }
  for (let at = Math.max(first, start); at <= last;) {
    const type = types[at - first]!;
    let end = at;
    while (end < last && types[end + 1 - first] === type) end++;
    visit(at, end, type);
    at = end + 1;
  }
}

const refuse = (errorCode: number, message: string): ShareEffect => ({ kind: 'refuse', errorCode, message });

function faultOf(partition: SharePartition, batch: Acknowledgement, memberId: string, settings: ShareSettings): ShareEffect | null {
  if (batch.last < partition.start) return null;
  if (batch.last >= partition.end) return refuse(errorCodes.INVALID_REQUEST, 'Batch record not found. The last offset in request is past acquired records.');
  if (!settings.renewAllowed && batch.types.includes(acknowledgeType.renew)) return refuse(errorCodes.INVALID_RECORD_STATE, 'Renewing acquisition locks is not enabled for the group.');
  let fault: ShareEffect | null = null;
  eachPiece(partition, batch, (first, last, type) => {
    for (let index = runAt(partition, first); fault === null && index < partition.runs.length && partition.runs[index]!.first <= last; index++) fault = faultOfRun(partition.runs[index]!, type, memberId);
  });
  return fault;
}

/** K2. What is not there may be said of what was found missing. */
function faultOfRun(run: Run, type: number, memberId: string): ShareEffect | null {
  if (type === acknowledgeType.gap && isFinal(run.state)) return null;
  if (run.state !== recordState.acquired) return refuse(errorCodes.INVALID_RECORD_STATE, 'The batch cannot be acknowledged. The batch is not in the acquired state.');
  if (run.memberId !== memberId) return refuse(errorCodes.INVALID_RECORD_STATE, 'Member is not the owner of batch record');
  if (run.moveId !== 0) return refuse(errorCodes.INVALID_RECORD_STATE, 'The record state is invalid. The acknowledgement of delivery could not be completed.');
  return null;
}

function apply(partition: SharePartition, first: number, last: number, type: number, nowMs: number, moveId: number, settings: ShareSettings, moves: Moves): void {
  eachRun(partition, first, last, (run) => {
    if (isFinal(run.state)) return;
    switch (type) {
      case acknowledgeType.accept: return move(partition, run, moveId, recordState.acknowledged, moves);
      case acknowledgeType.release: return release(partition, run, moveId, settings, moves);
      case acknowledgeType.renew: run.lockedUntilMs = nowMs + settings.lockDurationMs; return;
      case acknowledgeType.reject:
        move(partition, run, moveId, recordState.archived, moves);
        return addDeadLetters(moves, run, 'Offset rejected by client.');
      default: return move(partition, run, moveId, recordState.archived, moves);
    }
  });
}

// broker/produce/record-faults.ts - which records of a batch the topic does not take: without a key where it is compacted, or out of its time.
// Owns: the walk over a batch's records, and what is told of each. Records are walked only when the header cannot rule a fault out.
import { isMillraceError } from '../../base/mod.ts';
import { RecordCursor, type BatchHeader } from '../../wire/mod.ts';
import type { RecordFault } from './check-batch.ts';

const noTimestamp = -1;
/** Faults told of one batch at most. */
const faultsMax = 100;
/** Faults that the message names. */
const faultsShown = 3;

/** Records at fault; `outOfTime` when one of them has the wrong time. */
export interface RecordFaults { readonly faults: RecordFault[]; readonly outOfTime: boolean }

/** The partition that takes no record without a key; null where any is taken. */
type KeysFor = { readonly name: string } | null;

/** The faults of a batch, null for none: records without a key where one is needed, and those before `earliestMs` or after `latestMs`; one without a time is never late. */
export function faultsOf(bytes: Uint8Array, header: BatchHeader, keysFor: KeysFor, earliestMs: number, latestMs: number): RecordFaults | null {
  if (keysFor === null && header.maxTimestampMs <= latestMs && earliestMs <= noTimestamp) return null;
  const found = { faults: [] as RecordFault[], outOfTime: false };
  try {
    walk(bytes, keysFor, earliestMs, latestMs, found);
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    found.faults.push({ batchIndex: 0, batchIndexErrorMessage: error.message });
  }
  if (found.faults.length === 0 && header.maxTimestampMs > latestMs) {
    found.outOfTime = true;
    found.faults.push({ batchIndex: 0, batchIndexErrorMessage: `the batch's largest timestamp ${header.maxTimestampMs} is after ${latestMs}` });
  }
  return found.faults.length === 0 ? null : found;
}

function walk(bytes: Uint8Array, keysFor: KeysFor, earliestMs: number, latestMs: number, found: { faults: RecordFault[]; outOfTime: boolean }): void {
  const records = new RecordCursor().open(bytes);
  for (let index = 0; records.next() && found.faults.length < faultsMax; index++) {
    const timeMs = records.timestampMs;
    if (keysFor !== null && records.keyLength < 0) {
      found.faults.push({ batchIndex: index, batchIndexErrorMessage: `Compacted topic cannot accept message without key in topic partition ${keysFor.name}.` });
    } else if (timeMs !== noTimestamp && (timeMs < earliestMs || timeMs > latestMs)) {
      found.outOfTime = true;
      found.faults.push({ batchIndex: index, batchIndexErrorMessage: `timestamp ${timeMs} is not between ${earliestMs} and ${latestMs}` });
    }
  }
}

/** What is told of a batch whose records lack keys. */
export function keyFaultsText(faults: readonly RecordFault[]): string {
  const shown = faults.slice(0, faultsShown).map(({ batchIndex, batchIndexErrorMessage }) => `RecordError(batchIndex=${batchIndex}, message='${batchIndexErrorMessage}')`);
  return `One or more records have been rejected due to ${faults.length} record errors in total, and only showing the first three errors at most: [${shown.join(', ')}]`;
}

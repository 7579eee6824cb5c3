// broker/produce/record-times.ts - which records of a batch have a time that the topic does not allow.
// Owns: the walk over a batch's records for their times. Records are walked only when the header cannot rule a fault out.
import { isMillraceError } from '../../base/mod.ts';
import { RecordCursor, type BatchHeader } from '../../wire/mod.ts';
import type { RecordFault } from './check-batch.ts';

const noTimestamp = -1;
/** Faults told of one batch at most. */
const faultsMax = 100;

/** Faults of records before `earliestMs` or after `latestMs`; records without a time are never at fault. */
export function recordsOutOfTime(bytes: Uint8Array, header: BatchHeader, earliestMs: number, latestMs: number): RecordFault[] {
  if (header.maxTimestampMs <= latestMs && earliestMs <= noTimestamp) return [];
  const faults: RecordFault[] = [];
  const records = new RecordCursor();
  try {
    records.open(bytes);
    for (let index = 0; records.next() && faults.length < faultsMax; index++) {
      const timeMs = records.timestampMs;
      if (timeMs === noTimestamp || (timeMs >= earliestMs && timeMs <= latestMs)) continue;
      faults.push({ batchIndex: index, batchIndexErrorMessage: `timestamp ${timeMs} is not between ${earliestMs} and ${latestMs}` });
    }
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    faults.push({ batchIndex: 0, batchIndexErrorMessage: error.message });
  }
  if (faults.length === 0 && header.maxTimestampMs > latestMs) {
    faults.push({ batchIndex: 0, batchIndexErrorMessage: `the batch's largest timestamp ${header.maxTimestampMs} is after ${latestMs}` });
  }
  return faults;
}

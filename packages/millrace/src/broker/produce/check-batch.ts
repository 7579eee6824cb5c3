// broker/produce/check-batch.ts - may this batch enter this topic? Everything that can be told from its bytes and the configuration.
// Owns: format, size and timestamp rules. Never: producers' sequences (producer-table.ts) and the append (produce.ts).
// Cost: one checksum over the batch; records are walked only when a timestamp in the header is out of the allowed range, or when each needs a key.
import { isMillraceError } from '../../base/mod.ts';
import { errorCodes, verifyBatch, type BatchDefect, type BatchHeader } from '../../wire/mod.ts';
import type { TopicSettings } from '../config/topic-config.ts';
import { faultsOf, keyFaultsText } from './record-faults.ts';

/** One record that was refused, by its place in the batch. */
export interface RecordFault { readonly batchIndex: number; readonly batchIndexErrorMessage: string }

/** Why a batch may not be appended. */
export interface BatchRefusal { readonly errorCode: number; readonly message: string; readonly recordErrors?: readonly RecordFault[] }

/** A batch that may be appended, or why not. */
export type BatchVerdict = { readonly kind: 'good'; readonly header: BatchHeader } | { readonly kind: 'bad'; readonly refusal: BatchRefusal };

/** Defects that a batch may have caught on its way, so that sending it again may help; the others it was made with. */
const damage: ReadonlySet<unknown> = new Set<BatchDefect>(['crc', 'length', 'unknown-codec']);

/** First version of Produce that may carry zstd. */
const zstdVersionMin = 7;

const bad = (errorCode: number, message: string, recordErrors?: readonly RecordFault[]): BatchVerdict =>
  ({ kind: 'bad', refusal: recordErrors === undefined ? { errorCode, message } : { errorCode, message, recordErrors } });

/** Checks the one batch for `partition` that `bytes` must hold; `version` is that of the Produce request. */
export function checkBatch(bytes: Uint8Array, version: number, settings: TopicSettings, nowMs: number, partition: { readonly name: string }): BatchVerdict {
  if (bytes.byteLength === 0) return bad(errorCodes.INVALID_RECORD, 'there is no record batch');
  let header: BatchHeader;
  try {
    header = verifyBatch(bytes, 0, bytes.byteLength);
  } catch (error) {
    if (!isMillraceError(error, 'corrupt-batch')) throw error;
    return bad(damage.has(error.data.reason) ? errorCodes.CORRUPT_MESSAGE : errorCodes.INVALID_RECORD, error.message);
  }
  if (header.sizeBytes !== bytes.byteLength) return bad(errorCodes.INVALID_RECORD, 'a partition takes one record batch per request');
  if (header.sizeBytes > settings.messageBytesMax) {
    return bad(errorCodes.MESSAGE_TOO_LARGE, `the record batch has ${header.sizeBytes} bytes, max.message.bytes allows ${settings.messageBytesMax}`);
  }
  if (header.codec === 'zstd' && version < zstdVersionMin) {
    return bad(errorCodes.UNSUPPORTED_COMPRESSION_TYPE, `zstd needs Produce version ${zstdVersionMin} or later`);
  }
  return checkContent(bytes, header, settings, nowMs, partition);
}

function checkContent(bytes: Uint8Array, header: BatchHeader, settings: TopicSettings, nowMs: number, partition: { readonly name: string }): BatchVerdict {
  if (header.isControl) return bad(errorCodes.INVALID_RECORD, 'clients may not write control batches');
  if (header.recordCount === 0 || header.recordCount !== header.lastOffsetDelta + 1) {
    return bad(errorCodes.INVALID_RECORD, `${header.recordCount} records do not fill ${header.lastOffsetDelta + 1} offsets`);
  }
  if (header.isLogAppendTime) return bad(errorCodes.INVALID_TIMESTAMP, 'clients may not claim the time of the append');
  if (header.producerId >= 0 && (header.producerEpoch < 0 || header.baseSequence < 0)) {
    return bad(errorCodes.INVALID_RECORD, `producer ${header.producerId} has epoch ${header.producerEpoch} and sequence ${header.baseSequence}`);
  }
  const timed = settings.timestampType === 'CreateTime';
  const earliestMs = timed ? nowMs - settings.timestampBeforeMaxMs : -Infinity;
  const latestMs = timed ? nowMs + settings.timestampAfterMaxMs : Infinity;
  const found = faultsOf(bytes, header, settings.compacted ? partition : null, earliestMs, latestMs);
  if (found === null) return { kind: 'good', header };
  if (found.outOfTime) return bad(errorCodes.INVALID_TIMESTAMP, 'One or more records have been rejected due to invalid timestamp', found.faults);
  return bad(errorCodes.INVALID_RECORD, keyFaultsText(found.faults), found.faults);
}

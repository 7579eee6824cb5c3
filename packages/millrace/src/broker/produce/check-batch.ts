// broker/produce/check-batch.ts - may this batch enter this topic? Everything that can be told from its bytes and the configuration.
// Owns: format, size and timestamp rules. Never: producers' sequences (producer-table.ts) and the append (produce.ts).
// Cost: one checksum over the batch; records are walked only when a timestamp in the header is out of the allowed range.
import { isMillraceError } from '../../base/mod.ts';
import { errorCodes, verifyBatch, type BatchDefect, type BatchHeader } from '../../wire/mod.ts';
import type { TopicSettings } from '../config/topic-config.ts';
import { recordsOutOfTime } from './record-times.ts';

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

/** Checks the one batch that `bytes` must hold; `version` is that of the Produce request. */
export function checkBatch(bytes: Uint8Array, version: number, settings: TopicSettings, nowMs: number): BatchVerdict {
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
  return checkContent(bytes, header, settings, nowMs);
}

function checkContent(bytes: Uint8Array, header: BatchHeader, settings: TopicSettings, nowMs: number): BatchVerdict {
  if (header.isControl) return bad(errorCodes.INVALID_RECORD, 'clients may not write control batches');
  if (header.recordCount === 0 || header.recordCount !== header.lastOffsetDelta + 1) {
    return bad(errorCodes.INVALID_RECORD, `${header.recordCount} records do not fill ${header.lastOffsetDelta + 1} offsets`);
  }
  if (header.isLogAppendTime) return bad(errorCodes.INVALID_TIMESTAMP, 'clients may not claim the time of the append');
  if (header.producerId >= 0 && (header.producerEpoch < 0 || header.baseSequence < 0)) {
    return bad(errorCodes.INVALID_RECORD, `producer ${header.producerId} has epoch ${header.producerEpoch} and sequence ${header.baseSequence}`);
  }
  if (settings.timestampType === 'CreateTime') {
    const faults = recordsOutOfTime(bytes, header, nowMs - settings.timestampBeforeMaxMs, nowMs + settings.timestampAfterMaxMs);
    if (faults.length > 0) return bad(errorCodes.INVALID_TIMESTAMP, 'one or more records have a timestamp out of the allowed range', faults);
  }
  return { kind: 'good', header };
}

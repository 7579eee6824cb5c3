// client/producer/produce-answer.ts - what a partition's answer to Produce means for its batch.
// Owns: the verdicts. Pure. Never: acting on them (sender.ts).
import { MillraceError } from '../../base/mod.ts';
import { errorCodes as E } from '../../wire/mod.ts';
import { isRetriable, kafkaError, staleView } from '../errors.ts';
import type { ProducerBatch } from './producer-batch.ts';

/** One partition's part of an answer. */
export interface PartitionAnswer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly baseOffset: number;
  readonly logAppendTimeMs: number;
  readonly recordErrors: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string | null }[];
}

/** What to do with the batch. */
export type Verdict =
  | { readonly kind: 'stored'; readonly baseOffset: number; readonly appendTimeMs: number }
  /** Not stored, or nobody knows: send it again as it is. */
  | { readonly kind: 'again'; readonly error: Error; readonly stale: boolean }
  /** The server refuses its number. */
  | { readonly kind: 'misnumbered'; readonly error: Error }
  /** Some records are bad, the others may go again. */
  | { readonly kind: 'refused'; readonly records: ReadonlyMap<number, Error> }
  /** Too large, and more than one record: halves may fit. */
  | { readonly kind: 'halve'; readonly error: Error }
  | { readonly kind: 'failed'; readonly error: Error };

/** How a producer's batches are numbered: not at all, for itself, or by the transaction that they belong to. */
export type Numbering = 'none' | 'idempotent' | 'transactional';

/** Reads the verdict. With numbers the server knows a batch again. A transaction cannot number its batches anew: it is aborted and run again. */
export function verdictOf(batch: ProducerBatch, answer: PartitionAnswer, numbering: Numbering): Verdict {
  const { errorCode } = answer;
  if (errorCode === E.NONE) return { kind: 'stored', baseOffset: answer.baseOffset, appendTimeMs: answer.logAppendTimeMs };
  if (errorCode === E.DUPLICATE_SEQUENCE_NUMBER) return { kind: 'stored', baseOffset: -1, appendTimeMs: -1 }; // an earlier attempt was stored, too long ago for the server to say where
  const errorOf = (words: string | null) => kafkaError(errorCode, `produce to '${batch.topic}-${batch.partition}'`, { topic: batch.topic, partition: batch.partition }, words);
  const error = errorOf(answer.errorMessage);
  if (numbering === 'idempotent' && misnumberings.has(errorCode)) return { kind: 'misnumbered', error };
  if (numbering === 'transactional' && errorCode === E.OUT_OF_ORDER_SEQUENCE_NUMBER) return { kind: 'misnumbered', error };
  if (errorCode === E.MESSAGE_TOO_LARGE && batch.recordCount > 1) return { kind: 'halve', error };
  if (answer.recordErrors.length > 0) return { kind: 'refused', records: refusedRecords(answer, errorOf) };
  if (isRetriable(errorCode)) return { kind: 'again', error, stale: staleView(errorCode) === 'metadata' };
  return { kind: 'failed', error };
}

const misnumberings: ReadonlySet<number> = new Set([E.OUT_OF_ORDER_SEQUENCE_NUMBER, E.UNKNOWN_PRODUCER_ID, E.INVALID_PRODUCER_EPOCH, E.INVALID_PRODUCER_ID_MAPPING]);

/** Each record is told what was said of it, or of all when nothing was. */
function refusedRecords(answer: PartitionAnswer, errorOf: (words: string | null) => MillraceError): Map<number, Error> {
  return new Map(answer.recordErrors.map(({ batchIndex, batchIndexErrorMessage }) => {
    const { code, message, data } = errorOf(batchIndexErrorMessage || answer.errorMessage);
    return [batchIndex, new MillraceError(code, message, { ...data, retry: false })];
  }));
}

// broker/transaction/transaction.ts - one transactional id as data, and what its requests may do.
// Owns: epochs, phases, which request is refused, which one is a repetition. Never: I/O, clocks, partitions' contents.
// A1 Epochs of a producer id only rise; who has an older one is fenced. A2 A decided transaction is never decided differently: a repeated
// request gets the answer of the first. A3 In the newer protocol (KIP-890, Produce 12, EndTxn 5) each end raises the epoch, so a late batch of
// an ended transaction never enters the next; in the older one a partition must have been added to the transaction that is open.
// Source: KIP-98, KIP-360, KIP-890.
import { errorCodes } from '../../wire/mod.ts';

/** How a transaction ends. */
export type Result = 'commit' | 'abort';

/** Where a transactional id stands. `P` is a partition. */
export type Phase<P> =
  /** Its producer has an epoch and has begun nothing. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'ongoing'; readonly startedMs: number; readonly partitions: Set<P>; readonly groups: Set<string> }
  /** Decided, waiting for room in the log to write it. */
  | { readonly kind: 'ending' }
  /** `late`: by the node, when its time was over; its producer is fenced then. */
  | { readonly kind: 'ended'; readonly result: Result; readonly late: boolean };

/** One transactional id. */
export interface Transaction<P> {
  readonly id: string;
  producerId: number;
  producerEpoch: number;
  /** The producer id before its epochs were used up; -1 for none. */
  formerProducerId: number;
  timeoutMs: number;
  phase: Phase<P>;
  /** Wall time of the last change. */
  updatedMs: number;
}

/** Past this epoch a producer gets a new id: the last one is left for the marker that fences. */
export const epochMax = 2 ** 15 - 2;

/** A producer and its epoch. */
export interface ProducerEpoch { readonly producerId: number; readonly producerEpoch: number }

/** Kafka's name of the phase. */
export function phaseName(phase: Phase<unknown>): string {
  switch (phase.kind) {
    case 'empty': return 'Empty';
    case 'ongoing': return 'Ongoing';
    case 'ending': return 'PrepareCommit';
    case 'ended': return phase.result === 'commit' ? 'CompleteCommit' : 'CompleteAbort';
  }
}

/** Whether a producer speaks for the transactional id now: an error code, or NONE. */
export function producerFault(transaction: Transaction<unknown> | undefined, { producerId, producerEpoch }: ProducerEpoch): number {
  if (transaction === undefined || transaction.producerId !== producerId) return errorCodes.INVALID_PRODUCER_ID_MAPPING;
  if (transaction.producerEpoch !== producerEpoch) return errorCodes.PRODUCER_FENCED;
  return transaction.phase.kind === 'ending' ? errorCodes.CONCURRENT_TRANSACTIONS : errorCodes.NONE;
}

/** Whether a producer that names its identity may take a new epoch (KIP-360); one that names none starts anew and fences all before it. */
export function renewalFault(transaction: Transaction<unknown> | undefined, { producerId, producerEpoch }: ProducerEpoch): number {
  if (transaction === undefined || producerId === -1) return errorCodes.NONE;
  if (transaction.producerId === producerId) {
    // The one before: its answer was lost.
    return producerEpoch === transaction.producerEpoch || producerEpoch === transaction.producerEpoch - 1 ? errorCodes.NONE : errorCodes.PRODUCER_FENCED;
  }
  return transaction.formerProducerId === producerId ? errorCodes.NONE : errorCodes.PRODUCER_FENCED;
}

/** What a request to end the transaction leads to. */
export type EndDecision =
  | { readonly kind: 'refuse'; readonly errorCode: number }
  /** It was done before: answer as then. */
  | { readonly kind: 'repeat' }
  /** Decide. With `raise` the epoch goes up by one, and the markers carry the new one. */
  | { readonly kind: 'end'; readonly raise: boolean };

const refuse = (errorCode: number): EndDecision => ({ kind: 'refuse', errorCode });

/** What EndTxn leads to; `raises` from version 5 on. */
export function decideEnd(transaction: Transaction<unknown> | undefined, producer: ProducerEpoch, result: Result, raises: boolean): EndDecision {
  if (transaction === undefined) return refuse(errorCodes.INVALID_PRODUCER_ID_MAPPING);
  const { phase } = transaction;
  const repeated = raises && phase.kind === 'ended' && !phase.late && isRepeated(transaction, producer);
  if (!repeated && transaction.producerId !== producer.producerId) return refuse(errorCodes.INVALID_PRODUCER_ID_MAPPING);
  if (!repeated && transaction.producerEpoch !== producer.producerEpoch) return refuse(errorCodes.PRODUCER_FENCED);
  switch (phase.kind) {
    case 'ending': return refuse(errorCodes.CONCURRENT_TRANSACTIONS);
    case 'ongoing': return { kind: 'end', raise: raises };
    case 'ended':
      if (phase.result === result && (repeated || !raises)) return { kind: 'repeat' };
      return result === 'abort' && raises && !repeated ? { kind: 'end', raise: true } : refuse(errorCodes.INVALID_TXN_STATE);
    // To abort nothing is allowed where it raises the epoch: a client that does not know whether its batches came is safe then.
    case 'empty': return result === 'abort' && raises ? { kind: 'end', raise: true } : refuse(errorCodes.INVALID_TXN_STATE);
  }
}

/** The request was sent before the epoch went up by its own first copy. */
function isRepeated({ producerId, producerEpoch, formerProducerId }: Transaction<unknown>, asked: ProducerEpoch): boolean {
  if (asked.producerId === producerId) return asked.producerEpoch === producerEpoch - 1;
  return asked.producerId === formerProducerId && producerEpoch === 0 && asked.producerEpoch === epochMax;
}

// broker/storage-errors.ts - what the log refuses, in Kafka's numbers.
// Kafka's KAFKA_STORAGE_ERROR is retried after a metadata refresh by the Java clients, librdkafka ("not persisted") and kafkajs alike,
// so a full disk holds producers up instead of failing them, and a failed one lasts until the node is restarted.
import { isMillraceError } from '../base/mod.ts';
import { errorCodes } from '../wire/mod.ts';

/** Kafka's error code for an error of the log; throws on what is no expected failure. */
export function storageErrorCode(error: unknown): number {
  if (!isMillraceError(error)) throw error;
  switch (error.code) {
    case 'disk-full':
    case 'storage-failed':
    case 'overloaded':
    case 'closed':
    case 'data-damaged': return errorCodes.KAFKA_STORAGE_ERROR;
    case 'topic-not-found': return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    case 'topic-exists': return errorCodes.TOPIC_ALREADY_EXISTS;
    case 'offset-out-of-range': return errorCodes.OFFSET_OUT_OF_RANGE;
    case 'invalid-argument': return errorCodes.INVALID_REQUEST;
    default: return errorCodes.UNKNOWN_SERVER_ERROR;
  }
}

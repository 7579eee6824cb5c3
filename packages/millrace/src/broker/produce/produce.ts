// broker/produce/produce.ts - Produce: record batches into partitions.
// Owns: the walk over a request's partitions, and the answer once every append is acknowledged.
// D1 An answer with acks=1 or all leaves after the log has acknowledged every batch it speaks of (durable, unless the topic opted out).
// D2 Batches of one producer are appended in the order in which its requests arrived: the append happens within the call of the handler.
// D3 A repeated batch is answered with the offset of the first one, and not before that one is acknowledged.
// Cost per batch: one checksum, one lookup by name or id, one closure, one response object. Nothing per record.
import { isMillraceError } from '../../base/mod.ts';
import { errorCodes, Produce, stampLogAppendTime, type BatchHeader, type RequestOf, type ResponseInit } from '../../wire/mod.ts';
import type { Handler, RequestContext } from '../handlers.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import type { Topic, TopicPartition } from '../topics/topic.ts';
import { checkBatch, type BatchRefusal } from './check-batch.ts';
import { waitForAcknowledgement } from './wait-for-acknowledgement.ts';

type ProduceRequest = RequestOf<typeof Produce>;
type PartitionData = ProduceRequest['topicData'][number]['partitionData'][number];
type TopicAnswer = NonNullable<ResponseInit<typeof Produce>['responses']>[number];

/** What is told of one partition; kept mutable until its append is acknowledged. */
interface PartitionAnswer {
  index: number;
  errorCode: number;
  baseOffset: number;
  logAppendTimeMs: number;
  logStartOffset: number;
  recordErrors?: BatchRefusal['recordErrors'];
  errorMessage?: string | null;
}

/** The handler of Produce. */
export function produceHandler(services: Services): Handler<typeof Produce> {
  return (request, context) => new ProduceRun(services, request, context).start();
}

/** One request under way. */
class ProduceRun {
  readonly #services: Services;
  readonly #request: ProduceRequest;
  readonly #context: RequestContext<typeof Produce>;
  readonly #answers: TopicAnswer[] = [];
  readonly #nowMs: number;
  /** Appends not yet acknowledged, plus one while the request is being walked. */
  #pending = 1;
  #failed = false;

  constructor(services: Services, request: ProduceRequest, context: RequestContext<typeof Produce>) {
    this.#services = services;
    this.#request = request;
    this.#context = context;
    this.#nowMs = services.clock.nowMs();
  }

  start(): void {
    const { acks, transactionalId } = this.#request;
    const refusal = acks < -1 || acks > 1 ? errorCodes.INVALID_REQUIRED_ACKS : transactionalId !== null ? errorCodes.INVALID_TXN_STATE : 0;
    const byId = this.#context.version >= 13;
    for (const { name, topicId, partitionData } of this.#request.topicData) {
      const topic = byId ? this.#services.topics.byId(topicId) : this.#services.topics.byName(name);
      const partitionResponses: PartitionAnswer[] = [];
      for (const data of partitionData) {
        const answer: PartitionAnswer = { index: data.index, errorCode: 0, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 };
        partitionResponses.push(answer);
        if (refusal !== 0) this.#refuse(answer, refusal, transactionalId === null ? `acks=${acks} does not exist` : 'transactions are not available in this version of Millrace');
        else if (topic === undefined) this.#refuse(answer, byId ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
        else this.#append(topic, data, answer);
      }
      this.#answers.push({ name, topicId, partitionResponses });
    }
    this.#finished();
  }

  #append(topic: Topic, data: PartitionData, answer: PartitionAnswer): void {
    const partition = topic.partitions[data.index];
    if (partition === undefined) return this.#refuse(answer, errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
    if (topic.internal) return this.#refuse(answer, errorCodes.INVALID_TOPIC_EXCEPTION, `topic ${topic.name} is written by the node alone`);
    if (this.#request.acks === -1 && topic.settings.insyncReplicasMin > 1) {
      return this.#refuse(answer, errorCodes.NOT_ENOUGH_REPLICAS, `min.insync.replicas is ${topic.settings.insyncReplicasMin}, there is one replica`);
    }
    const bytes = data.records ?? new Uint8Array();
    const verdict = checkBatch(bytes, this.#context.version, topic.settings, this.#nowMs);
    if (verdict.kind === 'bad') return this.#refuse(answer, verdict.refusal.errorCode, verdict.refusal.message, verdict.refusal.recordErrors);
    if (verdict.header.producerId < 0 || this.#checkProducer(partition, verdict.header, answer)) this.#appendVerified(partition, bytes, verdict.header, answer);
  }

  /** True when the batch is its producer's next; else the answer is on its way. */
  #checkProducer(partition: TopicPartition, header: BatchHeader, answer: PartitionAnswer): boolean {
    if (!this.#services.producerIds.isKnown(header.producerId)) {
      this.#refuse(answer, errorCodes.UNKNOWN_PRODUCER_ID, `producer id ${header.producerId} was not given out by this node`);
      return false;
    }
    const verdict = partition.producers.check(origin(header));
    switch (verdict.kind) {
      case 'append': return true;
      case 'fenced':
        this.#refuse(answer, errorCodes.INVALID_PRODUCER_EPOCH, `producer ${header.producerId} has gone on to epoch ${verdict.currentEpoch}, this batch has ${header.producerEpoch}`);
        return false;
      case 'out-of-order':
        this.#refuse(answer, errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER, `producer ${header.producerId} must go on with sequence ${verdict.expectedSequence}, this batch has ${header.baseSequence}`);
        return false;
      case 'duplicate':
        answer.baseOffset = verdict.baseOffset;
        answer.logAppendTimeMs = verdict.timestampMs;
        answer.logStartOffset = partition.log.logStartOffset;
        this.#pending++;
        waitForAcknowledgement(partition, verdict.lastOffset, this.#services.log, (error) => this.#acknowledged(answer, error));
        return false;
    }
  }

  #appendVerified(partition: TopicPartition, bytes: Uint8Array, header: BatchHeader, answer: PartitionAnswer): void {
    const { log, topic } = partition;
    const appendTime = topic.settings.timestampType === 'LogAppendTime';
    if (appendTime) stampLogAppendTime(bytes, 0, this.#nowMs);
    const maxTimestampMs = appendTime ? this.#nowMs : header.maxTimestampMs;
    this.#pending++;
    try {
      const { baseOffset } = log.append([{ bytes, offsetCount: header.lastOffsetDelta + 1, maxTimestampMs }], (error) => {
        if (error !== null) partition.producers.truncate(baseOffset);
        this.#acknowledged(answer, error);
      });
      answer.baseOffset = baseOffset;
      answer.logAppendTimeMs = appendTime ? this.#nowMs : -1;
      answer.logStartOffset = log.logStartOffset;
      if (header.producerId >= 0) partition.producers.appended(origin(header), baseOffset, answer.logAppendTimeMs, this.#nowMs);
    } catch (error) {
      this.#pending--;
      this.#refuse(answer, storageErrorCode(error), isMillraceError(error) ? error.message : null);
    }
  }

  #acknowledged(answer: PartitionAnswer, error: Error | null): void {
    if (error !== null) this.#refuse(answer, storageErrorCode(error), error.message);
    this.#finished();
  }

  #refuse(answer: PartitionAnswer, errorCode: number, message: string | null = null, recordErrors?: BatchRefusal['recordErrors']): void {
    answer.errorCode = errorCode;
    answer.errorMessage = message;
    answer.baseOffset = -1;
    answer.logAppendTimeMs = -1;
    answer.logStartOffset = -1;
    if (recordErrors !== undefined) answer.recordErrors = recordErrors;
    this.#failed = true;
  }

  /** One thing less to wait for; the last one sends the answer. */
  #finished(): void {
    if (--this.#pending > 0) return;
    if (this.#request.acks !== 0) this.#context.reply({ responses: this.#answers });
    else this.#finishUnacknowledged();
  }

  /** Kafka's way of telling a producer with acks=0 that something failed: it loses its connection. */
  #finishUnacknowledged(): void {
    if (this.#failed) this.#context.connection.abort('a batch sent with acks=0 was refused');
    this.#context.replyNothing();
  }
}

const origin = (header: BatchHeader) => ({
  producerId: header.producerId,
  producerEpoch: header.producerEpoch,
  baseSequence: header.baseSequence,
  count: header.lastOffsetDelta + 1,
});

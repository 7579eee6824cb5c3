// broker/produce/produce.ts - Produce: record batches into partitions.
// Owns: the walk over a request's partitions, and the answer once every append is acknowledged.
// D1 An answer with acks=1 or all leaves after the log has acknowledged every batch it speaks of (durable, unless the topic opted out).
// D2 Batches of one producer are appended in the order in which its requests arrived: the append happens within the call of the handler.
// D3 A repeated batch is answered with the offset of the first one, and not before that one is acknowledged.
// Cost per batch: one checksum, one lookup by name or id, one closure, one response object. Nothing per record.
import { isMillraceError } from '../../base/mod.ts';
import type { AppendBatch, Appended } from '../../log/mod.ts';
import { errorCodes, errorName, Produce, stampLogAppendTime, type BatchHeader, type RequestOf, type ResponseInit } from '../../wire/mod.ts';
import type { Handler, RequestContext } from '../handlers.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import type { Topic, TopicPartition } from '../topics/topic.ts';
import type { Transactions } from '../transaction/transactions.ts';
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

/** The handler of Produce. When the log has no room for the moment, requests wait in their order, and their connections fill up. */
export function produceHandler(services: Services, transactions: Transactions): Handler<typeof Produce> {
  const held: ProduceRun[] = [];
  const goOn = (): void => {
    while (held.length > 0) {
      if (!held[0]!.advance()) return services.log.whenRoom(goOn);
      held.shift();
    }
  };
  return (request, context) => {
    const run = new ProduceRun(services, transactions, request, context);
    if (held.length === 0 && run.advance()) return;
    run.keepBytes();
    held.push(run);
    if (held.length === 1) services.log.whenRoom(goOn);
  };
}

/** One request under way. */
class ProduceRun {
  readonly #services: Services;
  readonly #transactions: Transactions;
  readonly #request: ProduceRequest;
  readonly #context: RequestContext<typeof Produce>;
  readonly #byId: boolean;
  readonly #answers: TopicAnswer[] = [];
  #nowMs = 0;
  /** Why the whole request is refused; 0 for not. */
  readonly #refusal: number;
  // The next partition to append to:
  #topicAt = 0;
  #partitionAt = 0;
  #partitionAnswers: PartitionAnswer[] = [];
  /** Appends not yet acknowledged, plus one while the request is being walked. */
  #pending = 1;
  #failed = false;

  constructor(services: Services, transactions: Transactions, request: ProduceRequest, context: RequestContext<typeof Produce>) {
    this.#services = services;
    this.#transactions = transactions;
    this.#request = request;
    this.#context = context;
    this.#byId = context.version >= 13;
    const { acks } = request;
    this.#refusal = acks < -1 || acks > 1 ? errorCodes.INVALID_REQUIRED_ACKS : 0;
  }

  /** Copies what is still to be appended: the request's bytes are only borrowed. */
  keepBytes(): void {
    for (let topic = this.#topicAt; topic < this.#request.topicData.length; topic++) {
      for (const data of this.#request.topicData[topic]!.partitionData) data.records = data.records?.slice() ?? null;
    }
  }

  /** Appends what can be appended; false when the log has no room for the moment: call again when it has. */
  advance(): boolean {
    this.#nowMs = this.#services.clock.nowMs();
    const { topicData } = this.#request;
    for (; this.#topicAt < topicData.length; this.#topicAt++) {
      const { name, topicId, partitionData } = topicData[this.#topicAt]!;
      const topic = this.#byId ? this.#services.topics.byId(topicId) : this.#services.topics.byName(name);
      for (; this.#partitionAt < partitionData.length; this.#partitionAt++) {
        const data = partitionData[this.#partitionAt]!;
        const answer: PartitionAnswer = { index: data.index, errorCode: 0, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 };
        if (!this.#takePartition(topic, data, answer)) return false;
        if (topic !== undefined) topic.traffic.produceRequests++;
        this.#partitionAnswers.push(answer);
      }
      this.#answers.push({ name, topicId, partitionResponses: this.#partitionAnswers });
      this.#partitionAnswers = [];
      this.#partitionAt = 0;
    }
    this.#finished();
    return true;
  }

  /** Appends to one partition or refuses it; false when there is no room for the moment. */
  #takePartition(topic: Topic | undefined, data: PartitionData, answer: PartitionAnswer): boolean {
    if (this.#refusal !== 0) this.#refuse(answer, this.#refusal, `acks=${this.#request.acks} does not exist`);
    else if (topic === undefined) this.#refuse(answer, this.#byId ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
    else return this.#append(topic, data, answer);
    return true;
  }

  #append(topic: Topic, data: PartitionData, answer: PartitionAnswer): boolean {
    const partition = topic.partitions[data.index];
    const bytes = data.records ?? noBytes;
    const refusal = this.#refusalOf(topic, partition);
    if (refusal !== null) { this.#refuse(answer, refusal.errorCode, refusal.message); return true; }
    const verdict = checkBatch(bytes, this.#context.version, topic.settings, this.#nowMs);
    if (verdict.kind === 'bad') { this.#refuse(answer, verdict.refusal.errorCode, verdict.refusal.message, verdict.refusal.recordErrors); return true; }
    if (this.#services.gate.guards(partition!)) { this.#appendJudged(partition!, bytes.slice(), verdict.header, answer); return true; }
    return this.#enter(partition!, bytes, verdict.header, answer);
  }

  /** False when there is no room for the moment. */
  #enter(partition: TopicPartition, bytes: Uint8Array, header: BatchHeader, answer: PartitionAnswer): boolean {
    if (header.producerId >= 0 && !this.#checkProducer(partition, header, answer)) return true;
    return this.#appendVerified(partition, bytes, header, answer);
  }

  /** The same once the records have been judged by the topic's schemas: later, but in the order in which batches came (D2). */
  #appendJudged(partition: TopicPartition, bytes: Uint8Array, header: BatchHeader, answer: PartitionAnswer): void {
    this.#pending++;
    this.#services.gate.enter(partition, bytes, (faults) => {
      this.#nowMs = this.#services.clock.nowMs();
      if (faults.length > 0) this.#refuse(answer, errorCodes.INVALID_RECORD, `${faults.length} of ${header.recordCount} records break the schema of topic ${partition.topic.name}`, faults);
      else if (!this.#enter(partition, bytes, header, answer)) return false;
      this.#finished();
      return true;
    });
  }

  #refusalOf(topic: Topic, partition: TopicPartition | undefined): BatchRefusal | null {
    if (partition === undefined) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, message: `topic ${topic.name} has ${topic.partitions.length} partitions` };
    if (topic.internal) return { errorCode: errorCodes.INVALID_TOPIC_EXCEPTION, message: `topic ${topic.name} is written by the node alone` };
    if (topic.settings.importFrom !== '') return { errorCode: errorCodes.POLICY_VIOLATION, message: `topic ${topic.name} is being moved here from ${topic.settings.importFrom}: it takes no producers until the move is complete` };
    const replicas = this.#services.brokerIds.length;
    if (this.#request.acks === -1 && topic.settings.insyncReplicasMin > replicas) {
      return { errorCode: errorCodes.NOT_ENOUGH_REPLICAS, message: `min.insync.replicas is ${topic.settings.insyncReplicasMin}, there ${replicas === 1 ? 'is one replica' : `are ${replicas} replicas`}` };
    }
    return null;
  }

  /** True when the batch is its producer's next; else the answer is on its way. */
  #checkProducer(partition: TopicPartition, header: BatchHeader, answer: PartitionAnswer): boolean {
    if (!this.#services.producerIds.isKnown(header.producerId)) {
      this.#refuse(answer, errorCodes.UNKNOWN_PRODUCER_ID, `producer id ${header.producerId} was not given out by this node`);
      return false;
    }
    const fault = this.#transactionFault(partition, header);
    if (fault !== null) { this.#refuse(answer, fault.errorCode, fault.message); return false; }
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

  /** Why a batch may not enter as part of a transaction, or outside of one; null when it may. */
  #transactionFault(partition: TopicPartition, header: BatchHeader): BatchRefusal | null {
    const { producerId, producerEpoch } = header;
    const { transactionalId, acks } = this.#request;
    if (!header.isTransactional) {
      if (!partition.transactions.open.has(producerId)) return null;
      return { errorCode: errorCodes.INVALID_TXN_STATE, message: `producer ${producerId} has a transaction open here, this batch belongs to none` };
    }
    if (transactionalId === null) return { errorCode: errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, message: 'a transactional batch needs a transactional id' };
    if (acks !== -1) return { errorCode: errorCodes.INVALID_REQUIRED_ACKS, message: `a transactional batch needs acks=all, not ${acks}` };
    const newer = this.#context.version >= implicitVersionMin;
    const errorCode = this.#transactions.admit(transactionalId, { producerId, producerEpoch }, partition, newer);
    if (errorCode === errorCodes.NONE) return newer ? this.#beginFault(partition, header) : null;
    const told = errorCode === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : errorCode;
    return { errorCode: told, message: `producer ${producerId} with epoch ${producerEpoch} may not append for '${transactionalId}' now: ${errorName(errorCode)}` };
  }

  /** Each transaction of the newer protocol begins with sequence 0: another number says that records before it are missing. */
  #beginFault(partition: TopicPartition, { producerId, baseSequence }: BatchHeader): BatchRefusal | null {
    if (baseSequence === 0 || partition.transactions.open.has(producerId)) return null;
    return { errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER, message: `producer ${producerId} begins a transaction here with sequence ${baseSequence}: earlier records of it are missing` };
  }

  /** False when there is no room for the moment. */
  #appendVerified(partition: TopicPartition, bytes: Uint8Array, header: BatchHeader, answer: PartitionAnswer): boolean {
    const { log, topic } = partition;
    const appendTime = topic.settings.timestampType === 'LogAppendTime';
    if (appendTime) stampLogAppendTime(bytes, 0, this.#nowMs);
    const maxTimestampMs = appendTime ? this.#nowMs : header.maxTimestampMs;
    try {
      const { baseOffset } = this.#appendTo(partition, header, { bytes, offsetCount: header.lastOffsetDelta + 1, maxTimestampMs }, (error) => {
        if (error !== null) partition.producers.truncate(baseOffset); // its transaction stays open: readers of a page cache may see these records until the next start
        this.#acknowledged(answer, error);
      });
      this.#pending++;
      answer.baseOffset = baseOffset;
      answer.logAppendTimeMs = appendTime ? this.#nowMs : -1;
      answer.logStartOffset = log.logStartOffset;
      if (header.isTransactional) partition.transactions.appended(header.producerId, baseOffset, this.#nowMs);
      if (header.producerId >= 0) partition.producers.appended(origin(header), baseOffset, answer.logAppendTimeMs, this.#nowMs);
      topic.traffic.recordsIn += header.lastOffsetDelta + 1;
      topic.traffic.bytesIn += bytes.byteLength;
      partition.arrivals.note(baseOffset, baseOffset + header.lastOffsetDelta + 1, this.#nowMs);
      this.#services.producers.appended(partition, bytes.byteLength); // last: a snapshot taken now covers this batch
    } catch (error) {
      if (isMillraceError(error, 'overloaded')) return false;
      this.#refuse(answer, storageErrorCode(error), isMillraceError(error) ? error.message : null);
    }
    return true;
  }

  /** Records of a transaction are acknowledged once durable, whatever the topic says: else a crash could take some of them, and the rest be committed. */
  #appendTo({ log }: TopicPartition, header: BatchHeader, batch: AppendBatch, done: (error: Error | null) => void): Appended {
    if (!header.isTransactional || log.config.durability === 'synced') return log.append([batch], done);
    return this.#services.log.appendTogether([{ partition: log, batches: [batch] }], done)[0]!;
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
    if (this.#failed) this.#countFailures();
    if (this.#request.acks !== 0) this.#context.reply({ responses: this.#answers });
    else this.#finishUnacknowledged();
  }

  #countFailures(): void {
    const { topics, metrics } = this.#services;
    for (const { name, topicId, partitionResponses } of this.#answers) {
      const topic = this.#byId ? topics.byId(topicId!) : topics.byName(name!);
      for (const { errorCode } of partitionResponses!) {
        if (errorCode === 0) continue;
        metrics.requests.failed(Produce, errorCode!);
        if (topic !== undefined) topic.traffic.produceFailures++;
      }
    }
  }

  /** Kafka's way of telling a producer with acks=0 that something failed: it loses its connection. */
  #finishUnacknowledged(): void {
    if (this.#failed) this.#context.connection.abort('a batch sent with acks=0 was refused');
    this.#context.replyNothing();
  }
}

const noBytes = new Uint8Array();
/** From here on a batch adds its partition to the transaction itself (KIP-890). */
const implicitVersionMin = 12;

const origin = (header: BatchHeader) => ({
  producerId: header.producerId,
  producerEpoch: header.producerEpoch,
  baseSequence: header.baseSequence,
  count: header.lastOffsetDelta + 1,
});

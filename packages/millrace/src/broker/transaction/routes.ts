// broker/transaction/routes.ts - the requests about transactions, in all their versions.
// Owns: what differs by version, the forms of answers. Never: what a transaction does (transactions.ts).
// Versions: AddPartitionsToTxn 4 and later is made for brokers and carries several transactions, but some clients send it: it is answered to all.
// EndTxn 5 and TxnOffsetCommit 5 are the newer protocol (KIP-890): the end raises the epoch, groups join by committing. Before version 2 a fenced
// producer is told INVALID_PRODUCER_EPOCH, the only word older clients know for it.
import { isMillraceError, limits } from '../../base/mod.ts';
import { linearPattern, type LinearPattern } from '../../os/mod.ts';
import {
  AddOffsetsToTxn, AddPartitionsToTxn, DescribeTransactions, EndTxn, errorCodes, InitProducerId, ListTransactions, TxnOffsetCommit, WriteTxnMarkers,
  type RequestOf,
} from '../../wire/mod.ts';
import type { CodeReply, GroupCoordinator, OffsetEntry } from '../group/mod.ts';
import { filterInSlices } from '../filter-in-slices.ts';
import { route, type Handler, type Route } from '../handlers.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import type { TopicPartition } from '../topics/topic.ts';
import { phaseName } from './transaction.ts';
import type { Transactions } from './transactions.ts';

/** Routes for keys 22, 24-28, 65 and 66. */
export function transactionRoutes(services: Services, transactions: Transactions, groups: GroupCoordinator): Route[] {
  return [
    route(InitProducerId, initProducerId(services, transactions)),
    route(AddPartitionsToTxn, addPartitions(services, transactions)),
    route(AddOffsetsToTxn, addOffsets(transactions)),
    route(EndTxn, endTransaction(transactions)),
    route(TxnOffsetCommit, commitOffsets(services, transactions, groups)),
    route(WriteTxnMarkers, writeMarkers(services, transactions)),
    route(DescribeTransactions, describeTransactions(transactions)),
    route(ListTransactions, listTransactions(services, transactions)),
  ];
}

/** In the words that clients of that age know. */
const fencing = (errorCode: number, isNew: boolean): number => (errorCode === errorCodes.PRODUCER_FENCED && !isNew ? errorCodes.INVALID_PRODUCER_EPOCH : errorCode);

/** An idempotent producer that asks again gets a fresh id with epoch 0, as from Kafka: its old batches end with the old id. */
function initProducerId(services: Services, transactions: Transactions): Handler<typeof InitProducerId> {
  return (request, context) => {
    const refuse = (errorCode: number) => context.reply({ errorCode, producerId: -1, producerEpoch: -1 });
    const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request;
    if (transactionalId === null) {
      services.producerIds.take().then((fresh) => context.reply({ errorCode: errorCodes.NONE, producerId: fresh, producerEpoch: 0 }), (error: unknown) => refuse(storageErrorCode(error)));
      return;
    }
    if (transactionalId === '' || (producerId === -1) !== (producerEpoch === -1)) return void refuse(errorCodes.INVALID_REQUEST);
    if (transactionTimeoutMs <= 0 || transactionTimeoutMs > services.config.number('transaction.max.timeout.ms')) return void refuse(errorCodes.INVALID_TRANSACTION_TIMEOUT);
    transactions.begin(transactionalId, transactionTimeoutMs, { producerId, producerEpoch }, (identity) => context.reply({ ...identity, errorCode: fencing(identity.errorCode, context.version >= 4) }));
  };
}

type AskedTopics = RequestOf<typeof AddPartitionsToTxn>['v3AndBelowTopics'];

function addPartitions(services: Services, transactions: Transactions): Handler<typeof AddPartitionsToTxn> {
  return (request, context) => {
    const { version } = context;
    const asked = version >= 4 ? request.transactions : [{
      transactionalId: request.v3AndBelowTransactionalId, producerId: request.v3AndBelowProducerId, producerEpoch: request.v3AndBelowProducerEpoch, verifyOnly: false, topics: request.v3AndBelowTopics,
    }];
    Promise.all(asked.map(({ transactionalId, producerId, producerEpoch, verifyOnly, topics }) => new Promise<{ transactionalId: string; topicResults: ReturnType<typeof results> }>((resolve) => {
      const tell = (codeOf: (known: boolean) => number) => resolve({ transactionalId, topicResults: results(services, topics, codeOf) });
      const partitions = partitionsOf(services, topics);
      // One that is not there keeps the others out, too: the producer must look for its topics anew.
      if (partitions === null) return tell((known) => (known ? errorCodes.OPERATION_NOT_ATTEMPTED : errorCodes.UNKNOWN_TOPIC_OR_PARTITION));
      const producer = { producerId, producerEpoch };
      if (!verifyOnly) return transactions.addPartitions(transactionalId, producer, partitions, (errorCode) => tell(() => fencing(errorCode, version >= 2)));
      const faults = partitions.map((partition) => transactions.admit(transactionalId, producer, partition, false));
      const fault = faults.find((errorCode) => errorCode !== errorCodes.NONE) ?? errorCodes.NONE;
      tell(() => (fault === errorCodes.INVALID_TXN_STATE ? errorCodes.TRANSACTION_ABORTABLE : fault));
    }))).then((byTransaction) => context.reply(version >= 4
      ? { errorCode: errorCodes.NONE, resultsByTransaction: byTransaction }
      : { resultsByTopicV3AndBelow: byTransaction[0]!.topicResults }));
  };
}

/** All partitions asked for; null when one is not there or is written by the node alone. */
function partitionsOf({ topics }: Services, asked: AskedTopics): TopicPartition[] | null {
  const found: TopicPartition[] = [];
  for (const { name, partitions } of asked) {
    for (const index of partitions) {
      const partition = topics.partition(name, index);
      if (partition === undefined || partition.topic.internal) return null;
      found.push(partition);
    }
  }
  return found;
}

function results({ topics }: Services, asked: AskedTopics, codeOf: (known: boolean) => number) {
  return asked.map(({ name, partitions }) => ({
    name, resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: codeOf(topics.partition(name, partitionIndex)?.topic.internal === false) })),
  }));
}

function addOffsets(transactions: Transactions): Handler<typeof AddOffsetsToTxn> {
  return ({ transactionalId, producerId, producerEpoch, groupId }, context) => {
    transactions.addGroup(transactionalId, { producerId, producerEpoch }, groupId, (errorCode) => context.reply({ errorCode: fencing(errorCode, context.version >= 2) }));
  };
}

function endTransaction(transactions: Transactions): Handler<typeof EndTxn> {
  return ({ transactionalId, producerId, producerEpoch, committed }, context) => {
    const { version } = context;
    transactions.end(transactionalId, { producerId, producerEpoch }, committed ? 'commit' : 'abort', version >= 5, (identity) => {
      context.reply({ ...identity, errorCode: fencing(identity.errorCode, version >= 2) });
    });
  };
}

function commitOffsets(services: Services, transactions: Transactions, groups: GroupCoordinator): Handler<typeof TxnOffsetCommit> {
  return (request, context) => {
    const { transactionalId, groupId, producerId, producerEpoch, memberId, groupInstanceId: instanceId, generationId: generation } = request;
    const rows: { partitionIndex: number; errorCode: number }[] = [];
    const entries: OffsetEntry[] = [];
    const { wallMs } = groups.now();
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => {
        const row = { partitionIndex, errorCode: errorCodes.NONE as number };
        const metadata = committedMetadata ?? '';
        const topicId = groups.topics.idOf(name);
        if (topicId === null || !groups.topics.hasPartition(name, partitionIndex)) row.errorCode = errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
        else if (metadata.length > groups.settings.offsetMetadataMax) row.errorCode = errorCodes.OFFSET_METADATA_TOO_LARGE;
        else {
          rows.push(row);
          entries.push({ topic: name, partition: partitionIndex, value: { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata, commitTimestampMs: wallMs, expireTimestampMs: -1, topicId } });
        }
        return row;
      }),
    }));
    const answer = ({ errorCode, refused }: CodeReply) => {
      for (const [index, row] of rows.entries()) row.errorCode = refused?.entries.has(entries[index]!) === true ? refused.errorCode : errorCode;
      context.reply({ topics });
    };
    if (entries.length === 0) return context.reply({ topics });
    if (groupId === '') return answer({ errorCode: errorCodes.INVALID_GROUP_ID });
    const fault = transactions.admitGroup(transactionalId, { producerId, producerEpoch }, groupId, context.version >= 5);
    if (fault !== errorCodes.NONE) return answer({ errorCode: fault === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : fault });
    const event = { kind: 'pend', to: { answer }, memberId, instanceId, generation, producerId, entries, version: context.version } as const;
    if (generation >= 0) {
      if (!groups.send(groupId, event)) answer({ errorCode: errorCodes.ILLEGAL_GENERATION });
    } else if (!groups.sendOrCreate(groupId, event)) answer({ errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE });
  };
}

/** How an operator ends a transaction that hangs in a partition. */
function writeMarkers(services: Services, transactions: Transactions): Handler<typeof WriteTxnMarkers> {
  return (request, context) => {
    Promise.all(request.markers.map(async ({ producerId, producerEpoch, transactionResult, topics }) => ({
      producerId,
      topics: await Promise.all(topics.map(async ({ name, partitionIndexes }) => ({
        name,
        partitions: await Promise.all(partitionIndexes.map((partitionIndex) => new Promise<{ partitionIndex: number; errorCode: number }>((resolve) => {
          const tell = (errorCode: number) => resolve({ partitionIndex, errorCode });
          const partition = services.topics.partition(name, partitionIndex);
          if (partition === undefined) return tell(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
          if (transactionResult) return tell(errorCodes.INVALID_REQUEST); // only the coordinator commits
          transactions.abortHanging(partition, { producerId, producerEpoch }, tell);
        }))),
      }))),
    }))).then((markers) => context.reply({ markers }));
  };
}

function describeTransactions(transactions: Transactions): Handler<typeof DescribeTransactions> {
  return ({ transactionalIds }, context) => context.reply({
    transactionStates: transactionalIds.map((transactionalId) => {
      const transaction = transactions.find(transactionalId);
      if (transaction === undefined) {
        return {
          errorCode: transactionalId === '' ? errorCodes.INVALID_REQUEST : errorCodes.TRANSACTIONAL_ID_NOT_FOUND, transactionalId, transactionState: '', transactionTimeoutMs: 0,
          transactionStartTimeMs: 0, producerId: 0, producerEpoch: 0, topics: [],
        };
      }
      const { phase, timeoutMs, producerId, producerEpoch } = transaction;
      const byTopic = new Map<string, number[]>();
      if (phase.kind === 'ongoing') for (const { topic, index } of phase.partitions) byTopic.set(topic.name, [...byTopic.get(topic.name) ?? [], index]);
      return {
        errorCode: errorCodes.NONE, transactionalId, transactionState: phaseName(phase), transactionTimeoutMs: timeoutMs, transactionStartTimeMs: phase.kind === 'ongoing' ? phase.startedMs : -1,
        producerId, producerEpoch, topics: [...byTopic].map(([topic, partitions]) => ({ topic, partitions: partitions.sort((a, b) => a - b) })),
      };
    }),
  });
}

const stateNames = new Set(['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort', 'Dead', 'PrepareEpochFence']);

/** Takes the ids that a pattern names, all without one; null for what is no pattern. Linear in the id, and looked for in slices, so that no pattern can stall the node. */
function patternOf(text: string | null): LinearPattern | null {
  if (text === null || text === '') return () => true;
  try {
    return linearPattern(text, limits.group.patternSizeMax);
  } catch (error) {
    if (!isMillraceError(error, 'invalid-argument')) throw error;
    return null;
  }
}

function listTransactions({ clock }: Services, transactions: Transactions): Handler<typeof ListTransactions> {
  return (request, context) => {
    const { stateFilters, producerIdFilters, durationFilter } = request;
    const matches = patternOf(request.transactionalIdPattern);
    if (matches === null) return context.reply({ errorCode: errorCodes.INVALID_REGULAR_EXPRESSION });
    const nowMs = clock.nowMs();
    const transactionStates: { transactionalId: string; producerId: number; transactionState: string }[] = [];
    for (const { id, phase, producerId } of transactions.all) {
      const state = phaseName(phase);
      if (stateFilters.length > 0 && !stateFilters.includes(state)) continue;
      if (producerIdFilters.length > 0 && !producerIdFilters.includes(producerId)) continue;
      if (durationFilter >= 0 && !(phase.kind === 'ongoing' && nowMs - phase.startedMs > durationFilter)) continue;
      transactionStates.push({ transactionalId: id, producerId, transactionState: state });
    }
    const unknownStateFilters = stateFilters.filter((name) => !stateNames.has(name));
    filterInSlices(clock, transactionStates, ({ transactionalId }) => matches(transactionalId), (found) => context.reply({ errorCode: errorCodes.NONE, unknownStateFilters, transactionStates: found }));
  };
}

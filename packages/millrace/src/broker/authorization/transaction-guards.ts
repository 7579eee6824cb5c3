// broker/authorization/transaction-guards.ts - what requests about producers and transactions need, and how refusals are told.
// Owns: their rules, as Apache Kafka's KafkaApis has them, but for one: AddPartitionsToTxn 4 and later, which Kafka takes from brokers alone
// (CLUSTER_ACTION), is served to clients by the rights that version 3 needs: some clients send the highest version that they find.
import {
  aclOperations as O, aclResources, AddOffsetsToTxn, AddPartitionsToTxn, DescribeTransactions, EndTxn, errorCodes, InitProducerId, ListTransactions, TxnOffsetCommit, WriteTxnMarkers,
  type RequestOf, type ResponseInit,
} from '../../wire/mod.ts';
import { completing, divide, passAllowed, refusals, type Asker, type Guard } from './guard.ts';
import { rule, type Rule } from './rule.ts';

const transactionRefused = refusals.transaction.errorCode;
const topicRefused = refusals.topic.errorCode;

const initProducerId: Guard<typeof InitProducerId> = (request, context, client, pass) => {
  const { transactionalId } = request;
  const refuse = ({ errorCode }: { errorCode: number }) => context.reply({ errorCode, producerId: -1, producerEpoch: -1 });
  if (transactionalId !== null && !client.mayTransaction(O.write, transactionalId)) return refuse(refusals.transaction);
  if (transactionalId === null && !client.mayBeginProducer()) return refuse(refusals.cluster);
  pass(request);
};

type AddedTopics = RequestOf<typeof AddPartitionsToTxn>['v3AndBelowTopics'];

const addPartitions: Guard<typeof AddPartitionsToTxn> = (request, context, client, pass) => {
  if (context.version < 4) {
    const results = refusedAddition(client, request.v3AndBelowTransactionalId, request.v3AndBelowTopics);
    return results === null ? pass(request) : context.reply({ resultsByTopicV3AndBelow: results });
  }
  if (client.couldCluster(O.cluster_action)) return pass(request);
  const rows: { transactionalId: string; topicResults: NonNullable<ReturnType<typeof refusedAddition>> }[] = [];
  const allowed = request.transactions.filter(({ transactionalId, topics }) => {
    const topicResults = refusedAddition(client, transactionalId, topics);
    if (topicResults !== null) rows.push({ transactionalId, topicResults });
    return topicResults === null;
  });
  if (allowed.length === 0 && rows.length > 0) return context.reply({ errorCode: errorCodes.NONE, resultsByTransaction: rows });
  if (rows.length === 0) return pass(request);
  pass({ ...request, transactions: allowed }, completing(context, (body) => ({ ...body, resultsByTransaction: [...body.resultsByTransaction ?? [], ...rows] })));
};

/** One partition that is refused keeps all of the transaction's out; null when all may be added. */
function refusedAddition(client: Asker, transactionalId: string, topics: AddedTopics) {
  const results = (codeOf: (name: string, index: number) => number) => topics.map(({ name, partitions }) => ({
    name, resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: codeOf(name, partitionIndex) })),
  }));
  if (!client.mayTransaction(O.write, transactionalId)) return results(() => transactionRefused);
  const refused = new Set(topics.filter(({ name }) => !client.mayTopic(O.write, name)).map(({ name }) => name));
  if (refused.size === 0) return null;
  return results((name, index) => {
    if (refused.has(name)) return topicRefused;
    return client.topics.partition(name, index) === undefined ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.OPERATION_NOT_ATTEMPTED;
  });
}

const addOffsets: Guard<typeof AddOffsetsToTxn> = (request, context, client, pass) => {
  if (!client.mayTransaction(O.write, request.transactionalId)) return context.reply({ errorCode: transactionRefused });
  if (!client.mayGroup(O.read, request.groupId)) return context.reply({ errorCode: refusals.group.errorCode });
  pass(request);
};

const endTransaction: Guard<typeof EndTxn> = (request, context, client, pass) => {
  if (client.mayTransaction(O.write, request.transactionalId)) return pass(request);
  context.reply({ errorCode: transactionRefused, producerId: -1, producerEpoch: -1 });
};

const writeMarkers: Guard<typeof WriteTxnMarkers> = (request, context, client, pass) => {
  if (client.couldCluster(O.alter) || client.mayCluster(O.cluster_action)) return pass(request);
  const { errorCode } = refusals.cluster;
  context.reply({ markers: request.markers.map(({ producerId, topics }) => ({
    producerId, topics: topics.map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode })) })),
  })) });
};

const commitOffsets: Guard<typeof TxnOffsetCommit> = (request, context, client, pass) => {
  const rows = (topics: readonly RequestOf<typeof TxnOffsetCommit>['topics'][number][], errorCode: number) => topics.map(({ name, partitions }) => ({
    name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }));
  if (!client.mayTransaction(O.write, request.transactionalId)) return context.reply({ topics: rows(request.topics, transactionRefused) });
  if (!client.mayGroup(O.read, request.groupId)) return context.reply({ topics: rows(request.topics, refusals.group.errorCode) });
  passAllowed(request, context, pass, {
    list: request.topics, passes: ({ name }) => client.mayTopic(O.read, name),
    narrowed: (topics) => ({ ...request, topics }),
    completed: (body, topics) => ({ ...body, topics: [...body.topics ?? [], ...rows(topics, topicRefused)] }),
  });
};

type DescribedTransaction = NonNullable<ResponseInit<typeof DescribeTransactions>['transactionStates']>[number];

const describeTransactions: Guard<typeof DescribeTransactions> = (request, context, client, pass) => {
  const { allowed, refused } = divide(request.transactionalIds, (id) => client.mayTransaction(O.describe, id));
  const rows = refused.map((transactionalId): DescribedTransaction => ({ errorCode: transactionRefused, transactionalId, transactionState: '', topics: [] }));
  if (allowed.length === 0 && rows.length > 0) return context.reply({ transactionStates: rows });
  const shown = (state: DescribedTransaction): DescribedTransaction => ({ ...state, topics: (state.topics ?? []).filter(({ topic }) => client.could(O.describe, aclResources.topic, topic!)) });
  pass({ ...request, transactionalIds: allowed }, completing(context, (body) => ({ ...body, transactionStates: [...(body.transactionStates ?? []).map(shown), ...rows] })));
};

const listTransactions: Guard<typeof ListTransactions> = (request, context, client, pass) => pass(request, completing(context, (body) => ({
  ...body, transactionStates: (body.transactionStates ?? []).filter(({ transactionalId }) => client.could(O.describe, aclResources.transactional_id, transactionalId!)),
})));

/** Rules of the requests about producers and transactions. */
export const transactionRules: readonly Rule[] = [
  rule(InitProducerId, 'WRITE on the transactional id; without one, IDEMPOTENT_WRITE on the cluster or WRITE on any topic', initProducerId),
  rule(AddPartitionsToTxn, 'WRITE on the transactional id and on each topic, or (from version 4 on) CLUSTER_ACTION on the cluster', addPartitions),
  rule(AddOffsetsToTxn, 'WRITE on the transactional id and READ on the group', addOffsets),
  rule(EndTxn, 'WRITE on the transactional id', endTransaction),
  rule(WriteTxnMarkers, 'ALTER or CLUSTER_ACTION on the cluster', writeMarkers),
  rule(TxnOffsetCommit, 'WRITE on the transactional id, READ on the group and on each topic', commitOffsets),
  rule(DescribeTransactions, 'DESCRIBE on each transactional id, and on each topic that is told', describeTransactions),
  rule(ListTransactions, 'DESCRIBE on each transactional id that is listed', listTransactions),
];

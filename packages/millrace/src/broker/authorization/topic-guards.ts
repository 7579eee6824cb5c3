// broker/authorization/topic-guards.ts - what requests about topics and records need, and how refusals are told.
// Owns: the rules of Produce, ListOffsets, Metadata, CreateTopics, DeleteTopics and their kin, as Apache Kafka's KafkaApis has them.
// P1 Whether a topic exists is told only to those who may describe it: lists leave it out, a request that names it is refused in the same words
// as one for a topic that is not there.
import {
  aclOperations as O, aclResources, CreatePartitions, CreateTopics, DeleteRecords, DeleteTopics, DescribeProducers, DescribeTopicPartitions, errorCodes, Fetch, ListOffsets,
  Metadata, OffsetForLeaderEpoch, Produce, zeroUuid, type RequestOf, type ResponseInit,
} from '../../wire/mod.ts';
import type { RequestContext } from '../handlers.ts';
import { isInternalTopic, topicNameFault } from '../topics/topic-name.ts';
import { completing, divide, passAllowed, refusals, repeatedIn, type Asker, type Guard } from './guard.ts';
import { rule, type Rule } from './rule.ts';

const refused = refusals.topic.errorCode;

type ProducedTopic = RequestOf<typeof Produce>['topicData'][number];

const attributesAt = 22;
const transactionalBit = 0x10;

const produce: Guard<typeof Produce> = (request, context, client, pass) => {
  const { transactionalId, topicData, acks } = request;
  const completed = (body: ResponseInit<typeof Produce>, topics: readonly ProducedTopic[], errorCode: number) => ({ ...body, responses: [...body.responses ?? [], ...topics.map((topic) => producedRow(topic, errorCode))] });
  if (transactionalId !== null && topicData.some(hasTransactional) && !client.mayTransaction(O.write, transactionalId)) {
    return acks === 0 ? loseConnection(context, true) : context.reply(completed({}, topicData, refusals.transaction.errorCode));
  }
  const isAllowed = ({ name, topicId }: ProducedTopic) => {
    const known = context.version >= 13 ? client.topics.byId(topicId)?.name : name;
    return known === undefined || client.mayTopic(O.write, known);
  };
  const { allowed, refused: others } = divide(topicData, isAllowed);
  if (others.length === 0) return pass(request);
  if (acks === 0) {
    if (allowed.length > 0) pass({ ...request, topicData: allowed });
    return loseConnection(context, allowed.length === 0);
  }
  if (allowed.length === 0) return context.reply(completed({}, others, refused));
  pass({ ...request, topicData: allowed }, completing(context, (body) => completed(body, others, refused)));
};

/** Who waits for no answer learns of a refusal by losing the connection, as from Kafka; what he may write was appended by then. */
function loseConnection(context: RequestContext<typeof Produce>, unanswered: boolean): void {
  context.connection.abort('a batch sent with acks=0 was not authorized');
  if (unanswered) context.replyNothing();
}

function hasTransactional({ partitionData }: ProducedTopic): boolean {
  return partitionData.some(({ records }) => records !== null && records.byteLength > attributesAt && (records[attributesAt]! & transactionalBit) !== 0);
}

function producedRow({ name, topicId, partitionData }: ProducedTopic, errorCode: number) {
  return { name, topicId, partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 })) };
}

const listOffsets: Guard<typeof ListOffsets> = (request, context, client, pass) => passAllowed(request, context, pass, {
  list: request.topics, passes: ({ name }) => client.mayTopic(O.describe, name),
  narrowed: (topics) => ({ ...request, topics }),
  completed: (body, topics) => ({ ...body, topics: [...body.topics ?? [], ...topics.map(({ name, partitions }) => ({
    name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: refused, timestamp: -1, offset: -1, leaderEpoch: -1 })),
  }))] }),
});

const offsetForLeaderEpoch: Guard<typeof OffsetForLeaderEpoch> = (request, context, client, pass) => {
  if (client.couldCluster(O.cluster_action)) return pass(request);
  passAllowed(request, context, pass, {
    list: request.topics, passes: ({ topic }) => client.mayTopic(O.describe, topic),
    narrowed: (topics) => ({ ...request, topics }),
    completed: (body, topics) => ({ ...body, topics: [...body.topics ?? [], ...topics.map(({ topic, partitions }) => ({
      topic, partitions: partitions.map(({ partition }) => ({ partition, errorCode: refused, leaderEpoch: -1, endOffset: -1 })),
    }))] }),
  });
};

type AskedTopic = NonNullable<RequestOf<typeof Metadata>['topics']>[number];
type MetadataTopic = NonNullable<ResponseInit<typeof Metadata>['topics']>[number];

const metadata: Guard<typeof Metadata> = (request, context, client, pass) => {
  const { topics: asked } = request;
  const asksAll = asked === null || (context.version === 0 && asked.length === 0);
  const rows: MetadataTopic[] = [];
  const allowed = asksAll ? [] : asked.filter((topic) => {
    const row = refusedMetadata(client, request, topic);
    if (row !== null) rows.push(row);
    return row === null;
  });
  const narrowed = asksAll || rows.length === 0 ? request : { ...request, topics: allowed };
  pass(narrowed, completing(context, (body) => {
    // In version 0 an empty list asks for all topics: what the handler says of them was not asked for.
    const found = asksAll ? (body.topics ?? []).filter(({ name }) => client.could(O.describe, aclResources.topic, name!)) : allowed.length > 0 ? body.topics ?? [] : [];
    const topics = request.includeTopicAuthorizedOperations
      ? found.map((topic) => (topic.errorCode === errorCodes.NONE ? { ...topic, topicAuthorizedOperations: client.topicOperations(topic.name!) } : topic))
      : found;
    const cluster = request.includeClusterAuthorizedOperations ? { clusterAuthorizedOperations: client.clusterOperations() } : {};
    return { ...body, ...cluster, topics: [...topics, ...rows] };
  }));
};

/** What a client is told of a topic that it may not describe, or that it wants created and may not; null when it may. */
function refusedMetadata(client: Asker, request: RequestOf<typeof Metadata>, { name, topicId }: AskedTopic): MetadataTopic | null {
  const known = name ?? client.topics.byId(topicId)?.name;
  if (known === undefined) return null; // an id that is unknown is no secret
  if (!client.mayTopic(O.describe, known)) return { errorCode: refused, name, topicId: name === null ? topicId : zeroUuid };
  const creates = request.allowAutoTopicCreation && client.topics.byName(known) === undefined && client.config.boolean('auto.create.topics.enable') && topicNameFault(known) === null;
  if (!creates || client.couldCluster(O.create) || client.mayTopic(O.create, known)) return null;
  return { errorCode: refused, name, topicId: zeroUuid, isInternal: isInternalTopic(known) };
}

const createTopics: Guard<typeof CreateTopics> = (request, context, client, pass) => {
  const repeated = repeatedIn(request.topics.map(({ name }) => name));
  const everywhere = client.couldCluster(O.create);
  const { allowed, refused: others } = divide(request.topics, ({ name }) => everywhere || repeated.has(name) || client.mayTopic(O.create, name));
  const rows = others.map(({ name }) => ({ name, topicId: zeroUuid, ...refusals.topic }));
  if (rows.length > 0 && allowed.length === 0) return context.reply({ topics: rows });
  pass({ ...request, topics: allowed }, completing(context, (body) => ({ ...body, topics: [...(body.topics ?? []).map((row) => withoutSecretConfig(client, row)), ...rows] })));
};

type CreatedTopic = NonNullable<ResponseInit<typeof CreateTopics>['topics']>[number];

/** The configuration of a new topic is told to those who may read configurations. */
function withoutSecretConfig(client: Asker, row: CreatedTopic): CreatedTopic {
  if (row.errorCode !== errorCodes.NONE || client.could(O.describe_configs, aclResources.topic, row.name!)) return row;
  return { ...row, topicConfigErrorCode: refused, numPartitions: -1, replicationFactor: -1, configs: [] };
}

type DeletedTopic = NonNullable<ResponseInit<typeof DeleteTopics>['responses']>[number];

const deleteTopics: Guard<typeof DeleteTopics> = (request, context, client, pass) => {
  if (client.couldCluster(O.delete)) return pass(request);
  const rows: DeletedTopic[] = [];
  const isAllowed = (name: string | null, topicId: string): boolean => {
    const row = refusedDeletion(client, name, topicId);
    if (row !== null) rows.push(row);
    return row === null;
  };
  const topicNames = request.topicNames.filter((name) => isAllowed(name, zeroUuid));
  const topics = request.topics.filter(({ name, topicId }) => isAllowed(name, topicId));
  if (rows.length === 0) return pass(request);
  if (topicNames.length + topics.length === 0) return context.reply({ responses: rows });
  pass({ ...request, topicNames, topics }, completing(context, (body) => ({ ...body, responses: [...body.responses ?? [], ...rows] })));
};

/** Null when the handler may go on: the topic may be deleted, or is not there, or is named wrongly. */
function refusedDeletion(client: Asker, name: string | null, topicId: string): DeletedTopic | null {
  if (name !== null && topicId !== zeroUuid) return null;
  const topic = name === null ? client.topics.byId(topicId) : client.topics.byName(name);
  const known = name ?? topic?.name;
  if (known === undefined) return null;
  const describes = client.mayTopic(O.describe, known);
  if (describes && (topic === undefined || client.mayTopic(O.delete, known))) return null;
  return { name: name ?? (describes ? known : null), topicId: describes && topic !== undefined ? topic.id : topicId, ...refusals.topic };
}

const deleteRecords: Guard<typeof DeleteRecords> = (request, context, client, pass) => passAllowed(request, context, pass, {
  list: request.topics, passes: ({ name }) => client.mayTopic(O.delete, name),
  narrowed: (topics) => ({ ...request, topics }),
  completed: (body, topics) => ({ ...body, topics: [...body.topics ?? [], ...topics.map(({ name, partitions }) => ({
    name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode: refused })),
  }))] }),
});

const createPartitions: Guard<typeof CreatePartitions> = (request, context, client, pass) => {
  const repeated = repeatedIn(request.topics.map(({ name }) => name));
  passAllowed(request, context, pass, {
    list: request.topics, passes: ({ name }) => repeated.has(name) || client.mayTopic(O.alter, name),
    narrowed: (topics) => ({ ...request, topics }),
    completed: (body, topics) => ({ ...body, results: [...body.results ?? [], ...topics.map(({ name }) => ({ name, ...refusals.topic }))] }),
  });
};

const describeProducers: Guard<typeof DescribeProducers> = (request, context, client, pass) => passAllowed(request, context, pass, {
  list: request.topics, passes: ({ name }) => client.mayTopic(O.read, name),
  narrowed: (topics) => ({ ...request, topics }),
  completed: (body, topics) => ({ ...body, topics: [...body.topics ?? [], ...topics.map(({ name, partitionIndexes }) => ({
    name, partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, ...refusals.topic })),
  }))] }),
});

const describeTopicPartitions: Guard<typeof DescribeTopicPartitions> = (request, context, client, pass) => {
  const { cursor } = request;
  const asksAll = request.topics.length === 0;
  const asked = asksAll ? [...client.topics.all.keys()].map((name) => ({ name })) : request.topics.filter(({ name }) => cursor === null || name >= cursor.topicName);
  const { allowed, refused: hidden } = divide(asked, ({ name }) => (asksAll ? client.could(O.describe, aclResources.topic, name) : client.mayTopic(O.describe, name)));
  const rows = asksAll ? [] : hidden.map(({ name }) => ({ errorCode: refused, name, topicId: zeroUuid, isInternal: false, partitions: [] }));
  const complete = (body: ResponseInit<typeof DescribeTopicPartitions>) => ({
    ...body, topics: [...(body.topics ?? []).map((topic) => (topic.errorCode === errorCodes.NONE ? { ...topic, topicAuthorizedOperations: client.topicOperations(topic.name!) } : topic)), ...rows],
  });
  if (allowed.length === 0) return context.reply(complete({ nextCursor: null }));
  pass({ ...request, topics: allowed }, completing(context, complete));
};

/** Rules of the requests about topics. */
export const topicRules: readonly Rule[] = [
  rule(Produce, 'WRITE on each topic; WRITE on the transactional id when records are transactional', produce),
  rule(Fetch, 'READ on each topic', 'in its handler'),
  rule(ListOffsets, 'DESCRIBE on each topic', listOffsets),
  rule(Metadata, 'DESCRIBE on each topic; CREATE on the cluster or the topic for one that is to be created', metadata),
  rule(CreateTopics, 'CREATE on the cluster or on each topic; DESCRIBE_CONFIGS on the topic to be told its configuration', createTopics),
  rule(DeleteTopics, 'DELETE on the cluster, or DESCRIBE and DELETE on each topic', deleteTopics),
  rule(DeleteRecords, 'DELETE on each topic', deleteRecords),
  rule(OffsetForLeaderEpoch, 'CLUSTER_ACTION on the cluster or DESCRIBE on each topic', offsetForLeaderEpoch),
  rule(CreatePartitions, 'ALTER on each topic', createPartitions),
  rule(DescribeProducers, 'READ on each topic', describeProducers),
  rule(DescribeTopicPartitions, 'DESCRIBE on each topic', describeTopicPartitions),
];

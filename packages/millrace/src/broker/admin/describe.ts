// broker/admin/describe.ts - DescribeCluster, DescribeTopicPartitions, DescribeLogDirs, ListConfigResources, ListPartitionReassignments
// and ElectLeaders: what tools ask about a cluster, answered for a cluster of one.
import {
  DescribeCluster, DescribeLogDirs, DescribeProducers, DescribeTopicPartitions, ElectLeaders, errorCodes, ListConfigResources, ListPartitionReassignments,
  zeroUuid, type RequestOf, type ResponseInit,
} from '../../wire/mod.ts';
import type { Handler } from '../handlers.ts';
import { leaderEpoch, type Services } from '../services.ts';
import { topicNameFault } from '../topics/topic-name.ts';
import type { Topic, TopicPartition } from '../topics/topic.ts';
import { clusterOperations, operationsNotAsked, topicOperations } from './authorized-operations.ts';
import { configResource } from './config-sources.ts';

const brokersEndpoint = 1;

/** The handler of DescribeCluster. */
export function describeClusterHandler(services: Services): Handler<typeof DescribeCluster> {
  return (request, context) => {
    const { advertisedHost, advertisedPort } = context.connection.listener;
    const common = { clusterId: services.clusterId, endpointType: request.endpointType };
    if (request.endpointType !== brokersEndpoint) {
      return context.reply({ ...common, errorCode: errorCodes.MISMATCHED_ENDPOINT_TYPE, errorMessage: 'this listener serves brokers' });
    }
    context.reply({
      ...common,
      controllerId: services.nodeId,
      brokers: [{ brokerId: services.nodeId, host: advertisedHost, port: advertisedPort, rack: services.config.text('broker.rack') }],
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : operationsNotAsked,
    });
  };
}

type PageTopic = NonNullable<ResponseInit<typeof DescribeTopicPartitions>['topics']>[number];
const pagePartitionsMax = 2000;

/** The handler of DescribeTopicPartitions: topics by name in order, cut into pages that a cursor continues. */
export function describeTopicPartitionsHandler(services: Services): Handler<typeof DescribeTopicPartitions> {
  return (request, context) => {
    const { cursor } = request;
    const asked = request.topics.length > 0 ? [...new Set(request.topics.map(({ name }) => name))] : [...services.topics.all.keys()];
    const names = asked.sort().filter((name) => cursor === null || name >= cursor.topicName);
    const topics: PageTopic[] = [];
    let room = Math.max(1, Math.min(request.responsePartitionLimit, pagePartitionsMax));
    for (const name of names) {
      const topic = services.topics.byName(name);
      if (topic === undefined) { topics.push(missingTopic(name)); continue; }
      const from = cursor !== null && name === cursor.topicName ? Math.max(0, cursor.partitionIndex) : 0;
      if (room === 0) return context.reply({ topics, nextCursor: { topicName: name, partitionIndex: from } });
      const some = topic.partitions.slice(from, from + room);
      room -= some.length;
      topics.push(pageTopic(topic, some, services.nodeId));
      if (from + some.length < topic.partitions.length) return context.reply({ topics, nextCursor: { topicName: name, partitionIndex: from + some.length } });
    }
    context.reply({ topics, nextCursor: null });
  };
}

function pageTopic(topic: Topic, partitions: readonly TopicPartition[], nodeId: number): PageTopic {
  const nodes = [nodeId];
  return {
    errorCode: errorCodes.NONE, name: topic.name, topicId: topic.id, isInternal: topic.internal, topicAuthorizedOperations: topicOperations,
    partitions: partitions.map(({ index }) => ({
      errorCode: errorCodes.NONE, partitionIndex: index, leaderId: nodeId, leaderEpoch, replicaNodes: nodes, isrNodes: nodes,
      eligibleLeaderReplicas: [], lastKnownElr: [], offlineReplicas: [],
    })),
  };
}

function missingTopic(name: string): PageTopic {
  const errorCode = topicNameFault(name) === null ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.INVALID_TOPIC_EXCEPTION;
  return { errorCode, name, topicId: zeroUuid, isInternal: false, partitions: [] };
}

/** The handler of DescribeLogDirs: the data folder, with the size of every partition asked for. */
export function describeLogDirsHandler(services: Services): Handler<typeof DescribeLogDirs> {
  return (request, context) => {
    const asked = request.topics === null
      ? [...services.topics.all.values()].map((topic) => ({ topic: topic.name, partitions: topic.partitions.map(({ index }) => index) }))
      : request.topics;
    const topics = asked.map(({ topic, partitions }) => ({
      name: topic,
      partitions: partitions.flatMap((partitionIndex) => {
        const found = services.topics.partition(topic, partitionIndex);
        return found === undefined ? [] : [{ partitionIndex, partitionSize: found.log.sizeBytes, offsetLag: 0, isFutureKey: false }];
      }),
    })).filter(({ partitions }) => partitions.length > 0);
    let usedBytes = 0;
    for (const partition of services.log.partitions.values()) usedBytes += partition.sizeBytes;
    const failed = services.log.state.kind === 'failed';
    const reply = (freeBytes: number) => context.reply({
      results: [{
        errorCode: failed ? errorCodes.KAFKA_STORAGE_ERROR : errorCodes.NONE, logDir: services.logFolder, topics,
        totalBytes: freeBytes < 0 ? -1 : Math.min(freeBytes + usedBytes, Number.MAX_SAFE_INTEGER), usableBytes: freeBytes, isCordoned: false,
      }],
    });
    services.freeBytes().then(reply, () => reply(-1));
  };
}

/** The handler of ListConfigResources: only what has configuration here. */
export function listConfigResourcesHandler(services: Services): Handler<typeof ListConfigResources> {
  return (request, context) => {
    const types = request.resourceTypes.length > 0 ? new Set(request.resourceTypes) : null;
    const wants = (type: number) => context.version >= 1 && (types === null || types.has(type));
    const unknown = context.version >= 1 && types !== null && [...types].find((type) => !knownResources.has(type));
    if (unknown !== false && unknown !== undefined) return context.reply({ errorCode: errorCodes.UNSUPPORTED_VERSION });
    context.reply({
      configResources: [
        ...(wants(configResource.topic) ? [...services.topics.all.keys()].map((resourceName) => ({ resourceName, resourceType: configResource.topic })) : []),
        ...(wants(configResource.group) ? [...services.groupConfigs.groups].map((resourceName) => ({ resourceName, resourceType: configResource.group })) : []),
        ...(wants(configResource.broker) ? [{ resourceName: String(services.nodeId), resourceType: configResource.broker }] : []),
      ],
    });
  };
}

/** Kafka's kinds of resources: topic, broker, broker logger, client metrics, group. */
const knownResources: ReadonlySet<number> = new Set([2, 4, 8, 16, 32]);

/** The handler of ListPartitionReassignments: nothing ever moves. */
export function listPartitionReassignmentsHandler(): Handler<typeof ListPartitionReassignments> {
  return (_request, context) => context.reply({ errorMessage: null, topics: [] });
}

type ElectRequest = RequestOf<typeof ElectLeaders>;

/** The handler of ElectLeaders: every partition has the leader it prefers, the only one there is. */
export function electLeadersHandler(services: Services): Handler<typeof ElectLeaders> {
  return (request, context) => {
    const asked: ElectRequest['topicPartitions'] = request.topicPartitions ?? [];
    context.reply({
      replicaElectionResults: asked.map(({ topic, partitions }) => ({
        topic,
        partitionResult: partitions.map((partitionId) => services.topics.partition(topic, partitionId) === undefined
          ? { partitionId, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: `No such topic as ${topic}` }
          : { partitionId, errorCode: errorCodes.ELECTION_NOT_NEEDED, errorMessage: 'Leader election not needed for topic partition.' }),
      })),
    });
  };
}

/** The handler of DescribeProducers: the idempotent producers that a partition remembers. */
export function describeProducersHandler(services: Services): Handler<typeof DescribeProducers> {
  return (request, context) => context.reply({
    topics: request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => {
        const partition = services.topics.partition(name, partitionIndex);
        if (partition === undefined) return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, activeProducers: [] };
        return {
          partitionIndex,
          errorCode: errorCodes.NONE,
          activeProducers: [...partition.producers.all()].map(({ producerId, epoch, batches, activeMs }) => ({
            producerId, producerEpoch: epoch, lastSequence: batches.at(-1)?.lastSequence ?? -1, lastTimestamp: activeMs, coordinatorEpoch: partition.transactions.open.has(producerId) ? 0 : -1,
            currentTxnStartOffset: partition.transactions.open.get(producerId)?.firstOffset ?? -1,
          })),
        };
      }),
    })),
  });
}

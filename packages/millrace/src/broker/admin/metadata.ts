// broker/admin/metadata.ts - Metadata: brokers, topics, partitions; creates missing topics where both sides allow it.
// M1 Topic ids are stable and never zero: clients then name topics by id. M2 A topic is created only when the request allows it
// (always before version 4, as those versions have no say) and the node's configuration does.
import { isMillraceError } from '../../base/mod.ts';
import { errorCodes, Metadata, zeroUuid, type RequestOf, type ResponseInit } from '../../wire/mod.ts';
import type { Handler, RequestContext } from '../handlers.ts';
import type { MutationQuota } from '../quotas/quotas.ts';
import { leaderEpoch, type Services } from '../services.ts';
import { isInternalTopic, topicNameFault } from '../topics/topic-name.ts';
import { TopicRefused } from '../topics/topics.ts';
import type { Topic } from '../topics/topic.ts';
import { clusterOperations, operationsNotAsked, topicOperations } from './authorized-operations.ts';

type MetadataRequest = RequestOf<typeof Metadata>;
type TopicAnswer = NonNullable<ResponseInit<typeof Metadata>['topics']>[number];

/** The handler of Metadata. */
export function metadataHandler(services: Services): Handler<typeof Metadata> {
  return (request, context) => {
    const missing = missingTopics(services, request);
    if (missing.length === 0) return answer(services, request, context, new Map());
    const quota = services.quotas.mutation({ principal: context.connection.principal, clientId: context.clientId }, false);
    createAll(services, missing, quota).then((failures) => answer(services, request, context, failures, quota.pauseMs));
  };
}

/** Names that the request allows to be created and that are not there. */
function missingTopics(services: Services, request: MetadataRequest): string[] {
  if (request.topics === null || !request.allowAutoTopicCreation || !services.config.boolean('auto.create.topics.enable')) return [];
  const missing = new Set<string>();
  for (const { name } of request.topics) {
    if (name !== null && services.topics.byName(name) === undefined && topicNameFault(name) === null) missing.add(name);
  }
  return [...missing];
}

/** Creates the topics; answers with Kafka's error code for those that failed. */
async function createAll(services: Services, names: readonly string[], quota: MutationQuota): Promise<Map<string, number>> {
  const failures = new Map<string, number>();
  const partitions = services.config.number('num.partitions');
  await Promise.all(names.map(async (name) => {
    try {
      quota.take(partitions);
      await services.topics.create(name, partitions, new Map());
      services.report(`topic ${name} created on first use, with ${partitions} partition${partitions === 1 ? '' : 's'}`, 'info', { event: 'topic-created', topic: name, partitions });
    } catch (error) {
      failures.set(name, creationErrorCode(error));
    }
  }));
  return failures;
}

function creationErrorCode(error: unknown): number {
  if (error instanceof TopicRefused) return error.why === 'collides' ? errorCodes.INVALID_TOPIC_EXCEPTION : errorCodes.LEADER_NOT_AVAILABLE;
  if (isMillraceError(error)) return error.retry ? errorCodes.LEADER_NOT_AVAILABLE : errorCodes.KAFKA_STORAGE_ERROR;
  throw error;
}

function answer(services: Services, request: MetadataRequest, context: RequestContext<typeof Metadata>, failures: ReadonlyMap<string, number>, pauseMs = 0): void {
  const { advertisedHost, advertisedPort } = context.connection.listener;
  const asksAll = request.topics === null || (context.version === 0 && request.topics.length === 0);
  const describe = (topic: Topic) => topicAnswer(topic, services.nodeId, request.includeTopicAuthorizedOperations);
  const topics: TopicAnswer[] = asksAll
    ? [...services.topics.all.values()].map(describe)
    : request.topics!.map(({ name, topicId }) => {
      const topic = name !== null ? services.topics.byName(name) : services.topics.byId(topicId);
      return topic ? describe(topic) : missingAnswer(name, topicId, failures);
    });
  context.reply({
    throttleTimeMs: pauseMs,
    brokers: [{ nodeId: services.nodeId, host: advertisedHost, port: advertisedPort, rack: services.config.text('broker.rack') }],
    clusterId: services.clusterId,
    controllerId: services.nodeId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : operationsNotAsked,
  });
}

function topicAnswer(topic: Topic, nodeId: number, withOperations: boolean): TopicAnswer {
  const nodes = [nodeId];
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: topic.partitions.map(({ index }) => ({
      errorCode: errorCodes.NONE, partitionIndex: index, leaderId: nodeId, leaderEpoch, replicaNodes: nodes, isrNodes: nodes, offlineReplicas: [],
    })),
    topicAuthorizedOperations: withOperations ? topicOperations : operationsNotAsked,
  };
}

function missingAnswer(name: string | null, topicId: string, failures: ReadonlyMap<string, number>): TopicAnswer {
  if (name === null) return { errorCode: errorCodes.UNKNOWN_TOPIC_ID, name: null, topicId };
  const invalid = topicNameFault(name) !== null && !isInternalTopic(name);
  const errorCode = invalid ? errorCodes.INVALID_TOPIC_EXCEPTION : failures.get(name) ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  return { errorCode, name, topicId: zeroUuid };
}

// client/admin/topics.ts - creating, describing, widening and deleting topics, and deleting their oldest records.
import type { Deadline } from '../../base/mod.ts';
import { backoffDefault, MillraceError, runWithPolicy } from '../../base/mod.ts';
import { CreatePartitions, CreateTopics, DeleteRecords, DeleteTopics, errorCodes, Metadata } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';
import { leadersOf } from '../offsets.ts';
import { byTopic, type TopicPartition } from '../partitions.ts';

/** A topic to create. */
export interface NewTopic {
  readonly topic: string;
  /** The server's default when left out (num.partitions). */
  readonly partitions?: number;
  /** The server's default when left out. */
  readonly replicationFactor?: number;
  /** Settings by their Kafka names, such as 'retention.ms'. */
  readonly configs?: Readonly<Record<string, string | number | boolean>>;
  /** Brokers of each partition, in place of the two counts. */
  readonly assignments?: readonly (readonly number[])[];
}

/** A topic as created. */
export interface CreatedTopic { readonly topic: string; readonly topicId: string; readonly partitions: number }

/** A topic as it is. */
export interface TopicDescription {
  readonly topic: string;
  readonly topicId: string;
  readonly isInternal: boolean;
  readonly partitions: readonly { readonly partition: number; readonly leaderId: number; readonly leaderEpoch: number; readonly replicas: readonly number[]; readonly inSyncReplicas: readonly number[] }[];
}

/** Creates all; throws the first failure ('topic-exists' among them), the others are created all the same. Resolves once the topics can be used. */
export async function createTopics(cluster: Cluster, topics: readonly NewTopic[], deadline: Deadline, validateOnly: boolean): Promise<CreatedTopic[]> {
  const what = `create ${names(topics.map((topic) => topic.topic))}`;
  const created = await cluster.call({ kind: 'controller' }, CreateTopics, {
    topics: topics.map((topic) => ({
      name: topic.topic,
      numPartitions: topic.assignments ? -1 : topic.partitions ?? -1,
      replicationFactor: topic.assignments ? -1 : topic.replicationFactor ?? -1,
      assignments: (topic.assignments ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
      configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value: String(value) })),
    })),
    timeoutMs: cluster.options.requestTimeoutMs, validateOnly,
  }, { what, deadline, idempotent: false }, (answer) => {
    for (const one of answer.topics) if (one.errorCode !== 0) throw kafkaError(one.errorCode, `create topic '${one.name}'`, { topic: one.name }, one.errorMessage);
    return answer.topics.map((one): CreatedTopic => ({ topic: one.name, topicId: one.topicId, partitions: one.numPartitions }));
  });
  if (!validateOnly) await Promise.all(topics.map((topic) => untilVisible(cluster, topic.topic, deadline)));
  return created;
}

/** Deletes all; throws the first failure. */
export async function deleteTopics(cluster: Cluster, topics: readonly string[], deadline: Deadline): Promise<void> {
  await cluster.call({ kind: 'controller' }, DeleteTopics, {
    topics: topics.map((name) => ({ name })), topicNames: topics, timeoutMs: cluster.options.requestTimeoutMs,
  }, { what: `delete ${names(topics)}`, deadline, idempotent: false }, (answer) => {
    for (const one of answer.responses) if (one.errorCode !== 0) throw final(kafkaError(one.errorCode, `delete topic '${one.name}'`, { topic: one.name }, one.errorMessage));
  });
  cluster.unwant(topics);
}

/** All topics, or the named ones; 'topic-not-found' when a named one is missing. */
export async function describeTopics(cluster: Cluster, topics: readonly string[] | null, deadline: Deadline): Promise<TopicDescription[]> {
  return await cluster.call({ kind: 'any' }, Metadata, {
    topics: topics && topics.map((name) => ({ name })), allowAutoTopicCreation: false,
  }, { what: topics ? `describe ${names(topics)}` : 'list topics', deadline, idempotent: true }, (answer) => answer.topics.map((one) => {
    if (one.errorCode !== 0 && topics) throw final(kafkaError(one.errorCode, `describe topic '${one.name}'`, { topic: one.name }));
    return {
      topic: one.name ?? '', topicId: one.topicId, isInternal: one.isInternal,
      partitions: one.partitions.map((part) => ({
        partition: part.partitionIndex, leaderId: part.leaderId, leaderEpoch: part.leaderEpoch, replicas: part.replicaNodes, inSyncReplicas: part.isrNodes,
      })).sort((a, b) => a.partition - b.partition),
    };
  }));
}

/** Widens a topic to `count` partitions. */
export async function createPartitions(cluster: Cluster, topic: string, count: number, deadline: Deadline): Promise<void> {
  const what = `widen topic '${topic}' to ${count} partitions`;
  await cluster.call({ kind: 'controller' }, CreatePartitions, {
    topics: [{ name: topic, count, assignments: null }], timeoutMs: cluster.options.requestTimeoutMs, validateOnly: false,
  }, { what, deadline, idempotent: false }, (answer) => {
    for (const one of answer.results) if (one.errorCode !== 0) throw final(kafkaError(one.errorCode, what, { topic, count }, one.errorMessage));
  });
  await untilVisible(cluster, topic, deadline, count);
}

/** Raises the first offsets; resolves to the new first offset of each partition. An offset of -1 deletes up to the end. */
export async function deleteRecords(cluster: Cluster, before: readonly (TopicPartition & { readonly beforeOffset: number })[], deadline: Deadline): Promise<(TopicPartition & { readonly logStartOffset: number })[]> {
  for (const topic of new Set(before.map((one) => one.topic))) await cluster.topic(topic, deadline);
  const answers = await Promise.all([...leadersOf(cluster, before)].map(([nodeId, mine]) => cluster.call({ kind: 'broker', nodeId }, DeleteRecords, {
    topics: [...byTopic(mine, (one) => ({ partitionIndex: one.partition, offset: one.beforeOffset }))].map(([name, partitions]) => ({ name, partitions })),
    timeoutMs: cluster.options.requestTimeoutMs,
  }, { what: 'delete records', deadline, idempotent: true }, (answer) => answer.topics.flatMap((topic) => topic.partitions.map((one) => {
    if (one.errorCode !== 0) throw kafkaError(one.errorCode, `delete records of '${topic.name}-${one.partitionIndex}'`, { topic: topic.name, partition: one.partitionIndex });
    return { topic: topic.name, partition: one.partitionIndex, logStartOffset: one.lowWatermark };
  })))));
  return answers.flat();
}

/** A topic may be created or widened before every broker has heard of it. */
async function untilVisible(cluster: Cluster, topic: string, deadline: Deadline, partitionCount = 1): Promise<void> {
  const policy = { deadline, what: `see topic '${topic}'`, idempotent: true, backoff: backoffDefault, budget: cluster.budget, closed: () => cluster.isClosed };
  await runWithPolicy(cluster.ports, policy, async () => {
    cluster.want([topic]);
    await cluster.refresh(`see topic '${topic}'`, deadline);
    const view = cluster.view.topics.get(topic);
    if (view && view.partitions.length >= partitionCount && view.partitions.every((partition) => partition.leaderId >= 0)) return;
    throw kafkaError(errorCodes.LEADER_NOT_AVAILABLE, `see topic '${topic}'`, { topic });
  });
}

/** What is retried elsewhere (a topic may be on its way) is an answer here: the admin asked for exactly this one. */
function final(error: MillraceError): MillraceError {
  if (error.code !== 'topic-not-found') return error;
  return new MillraceError(error.code, error.message, { ...error.data, retry: false });
}

function names(topics: readonly string[]): string {
  return topics.length === 1 ? `topic '${topics[0]}'` : `${topics.length} topics`;
}

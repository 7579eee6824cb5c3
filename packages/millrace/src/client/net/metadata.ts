// client/net/metadata.ts - what the client knows of the cluster: brokers, topics, leaders. A value, replaced by newer answers.
// Owns: merging answers so that an old one never undoes a newer one. Never: asking (cluster.ts).
// M1 the leader epoch of a partition never falls while its topic keeps its id.
import type { Metadata, ResponseOf } from '../../wire/mod.ts';
import type { Address } from './address.ts';

/** One partition as the cluster described it. */
export interface PartitionView {
  readonly partition: number;
  /** -1 while there is none. */
  readonly leaderId: number;
  /** -1 when the server does not say. */
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly inSyncReplicas: readonly number[];
}

/** One topic. */
export interface TopicView {
  readonly name: string;
  /** 22 characters; zeroTopicId when the server has none. */
  readonly topicId: string;
  readonly isInternal: boolean;
  /** By partition number. */
  readonly partitions: readonly PartitionView[];
}

/** One broker. */
export interface BrokerView extends Address { readonly nodeId: number; readonly rack: string | null }

/** The id that means "none". */
export const zeroTopicId = 'AAAAAAAAAAAAAAAAAAAAAA';

/** Everything known, and since when. */
export interface ClusterView {
  readonly clusterId: string | null;
  readonly controllerId: number;
  readonly brokers: ReadonlyMap<number, BrokerView>;
  readonly topics: ReadonlyMap<string, TopicView>;
  readonly topicNames: ReadonlyMap<string, string>;
  /** Error numbers of topics that were asked for and are not there. */
  readonly failures: ReadonlyMap<string, number>;
}

/** Before the first answer. */
export const emptyView: ClusterView = { clusterId: null, controllerId: -1, brokers: new Map(), topics: new Map(), topicNames: new Map(), failures: new Map() };

/** The view after an answer about some topics (or all, then `whole`). */
export function mergeMetadata(before: ClusterView, answer: ResponseOf<typeof Metadata>, whole: boolean): ClusterView {
  const topics = new Map(whole ? [] : before.topics);
  const failures = new Map(whole ? [] : before.failures);
  for (const topic of answer.topics) {
    if (topic.name === null) continue;
    if (topic.errorCode === 0) failures.delete(topic.name);
    else failures.set(topic.name, topic.errorCode);
    if (topic.errorCode === 0 && topic.partitions.length > 0) topics.set(topic.name, newerTopic(before.topics.get(topic.name), topicView(topic.name, topic)));
    else topics.delete(topic.name);
  }
  return {
    clusterId: answer.clusterId,
    controllerId: answer.controllerId,
    brokers: new Map(answer.brokers.map((broker) => [broker.nodeId, { nodeId: broker.nodeId, host: broker.host, port: broker.port, rack: broker.rack }])),
    topics, failures,
    topicNames: new Map([...topics.values()].map((topic) => [topic.topicId, topic.name])),
  };
}

type TopicAnswer = ResponseOf<typeof Metadata>['topics'][number];

function topicView(name: string, topic: TopicAnswer): TopicView {
  const partitions = topic.partitions
    .map((one): PartitionView => ({
      partition: one.partitionIndex, leaderId: one.leaderId, leaderEpoch: one.leaderEpoch, replicas: one.replicaNodes, inSyncReplicas: one.isrNodes,
    }))
    .sort((a, b) => a.partition - b.partition);
  return { name, topicId: topic.topicId, isInternal: topic.isInternal, partitions };
}

function newerTopic(before: TopicView | undefined, after: TopicView): TopicView {
  if (!before || before.topicId !== after.topicId) return after;
  const partitions = after.partitions.map((partition) => {
    const known = before.partitions[partition.partition];
    return known && partition.leaderEpoch >= 0 && known.leaderEpoch > partition.leaderEpoch ? known : partition; // M1
  });
  return { ...after, partitions };
}

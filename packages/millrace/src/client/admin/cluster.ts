// client/admin/cluster.ts - describing the cluster and the data folders of its brokers.
import type { Deadline } from '../../base/mod.ts';
import { DescribeLogDirs, Metadata } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';
import type { TopicPartition } from '../partitions.ts';

/** The cluster's brokers. */
export interface ClusterDescription {
  readonly clusterId: string | null;
  readonly controllerId: number;
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number; readonly rack: string | null }[];
}

/** One data folder. */
export interface LogDirDescription {
  readonly nodeId: number;
  readonly path: string;
  /** -1 when the server does not tell. */
  readonly totalBytes: number;
  readonly usableBytes: number;
  readonly partitions: readonly (TopicPartition & { readonly bytes: number })[];
}

/** Asked of Metadata, which every version of every server knows. */
export async function describeCluster(cluster: Cluster, deadline: Deadline): Promise<ClusterDescription> {
  return await cluster.call({ kind: 'any' }, Metadata, { topics: [], allowAutoTopicCreation: false }, { what: 'describe the cluster', deadline, idempotent: true }, (answer) => ({
    clusterId: answer.clusterId, controllerId: answer.controllerId,
    brokers: answer.brokers.map(({ nodeId, host, port, rack }) => ({ nodeId, host, port, rack })),
  }));
}

/** Data folders of every broker. */
export async function describeLogDirs(cluster: Cluster, deadline: Deadline): Promise<LogDirDescription[]> {
  await cluster.refresh('describe log dirs', deadline);
  const answers = await Promise.all([...cluster.view.brokers.keys()].map((nodeId) => cluster.call({ kind: 'broker', nodeId }, DescribeLogDirs, { topics: null }, { what: 'describe log dirs', deadline, idempotent: true }, (answer) => {
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, 'describe log dirs', { nodeId });
    return answer.results.map((one): LogDirDescription => {
      if (one.errorCode !== 0) throw kafkaError(one.errorCode, `describe log dir '${one.logDir}'`, { nodeId });
      const partitions = one.topics.flatMap((topic) => topic.partitions.map((part) => ({ topic: topic.name, partition: part.partitionIndex, bytes: part.partitionSize })));
      return { nodeId, path: one.logDir, totalBytes: one.totalBytes, usableBytes: one.usableBytes, partitions };
    });
  })));
  return answers.flat();
}

// client/admin/share-groups.ts - looking at share groups, and moving where they begin.
import type { Deadline } from '../../base/mod.ts';
import { AlterShareGroupOffsets, DeleteShareGroupOffsets, DescribeShareGroupOffsets, ShareGroupDescribe } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster, Target } from '../net/cluster.ts';
import { byTopic, type TopicPartition } from '../partitions.ts';

/** One member of a share group. */
export interface ShareMemberDescription {
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
  readonly topics: readonly string[];
  readonly assignment: readonly TopicPartition[];
}

/** A share group with its members. */
export interface ShareGroupDescription { readonly group: string; readonly state: string; readonly assignor: string; readonly epoch: number; readonly members: readonly ShareMemberDescription[] }

/** Where a share group stands in one partition: nothing before `startOffset` is delivered any more; `lag` records wait or are being worked on, -1 when the server does not say. */
export interface ShareGroupPosition extends TopicPartition { readonly startOffset: number; readonly lag: number }

const target = (group: string): Target => ({ kind: 'coordinator', group });

/** State and members. Throws 'group-not-found'. */
export async function describeShareGroup(cluster: Cluster, group: string, deadline: Deadline): Promise<ShareGroupDescription> {
  const what = `describe share group '${group}'`;
  return await cluster.call(target(group), ShareGroupDescribe, { groupIds: [group] }, { what, deadline, idempotent: true }, (answer) => {
    const one = answer.groups[0]!;
    if (one.errorCode !== 0) throw kafkaError(one.errorCode, what, { group }, one.errorMessage);
    return {
      group, state: one.groupState, assignor: one.assignorName, epoch: one.groupEpoch,
      members: one.members.map((member) => ({
        memberId: member.memberId, clientId: member.clientId, host: member.clientHost, topics: member.subscribedTopicNames,
        assignment: member.assignment.topicPartitions.flatMap(({ topicName, partitions }) => partitions.map((partition) => ({ topic: topicName, partition }))),
      })),
    };
  });
}

/** Where it stands in all partitions that it has read; nothing for a group that is not there. */
export async function shareGroupPositions(cluster: Cluster, group: string, deadline: Deadline): Promise<ShareGroupPosition[]> {
  const what = `read where share group '${group}' stands`;
  return await cluster.call(target(group), DescribeShareGroupOffsets, { groups: [{ groupId: group, topics: null }] }, { what, deadline, idempotent: true }, (answer) => {
    const one = answer.groups[0]!;
    if (one.errorCode !== 0) throw kafkaError(one.errorCode, what, { group }, one.errorMessage);
    return one.topics.flatMap(({ topicName, partitions }) => partitions.filter(({ startOffset }) => startOffset >= 0).map((partition): ShareGroupPosition => {
      if (partition.errorCode !== 0) throw kafkaError(partition.errorCode, what, { group, topic: topicName }, partition.errorMessage);
      return { topic: topicName, partition: partition.partitionIndex, startOffset: partition.startOffset, lag: partition.lag };
    }));
  });
}

/** Moves starts of a group without members. Throws 'group-not-empty', 'group-not-found', 'topic-not-found'. */
export async function setShareGroupOffsets(cluster: Cluster, group: string, offsets: readonly (TopicPartition & { readonly offset: number })[], deadline: Deadline): Promise<void> {
  const what = `move share group '${group}'`;
  const topics = [...byTopic(offsets, (one) => ({ partitionIndex: one.partition, startOffset: one.offset }))].map(([topicName, partitions]) => ({ topicName, partitions }));
  await cluster.call(target(group), AlterShareGroupOffsets, { groupId: group, topics }, { what, deadline, idempotent: true }, (answer) => {
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, what, { group }, answer.errorMessage);
    for (const { topicName, partitions } of answer.responses) {
      for (const { partitionIndex, errorCode, errorMessage } of partitions) if (errorCode !== 0) throw kafkaError(errorCode, `${what} in '${topicName}-${partitionIndex}'`, { group, topic: topicName, retry: false }, errorMessage);
    }
  });
}

/** Forgets topics that a group without members has read: it begins anew there. Throws as setShareGroupOffsets does. */
export async function deleteShareGroupOffsets(cluster: Cluster, group: string, topics: readonly string[], deadline: Deadline): Promise<void> {
  const what = `forget topics of share group '${group}'`;
  await cluster.call(target(group), DeleteShareGroupOffsets, { groupId: group, topics: topics.map((topicName) => ({ topicName })) }, { what, deadline, idempotent: true }, (answer) => {
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, what, { group }, answer.errorMessage);
    for (const { topicName, errorCode, errorMessage } of answer.responses) if (errorCode !== 0) throw kafkaError(errorCode, `${what}: '${topicName}'`, { group, topic: topicName, retry: false }, errorMessage);
  });
}

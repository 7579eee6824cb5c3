// client/admin/groups.ts - looking at consumer groups and deleting them, and what they have committed.
import type { Deadline } from '../../base/mod.ts';
import { ConsumerGroupDescribe, DeleteGroups, DescribeGroups, errorCodes, LeaveGroup, ListGroups, OffsetDelete } from '../../wire/mod.ts';
import { decodeAssignment, decodeSubscription } from '../consumer/protocol.ts';
import { isRetriable, kafkaError } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';
import { commitOffsets, committedOffsets, listOffsets, type OffsetToCommit } from '../offsets.ts';
import { byTopic, partitionKey, type TopicPartition } from '../partitions.ts';

/** A group in a list. */
export interface GroupListing { readonly group: string; readonly protocolType: string; readonly state: string; readonly type: string }

/** One member. Topics and assignment are empty for groups that do not consume. */
export interface MemberDescription {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly host: string;
  readonly topics: readonly string[];
  readonly assignment: readonly TopicPartition[];
}

/** A group with its members. A group that does not exist has the state 'Dead'. */
export interface GroupDescription { readonly group: string; readonly state: string; readonly protocolType: string; readonly assignor: string; readonly members: readonly MemberDescription[] }

/** How far a group is behind in one partition. */
export interface GroupLag extends TopicPartition { readonly committedOffset: number; readonly endOffset: number; readonly lag: number; readonly metadata: string }

/** Groups of every broker. */
export async function listGroups(cluster: Cluster, deadline: Deadline): Promise<GroupListing[]> {
  await cluster.refresh('list groups', deadline);
  const answers = await Promise.all([...cluster.view.brokers.keys()].map((nodeId) => cluster.call({ kind: 'broker', nodeId }, ListGroups, {}, { what: 'list groups', deadline, idempotent: true }, (answer) => {
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, 'list groups');
    return answer.groups.map((one) => ({ group: one.groupId, protocolType: one.protocolType, state: one.groupState, type: one.groupType }));
  })));
  return answers.flat();
}

/** One group with members and their assignments. */
export async function describeGroup(cluster: Cluster, group: string, deadline: Deadline): Promise<GroupDescription> {
  const connection = await cluster.connectionFor({ kind: 'coordinator', group }, 'main', deadline);
  return (connection.speaks(ConsumerGroupDescribe) ? await describeConsumerGroup(cluster, group, deadline) : null) ?? await describeClassicGroup(cluster, group, deadline);
}

/** A group of the consumer protocol; null when it is none. */
async function describeConsumerGroup(cluster: Cluster, group: string, deadline: Deadline): Promise<GroupDescription | null> {
  const what = `describe group '${group}'`;
  return await cluster.call({ kind: 'coordinator', group }, ConsumerGroupDescribe, { groupIds: [group], includeAuthorizedOperations: false }, { what, deadline, idempotent: true }, (answer) => {
    const one = answer.groups[0]!;
    if (one.errorCode === errorCodes.GROUP_ID_NOT_FOUND || one.errorCode === errorCodes.UNSUPPORTED_VERSION) return null;
    if (one.errorCode !== 0) throw kafkaError(one.errorCode, what, { group }, one.errorMessage);
    return {
      group, state: one.groupState, protocolType: 'consumer', assignor: one.assignorName,
      members: one.members.map((member) => ({
        memberId: member.memberId, instanceId: member.instanceId, clientId: member.clientId, host: member.clientHost,
        topics: member.subscribedTopicNames.length > 0 || member.subscribedTopicRegex === null ? member.subscribedTopicNames : [...new Set(member.targetAssignment.topicPartitions.map(({ topicName }) => topicName))],
        assignment: member.assignment.topicPartitions.flatMap(({ topicName, partitions }) => partitions.map((partition) => ({ topic: topicName, partition }))),
      })),
    };
  });
}

async function describeClassicGroup(cluster: Cluster, group: string, deadline: Deadline): Promise<GroupDescription> {
  return await cluster.call({ kind: 'coordinator', group }, DescribeGroups, { groups: [group] }, { what: `describe group '${group}'`, deadline, idempotent: true }, (answer) => {
    const one = answer.groups[0]!;
    const gone = one.errorCode === errorCodes.GROUP_ID_NOT_FOUND; // since version 6
    if (one.errorCode !== 0 && !gone) throw kafkaError(one.errorCode, `describe group '${group}'`, { group }, one.errorMessage);
    const consumes = one.protocolType === 'consumer';
    return {
      group, state: gone ? 'Dead' : one.groupState, protocolType: one.protocolType, assignor: one.protocolData,
      members: one.members.map((member) => ({
        memberId: member.memberId, instanceId: member.groupInstanceId, clientId: member.clientId, host: member.clientHost,
        topics: consumes && member.memberMetadata.length > 0 ? decodeSubscription(member.memberMetadata).topics : [],
        assignment: consumes ? [...decodeAssignment(member.memberAssignment)].flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition }))) : [],
      })),
    };
  });
}

/** Deletes a group without members, and its offsets. Throws 'group-not-empty' or 'group-not-found'. */
export async function deleteGroup(cluster: Cluster, group: string, deadline: Deadline): Promise<void> {
  await cluster.call({ kind: 'coordinator', group }, DeleteGroups, { groupsNames: [group] }, { what: `delete group '${group}'`, deadline, idempotent: false }, (answer) => {
    const one = answer.results[0]!;
    if (one.errorCode !== 0) throw kafkaError(one.errorCode, `delete group '${group}'`, { group });
  });
}

/** A member to take out of its group: a static one by its instance id, any by its member id. */
export type MemberToRemove = { readonly instanceId: string } | { readonly memberId: string };

/** Takes members out of a group, so that others get their partitions at once. Throws 'unknown-member' or 'fenced' for one that is not in it. */
export async function removeMembers(cluster: Cluster, group: string, members: readonly MemberToRemove[], deadline: Deadline): Promise<void> {
  const what = `remove members of group '${group}'`;
  await cluster.call({ kind: 'coordinator', group }, LeaveGroup, (version) => {
    if (version < 3) throw kafkaError(errorCodes.UNSUPPORTED_VERSION, what, { group });
    return {
      groupId: group,
      members: members.map((one) => ({ memberId: 'memberId' in one ? one.memberId : '', groupInstanceId: 'instanceId' in one ? one.instanceId : null, reason: 'an admin removed it' })),
    };
  }, { what, deadline, idempotent: false }, (answer) => {
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, what, { group, retry: answer.errorCode !== errorCodes.UNKNOWN_MEMBER_ID && isRetriable(answer.errorCode) });
    for (const one of answer.members) if (one.errorCode !== 0) throw kafkaError(one.errorCode, `${what}: '${one.groupInstanceId ?? one.memberId}'`, { group, retry: false });
  });
}

/** Committed offset, end and distance for each partition that the group has committed. */
export async function groupLag(cluster: Cluster, group: string, deadline: Deadline): Promise<GroupLag[]> {
  const committed = await committedOffsets(cluster, group, null, { deadline });
  const ends = await listOffsets(cluster, committed.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const })), { deadline });
  return committed.map((one, index) => ({
    topic: one.topic, partition: one.partition, committedOffset: one.offset, metadata: one.metadata, endOffset: ends[index]!.offset, lag: Math.max(0, ends[index]!.offset - one.offset),
  }));
}

/** Sets offsets of a group without members. Throws 'unknown-member' when it has some. */
export async function setGroupOffsets(cluster: Cluster, group: string, offsets: readonly OffsetToCommit[], deadline: Deadline): Promise<void> {
  await commitOffsets(cluster, { group, memberId: '', generation: -1, instanceId: null }, offsets, { deadline, byName: true });
}

/** Deletes committed offsets of partitions that no member reads. */
export async function deleteGroupOffsets(cluster: Cluster, group: string, partitions: readonly TopicPartition[], deadline: Deadline): Promise<void> {
  const what = `delete offsets of group '${group}'`;
  await cluster.call({ kind: 'coordinator', group }, OffsetDelete, {
    groupId: group, topics: [...byTopic(partitions, (one) => ({ partitionIndex: one.partition }))].map(([name, list]) => ({ name, partitions: list })),
  }, { what, deadline, idempotent: true }, (answer) => {
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, what, { group });
    for (const topic of answer.topics) {
      for (const one of topic.partitions) if (one.errorCode !== 0) throw kafkaError(one.errorCode, `${what} for '${partitionKey(topic.name, one.partitionIndex)}'`, { group, retry: false });
    }
  });
}

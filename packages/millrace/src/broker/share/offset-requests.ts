// broker/share/offset-requests.ts - DescribeShareGroupOffsets, AlterShareGroupOffsets, DeleteShareGroupOffsets: where share groups begin.
// Owns: the checks, the forms of answers. Never: the writing (share-group.ts).
// O1 A start is moved, or forgotten, only while the group has no members. O2 It is answered once it is durable.
import { errorCodes, zeroUuid, type AlterShareGroupOffsets, type DeleteShareGroupOffsets, type DescribeShareGroupOffsets, type RequestOf, type ResponseInit } from '../../wire/mod.ts';
import type { RequestContext } from '../handlers.ts';
import { leaderEpoch } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import type { HeldPartition } from './held-partition.ts';
import type { ShareGroup } from './share-group.ts';
import type { ShareGroups } from './share-groups.ts';
import { decidedCount } from './share-partition.ts';

type DescribedGroup = NonNullable<ResponseInit<typeof DescribeShareGroupOffsets>['groups']>[number];
type DescribedPartition = NonNullable<NonNullable<DescribedGroup['topics']>[number]['partitions']>[number];

const unknownOffset = -1;

/** Answers DescribeShareGroupOffsets: starts, and from version 1 on how many records wait. */
export function describeShareGroupOffsets(groups: ShareGroups, request: RequestOf<typeof DescribeShareGroupOffsets>, context: RequestContext<typeof DescribeShareGroupOffsets>): void {
  context.reply({
    groups: request.groups.map(({ groupId, topics }): DescribedGroup => {
      const group = groups.find(groupId);
      if (group === undefined) return { groupId, topics: unknown(topics ?? []), errorCode: errorCodes.NONE, errorMessage: null }; // no error in Kafka
      const asked = topics ?? [...byTopic(group)].map(([topicName, held]) => ({ topicName, partitions: held.map(({ source }) => source.index) }));
      return { groupId, errorCode: errorCodes.NONE, errorMessage: null, topics: asked.map(({ topicName, partitions }) => describeTopic(groups, group, topicName, partitions)) };
    }),
  });
}

const unknown = (topics: readonly { topicName: string; partitions: number[] }[]) => topics.map(({ topicName, partitions }) => ({
  topicName, topicId: zeroUuid, partitions: partitions.map((partitionIndex): DescribedPartition => ({ partitionIndex, startOffset: unknownOffset, leaderEpoch: 0, lag: -1, errorCode: errorCodes.NONE, errorMessage: null })),
}));

function describeTopic({ services }: ShareGroups, group: ShareGroup, topicName: string, indexes: readonly number[]) {
  const topic = services.topics.byName(topicName);
  const partitions = indexes.map((partitionIndex): DescribedPartition => {
    const held = topic === undefined ? undefined : group.partition(topic.id, partitionIndex);
    if (held === undefined) return { partitionIndex, startOffset: unknownOffset, leaderEpoch: 0, lag: -1, errorCode: errorCodes.NONE, errorMessage: null };
    return { partitionIndex, startOffset: held.state.start, leaderEpoch, lag: lagOf(held), errorCode: errorCodes.NONE, errorMessage: null };
  });
  return { topicName, topicId: topic?.id ?? zeroUuid, partitions };
}

/** Records that are not decided (KIP-1226). */
function lagOf({ state, source }: HeldPartition): number {
  return Math.max(0, source.log.highWatermark - state.start - decidedCount(state));
}

function byTopic(group: ShareGroup): Map<string, HeldPartition[]> {
  const topics = new Map<string, HeldPartition[]>();
  for (const held of group.partitions()) {
    const { name } = held.source.topic;
    const list = topics.get(name);
    if (list === undefined) topics.set(name, [held]);
    else list.push(held);
  }
  return topics;
}

/** Why starts of a group may not be changed; null when they may. */
function faultOf(group: ShareGroup | undefined, groupId: string): { errorCode: number; errorMessage: string } | null {
  if (group === undefined || group.isEnding) return { errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} not found.` };
  return group.membership.members.size > 0 ? { errorCode: errorCodes.NON_EMPTY_GROUP, errorMessage: 'The group is not empty.' } : null;
}

/** Answers AlterShareGroupOffsets. A group that is not there is made by it, as in Kafka. */
export function alterShareGroupOffsets(groups: ShareGroups, request: RequestOf<typeof AlterShareGroupOffsets>, context: RequestContext<typeof AlterShareGroupOffsets>): void {
  if (request.groupId === '') return context.reply({ errorCode: errorCodes.INVALID_GROUP_ID, errorMessage: null });
  groups.findOrMake(request.groupId).then((group) => alter(groups, group ?? undefined, request, context), (error: unknown) => context.reply({ errorCode: storageErrorCode(error), errorMessage: (error as Error).message }));
}

function alter(groups: ShareGroups, group: ShareGroup | undefined, request: RequestOf<typeof AlterShareGroupOffsets>, context: RequestContext<typeof AlterShareGroupOffsets>): void {
  const fault = faultOf(group, request.groupId);
  if (fault !== null) return context.reply(fault);
  Promise.all(request.topics.map(async ({ topicName, partitions }) => {
    const topic = groups.services.topics.byName(topicName);
    return {
      topicName, topicId: topic?.id ?? zeroUuid,
      partitions: await Promise.all(partitions.map(async ({ partitionIndex, startOffset }) => ({ partitionIndex, ...await alterOne(groups, group!, topicName, partitionIndex, startOffset) }))),
    };
  })).then((responses) => context.reply({ errorCode: errorCodes.NONE, errorMessage: null, responses }));
}

async function alterOne({ services }: ShareGroups, group: ShareGroup, topicName: string, index: number, start: number): Promise<{ errorCode: number; errorMessage: string | null }> {
  const topic = services.topics.byName(topicName);
  if (topic?.partitions[index] === undefined || topic.internal) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: 'This server does not host this topic-partition.' };
  if (!Number.isSafeInteger(start) || start < 0) return { errorCode: errorCodes.INVALID_REQUEST, errorMessage: `${start} is no offset` };
  try {
    await group.begin(new Map([[topic.id, [index]]]));
    const held = group.partition(topic.id, index);
    if (held === undefined) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: 'the topic was deleted meanwhile' };
    await group.reset(held, start);
    return { errorCode: errorCodes.NONE, errorMessage: null };
  } catch (error) {
    return { errorCode: storageErrorCode(error), errorMessage: (error as Error).message };
  }
}

/** Answers DeleteShareGroupOffsets. */
export function deleteShareGroupOffsets(groups: ShareGroups, request: RequestOf<typeof DeleteShareGroupOffsets>, context: RequestContext<typeof DeleteShareGroupOffsets>): void {
  const group = groups.find(request.groupId);
  const fault = faultOf(group, request.groupId);
  if (fault !== null) return context.reply(fault);
  Promise.all(request.topics.map(async ({ topicName }) => ({ topicName, topicId: groups.services.topics.byName(topicName)?.id ?? zeroUuid, ...await deleteOne(groups, group!, topicName) })))
    .then((responses) => context.reply({ errorCode: errorCodes.NONE, errorMessage: null, responses }));
}

async function deleteOne({ services }: ShareGroups, group: ShareGroup, topicName: string): Promise<{ errorCode: number; errorMessage: string | null }> {
  const topic = services.topics.byName(topicName);
  if (topic === undefined) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: 'This server does not host this topic-partition.' };
  try {
    await group.forgetTopic(topic.id);
    return { errorCode: errorCodes.NONE, errorMessage: null };
  } catch (error) {
    return { errorCode: storageErrorCode(error), errorMessage: (error as Error).message };
  }
}

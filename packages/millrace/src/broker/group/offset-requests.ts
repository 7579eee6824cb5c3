// broker/group/offset-requests.ts - OffsetCommit, OffsetFetch and OffsetDelete in all their versions.
// Owns: what differs by version, names and ids of topics, limits on metadata. Never: who may commit (offsets.ts).
// Versions: OffsetCommit 2-4 bring a retention of their own; 10 names topics by id. OffsetFetch 2 may ask for all topics (null); 8 asks
// for several groups; 9 may say which member asks, in which epoch; 10 names topics by id. From 7 on stable offsets may be asked
// for: one that a transaction is about to change is refused then, and asked for again.
import { errorCodes, zeroUuid, type OffsetCommit, type OffsetDelete, type OffsetFetch, type RequestOf } from '../../wire/mod.ts';
import type { RequestContext } from '../handlers.ts';
import type { GroupCoordinator } from './coordinator.ts';
import { fetchFault } from './consumer/commit.ts';
import type { CodeReply, OffsetEntry, PartitionName } from './effects.ts';
import { isSubscribed, type Committed, type Group } from './group.ts';
import { offsetDeleteFault } from './offsets.ts';
import { isUnstable } from './pending.ts';

/** The answer for one partition; the group's verdict is filled in when it comes. */
interface Row { partitionIndex: number; errorCode: number }

/** Answers OffsetCommit. */
export function offsetCommit(groups: GroupCoordinator, request: RequestOf<typeof OffsetCommit>, context: RequestContext<typeof OffsetCommit>): void {
  const entries: OffsetEntry[] = [];
  const rows: Row[] = [];
  const topics = request.topics.map((topic) => ({
    name: topic.name, topicId: topic.topicId,
    partitions: checkedRows(groups, request, context, topic, entries, rows),
  }));
  const answer = ({ errorCode, refused }: CodeReply) => {
    for (const [index, row] of rows.entries()) row.errorCode = refused?.entries.has(entries[index]!) === true ? refused.errorCode : errorCode;
    context.reply({ topics });
  };
  // Only what passed its own checks is a matter of the group.
  if (entries.length === 0) return context.reply({ topics });
  const { groupId, memberId, groupInstanceId: instanceId, generationIdOrMemberEpoch: generation } = request;
  const event = { kind: 'commit', to: { answer }, memberId, instanceId, generation, entries, version: context.version } as const;
  if (generation >= 0) {
    if (!groups.send(groupId, event)) answer({ errorCode: context.version >= 9 ? errorCodes.GROUP_ID_NOT_FOUND : errorCodes.ILLEGAL_GENERATION });
  } else if (!groups.sendOrCreate(groupId, event)) {
    answer({ errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE });
  }
}

/** Rows for the partitions of one topic; what may be committed is added to `entries`, its row to `open`. */
function checkedRows(
  groups: GroupCoordinator, request: RequestOf<typeof OffsetCommit>, context: RequestContext<typeof OffsetCommit>,
  topic: RequestOf<typeof OffsetCommit>['topics'][number], entries: OffsetEntry[], open: Row[],
): Row[] {
  const byId = context.version >= 10;
  const name = byId ? groups.topics.nameOf(topic.topicId) : topic.name;
  const topicId = byId ? topic.topicId : groups.topics.idOf(topic.name);
  const { wallMs } = groups.now();
  return topic.partitions.map((partition) => {
    const row: Row = { partitionIndex: partition.partitionIndex, errorCode: errorCodes.NONE };
    const metadata = partition.committedMetadata ?? '';
    if (name === null || topicId === null) row.errorCode = byId ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    else if (!groups.topics.hasPartition(name, partition.partitionIndex)) row.errorCode = errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    else if (metadata.length > groups.settings.offsetMetadataMax) row.errorCode = errorCodes.OFFSET_METADATA_TOO_LARGE;
    else {
      open.push(row);
      entries.push({ topic: name, partition: partition.partitionIndex, value: {
        offset: partition.committedOffset, leaderEpoch: partition.committedLeaderEpoch, metadata, commitTimestampMs: wallMs,
        expireTimestampMs: request.retentionTimeMs >= 0 ? wallMs + request.retentionTimeMs : -1, topicId,
      } });
    }
    return row;
  });
}

/** Answers OffsetFetch. */
export function offsetFetch(groups: GroupCoordinator, request: RequestOf<typeof OffsetFetch>, context: RequestContext<typeof OffsetFetch>): void {
  const byId = context.version >= 10;
  const { requireStable } = request;
  const tell = (groupId: string, topics: AskedTopics) => fetched({ groups, group: groups.find(groupId), byId, requireStable }, topics);
  if (context.version < 8) return context.reply({ topics: tell(request.groupId, request.topics), errorCode: errorCodes.NONE });
  context.reply({
    groups: request.groups.map(({ groupId, topics, memberId, memberEpoch }) => {
      const phase = groups.find(groupId)?.phase;
      const errorCode = phase?.kind === 'consumer' ? fetchFault(phase.membership, memberId, memberEpoch) : errorCodes.NONE;
      return { groupId, topics: errorCode === errorCodes.NONE ? tell(groupId, topics) : [], errorCode };
    }),
  });
}

/** Topics asked for; null means all. */
type AskedTopics = readonly { readonly name: string; readonly topicId?: string; readonly partitionIndexes: readonly number[] }[] | null;

/** Whose offsets are asked for, and how. */
interface OffsetQuery { readonly groups: GroupCoordinator; readonly group: Group | undefined; readonly byId: boolean; readonly requireStable: boolean }

function fetched(query: OffsetQuery, asked: AskedTopics) {
  if (asked === null) return allOffsets(query);
  return asked.map((topic) => {
    const name = query.byId ? query.groups.topics.nameOf(topic.topicId ?? zeroUuid) : topic.name;
    return { name: topic.name, topicId: topic.topicId, partitions: topic.partitionIndexes.map((index) => offsetRow(query, name, topic.topicId, index)) };
  });
}

function offsetRow({ group, byId, requireStable }: OffsetQuery, name: string | null, topicId: string | undefined, index: number) {
  if (name === null) return { ...noOffset(index), errorCode: errorCodes.UNKNOWN_TOPIC_ID };
  if (requireStable && group !== undefined && isUnstable(group, name, index)) return unstableOffset(index);
  const committed = group?.offsets.get(name)?.get(index);
  // An offset of an earlier topic of the same name is none of this one's.
  const ofAnother = byId && committed !== undefined && committed.topicId !== zeroUuid && committed.topicId !== topicId;
  return committed === undefined || ofAnother ? noOffset(index) : knownOffset(index, committed);
}

function noOffset(partitionIndex: number) {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: errorCodes.NONE };
}

function unstableOffset(partitionIndex: number) {
  return { ...noOffset(partitionIndex), errorCode: errorCodes.UNSTABLE_OFFSET_COMMIT };
}

function knownOffset(partitionIndex: number, committed: Committed) {
  const { offset, leaderEpoch, metadata } = committed;
  return { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: errorCodes.NONE };
}

function allOffsets({ groups, group, byId, requireStable }: OffsetQuery) {
  const topics = [];
  for (const [name, partitions] of group?.offsets ?? []) {
    const topicId = groups.topics.idOf(name);
    if (byId && topicId === null) continue; // a topic that is gone cannot be named by id
    topics.push({ name, topicId: topicId ?? zeroUuid, partitions: [...partitions].map(([index, committed]) => (requireStable && isUnstable(group!, name, index) ? unstableOffset(index) : knownOffset(index, committed))) });
  }
  return topics;
}

/** Answers OffsetDelete: each partition's own fault stays with it; the rest is the group's matter. */
export function offsetDelete(groups: GroupCoordinator, request: RequestOf<typeof OffsetDelete>, context: RequestContext<typeof OffsetDelete>): void {
  const group = groups.find(request.groupId);
  const fault = group === undefined ? errorCodes.GROUP_ID_NOT_FOUND : offsetDeleteFault(group);
  if (group === undefined || fault !== errorCodes.NONE) return context.reply({ errorCode: fault });
  const partitions: PartitionName[] = [];
  const topics = request.topics.map((topic) => ({
    name: topic.name,
    partitions: topic.partitions.map(({ partitionIndex }) => {
      const errorCode = partitionFault(groups, group, topic.name, partitionIndex);
      if (errorCode === errorCodes.NONE) partitions.push({ topic: topic.name, partition: partitionIndex });
      return { partitionIndex, errorCode };
    }),
  }));
  const answer = ({ errorCode }: { errorCode: number }) => context.reply(errorCode === errorCodes.NONE ? { errorCode, topics } : { errorCode });
  groups.send(request.groupId, { kind: 'delete-offsets', to: { answer }, partitions });
}

function partitionFault(groups: GroupCoordinator, group: Group, topic: string, partition: number): number {
  if (!groups.topics.hasPartition(topic, partition)) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  return isSubscribed(group, topic) ? errorCodes.GROUP_SUBSCRIBED_TO_TOPIC : errorCodes.NONE;
}

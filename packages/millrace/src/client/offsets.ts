// client/offsets.ts - asking brokers for offsets: by time from leaders, committed ones from a group's coordinator; and committing.
// Owns: those three exchanges, for consumers and admins alike. Never: what an offset is used for.
import { backoffDefault, isMillraceError, MillraceError, runWithPolicy, type Deadline } from '../base/mod.ts';
import { errorCodes, ListOffsets, OffsetCommit, OffsetFetch, type ResponseOf } from '../wire/mod.ts';
import { kafkaError } from './errors.ts';
import type { Cluster } from './net/cluster.ts';
import { zeroTopicId } from './net/metadata.ts';
import { byTopic, partitionKey, type TopicPartition } from './partitions.ts';

/** A place in a partition: its start, its end, the newest timestamp's record, or the first record at or after a time. */
export type OffsetSpec = 'earliest' | 'latest' | 'max-timestamp' | { readonly timestampMs: number };

/** What to look up. */
export interface OffsetQuery extends TopicPartition { readonly at: OffsetSpec }

/** What was found. `offset` is -1 when no record is that young; `timestampMs` is -1 when the server has none to tell. */
export interface FoundOffset extends TopicPartition { readonly offset: number; readonly timestampMs: number; readonly leaderEpoch: number }

/** An offset that a group committed: the next one to read. */
export interface CommittedOffset extends TopicPartition { readonly offset: number; readonly metadata: string; readonly leaderEpoch: number }

/** An offset to commit. With a `topicId` it is refused when the topic of that name is another one by now; consumers give it for what they hold. */
export interface OffsetToCommit extends TopicPartition { readonly offset: number; readonly metadata?: string; readonly leaderEpoch?: number; readonly topicId?: string }

/** Who commits: a member of a generation, or somebody outside (an admin, a consumer without a subscription). */
export interface Committer { readonly group: string; readonly memberId: string; readonly generation: number; readonly instanceId: string | null }

/** How such a call travels. `byName`: topics are those that have the names now, not those that the client has heard of. */
export interface OffsetCall { readonly deadline: Deadline; readonly lane?: string; readonly isolation?: 'read_committed' | 'read_uncommitted'; readonly byName?: boolean }

/** OffsetCommit and OffsetFetch name topics by id alone from this version on. */
const topicIdVersion = 10;

const specTimestamps = { latest: -1, earliest: -2, 'max-timestamp': -3 } as const;

/** Asks the leaders. Retries what moved; throws the first error that stays. The order of the answers is that of the queries. */
export async function listOffsets(cluster: Cluster, queries: readonly OffsetQuery[], call: OffsetCall): Promise<FoundOffset[]> {
  const found = new Map<OffsetQuery, FoundOffset>();
  const policy = { deadline: call.deadline, what: 'list offsets', idempotent: true, backoff: backoffDefault, budget: cluster.budget, closed: () => cluster.isClosed };
  for (let open = [...queries]; open.length > 0; open = queries.filter((query) => !found.has(query))) {
    const round = oncePerPartition(open);
    await runWithPolicy(cluster.ports, policy, async () => await listRound(cluster, round.filter((query) => !found.has(query)), call, found));
  }
  return queries.map((query) => found.get(query)!);
}

/** Servers refuse a request that names a partition twice: the second question goes into the next round. */
function oncePerPartition(queries: readonly OffsetQuery[]): OffsetQuery[] {
  const seen = new Set<string>();
  return queries.filter((query) => {
    const place = partitionKey(query.topic, query.partition);
    return !seen.has(place) && seen.add(place);
  });
}

async function listRound(cluster: Cluster, open: readonly OffsetQuery[], call: OffsetCall, found: Map<OffsetQuery, FoundOffset>): Promise<void> {
  for (const topic of new Set(open.map((query) => query.topic))) await cluster.topic(topic, call.deadline);
  const results = await Promise.allSettled([...leadersOf(cluster, open)].map(([nodeId, mine]) => listAt(cluster, nodeId, mine, call, found)));
  const failed = results.find((result) => result.status === 'rejected');
  if (!failed) return;
  await cluster.forget(failed.reason, { kind: 'any' }, call.deadline);
  throw failed.reason;
}

/** What a group has committed for the partitions, or for all it has when null. Partitions without a commit are left out. */
export async function committedOffsets(cluster: Cluster, group: string, partitions: readonly TopicPartition[] | null, call: OffsetCall): Promise<CommittedOffset[]> {
  const ids = topicIdsOf(cluster, partitions);
  try {
    return await committedBy(cluster, group, partitions, call, ids);
  } catch (error) {
    if (ids === null || !isMillraceError(error) || error.data['kafkaCode'] !== errorCodes.UNKNOWN_TOPIC_ID) throw error;
    return await committedBy(cluster, group, partitions, call, null); // created anew since its id was heard: the name still says which one is meant
  }
}

async function committedBy(cluster: Cluster, group: string, partitions: readonly TopicPartition[] | null, call: OffsetCall, ids: TopicIds): Promise<CommittedOffset[]> {
  const topics = partitions && [...byTopic(partitions, (one) => one.partition)].map(([name, partitionIndexes]) => ({ name, topicId: ids?.get(name), partitionIndexes }));
  const names = new Map([...(ids ?? [])].map(([name, id]) => [id, name]));
  const what = `read the offsets of group '${group}'`;
  return await cluster.call({ kind: 'coordinator', group }, OffsetFetch, {
    groupId: group, topics, groups: [{ groupId: group, topics }], requireStable: call.isolation !== 'read_uncommitted',
  }, { what, deadline: call.deadline, lane: call.lane, idempotent: true, versionMax: versionFor(ids) }, (answer) => readCommitted(answer, group, what, names));
}

/** Commits; throws the first partition's error: 'topic-not-found' for a topic that was created anew since the client heard of it. Doing it twice is doing it once. */
export async function commitOffsets(cluster: Cluster, by: Committer, offsets: readonly OffsetToCommit[], call: OffsetCall): Promise<void> {
  if (offsets.length === 0) return;
  const what = `commit offsets of group '${by.group}'`;
  const known = (topic: string) => cluster.view.topics.get(topic)?.topicId ?? zeroTopicId;
  const items = offsets.map((one) => ({ ...one, topicId: call.byName ? zeroTopicId : one.topicId ?? known(one.topic) }));
  const hasIds = items.every((one) => one.topicId !== zeroTopicId);
  const names = new Map(items.map((one) => [one.topicId, one.topic]));
  const refused = (errorCode: number, topic: string, partition: number) => {
    const isLasting = lasting.has(errorCode) || (errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION && !call.byName);
    return kafkaError(errorCode, what, { group: by.group, topic, partition, ...(isLasting ? { retry: false } : {}) });
  };
  await cluster.call({ kind: 'coordinator', group: by.group }, OffsetCommit, (version) => {
    const other = version >= topicIdVersion ? undefined : items.find((one) => one.topicId !== zeroTopicId && known(one.topic) !== zeroTopicId && known(one.topic) !== one.topicId);
    if (other) throw refused(errorCodes.UNKNOWN_TOPIC_ID, other.topic, other.partition); // by its name it would go to the other topic
    return {
      groupId: by.group, generationIdOrMemberEpoch: by.generation, memberId: by.memberId, groupInstanceId: by.instanceId,
      topics: [...Map.groupBy(items, (one) => `${one.topic} ${one.topicId}`).values()].map((list) => ({
        name: list[0]!.topic, topicId: list[0]!.topicId,
        partitions: list.map((one) => ({ partitionIndex: one.partition, committedOffset: one.offset, committedLeaderEpoch: one.leaderEpoch ?? -1, committedMetadata: one.metadata ?? '' })),
      })),
    };
  }, { what, deadline: call.deadline, lane: call.lane, idempotent: true, versionMax: hasIds ? undefined : topicIdVersion - 1 }, (answer) => {
    for (const topic of answer.topics) {
      for (const one of topic.partitions) if (one.errorCode !== 0) throw refused(one.errorCode, (hasIds ? names.get(topic.topicId) : undefined) ?? topic.name, one.partitionIndex);
    }
  });
}

/** Ids by name; null when a topic's id is not known, and topics go by name. */
type TopicIds = ReadonlyMap<string, string> | null;

function topicIdsOf(cluster: Cluster, items: readonly TopicPartition[] | null): TopicIds {
  const ids = new Map<string, string>();
  for (const { topic } of items ?? []) ids.set(topic, cluster.view.topics.get(topic)?.topicId ?? zeroTopicId);
  return items === null || [...ids.values()].includes(zeroTopicId) ? null : ids;
}

function versionFor(ids: TopicIds): number | undefined {
  return ids === null ? topicIdVersion - 1 : undefined;
}

/** The same commit fails again: as long as the membership is the same (what helps is to join again), or for good because its topic is gone. */
const lasting: ReadonlySet<number> = new Set([errorCodes.UNKNOWN_MEMBER_ID, errorCodes.ILLEGAL_GENERATION, errorCodes.STALE_MEMBER_EPOCH, errorCodes.REBALANCE_IN_PROGRESS, errorCodes.UNKNOWN_TOPIC_ID]);

/** Items by the broker that leads their partition. Throws 'not-leader' (retried after a refresh) or 'invalid-argument' for a partition that is not there. */
export function leadersOf<I extends TopicPartition>(cluster: Cluster, items: readonly I[]): Map<number, I[]> {
  const leaders = new Map<number, I[]>();
  for (const item of items) {
    const partition = cluster.partition(item.topic, item.partition);
    const place = partitionKey(item.topic, item.partition);
    if (!partition && cluster.view.topics.has(item.topic)) throw new MillraceError('topic-not-found', `Cannot reach '${place}': the topic has no such partition`, { topic: item.topic, partition: item.partition, stale: 'metadata' });
    if (!partition || partition.leaderId < 0) throw new MillraceError('not-leader', `Cannot reach '${place}': it has no leader now`, { topic: item.topic, partition: item.partition, stale: 'metadata' });
    const list = leaders.get(partition.leaderId);
    if (list) list.push(item);
    else leaders.set(partition.leaderId, [item]);
  }
  return leaders;
}

async function listAt(cluster: Cluster, nodeId: number, queries: readonly OffsetQuery[], call: OffsetCall, found: Map<OffsetQuery, FoundOffset>): Promise<void> {
  const asked = new Map(queries.map((query) => [partitionKey(query.topic, query.partition), query]));
  const connection = await cluster.connection(nodeId, call.lane ?? 'main', call.deadline);
  const answer = await connection.call(ListOffsets, {
    replicaId: -1, isolationLevel: call.isolation === 'read_committed' ? 1 : 0, timeoutMs: cluster.options.requestTimeoutMs,
    topics: [...byTopic(queries, (query) => ({
      partitionIndex: query.partition, currentLeaderEpoch: cluster.partition(query.topic, query.partition)?.leaderEpoch ?? -1, timestamp: typeof query.at === 'string' ? specTimestamps[query.at] : query.at.timestampMs,
    }))].map(([name, partitions]) => ({ name, partitions })),
  }, { deadline: call.deadline });
  let failure: MillraceError | null = null;
  for (const topic of answer.topics) {
    for (const one of topic.partitions) {
      const place = partitionKey(topic.name, one.partitionIndex);
      if (one.errorCode !== 0) failure ??= kafkaError(one.errorCode, `list offsets of '${place}'`, { topic: topic.name, partition: one.partitionIndex });
      else found.set(asked.get(place)!, { topic: topic.name, partition: one.partitionIndex, offset: one.offset, timestampMs: one.timestamp, leaderEpoch: one.leaderEpoch });
    }
  }
  if (failure) throw failure;
}

function readCommitted(answer: ResponseOf<typeof OffsetFetch>, group: string, what: string, names: ReadonlyMap<string, string>): CommittedOffset[] {
  const mine = answer.groups.length > 0 ? answer.groups[0]! : { topics: answer.topics, errorCode: answer.errorCode };
  if (mine.errorCode !== 0) throw kafkaError(mine.errorCode, what, { group });
  const offsets: CommittedOffset[] = [];
  for (const topic of mine.topics) {
    const name = ('topicId' in topic ? names.get(topic.topicId) : undefined) ?? topic.name;
    for (const one of topic.partitions) {
      if (one.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) continue;
      if (one.errorCode !== 0) throw kafkaError(one.errorCode, what, { group, topic: name, partition: one.partitionIndex, ...(lasting.has(one.errorCode) ? { retry: false } : {}) });
      if (one.committedOffset < 0) continue;
      offsets.push({ topic: name, partition: one.partitionIndex, offset: one.committedOffset, metadata: one.metadata ?? '', leaderEpoch: one.committedLeaderEpoch });
    }
  }
  return offsets;
}

// client/admin/admin.ts - the admin's door: every administrative call, each under a deadline.
// Owns: defaults of the calls. Never: the exchanges themselves (the files beside this one).
import type { Deadline } from '../../base/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import { committedOffsets, listOffsets, type CommittedOffset, type FoundOffset, type OffsetQuery, type OffsetToCommit } from '../offsets.ts';
import type { TopicPartition } from '../partitions.ts';
import { createAcls, deleteAcls, describeAcls, type AccessRule, type AccessRuleFilter } from './acls.ts';
import { describeCluster, describeLogDirs, type ClusterDescription, type LogDirDescription } from './cluster.ts';
import { deleteShareGroupOffsets, describeShareGroup, setShareGroupOffsets, shareGroupPositions, type ShareGroupDescription, type ShareGroupPosition } from './share-groups.ts';
import { alterConfigs, describeConfigs, type ConfigChange, type ConfigDescription, type ConfigResource } from './configs.ts';
import { deleteGroup, deleteGroupOffsets, describeGroup, groupLag, listGroups, removeMembers, setGroupOffsets, type GroupDescription, type GroupLag, type GroupListing, type MemberToRemove } from './groups.ts';
import { alterUsers, describeUsers, type NewCredential, type OldCredential, type ScramUser } from './users.ts';
import { alterQuotas, describeQuotas, type EntityQuotas, type QuotaChange, type QuotaFilter } from './quotas.ts';
import { createPartitions, createTopics, deleteRecords, deleteTopics, describeTopics, type CreatedTopic, type NewTopic, type TopicDescription } from './topics.ts';

/** What every call may be told. */
export interface AdminCallOptions {
  /** The call ends by then, retries included; 30 s unless told otherwise. */
  readonly timeoutMs?: number;
}

/** Administers topics, groups and settings. Calls reject with a MillraceError; see each for the codes one reacts to. */
export class Admin {
  readonly #cluster: Cluster;
  readonly #timeoutMs: number;

  constructor(cluster: Cluster, timeoutMs: number) {
    this.#cluster = cluster;
    this.#timeoutMs = timeoutMs;
  }

  /** Creates topics and waits until they can be used. Rejects 'topic-exists', 'invalid-argument'. */
  async createTopics(topics: readonly NewTopic[], options: AdminCallOptions & { validateOnly?: boolean } = {}): Promise<CreatedTopic[]> {
    return await createTopics(this.#cluster, topics, this.#deadline(options), options.validateOnly ?? false);
  }

  /** Deletes topics with their records. Rejects 'topic-not-found'. */
  async deleteTopics(topics: readonly string[], options: AdminCallOptions = {}): Promise<void> {
    await deleteTopics(this.#cluster, topics, this.#deadline(options));
  }

  /** Names of all topics, without the servers' internal ones unless asked for. */
  async listTopics(options: AdminCallOptions & { internal?: boolean } = {}): Promise<string[]> {
    const topics = await describeTopics(this.#cluster, null, this.#deadline(options));
    return topics.filter((topic) => options.internal || !topic.isInternal).map((topic) => topic.topic).sort();
  }

  /** Partitions, leaders and replicas of the named topics. Rejects 'topic-not-found'. */
  async describeTopics(topics: readonly string[], options: AdminCallOptions = {}): Promise<TopicDescription[]> {
    return await describeTopics(this.#cluster, topics, this.#deadline(options));
  }

  /** Widens a topic to `count` partitions; keys move to other partitions. Rejects 'topic-not-found', 'invalid-argument'. */
  async createPartitions(topic: string, count: number, options: AdminCallOptions = {}): Promise<void> {
    await createPartitions(this.#cluster, topic, count, this.#deadline(options));
  }

  /** Deletes records before an offset (-1: all that are there). Resolves to the new first offsets. Rejects 'offset-out-of-range'. */
  async deleteRecords(before: readonly (TopicPartition & { readonly beforeOffset: number })[], options: AdminCallOptions = {}): Promise<(TopicPartition & { readonly logStartOffset: number })[]> {
    return await deleteRecords(this.#cluster, before, this.#deadline(options));
  }

  /** Settings of resources, all or those named. */
  async describeConfigs(resources: readonly ConfigResource[], options: AdminCallOptions & { names?: readonly string[] } = {}): Promise<ConfigDescription[]> {
    return await describeConfigs(this.#cluster, resources, options.names ?? null, this.#deadline(options));
  }

  /** Changes single settings. Rejects 'invalid-argument'. */
  async alterConfigs(changes: readonly ConfigChange[], options: AdminCallOptions & { validateOnly?: boolean } = {}): Promise<void> {
    await alterConfigs(this.#cluster, changes, options.validateOnly ?? false, this.#deadline(options));
  }

  /** Offsets by place or time. `offset` is -1 where no record is that young. */
  async listOffsets(queries: readonly OffsetQuery[], options: AdminCallOptions & { isolation?: 'read_committed' | 'read_uncommitted' } = {}): Promise<FoundOffset[]> {
    return await listOffsets(this.#cluster, queries, { deadline: this.#deadline(options), isolation: options.isolation });
  }

  /** All groups of all brokers. */
  async listGroups(options: AdminCallOptions = {}): Promise<GroupListing[]> {
    return await listGroups(this.#cluster, this.#deadline(options));
  }

  /** State and members of a group; the state is 'Dead' when there is none of that name. */
  async describeGroup(group: string, options: AdminCallOptions = {}): Promise<GroupDescription> {
    return await describeGroup(this.#cluster, group, this.#deadline(options));
  }

  /** Takes members out of a group: a static one that will not come back, say, whose partitions would else wait for the end of its session. Rejects 'unknown-member'. */
  async removeMembers(group: string, members: readonly MemberToRemove[], options: AdminCallOptions = {}): Promise<void> {
    await removeMembers(this.#cluster, group, members, this.#deadline(options));
  }

  /** Deletes a group that has no members. Rejects 'group-not-empty', 'group-not-found'. */
  async deleteGroup(group: string, options: AdminCallOptions = {}): Promise<void> {
    await deleteGroup(this.#cluster, group, this.#deadline(options));
  }

  /** What a group has committed. */
  async groupOffsets(group: string, options: AdminCallOptions = {}): Promise<CommittedOffset[]> {
    return await committedOffsets(this.#cluster, group, null, { deadline: this.#deadline(options) });
  }

  /** How far a group is behind, by partition. */
  async groupLag(group: string, options: AdminCallOptions = {}): Promise<GroupLag[]> {
    return await groupLag(this.#cluster, group, this.#deadline(options));
  }

  /** Moves a group without members: to offsets, or to the start, the end or a time of partitions. Resolves to what was set. Rejects 'unknown-member' while it has members. */
  async setGroupOffsets(group: string, offsets: readonly (OffsetToCommit | OffsetQuery)[], options: AdminCallOptions = {}): Promise<OffsetToCommit[]> {
    const deadline = this.#deadline(options);
    const queries = offsets.filter((one): one is OffsetQuery => 'at' in one);
    const found = await listOffsets(this.#cluster, queries, { deadline });
    const missing = found.filter((one) => one.offset < 0).map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const }));
    const ends = await listOffsets(this.#cluster, missing, { deadline }); // no record is that young: the end is the place
    const offsetsToSet = [...offsets.filter((one): one is OffsetToCommit => !('at' in one)), ...found.filter((one) => one.offset >= 0), ...ends]
      .map(({ topic, partition, offset, ...rest }) => ({ topic, partition, offset, metadata: 'metadata' in rest ? rest.metadata : undefined }));
    await setGroupOffsets(this.#cluster, group, offsetsToSet, deadline);
    return offsetsToSet;
  }

  /** Forgets what a group has committed for partitions. Rejects 'group-not-empty' while a member reads them. */
  async deleteGroupOffsets(group: string, partitions: readonly TopicPartition[], options: AdminCallOptions = {}): Promise<void> {
    await deleteGroupOffsets(this.#cluster, group, partitions, this.#deadline(options));
  }

  /** State and members of a share group. Rejects 'group-not-found'. */
  async describeShareGroup(group: string, options: AdminCallOptions = {}): Promise<ShareGroupDescription> {
    return await describeShareGroup(this.#cluster, group, this.#deadline(options));
  }

  /** Where a share group stands, by partition; nothing for one that is not there. */
  async shareGroupPositions(group: string, options: AdminCallOptions = {}): Promise<ShareGroupPosition[]> {
    return await shareGroupPositions(this.#cluster, group, this.#deadline(options));
  }

  /** Moves a share group without members: what comes from these offsets on is delivered (again). Rejects 'group-not-empty', 'group-not-found'. */
  async setShareGroupOffsets(group: string, offsets: readonly (TopicPartition & { readonly offset: number })[], options: AdminCallOptions = {}): Promise<void> {
    await setShareGroupOffsets(this.#cluster, group, offsets, this.#deadline(options));
  }

  /** Forgets topics that a share group without members has read. Rejects 'group-not-empty', 'group-not-found'. */
  async deleteShareGroupOffsets(group: string, topics: readonly string[], options: AdminCallOptions = {}): Promise<void> {
    await deleteShareGroupOffsets(this.#cluster, group, topics, this.#deadline(options));
  }

  /** Brokers and controller. */
  async describeCluster(options: AdminCallOptions = {}): Promise<ClusterDescription> {
    return await describeCluster(this.#cluster, this.#deadline(options));
  }

  /** Data folders and the bytes of each partition in them. */
  async describeLogDirs(options: AdminCallOptions = {}): Promise<LogDirDescription[]> {
    return await describeLogDirs(this.#cluster, this.#deadline(options));
  }

  /** Users of SCRAM with their credentials, all or those named. Rejects 'not-found'. */
  async listUsers(options: AdminCallOptions & { users?: readonly string[] } = {}): Promise<ScramUser[]> {
    return await describeUsers(this.#cluster, options.users ?? null, this.#deadline(options));
  }

  /** Sets the password of a user of SCRAM, who is made when there is none; the server is told neither the password nor what would do in its place. Rejects 'invalid-argument'. */
  async setUser(credential: NewCredential, options: AdminCallOptions = {}): Promise<void> {
    await alterUsers(this.#cluster, [credential], [], this.#deadline(options));
  }

  /** Removes a credential of a user; connections that are open stay so. Rejects 'not-found'. */
  async removeUser(credential: OldCredential, options: AdminCallOptions = {}): Promise<void> {
    await alterUsers(this.#cluster, [], [credential], this.#deadline(options));
  }

  /** Adds access rules; one that is there already is no failure. Rejects 'not-authorized', 'invalid-argument' (also from a server without an authorizer). */
  async createAcls(rules: readonly AccessRule[], options: AdminCallOptions = {}): Promise<void> {
    await createAcls(this.#cluster, rules, this.#deadline(options));
  }

  /** Access rules, all or those that pass a filter. Rejects 'not-authorized', 'invalid-argument' from a server without an authorizer. */
  async describeAcls(filter: AccessRuleFilter = {}, options: AdminCallOptions = {}): Promise<Required<AccessRule>[]> {
    return await describeAcls(this.#cluster, filter, this.#deadline(options));
  }

  /** Removes the access rules that pass any of the filters; resolves to them. Rejects 'not-authorized'. */
  async deleteAcls(filters: readonly AccessRuleFilter[], options: AdminCallOptions = {}): Promise<Required<AccessRule>[]> {
    return await deleteAcls(this.#cluster, filters, this.#deadline(options));
  }

  /** Quotas of users, client ids and addresses, all or those that pass a filter. Rejects 'not-authorized'. */
  async describeQuotas(filter: QuotaFilter = {}, options: AdminCallOptions = {}): Promise<EntityQuotas[]> {
    return await describeQuotas(this.#cluster, filter, this.#deadline(options));
  }

  /** Sets and takes back quotas. Rejects 'not-authorized', 'invalid-argument'. */
  async alterQuotas(changes: readonly QuotaChange[], options: AdminCallOptions & { validateOnly?: boolean } = {}): Promise<void> {
    await alterQuotas(this.#cluster, changes, options.validateOnly ?? false, this.#deadline(options));
  }

  #deadline(options: AdminCallOptions): Deadline {
    return this.#cluster.deadline(options.timeoutMs ?? this.#timeoutMs);
  }
}

// broker/group/ports.ts - what the group coordinator needs of the rest of the broker.
// Owns: the types. Never: their implementations (topics/, config/, log/).
import type { Report } from '../../base/mod.ts';
import type { Partition } from '../../log/mod.ts';
import type { Clock, Random } from '../../os/mod.ts';
import type { MayDescribe } from './consumer/pattern-readers.ts';
import type { TopicNames } from './consumer/topic-patterns.ts';
import type { GroupConfig } from './group.ts';

/** The partition that holds the groups' records (`__consumer_offsets`). */
export type GroupStorage = Partition;

/** Topics as groups see them. */
export interface GroupTopics {
  /** Id of a topic; null when there is none of that name. */
  idOf(name: string): string | null;
  /** Name of a topic; null when there is none with that id. */
  nameOf(id: string): string | null;
  hasPartition(name: string, partition: number): boolean;
  /** 0 when there is no such topic. */
  partitionCount(name: string): number;
}

/** What a user may set for consumer groups. */
export interface ConsumerGroupConfig {
  /** A group's own setting, else the node's. */
  sessionTimeoutMs(groupId: string): number;
  heartbeatIntervalMs(groupId: string): number;
  readonly membersMax: number;
  /** Names of serverAssignors; the first is the default. */
  readonly assignors: readonly string[];
  /** group.consumer.migration.policy. */
  readonly mayUpgrade: boolean;
  readonly mayDowngrade: boolean;
}

/** What a user may set; read whenever it is needed, so changes take effect at once. */
export interface GroupSettings extends GroupConfig {
  /** offsets.retention.minutes, in ms. */
  readonly offsetRetentionMs: number;
  /** offsets.retention.check.interval.ms. */
  readonly offsetCheckIntervalMs: number;
  /** offset.metadata.max.bytes, counted in UTF-16 units as Kafka does. */
  readonly offsetMetadataMax: number;
}

/** All of it. */
export interface GroupCoordinatorOptions {
  readonly storage: GroupStorage;
  readonly clock: Clock;
  readonly random: Random;
  readonly topics: GroupTopics;
  /** Names of all topics but the internal ones: what patterns may match. */
  readonly topicNames: TopicNames;
  /** Which of them a client may know of; left out: all. */
  readonly mayDescribe?: MayDescribe | undefined;
  readonly settings: GroupSettings;
  /** One line for the operator. */
  readonly report: Report;
}

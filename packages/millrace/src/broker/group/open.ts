// broker/group/open.ts - the groups of a node, put together with its topics, its configuration and its log.
// Owns: the internal topic's making, the way from configuration to settings. Never: behaviour.
import { aclOperations, aclResources } from '../../wire/mod.ts';
import type { Services } from '../services.ts';
import { offsetsTopic } from '../topics/topic-name.ts';
import type { MayDescribe } from './consumer/pattern-readers.ts';
import { consumerSettings } from './consumer/settings.ts';
import { createGroupCoordinator, type GroupCoordinator } from './coordinator.ts';
import type { GroupSettings, GroupTopics } from './ports.ts';

const offsetsTopicConfig = new Map([['retention.ms', '-1'], ['retention.bytes', '-1'], ['segment.bytes', String(16 * 1024 * 1024)]]);

/**
 * Brings back all groups; makes their topic on the first start (one partition: a node coordinates all groups itself). Rejects with
 * 'disk-full' or 'storage-failed' when the topic cannot be made, 'data-damaged' when it cannot be read.
 * @example router routes: [...groupRoutes(await openGroups(services), services.nodeId)]
 */
export async function openGroups(services: Services): Promise<GroupCoordinator> {
  const { clock, random, topics, report } = services;
  const topic = topics.byName(offsetsTopic) ?? await topics.create(offsetsTopic, 1, offsetsTopicConfig);
  const groups = await createGroupCoordinator({
    storage: topic.partitions[0]!.log, clock, random, topics: groupTopics(services), topicNames: () => topicNames(services), mayDescribe: mayDescribe(services), settings: groupSettings(services), report,
  });
  services.authorizer?.onChange(() => groups.rightsChanged());
  topics.listen({ partitionShown: ({ topic: { name, internal }, index }) => { if (!internal) groups.topicShown(name, index === 0); }, topicHidden: ({ name }) => groups.topicGone(name) });
  return groups;
}

function groupTopics({ topics }: Services): GroupTopics {
  return {
    idOf: (name) => topics.byName(name)?.id ?? null,
    nameOf: (id) => topics.byId(id)?.name ?? null,
    hasPartition: (name, partition) => topics.partition(name, partition) !== undefined,
    partitionCount: (name) => topics.byName(name)?.partitions.length ?? 0,
  };
}

function* topicNames({ topics }: Services): Iterable<string> {
  for (const { name, internal } of topics.all.values()) if (!internal) yield name;
}

function mayDescribe({ authorizer }: Services): MayDescribe | undefined {
  if (authorizer === null) return undefined;
  return (reader, topic) => authorizer.permissionsOf(reader).allows(aclOperations.describe, aclResources.topic, topic);
}

/** Settings in force; looked up once per change of configuration. */
function groupSettings(services: Services): GroupSettings {
  const { config } = services;
  const read = () => ({
    initialRebalanceDelayMs: config.number('group.initial.rebalance.delay.ms'),
    sessionTimeoutMinMs: config.number('group.min.session.timeout.ms'),
    sessionTimeoutMaxMs: config.number('group.max.session.timeout.ms'),
    membersMax: config.number('group.max.size'),
    offsetRetentionMs: config.number('offsets.retention.minutes') * 60_000,
    offsetCheckIntervalMs: config.number('offsets.retention.check.interval.ms'),
    offsetMetadataMax: config.number('offset.metadata.max.bytes'),
    consumer: consumerSettings(services),
    topics: groupTopics(services),
  });
  const settings = read();
  config.onChange(() => Object.assign(settings, read()));
  return settings;
}

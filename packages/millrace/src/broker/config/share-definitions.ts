// broker/config/share-definitions.ts - the node's configuration keys about share groups and their dead letters.
// Owns: the table, with Kafka's names, defaults and bounds. Never: what they do (share/).
import type { ConfigDefinition } from './definition.ts';

/** Rows of the node's table. */
export const shareDefinitions: readonly ConfigDefinition[] = [
  { name: 'group.share.session.timeout.ms', kind: 'int', defaultText: '45000', min: 1, dynamic: true, documentation: 'Default of share.session.timeout.ms.' },
  { name: 'group.share.min.session.timeout.ms', kind: 'int', defaultText: '45000', min: 1, documentation: 'Shortest share.session.timeout.ms that a group may have.' },
  { name: 'group.share.max.session.timeout.ms', kind: 'int', defaultText: '60000', min: 1, documentation: 'Longest share.session.timeout.ms that a group may have.' },
  { name: 'group.share.heartbeat.interval.ms', kind: 'int', defaultText: '5000', min: 1, dynamic: true, documentation: 'Default of share.heartbeat.interval.ms.' },
  { name: 'group.share.min.heartbeat.interval.ms', kind: 'int', defaultText: '5000', min: 1, documentation: 'Shortest share.heartbeat.interval.ms that a group may have.' },
  { name: 'group.share.max.heartbeat.interval.ms', kind: 'int', defaultText: '15000', min: 1, documentation: 'Longest share.heartbeat.interval.ms that a group may have.' },
  { name: 'group.share.max.size', kind: 'int', defaultText: '200', min: 1, max: 1000, documentation: 'Members of one share group at most.' },
  { name: 'group.share.max.share.sessions', kind: 'int', defaultText: '2000', min: 1, documentation: 'Share sessions at the same time: members that fetch.' },
  { name: 'group.share.delivery.count.limit', kind: 'int', defaultText: '5', min: 2, max: 10, dynamic: true, documentation: 'Default of share.delivery.count.limit.' },
  { name: 'group.share.min.delivery.count.limit', kind: 'int', defaultText: '2', min: 2, max: 5, documentation: 'Lowest share.delivery.count.limit that a group may have.' },
  { name: 'group.share.max.delivery.count.limit', kind: 'int', defaultText: '10', min: 5, max: 25, documentation: 'Highest share.delivery.count.limit that a group may have.' },
  { name: 'group.share.record.lock.duration.ms', kind: 'int', defaultText: '30000', min: 1000, max: 3_600_000, dynamic: true, documentation: 'Default of share.record.lock.duration.ms.' },
  { name: 'group.share.min.record.lock.duration.ms', kind: 'int', defaultText: '15000', min: 1000, max: 30_000, documentation: 'Shortest share.record.lock.duration.ms that a group may have.' },
  { name: 'group.share.max.record.lock.duration.ms', kind: 'int', defaultText: '60000', min: 30_000, max: 3_600_000, documentation: 'Longest share.record.lock.duration.ms that a group may have.' },
  { name: 'group.share.partition.max.record.locks', kind: 'int', defaultText: '2000', min: 100, max: 10_000, dynamic: true, documentation: 'Default of share.partition.max.record.locks.' },
  { name: 'group.share.min.partition.max.record.locks', kind: 'int', defaultText: '100', min: 100, max: 2000, documentation: 'Lowest share.partition.max.record.locks that a group may have.' },
  { name: 'group.share.max.partition.max.record.locks', kind: 'int', defaultText: '4000', min: 2000, max: 10_000, documentation: 'Highest share.partition.max.record.locks that a group may have.' },
  { name: 'errors.deadletterqueue.topic.name.prefix', kind: 'string', defaultText: 'dlq.', dynamic: true, documentation: 'How the name of a topic for dead letters begins; empty for any.' },
  { name: 'errors.deadletterqueue.auto.create.topics.enable', kind: 'boolean', defaultText: 'false', dynamic: true, documentation: 'Create a missing topic for dead letters when there is one to write.' },
];

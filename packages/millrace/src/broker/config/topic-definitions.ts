// broker/config/topic-definitions.ts - the configuration keys of a topic, with Kafka's names and defaults.
// Owns: the table. A key that would have no effect here is not in it, except those whose effect is the same on one node whatever
// their value (they are asked for by tools): named in `sameOnOneNode`.
import { limits } from '../../base/mod.ts';
import type { ConfigDefinition } from './definition.ts';

const int64MaxText = '9223372036854775807';
const day = 24 * 60 * 60 * 1000;

const notCompacted = 'compaction is not available yet in Millrace; use delete';
const notRecompressed = 'the broker stores batches as the producer compressed them; use producer and set the codec in the producer';

const definitions: readonly ConfigDefinition[] = [
  { name: 'cleanup.policy', kind: 'list', defaultText: 'delete', allowed: ['delete'], refused: { compact: notCompacted }, nodeName: 'log.cleanup.policy',
    documentation: 'What happens to old segments: delete drops them by age and size.' },
  { name: 'compression.type', kind: 'string', defaultText: 'producer', allowed: ['producer'],
    refused: { uncompressed: notRecompressed, gzip: notRecompressed, snappy: notRecompressed, lz4: notRecompressed, zstd: notRecompressed },
    nodeName: 'compression.type', documentation: 'Codec of stored batches: producer keeps the one the producer chose.' },
  { name: 'retention.ms', kind: 'long', defaultText: String(7 * day), min: -1, nodeName: 'log.retention.ms',
    documentation: 'Segments whose newest record is older than this are dropped; -1 keeps them.' },
  { name: 'retention.bytes', kind: 'long', defaultText: '-1', nodeName: 'log.retention.bytes',
    documentation: 'Per partition: the oldest segments are dropped while the rest still holds this many bytes; -1 keeps them.' },
  { name: 'segment.bytes', kind: 'int', defaultText: String(limits.log.segmentBytesDefault), min: 1024 * 1024, nodeName: 'log.segment.bytes',
    documentation: 'A new segment file is started when the current one would pass this size.' },
  { name: 'segment.ms', kind: 'long', defaultText: String(7 * day), min: 1, nodeName: 'log.roll.ms',
    documentation: 'A new segment file is started when the first record of the current one is older than this.' },
  { name: 'max.message.bytes', kind: 'int', defaultText: '1048588', min: 0, max: limits.log.batchBytesMax, nodeName: 'message.max.bytes',
    documentation: 'Largest record batch accepted, as stored (after compression), in bytes.' },
  { name: 'message.timestamp.type', kind: 'string', defaultText: 'CreateTime', allowed: ['CreateTime', 'LogAppendTime'], nodeName: 'log.message.timestamp.type',
    documentation: 'CreateTime keeps the time set by the producer, LogAppendTime replaces it by the time of the append.' },
  { name: 'message.timestamp.before.max.ms', kind: 'long', defaultText: int64MaxText, min: 0, nodeName: 'log.message.timestamp.before.max.ms',
    documentation: 'With CreateTime: a record older than the broker clock by more than this is refused.' },
  { name: 'message.timestamp.after.max.ms', kind: 'long', defaultText: '3600000', min: 0, nodeName: 'log.message.timestamp.after.max.ms',
    documentation: 'With CreateTime: a record newer than the broker clock by more than this is refused.' },
  { name: 'min.insync.replicas', kind: 'int', defaultText: '1', min: 1, nodeName: 'min.insync.replicas',
    documentation: 'Replicas that must hold a record before acks=all answers. A node alone has one: a higher number refuses acks=all.' },
  { name: 'millrace.durability', kind: 'string', defaultText: 'synced', allowed: ['synced', 'page-cache'], nodeName: 'millrace.log.durability',
    documentation: 'synced: acks wait until the record survives a power cut. page-cache: acks come at once; a power cut may lose the newest records.' },
  { name: 'millrace.import.from', kind: 'string', defaultText: '',
    documentation: 'Set when a topic is created by millrace move: the topic takes batches from that source only, with their offsets, and refuses producers. The end of the move puts done: before it; it cannot be set later.' },
  { name: 'millrace.key.schema', kind: 'string', defaultText: '',
    documentation: 'JSON Schema (draft 2020-12 or draft-07) that the key of each record must fit; a record without a key does not. Empty: keys are not looked at.' },
  { name: 'millrace.value.schema', kind: 'string', defaultText: '',
    documentation: 'JSON Schema (draft 2020-12 or draft-07) that the value of each record must fit; a null value deletes its key and always does. Empty: values are not looked at.' },
  { name: 'unclean.leader.election.enable', kind: 'boolean', defaultText: 'false', nodeName: 'unclean.leader.election.enable',
    documentation: 'Whether a replica that is behind may lead. One node has one replica, so there is nothing to choose.' },
  { name: 'flush.messages', kind: 'long', defaultText: int64MaxText, min: 1, nodeName: 'log.flush.interval.messages',
    documentation: 'Records between two syncs. Every acknowledged append is synced already, see millrace.durability.' },
  { name: 'flush.ms', kind: 'long', defaultText: int64MaxText, min: 0, nodeName: 'log.flush.interval.ms',
    documentation: 'Time between two syncs. Every acknowledged append is synced already, see millrace.durability.' },
];

/** A topic's keys by name. */
export const topicDefinitions: ReadonlyMap<string, ConfigDefinition> = new Map(definitions.map((definition) => [definition.name, definition]));

/** Keys that tools set and whose every value means the same on one node. */
export const sameOnOneNode: readonly string[] = ['unclean.leader.election.enable', 'flush.messages', 'flush.ms'];

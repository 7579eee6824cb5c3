// broker/config/topic-definitions.ts - the configuration keys of a topic, with Kafka's names and defaults.
// Owns: the table. A key that would have no effect here is not in it, except those whose effect is the same on one node whatever
// their value (they are asked for by tools): named in `sameOnOneNode`.
import { limits, MiB } from '../../base/mod.ts';
import type { ConfigDefinition } from './definition.ts';

const int64MaxText = '9223372036854775807';
const day = 24 * 60 * 60 * 1000;

const notTiered = 'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.';
const throttledDocumentation = 'Replicas whose copying is slowed down. One node copies nothing to others.';
const notRecompressed = 'the broker stores batches as the producer compressed them; use producer and set the codec in the producer';

const replicasForm = {
  pattern: /^(\*|\d+:\d+(,\d+:\d+)*)?$/,
  why: "must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
};

const definitions: readonly ConfigDefinition[] = [
  { name: 'cleanup.policy', kind: 'list', defaultText: 'delete', allowed: ['compact', 'delete'], nodeName: 'log.cleanup.policy',
    documentation: 'What happens to old records: delete drops whole segments by age and size, compact keeps the last record of each key. Both may be given; with neither everything stays.' },
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
  { name: 'segment.jitter.ms', kind: 'long', defaultText: '0', min: 0, nodeName: 'log.roll.jitter.ms',
    documentation: 'Up to this much is taken off segment.ms, by chance for each segment, so that those of many partitions do not begin together.' },
  { name: 'segment.index.bytes', kind: 'int', defaultText: String(10 * MiB), min: 4, nodeName: 'log.index.size.max.bytes',
    documentation: 'A new segment file is started when the index of the current one would pass this size.' },
  { name: 'index.interval.bytes', kind: 'int', defaultText: String(limits.log.indexIntervalBytes), min: 0, nodeName: 'log.index.interval.bytes',
    documentation: 'Bytes of log for each entry of the index. More entries make reads from the middle a little quicker and the index larger.' },
  { name: 'file.delete.delay.ms', kind: 'long', defaultText: '60000', min: 0, nodeName: 'log.segment.delete.delay.ms',
    documentation: 'Files of segments that retention dropped or compaction replaced stay on the disk for this long; a full disk ends the wait.' },
  { name: 'min.cleanable.dirty.ratio', kind: 'double', defaultText: '0.5', min: 0, max: 1, nodeName: 'log.cleaner.min.cleanable.ratio',
    documentation: 'With compact: a partition is compacted when more than this share of its full segments was not compacted before.' },
  { name: 'min.compaction.lag.ms', kind: 'long', defaultText: '0', min: 0, nodeName: 'log.cleaner.min.compaction.lag.ms',
    documentation: 'With compact: a record stays as it was written for at least this long.' },
  { name: 'max.compaction.lag.ms', kind: 'long', defaultText: int64MaxText, min: 1, nodeName: 'log.cleaner.max.compaction.lag.ms',
    documentation: 'With compact: a record is compacted after this long, whatever the ratio, and its segment ends by then.' },
  { name: 'delete.retention.ms', kind: 'long', defaultText: String(day), min: 0, nodeName: 'log.cleaner.delete.retention.ms',
    documentation: 'With compact: a tombstone (a record without a value) stays for this long after it was first compacted, so that readers learn of the deletion.' },
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
  { name: 'errors.deadletterqueue.group.enable', kind: 'boolean', defaultText: 'false',
    documentation: 'Whether share groups may write their dead letters here.' },
  { name: 'preallocate', kind: 'boolean', defaultText: 'false', nodeName: 'log.preallocate',
    documentation: 'Whether segment files are allocated ahead. Acknowledgements wait for the journal, whose files always are.' },
  { name: 'compression.gzip.level', kind: 'int', defaultText: '-1', min: -1, max: 9, refused: { 0: 'Value must be between 1 and 9 or equal to -1' }, nodeName: 'compression.gzip.level',
    documentation: 'Level where the broker compresses with gzip. It keeps what the producer compressed, see compression.type.' },
  { name: 'compression.lz4.level', kind: 'int', defaultText: '9', min: 1, max: 17, nodeName: 'compression.lz4.level',
    documentation: 'Level where the broker compresses with lz4. It keeps what the producer compressed, see compression.type.' },
  { name: 'compression.zstd.level', kind: 'int', defaultText: '3', min: -131072, max: 22, nodeName: 'compression.zstd.level',
    documentation: 'Level where the broker compresses with zstd. It keeps what the producer compressed, see compression.type.' },
  { name: 'remote.storage.enable', kind: 'boolean', defaultText: 'false', refused: { true: notTiered }, refusedPlainly: true,
    documentation: 'Whether old segments move to another store. There is none: true is refused.' },
  { name: 'remote.log.copy.disable', kind: 'boolean', defaultText: 'false', refused: { true: notTiered }, refusedPlainly: true,
    documentation: 'With remote.storage.enable: no more segments are copied. True is refused.' },
  { name: 'remote.log.delete.on.disable', kind: 'boolean', defaultText: 'false', refused: { true: notTiered }, refusedPlainly: true,
    documentation: 'With remote.storage.enable: what was copied goes when it is switched off. True is refused.' },
  { name: 'local.retention.ms', kind: 'long', defaultText: '-2', min: -2, nodeName: 'log.local.retention.ms',
    documentation: 'With remote.storage.enable: how long segments stay here; -2 stands for retention.ms. Without it, retention.ms alone counts.' },
  { name: 'local.retention.bytes', kind: 'long', defaultText: '-2', min: -2, nodeName: 'log.local.retention.bytes',
    documentation: 'With remote.storage.enable: how many bytes stay here; -2 stands for retention.bytes. Without it, retention.bytes alone counts.' },
  { name: 'leader.replication.throttled.replicas', kind: 'list', defaultText: '', form: replicasForm, documentation: throttledDocumentation },
  { name: 'follower.replication.throttled.replicas', kind: 'list', defaultText: '', form: replicasForm, documentation: throttledDocumentation },
];

/** A topic's keys by name. */
export const topicDefinitions: ReadonlyMap<string, ConfigDefinition> = new Map(definitions.map((definition) => [definition.name, definition]));

/** Keys that tools set and whose every value means the same on one node. */
export const sameOnOneNode: readonly string[] = [
  'unclean.leader.election.enable', 'flush.messages', 'flush.ms', 'preallocate', 'compression.gzip.level', 'compression.lz4.level', 'compression.zstd.level',
  'local.retention.ms', 'local.retention.bytes', 'leader.replication.throttled.replicas', 'follower.replication.throttled.replicas',
];

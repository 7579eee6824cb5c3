// test/conformance/differences.ts - where Millrace does not do as Apache Kafka does, on purpose.
// Owns: the only list that excuses a difference between the two. Every entry has its reason; one that no longer holds fails the run.

/**
 * A fact of a case that may differ, with what each of the two says there: text within the fact's JSON. Without clients it holds for all of them; the tools are
 * the clients `tools-4.3` and `tools-3.9`.
 */
export type Difference = { case: string; fact: string; clients?: readonly string[]; kafka: string; millrace: string; reason: string };

const settingsCase = 'admin, settings of a topic';

// Settings that Millrace does not have, and what they would be about.
const missingSettings: readonly { names: readonly string[]; reason: string }[] = [
  { names: ['delete.retention.ms', 'max.compaction.lag.ms', 'min.cleanable.dirty.ratio', 'min.compaction.lag.ms'], reason: 'topics are not compacted yet' },
  { names: ['compression.gzip.level', 'compression.lz4.level', 'compression.zstd.level'], reason: 'batches are stored as the producer compressed them' },
  { names: ['follower.replication.throttled.replicas', 'leader.replication.throttled.replicas'], reason: 'one node has no replicas' },
  { names: ['local.retention.bytes', 'local.retention.ms', 'remote.log.copy.disable', 'remote.log.delete.on.disable', 'remote.storage.enable'], reason: 'no tiered storage' },
  { names: ['file.delete.delay.ms', 'index.interval.bytes', 'preallocate', 'segment.index.bytes', 'segment.jitter.ms'], reason: 'how Kafka lays out its files is not how Millrace does' },
];

/** All of them. */
export const differences: readonly Difference[] = [
  { case: 'kafka-topics', fact: 'transcript', kafka: 'Configs: min.insync.replicas=1,retention.ms', millrace: 'Configs: retention.ms',
    reason: 'Kafka stores min.insync.replicas as a cluster-wide setting when it is formatted and lists it with every topic; Millrace has no replicas to count' },
  { case: 'kafka-configs', fact: 'transcript', kafka: 'DYNAMIC_TOPIC_CONFIG:retention.ms=86400000}', millrace: 'DYNAMIC_TOPIC_CONFIG:retention.ms=86400000, DEFAULT_CONFIG:log.retention.ms=604800000}',
    reason: 'Kafka derives the default from log.retention.hours, which is no synonym; Millrace has it in milliseconds' },
  { case: 'kafka-configs, compaction', fact: 'transcript', kafka: 'Completed updating config for topic <topic>.', millrace: 'ended with code 1',
    reason: 'topics are not compacted yet; cleanup.policy=compact is refused instead of ignored' },
  { case: settingsCase, fact: 'names', kafka: '"compression.type",', millrace: '"compression.type","errors.deadletterqueue.group.enable",',
    reason: 'dead letters of share groups (KIP-1191) are here already; Kafka has them from 4.4 on' },
  { case: settingsCase, fact: 'names', kafka: '"message.timestamp.type",', millrace: '"message.timestamp.type","millrace.durability",',
    reason: 'a topic may give up the sync before the ack by name' },
  { case: 'produce a codec that nobody knows', fact: 'answer', kafka: '-1', millrace: '2', reason: 'Kafka fails inside and says so; Millrace says that the batch is damaged' },
  { case: 'produce with a producer id that was never given out', fact: 'answer', kafka: '0', millrace: '59', reason: 'an id of another cluster may be that of another producer here' },
  ...missingSettings.flatMap(({ names, reason }) => names.map((name): Difference => ({ case: settingsCase, fact: 'names', kafka: `"${name}",`, millrace: '', reason }))),
];

// test/conformance/differences.ts - where Millrace does not do as Apache Kafka does, on purpose.
// Owns: the only list that excuses a difference between the two. Every entry has its reason; one that no longer holds fails the run.

/**
 * A fact of a case that may differ, with what each of the two says there: text within the fact's JSON. Without clients it holds for all of them; the tools are
 * the clients `tools-4.3` and `tools-3.9`.
 */
export type Difference = { case: string; fact: string; clients?: readonly string[]; kafka: string; millrace: string; reason: string };

const settingsCase = 'admin, settings of a topic';

/** All of them. */
export const differences: readonly Difference[] = [
  { case: 'kafka-topics', fact: 'transcript', kafka: 'Configs: min.insync.replicas=1,retention.ms', millrace: 'Configs: retention.ms',
    reason: 'Kafka stores min.insync.replicas as a cluster-wide setting when it is formatted and lists it with every topic; Millrace has no replicas to count' },
  { case: 'kafka-configs', fact: 'transcript', kafka: 'DYNAMIC_TOPIC_CONFIG:retention.ms=86400000}', millrace: 'DYNAMIC_TOPIC_CONFIG:retention.ms=86400000, DEFAULT_CONFIG:log.retention.ms=604800000}',
    reason: 'Kafka derives the default from log.retention.hours, which is no synonym; Millrace has it in milliseconds' },
  { case: settingsCase, fact: 'names', kafka: '"delete.retention.ms",', millrace: '"delete.retention.ms","errors.deadletterqueue.group.enable",',
    reason: 'dead letters of share groups (KIP-1191) are here already; Kafka has them from 4.4 on' },
  { case: settingsCase, fact: 'names', kafka: '"message.timestamp.type",', millrace: '"message.timestamp.type","millrace.durability","millrace.import.from","millrace.key.schema","millrace.value.schema",',
    reason: 'a topic may give up the sync before the ack by name, be moved here from elsewhere, and carry schemas' },
  { case: 'produce a codec that nobody knows', fact: 'answer', kafka: '-1', millrace: '2', reason: 'Kafka fails inside and says so; Millrace says that the batch is damaged' },
  { case: 'produce with a producer id that was never given out', fact: 'answer', kafka: '0', millrace: '59', reason: 'an id of another cluster may be that of another producer here' },
];

// node/metrics/topic-figures.ts - the part of a scrape about topics and partitions.
// Owns: which of their figures is which metric. Never: groups, the node.
import { limits } from '../../base/mod.ts';
import type { Topic, TopicPartition } from '../../broker/mod.ts';
import { labelText, type Exposition } from './exposition.ts';
import { families } from './families.ts';
import type { Observed } from './observed.ts';
import { first, inSteps, type Steps } from './steps.ts';

const trafficFamilies = [
  ['recordsIn', families.recordsIn], ['bytesIn', families.bytesIn], ['bytesOut', families.bytesOut], ['recordsOut', families.recordsOut], ['produceRequests', families.produceRequests],
  ['fetchRequests', families.fetchRequests], ['produceFailures', families.produceFailures], ['fetchFailures', families.fetchFailures],
] as const;

const partitionFamilies = [
  [families.size, ({ log }: TopicPartition) => log.sizeBytes],
  [families.logStartOffset, ({ log }: TopicPartition) => log.logStartOffset],
  [families.logEndOffset, ({ log }: TopicPartition) => log.endOffset],
  [families.highWatermark, ({ log }: TopicPartition) => log.highWatermark],
  [families.stableLag, (partition: TopicPartition) => partition.log.highWatermark - partition.lastStableOffset],
] as const;

/** Traffic and size of every topic that is listed, or with `perPartition` the figures of each partition. */
export function* topicFigures({ broker }: Observed, perPartition: boolean, omitted: { topics: number; partitions: number }, out: Exposition): Steps {
  const { all } = broker.services.topics;
  const topics = first(all.values(), limits.metrics.topicsMax).map((topic) => [topic, labelText(['topic', topic.name])] as const);
  omitted.topics = all.size - topics.length;
  for (const [field, family] of trafficFamilies) {
    out.family(family);
    yield* inSteps(topics, ([topic, labels]) => out.value(topic.traffic[field], labels));
  }
  out.family(families.topicPartitions);
  yield* inSteps(topics, ([topic, labels]) => out.value(topic.partitions.length, labels));
  if (perPartition) return yield* eachPartition(topics.map(([topic]) => topic), omitted, out);
  out.family(families.size);
  for (const [topic, labels] of topics) {
    let bytes = 0;
    yield* inSteps(topic.partitions, ({ log }) => { bytes += log.sizeBytes; });
    out.value(bytes, labels);
  }
}

function* eachPartition(topics: readonly Topic[], omitted: { partitions: number }, out: Exposition): Steps {
  const partitions: (readonly [TopicPartition, labels: string])[] = [];
  for (const topic of topics) {
    const listed = topic.partitions.slice(0, limits.metrics.partitionsMax - partitions.length);
    omitted.partitions += topic.partitions.length - listed.length;
    yield* inSteps(listed, (partition) => { partitions.push([partition, labelText(['topic', topic.name], ['partition', partition.index])]); });
  }
  for (const [family, valueOf] of partitionFamilies) {
    out.family(family);
    yield* inSteps(partitions, ([partition, labels]) => out.value(valueOf(partition), labels));
  }
}

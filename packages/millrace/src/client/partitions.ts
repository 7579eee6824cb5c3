// client/partitions.ts - naming partitions, and putting things that belong to partitions in the shape of Kafka's requests.

/** One partition of one topic. */
export interface TopicPartition { readonly topic: string; readonly partition: number }

/** A string that names a partition in maps and messages: 'flights-3'. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/** Groups items by topic, as nearly every request wants them. @example byTopic([{ topic: 'a', partition: 0 }], (p) => p.partition) // Map { 'a' => [0] } */
export function byTopic<I extends { readonly topic: string }, T>(items: Iterable<I>, of: (item: I) => T): Map<string, T[]> {
  const topics = new Map<string, T[]>();
  for (const item of items) {
    const list = topics.get(item.topic);
    if (list) list.push(of(item));
    else topics.set(item.topic, [of(item)]);
  }
  return topics;
}

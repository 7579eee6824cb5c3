// client/consumer/known-topics.ts - what was there when a consumer began, so that what came later is read from its start.
// Owns: that memory. K1 with offsetReset 'latest' nothing is missed of a partition or topic that is younger than the consumer: all of its
// records are new.
import type { TopicView } from '../net/metadata.ts';

/** Topics and their sizes at the beginning. */
export class KnownTopics {
  readonly #topics = new Map<string, { readonly topicId: string; readonly partitionCount: number }>();
  #isComplete = false;

  /** Notes topics that are met for the first time. `isComplete`: these are all there are, any other is younger. */
  note(topics: Iterable<TopicView>, isComplete: boolean): void {
    for (const { name, topicId, partitions } of topics) if (!this.#topics.has(name) && !this.#isComplete) this.#topics.set(name, { topicId, partitionCount: partitions.length });
    this.#isComplete ||= isComplete;
  }

  /** K1: whether a partition came after the beginning. Of a topic that was never noted nothing is known. */
  isYoung(topic: TopicView, partition: number): boolean {
    const known = this.#topics.get(topic.name);
    if (!known) return this.#isComplete;
    return known.topicId !== topic.topicId || partition >= known.partitionCount;
  }
}

// client/consumer/hand-reader.ts - taking partitions up without a group's coordinator: those that were named, or all of the topics subscribed to.
// Owns: which partitions, and noticing that topics come, grow and go. Never: groups (group-member.ts), offsets (holdings.ts).
import type { Deadline } from '../../base/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import { partitionKey, type TopicPartition } from '../partitions.ts';
import type { AssignedPartition, ConsumerSettings } from './options.ts';
import { persist } from './persist.ts';
import { topicsOf, type Subscribed } from './subscription.ts';

/** What it asks of its consumer. */
export interface HandEvents {
  isRunning(): boolean;
  isHeld(key: string): boolean;
  held(): readonly TopicPartition[];
  /** Begin with these; nothing of them is held when it rejects. */
  assign(partitions: readonly AssignedPartition[]): Promise<void>;
  /** These are gone with their topics. */
  lose(partitions: readonly TopicPartition[]): Promise<void>;
  /** All that is there now was taken up. */
  taken(): void;
}

/** Partitions of one consumer without a coordinator. */
export class HandReader {
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #events: HandEvents;
  #all: { release(): void } | null = null;
  #isLooking = false;

  constructor(cluster: Cluster, settings: ConsumerSettings, events: HandEvents) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#events = events;
  }

  /** Takes up what there is, for as long as that takes. Throws what does not pass. */
  async start(): Promise<void> {
    const { partitions, topics } = this.#settings;
    if (partitions) return await this.#persist(() => this.#events.assign(partitions));
    if (topics!.kind === 'pattern') {
      this.#all = this.#cluster.wantAll();
      await this.#persist(() => this.#cluster.refresh('find topics', this.#deadline()));
    }
    await this.#persist(() => this.#takeTopics(topics!));
  }

  /** Looks whether topics have come, grown or gone. Throws what does not pass. */
  async look(): Promise<void> {
    const { topics } = this.#settings;
    if (this.#isLooking || topics === null) return;
    this.#isLooking = true;
    try {
      if (topics.kind === 'pattern') await this.#dropGone(topics);
      await this.#persist(() => this.#takeTopics(topics));
    } finally {
      this.#isLooking = false;
    }
  }

  /** Asks for no more topics than others do. */
  close(): void { this.#all?.release(); }

  #deadline(): Deadline { return this.#cluster.deadline(this.#cluster.options.requestTimeoutMs); }

  #persist(act: () => Promise<void>): Promise<void> {
    return persist(this.#cluster.ports, () => this.#events.isRunning(), act);
  }

  /** All partitions of the topics that are not held yet. */
  async #takeTopics(topics: Subscribed): Promise<void> {
    const deadline = this.#deadline();
    for (const name of topicsOf(topics, this.#cluster.view)) {
      const topic = await this.#cluster.topic(name, deadline);
      const fresh = topic.partitions.filter(({ partition }) => !this.#events.isHeld(partitionKey(name, partition)));
      if (fresh.length > 0) await this.#events.assign(fresh.map(({ partition }) => ({ topic: name, partition })));
    }
    this.#events.taken();
  }

  /** Topics of a pattern that were deleted. */
  async #dropGone(topics: Subscribed): Promise<void> {
    const names = new Set(topicsOf(topics, this.#cluster.view));
    const gone = this.#events.held().filter(({ topic }) => !names.has(topic));
    if (gone.length > 0) await this.#events.lose(gone);
  }
}

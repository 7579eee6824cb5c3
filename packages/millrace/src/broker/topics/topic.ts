// broker/topics/topic.ts - a topic that is served, and its partitions with what the broker knows of them beyond the log.
// Owns: the objects that produce and fetch look up by name, id and index. Never: their making and ending (topics.ts).
import type { Partition } from '../../log/mod.ts';
import type { TopicSettings } from '../config/topic-config.ts';
import { ArrivalTimes } from '../metrics/arrival-times.ts';
import { TopicTraffic } from '../metrics/topic-traffic.ts';
import { ProducerTable } from '../produce/producer-table.ts';
import { PartitionTransactions } from '../transaction/partition-transactions.ts';
import { partitionName } from './topic-name.ts';

/** Told when readers of a partition may see more, or less at its start. */
export interface PartitionWatcher { advanced(partition: TopicPartition): void }

/** One partition that is served. */
export class TopicPartition {
  readonly topic: Topic;
  readonly index: number;
  readonly log: Partition;
  /** Producers with their last batches, for telling duplicates and gaps. */
  readonly producers = new ProducerTable();
  /** Which transactions are open or were aborted here. */
  readonly transactions = new PartitionTransactions();
  /** When its records came. */
  readonly arrivals = new ArrivalTimes();
  /** False once its topic was deleted. */
  live = true;
  readonly #watchers = new Set<PartitionWatcher>();
  readonly #stopWatching: () => void;

  constructor(topic: Topic, index: number, log: Partition) {
    this.topic = topic;
    this.index = index;
    this.log = log;
    this.#stopWatching = log.onAdvance(() => this.#advanced());
  }

  get name(): string { return partitionName(this.topic.name, this.index); }

  /** First offset that readers of committed data may not see yet; at most the high watermark. */
  get lastStableOffset(): number { return this.transactions.lastStableOffset(this.log.highWatermark); }

  /** Adds one who is told at each advance, until unwatch. */
  watch(watcher: PartitionWatcher): void { this.#watchers.add(watcher); }
  unwatch(watcher: PartitionWatcher): void { this.#watchers.delete(watcher); }

  /** The ends of transactions up to `markerOffset` are durable: readers of committed data may see more. */
  decisionsDurable(markerOffset: number): void {
    this.transactions.durable(markerOffset);
    this.#advanced();
  }

  /** The topic is gone: tells the watchers a last time. */
  end(): void {
    this.live = false;
    this.#stopWatching();
    this.#advanced();
    this.#watchers.clear();
  }

  #advanced(): void {
    for (const watcher of this.#watchers) watcher.advanced(this);
  }
}

/** One topic that is served. */
export class Topic {
  readonly name: string;
  readonly id: string;
  readonly internal: boolean;
  /** By index, without gaps. */
  readonly partitions: TopicPartition[] = [];
  /** What producers and readers moved. */
  readonly traffic = new TopicTraffic();
  /** The topic's own configuration values. */
  config: ReadonlyMap<string, string>;
  /** The configuration in force. */
  settings: TopicSettings;

  constructor(name: string, id: string, internal: boolean, config: ReadonlyMap<string, string>, settings: TopicSettings) {
    this.name = name;
    this.id = id;
    this.internal = internal;
    this.config = config;
    this.settings = settings;
  }
}

// broker/compaction/compaction-care.ts - what the log must know of topics to compact them, and how it is configured to.
// Owns: the answers to the log's questions (which transactions were aborted, which producers are alive), the node's keys log.cleaner.*.
// Never: compacting (log/compaction), a topic's own keys (config/topic-config.ts).
// E1 Nothing is compacted before producers and transactions of an earlier life are back: until then nobody knows what was aborted.
// E2 An aborted transaction is forgotten some time after its records were compacted away: readers that began before may still have them in hand, and the
// records of a crash-free tail stay in memory for longer than on the disk.
import type { CompactionFacts, CompactionGuide, Log, Partition } from '../../log/mod.ts';
import type { Clock } from '../../os/mod.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { ProducerTable } from '../produce/producer-table.ts';
import type { TopicPartition } from '../topics/topic.ts';
import type { Topics } from '../topics/topics.ts';

/** E2: no read takes this long. */
const forgetAfterMs = 300_000;

/** Speaks for the broker where the log compacts. */
export class CompactionCare implements CompactionGuide {
  readonly #topics: Topics;
  readonly #clock: Clock;
  #ready = false;
  /** Aborted transactions that ended before `offset` may be forgotten from `fromMs` (monotonic) on. */
  readonly #forgettable = new WeakMap<TopicPartition, { readonly offset: number; readonly fromMs: number }[]>();

  /** To be made before topics are opened (E1). */
  constructor(log: Log, topics: Topics, config: NodeConfig, clock: Clock) {
    this.#topics = topics;
    this.#clock = clock;
    log.guideCompaction(this);
    configure(log, config);
    config.onChange(() => configure(log, config));
  }

  /** Producers and transactions are back. */
  begin(): void { this.#ready = true; }

  look(log: Partition): CompactionFacts | null {
    const partition = this.#partitionOf(log);
    if (!this.#ready || partition === undefined) return null;
    const { transactions, producers, lastStableOffset } = partition;
    this.#forget(partition);
    return { stableOffset: lastStableOffset, aborted: transactions.abortedIn(0, lastStableOffset), producers: lastOf(producers) };
  }

  compacted(log: Partition, offset: number): void {
    const partition = this.#partitionOf(log);
    if (partition === undefined || partition.transactions.aborted.length === 0) return;
    const waiting = this.#forgettable.get(partition) ?? [];
    waiting.push({ offset, fromMs: this.#clock.monotonicMs() + forgetAfterMs });
    this.#forgettable.set(partition, waiting);
    this.#forget(partition);
  }

  /** E2. */
  #forget(partition: TopicPartition): void {
    const waiting = this.#forgettable.get(partition);
    if (waiting === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    while (waiting.length > 0 && waiting[0]!.fromMs <= nowMs) partition.transactions.forgetBefore(waiting.shift()!.offset);
    if (waiting.length === 0) this.#forgettable.delete(partition);
  }

  #partitionOf(log: Partition): TopicPartition | undefined {
    const dash = log.name.lastIndexOf('-');
    const partition = this.#topics.partition(log.name.slice(0, dash), Number(log.name.slice(dash + 1)));
    return partition?.log === log ? partition : undefined;
  }
}

function lastOf(producers: ProducerTable): CompactionFacts['producers'] {
  return [...producers.all()].map(({ producerId, epoch, batches }) => ({ producerId, epoch, lastOffset: batches.at(-1)?.lastOffset ?? -1 }));
}

function configure(log: Log, config: NodeConfig): void {
  log.configureCleaner({
    enabled: config.boolean('log.cleaner.enable'),
    threads: config.number('log.cleaner.threads'),
    mapBytes: config.number('log.cleaner.dedupe.buffer.size'), mapFill: config.number('log.cleaner.io.buffer.load.factor'),
    bufferBytes: config.number('log.cleaner.io.buffer.size'), bytesPerSecondMax: config.number('log.cleaner.io.max.bytes.per.second'),
    backoffMs: config.number('log.cleaner.backoff.ms'),
  });
}

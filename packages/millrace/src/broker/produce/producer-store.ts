// broker/produce/producer-store.ts - brings the producers of all partitions back after a restart, whatever ended the node.
// Owns: snapshots of producer tables, and the scan of what was appended after them. Never: decisions about batches (producer-table.ts).
// Q1 table(partition) = snapshot(partition) + the batches from its offset to the end of the log. Q2 A snapshot may speak of batches that are
// not durable yet: it lies behind them in the journal, so it is durable only when they are; after a power cut that took a page-cache
// partition's tail, what lies past the end is dropped. Q3 At most `scanBytesMax` bytes of all partitions together lie behind
// their snapshots, plus what is appended while one is written: that is all a start has to read.
// Format: docs/formats/metadata-topic.md. Cost: one small record per partition and 32 MiB, or per half minute.
import { MiB, type Report } from '../../base/mod.ts';
import type { Log, Partition } from '../../log/mod.ts';
import type { Clock, Timer } from '../../os/mod.ts';
import { controlType, forEachBatch, readBatchHeader, RecordCursor, type BatchHeader } from '../../wire/mod.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { KeyedLog, type KeyedRecord } from '../keyed-log.ts';
import type { Topics } from '../topics/topics.ts';
import type { PartitionTransactions } from '../transaction/partition-transactions.ts';
import { abortedKeys, abortedRecords, readAborted, type AbortedPlaces } from '../transaction/stored-aborts.ts';
import type { Topic, TopicPartition } from '../topics/topic.ts';
import type { RememberedBatch, RememberedProducer } from './producer-table.ts';

type BatchRow = readonly [baseSequence: number, lastSequence: number, baseOffset: number, lastOffset: number, timestampMs: number];
type ProducerRow = readonly [producerId: number, epoch: number, activeMs: number, batches: readonly BatchRow[]];
type OpenRow = readonly [producerId: number, firstOffset: number, startedMs: number];
type Snapshot =
  | readonly [version: 1, offset: number, producers: readonly ProducerRow[]]
  /** Of the aborted transactions those at the places from `abortedFrom` to before `abortedTo` count; they stand in records of their own. */
  | readonly [version: 2, offset: number, producers: readonly ProducerRow[], open: readonly OpenRow[], abortedFrom: number, abortedTo: number];

const partitionName = '__millrace_producers-0';
const scanBytesMax = 32 * MiB;
const snapshotEveryMs = 30_000;
const expireEveryMs = 60_000;
const readBytes = 1 * MiB;
/** Work of one turn of the loop, so that appends are not held up. */
const producersPerTurn = 200;
const partitionsPerTurn = 200;

/** What a store needs. */
export interface ProducerStoreOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly config: NodeConfig;
  readonly topics: Topics;
  readonly report: Report;
}

/** The producers' memory across restarts. */
export class ProducerStore {
  readonly #options: ProducerStoreOptions;
  readonly #snapshots: KeyedLog;
  /** Partitions with appends behind their snapshot, and how many bytes those have. */
  readonly #behind = new Map<TopicPartition, number>();
  #behindBytes = 0;
  /** Which of its aborted transactions each partition has on record. */
  readonly #abortedStored = new Map<TopicPartition, AbortedPlaces>();
  #writing: Promise<void> | null = null;
  #timers: Timer[] = [];
  #closed = false;

  private constructor(options: ProducerStoreOptions, snapshots: KeyedLog) {
    this.#options = options;
    this.#snapshots = snapshots;
    options.topics.listen({ topicHidden: (topic) => this.#forget(topic) });
    options.log.beforeRetention((log) => this.#keepOf(log));
    this.#repeat(snapshotEveryMs, () => this.#snapshotSoon());
    this.#repeat(expireEveryMs, () => this.#expire());
  }

  /** Restores the tables of every partition there is. Rejects with what the log says. */
  static async open(options: ProducerStoreOptions): Promise<ProducerStore> {
    const trouble = (error: unknown) => options.report(`the producers partition could not be shortened: ${String(error)}`, 'warn');
    const store = new ProducerStore(options, await KeyedLog.open(options.log, options.clock, partitionName, trouble));
    for (const topic of options.topics.all.values()) {
      if (topic.internal) continue;
      for (const partition of topic.partitions) await store.#restore(partition);
    }
    return store;
  }

  /** Counts an append, whoever made it; cheap. */
  appended(partition: TopicPartition, bytes: number): void {
    this.#fallBehind(partition, bytes);
    if (this.#behindBytes >= scanBytesMax) this.#snapshotSoon();
  }

  /** To be awaited before records are deleted, by request or by retention: what only they say of their producers goes into a snapshot (Q1). */
  async keep(partition: TopicPartition): Promise<void> {
    await this.#writing;
    const bytes = this.#behind.get(partition);
    if (bytes !== undefined) await this.#write([[partition, bytes]]);
  }

  async #keepOf(log: Partition): Promise<void> {
    for (const partition of this.#behind.keys()) if (partition.log === log) return this.keep(partition);
  }

  /** Takes a last snapshot, so that the next start reads nothing. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    await this.#writing;
    await this.#writeAll();
  }

  async #restore(partition: TopicPartition): Promise<void> {
    const { log, producers } = partition;
    const text = this.#snapshots.values.get(keyOf(partition));
    let offset = log.logStartOffset;
    if (text !== undefined) {
      const snapshot = JSON.parse(text) as Snapshot;
      for (const row of snapshot[2]) producers.restore(producerOf(row));
      producers.truncate(log.endOffset);
      this.#restoreTransactions(partition, snapshot);
      offset = Math.min(Math.max(offset, snapshot[1]), log.endOffset);
    }
    if (offset < log.endOffset) await this.#scan(partition, offset);
  }

  #restoreTransactions(partition: TopicPartition, snapshot: Snapshot): void {
    if (snapshot[0] !== 2) return;
    const [, , , open, abortedFrom, abortedTo] = snapshot;
    const aborted = readAborted(this.#snapshots.values, keyOf(partition), abortedFrom, abortedTo);
    const { transactions } = partition;
    transactions.restore(open.map(([producerId, firstOffset, startedMs]) => ({ producerId, firstOffset, startedMs })), aborted, abortedFrom, partition.log.endOffset);
    this.#abortedStored.set(partition, placesOf(transactions));
  }

  async #scan(partition: TopicPartition, from: number): Promise<void> {
    const { log } = partition;
    const nowMs = this.#options.clock.nowMs();
    let bytes = 0;
    for (let offset = from; offset < log.highWatermark;) {
      const result = await log.read(offset, readBytes, true);
      for (const part of result.parts) {
        forEachBatch(part, 0, part.byteLength, (at) => {
          const header = readBatchHeader(part, at);
          if (header.producerId >= 0 && header.baseOffset >= from) noteBatch(partition, part, header, nowMs);
        });
      }
      bytes += result.bytes;
      const { nextOffset } = result;
      result.release();
      if (nextOffset <= offset) break;
      offset = nextOffset;
    }
    this.appended(partition, bytes);
  }

  #snapshotSoon(): void {
    if (this.#writing !== null || this.#closed || this.#behind.size === 0) return;
    this.#writing = this.#writeAll().finally(() => { this.#writing = null; });
  }

  /** Writes the partitions that are behind now, some per turn. A full disk leaves them behind. */
  async #writeAll(): Promise<void> {
    const due = [...this.#behind];
    for (let at = 0; at < due.length;) {
      const some: [TopicPartition, number][] = [];
      for (let producers = 0; at < due.length && producers < producersPerTurn && some.length < partitionsPerTurn; at++) {
        const [partition] = due[at]!;
        if (!partition.live) continue;
        producers += partition.producers.size;
        some.push([partition, this.#behind.get(partition) ?? 0]);
      }
      if (!(await this.#write(some))) return;
    }
  }

  async #write(some: readonly (readonly [TopicPartition, number])[]): Promise<boolean> {
    for (const [partition, bytes] of some) {
      this.#behind.delete(partition);
      this.#behindBytes -= bytes;
    }
    try {
      const places = some.map(([partition]) => [partition, this.#abortedOf(partition)] as const);
      if (some.length > 0) await this.#snapshots.write(some.flatMap(([partition]) => this.#recordsOf(partition)));
      for (const [partition, stored] of places) if (partition.live) this.#abortedStored.set(partition, stored);
      return true;
    } catch (error) {
      for (const [partition, bytes] of some) this.#fallBehind(partition, bytes);
      this.#options.report(`the state of producers could not be written (a restart will read more): ${error instanceof Error ? error.message : String(error)}`, 'warn');
      return false;
    }
  }

  /** The aborted transactions whose records are still there. */
  #abortedOf({ transactions, log }: TopicPartition): AbortedPlaces {
    transactions.forgetBefore(log.logStartOffset);
    return placesOf(transactions);
  }

  /** The snapshot, and what is new or gone of the aborted transactions since the one before. */
  #recordsOf(partition: TopicPartition): KeyedRecord[] {
    const aborted = abortedRecords(keyOf(partition), partition.transactions, this.#abortedStored.get(partition) ?? { from: 0, to: 0 });
    return [...aborted, { key: keyOf(partition), value: snapshotOf(partition) }];
  }

  #fallBehind(partition: TopicPartition, bytes: number): void {
    this.#behind.set(partition, (this.#behind.get(partition) ?? 0) + bytes);
    this.#behindBytes += bytes;
  }

  #forget(topic: Topic): void {
    const gone: { key: string; value: null }[] = [];
    for (const partition of topic.partitions) {
      this.#behindBytes -= this.#behind.get(partition) ?? 0;
      this.#behind.delete(partition);
      const stored = this.#abortedStored.get(partition);
      this.#abortedStored.delete(partition);
      for (const key of [keyOf(partition), ...(stored === undefined ? [] : abortedKeys(keyOf(partition), stored))]) if (this.#snapshots.values.has(key)) gone.push({ key, value: null });
    }
    // One that stays for want of room does no harm: the topic's id never comes back.
    if (gone.length > 0) this.#snapshots.write(gone).catch(() => {});
  }

  #expire(): void {
    const beforeMs = this.#options.clock.nowMs() - this.#options.config.number('producer.id.expiration.ms');
    for (const topic of this.#options.topics.all.values()) for (const partition of topic.partitions) partition.producers.expire(beforeMs);
  }

  #repeat(everyMs: number, act: () => void): void {
    const index = this.#timers.length;
    const again = (): void => {
      this.#timers[index] = this.#options.clock.after(everyMs, () => {
        act();
        if (!this.#closed) again();
      });
    };
    again();
  }
}

const placesOf = ({ abortedFrom, abortedTo }: PartitionTransactions): AbortedPlaces => ({ from: abortedFrom, to: abortedTo });

const keyOf = (partition: TopicPartition): string => `${partition.topic.id}/${partition.index}`;

function snapshotOf({ log, producers, transactions }: TopicPartition): string {
  const rows: ProducerRow[] = [];
  for (const { producerId, epoch, activeMs, batches } of producers.all()) rows.push([producerId, epoch, activeMs, batches.map(rowOf)]);
  const open: OpenRow[] = [...transactions.open.values()].map(({ producerId, firstOffset, startedMs }) => [producerId, firstOffset, startedMs]);
  return JSON.stringify([2, log.endOffset, rows, open, transactions.abortedFrom, transactions.abortedTo] satisfies Snapshot);
}

/** Takes in a batch of a producer that a start finds behind the snapshot, as its append did. */
function noteBatch({ producers, transactions }: TopicPartition, bytes: Uint8Array, header: BatchHeader, nowMs: number): void {
  const { producerId, producerEpoch, baseOffset } = header;
  if (header.isControl) {
    const records = new RecordCursor().open(bytes, header.at);
    const type = records.next() ? controlType(records) : 'other';
    if (type === 'other') return;
    transactions.decided(producerId, type, baseOffset, true);
    return producers.marker(producerId, producerEpoch, nowMs);
  }
  if (header.isTransactional) transactions.appended(producerId, baseOffset, header.maxTimestampMs >= 0 ? Math.min(header.maxTimestampMs, nowMs) : nowMs);
  const origin = { producerId, producerEpoch, baseSequence: header.baseSequence, count: header.lastOffsetDelta + 1 };
  producers.appended(origin, baseOffset, header.isLogAppendTime ? header.maxTimestampMs : -1, nowMs);
}

const rowOf = (batch: RememberedBatch): BatchRow => [batch.baseSequence, batch.lastSequence, batch.baseOffset, batch.lastOffset, batch.timestampMs];

function producerOf([producerId, epoch, activeMs, batches]: ProducerRow): RememberedProducer {
  return {
    producerId, epoch, activeMs,
    batches: batches.map(([baseSequence, lastSequence, baseOffset, lastOffset, timestampMs]) => ({ baseSequence, lastSequence, baseOffset, lastOffset, timestampMs })),
  };
}

// broker/keyed-log.ts - the node's own small facts as records of one partition: the last value of each key counts.
// Owns: reading them back at start, writing them durably, keeping the partition short. Never: what keys and values mean.
// G1 A write is done once it is durable. G2 The partition is shortened by writing every last value at its tail and deleting what lies
// before: a crash between the two leaves more records, never fewer. G3 The written-out values include every append made before them.
// Format: docs/formats/metadata-topic.md. Cost: one batch per write; a shortening each time the tail outgrows four times the values.
import { isMillraceError, MiB, MillraceError } from '../base/mod.ts';
import type { Clock } from '../os/mod.ts';
import type { JointAppend, Log, Partition, PartitionConfig } from '../log/mod.ts';
import { BatchBuilder, forEachBatch, RecordCursor } from '../wire/mod.ts';

/** One fact; a null value takes it back. */
export interface KeyedRecord { readonly key: string; readonly value: string | null }

const tailBytesMin = 1 * MiB;
const tailToValuesMax = 4;
const batchBytesMax = 512 * 1024;
const readBytes = 1 * MiB;

const partitionConfig: PartitionConfig = {
  segmentBytes: 16 * MiB, segmentMs: Number.MAX_SAFE_INTEGER, retentionBytes: -1, retentionMs: -1, durability: 'synced',
};

/** A partition of keyed facts. */
export class KeyedLog {
  readonly #log: Log;
  readonly #partition: Partition;
  readonly #clock: Clock;
  /** Last value of each key, as appended (G3). */
  readonly #values = new Map<string, string>();
  #valueBytes = 0;
  #tailBytes = 0;
  #shortening = false;
  /** Writes that have not been appended: the first one waits for room in the log. */
  readonly #waiting: { readonly records: readonly KeyedRecord[]; resolve(): void; reject(error: Error): void }[] = [];
  /** Told of a failed shortening; the facts are safe, the partition is longer than need be. */
  #onTrouble: (error: unknown) => void = () => {};

  private constructor(log: Log, partition: Partition, clock: Clock) {
    this.#log = log;
    this.#partition = partition;
    this.#clock = clock;
  }

  /** Opens or creates the partition `name` and reads every fact into `values`. */
  static async open(log: Log, clock: Clock, name: string, onTrouble: (error: unknown) => void): Promise<KeyedLog> {
    const partition = log.partitions.get(name) ?? await log.create(name, partitionConfig);
    partition.configure(partitionConfig);
    const keyed = new KeyedLog(log, partition, clock);
    keyed.#onTrouble = onTrouble;
    await keyed.#load();
    return keyed;
  }

  /** The last value of each key. */
  get values(): ReadonlyMap<string, string> { return this.#values; }

  /**
   * Appends facts; resolves once they are durable. Waits its turn while the log has no room for the moment. Rejects with the log's
   * 'disk-full' (nothing was written, try again later) or 'storage-failed'.
   */
  write(records: readonly KeyedRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, resolve, reject });
      if (this.#waiting.length === 1) this.#writeWaiting();
    });
  }

  /**
   * The same facts as a part of an append to several partitions: append `part`, then call `appended`; they are durable when that append is. Throws
   * 'overloaded' while earlier writes wait for room: they come first.
   */
  joint(records: readonly KeyedRecord[]): { readonly part: JointAppend; appended(): void } {
    if (this.#waiting.length > 0) throw new MillraceError('overloaded', 'Cannot write: earlier facts wait for room in the log');
    const now = this.#clock.nowMs();
    const batches = batchesOf(records, now);
    return {
      part: { partition: this.#partition, batches: batches.map((batch) => ({ bytes: batch.bytes, offsetCount: batch.count, maxTimestampMs: now })) },
      appended: () => {
        for (const batch of batches) this.#tailBytes += batch.bytes.byteLength;
        for (const { key, value } of records) this.#remember(key, value);
        this.#shortenIfLong();
      },
    };
  }

  /** Appends what waits, in order, until the log has no room. */
  #writeWaiting(): void {
    for (let next; (next = this.#waiting[0]) !== undefined; this.#waiting.shift()) {
      const { records, resolve, reject } = next;
      try {
        this.#append(records, (error) => (error ? reject(error) : resolve()));
        for (const { key, value } of records) this.#remember(key, value);
        this.#shortenIfLong();
      } catch (error) {
        if (isMillraceError(error, 'overloaded')) return this.#log.whenRoom(() => this.#writeWaiting());
        reject(error as Error);
      }
    }
  }

  async #load(): Promise<void> {
    const partition = this.#partition;
    for (let offset = partition.logStartOffset; offset < partition.highWatermark;) {
      const result = await partition.read(offset, readBytes, true);
      for (const part of result.parts) forEachRecord(part, (key, value) => this.#remember(key, value));
      this.#tailBytes += result.bytes;
      const { nextOffset } = result;
      result.release();
      if (nextOffset <= offset) break;
      offset = nextOffset;
    }
  }

  #remember(key: string, value: string | null): void {
    const before = this.#values.get(key);
    if (before !== undefined) this.#valueBytes -= key.length + before.length;
    if (value === null) this.#values.delete(key);
    else { this.#values.set(key, value); this.#valueBytes += key.length + value.length; }
  }

  #append(records: readonly KeyedRecord[], done: (error: Error | null) => void): void {
    const now = this.#clock.nowMs();
    const batches = batchesOf(records, now);
    this.#partition.append(batches.map((batch) => ({ bytes: batch.bytes, offsetCount: batch.count, maxTimestampMs: now })), done);
    for (const batch of batches) this.#tailBytes += batch.bytes.byteLength;
  }

  #shortenIfLong(): void {
    if (this.#shortening || this.#tailBytes < Math.max(tailBytesMin, tailToValuesMax * this.#valueBytes)) return;
    this.#shortening = true;
    const start = this.#partition.endOffset;
    const records = [...this.#values].map(([key, value]) => ({ key, value }));
    this.#tailBytes = 0;
    const finished = () => { this.#shortening = false; };
    try {
      if (records.length === 0) return finished();
      this.#append(records, (error) => {
        if (error) { finished(); return this.#onTrouble(error); }
        this.#partition.deleteBefore(start).then(finished, (failure: unknown) => { finished(); this.#onTrouble(failure); });
      });
    } catch (error) {
      finished();
      this.#onTrouble(error);
    }
  }
}

const decoder = new TextDecoder();

function batchesOf(records: readonly KeyedRecord[], nowMs: number): { bytes: Uint8Array; count: number }[] {
  const batches: { bytes: Uint8Array; count: number }[] = [];
  const builder = new BatchBuilder();
  const finish = () => {
    const count = builder.recordCount;
    if (count > 0) batches.push({ bytes: builder.finish(), count });
  };
  for (const { key, value } of records) {
    builder.append(nowMs, key, value);
    if (builder.sizeBytes >= batchBytesMax) finish();
  }
  finish();
  return batches;
}

function forEachRecord(part: Uint8Array, visit: (key: string, value: string | null) => void): void {
  const records = new RecordCursor();
  forEachBatch(part, 0, part.byteLength, (at) => {
    records.open(part, at);
    while (records.next()) {
      const value = records.value();
      visit(decoder.decode(records.key() ?? new Uint8Array()), value === null ? null : decoder.decode(value));
    }
  });
}

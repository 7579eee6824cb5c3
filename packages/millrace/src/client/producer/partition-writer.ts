// client/producer/partition-writer.ts - one partition of a producer: its queue, its open batch, and when it may be sent again.
// Owns: filling batches and deciding which is due. Never: requests (sender.ts), answers' meaning (produce-answer.ts).
import type { RecordHeaderInit } from '../../wire/mod.ts';
import type { RecordListener } from './outcome.ts';
import { PartitionQueue, type ProducerIdentity } from './partition-queue.ts';
import { ProducerBatch } from './producer-batch.ts';

/** Room for the first records of a batch; it grows with what recent batches held. */
const capacityBytesMin = 1024;

/** What one partition holds. */
export class PartitionWriter {
  readonly topic: string;
  readonly partition: number;
  readonly queue: PartitionQueue<ProducerBatch>;
  /** Nothing is sent before this moment of the monotonic clock: the wait after a failure. */
  retryAtMs = 0;
  /** Failures in a row. */
  failures = 0;
  readonly #batchBytes: number;
  readonly #monotonicMs: () => number;
  #capacityBytes = capacityBytesMin;

  constructor(topic: string, partition: number, batchBytes: number, inFlightMax: number, monotonicMs: () => number, nextIdentity: (refused: ProducerIdentity) => ProducerIdentity) {
    this.topic = topic;
    this.partition = partition;
    this.queue = new PartitionQueue(inFlightMax, nextIdentity);
    this.#batchBytes = batchBytes;
    this.#monotonicMs = monotonicMs;
  }

  /** Adds a record to the open batch, or opens one: only then the clock is asked. */
  append(timestampMs: number, key: Uint8Array | string | null, value: Uint8Array | string | null, headers: readonly RecordHeaderInit[] | undefined, recordBytes: number, listener: RecordListener | null): void {
    let batch = this.queue.waiting.at(-1);
    if (!batch || batch.isSealed || (batch.recordCount > 0 && batch.sizeBytes + recordBytes > this.#batchBytes)) batch = this.#open(batch);
    batch.append(timestampMs, key, value, headers, listener);
    batch.bufferBytes += recordBytes;
  }

  /** The batch to send now if there is one: full, overdue, alone, or one that goes again. */
  due(nowMs: number, lingerMs: number, isIdle: boolean): ProducerBatch | null {
    const batch = this.queue.peek();
    if (!batch || nowMs < this.retryAtMs) return null;
    if (isIdle || batch.isSealed || this.queue.isRecovering || this.queue.waiting.length > 1) return batch;
    return batch.sizeBytes >= this.#batchBytes || nowMs - batch.createdAtMs >= lingerMs ? batch : null;
  }

  /** When due() may give another answer by itself; Infinity when only an event changes it. */
  dueAtMs(lingerMs: number): number {
    const batch = this.queue.peek();
    return batch ? Math.max(this.retryAtMs, batch.isSealed ? 0 : batch.createdAtMs + lingerMs) : Infinity;
  }

  #open(before: ProducerBatch | undefined): ProducerBatch {
    if (before) this.#capacityBytes = Math.min(this.#batchBytes + 1024, Math.max(capacityBytesMin, before.sizeBytes));
    const batch = new ProducerBatch(this.topic, this.partition, this.#monotonicMs(), this.#capacityBytes);
    this.queue.waiting.push(batch);
    return batch;
  }
}

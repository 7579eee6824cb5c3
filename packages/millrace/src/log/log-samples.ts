// log/log-samples.ts - batches and reads for the tests and benches of this room.
// Owns: small honest data. Never: used by the product.
import { isMillraceError } from '../base/mod.ts';
import { BatchBuilder, BatchCursor, RecordCursor } from '../wire/mod.ts';
import type { AppendBatch, Log, Partition, PartitionConfig } from './types.ts';

/** A configuration for tests; segments of 64 KiB, nothing expires. */
export const sampleConfig: PartitionConfig = { segmentBytes: 65536, segmentMs: 1e15, retentionBytes: -1, retentionMs: -1, durability: 'synced' };

/** A batch of records with these values; timestamps rise by 1 ms from `firstMs`. */
export function batchOf(values: readonly string[], firstMs = 1_000): AppendBatch {
  const builder = new BatchBuilder();
  values.forEach((value, index) => builder.append(firstMs + index, null, new TextEncoder().encode(value)));
  return { bytes: builder.finish({ codec: 'none' }), offsetCount: values.length, maxTimestampMs: firstMs + values.length - 1 };
}

/** A batch of `count` records of `bytes` each. */
export function batchOfSize(count: number, bytes: number, firstMs = 1_000): AppendBatch {
  const builder = new BatchBuilder();
  const value = new Uint8Array(bytes).fill(120);
  for (let index = 0; index < count; index++) builder.append(firstMs + index, null, value);
  return { bytes: builder.finish({ codec: 'none' }), offsetCount: count, maxTimestampMs: firstMs + count - 1 };
}

/** Appends and waits for the ack; resolves to the base offset. */
export function appendAcked(partition: Partition, ...batches: AppendBatch[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const { baseOffset } = partition.append(batches, (error) => (error === null ? resolve(baseOffset) : reject(error)));
  });
}

/** The same, waiting for room as often as the log is overloaded. */
export async function appendPatiently(log: Log, partition: Partition, ...batches: AppendBatch[]): Promise<number> {
  for (;;) {
    try {
      return await appendAcked(partition, ...batches);
    } catch (error) {
      if (!isMillraceError(error, 'overloaded')) throw error;
      await new Promise<void>((resolve) => log.whenRoom(resolve));
    }
  }
}

/** Every record's value from `offset` to the high watermark, with its offset. */
export async function readAll(partition: Partition, offset = partition.logStartOffset, bytesMax = 20_000): Promise<{ offset: number; value: string }[]> {
  const found: { offset: number; value: string }[] = [];
  const decoder = new TextDecoder();
  while (offset < partition.highWatermark) {
    const read = await partition.read(offset, bytesMax, true);
    const bytes = new Uint8Array(read.bytes);
    let at = 0;
    for (const part of read.parts) { bytes.set(part, at); at += part.length; }
    read.release();
    const batches = new BatchCursor(bytes);
    while (batches.next()) {
      const records = new RecordCursor().open(bytes, batches.at);
      while (records.next()) if (records.offset >= offset) found.push({ offset: records.offset, value: decoder.decode(records.value()!.slice()) });
    }
    if (read.nextOffset <= offset) throw new Error(`read at ${offset} does not go on`);
    offset = read.nextOffset;
  }
  return found;
}

// log/compaction/cleaner-samples.ts - small logs as text, for the tests of compaction.
// Owns: batches from words and back. Never: used by the product.
import { BatchBuilder, BatchCursor, controlType, endTransactionBatch, RecordCursor, type BatchOptions } from '../../wire/mod.ts';

const text = new TextDecoder();

/** A batch of records 'key=value', 'key=' for an empty value, 'key!' for a tombstone, '=value' without a key; times rise by 1 ms from 1000. */
export function keyedBatch(records: readonly string[], options: BatchOptions = {}): Uint8Array {
  const builder = new BatchBuilder();
  records.forEach((record, index) => {
    const tombstone = record.endsWith('!');
    const at = tombstone ? record.length - 1 : record.indexOf('=');
    builder.append(1000 + index, at === 0 ? null : record.slice(0, at), tombstone ? null : record.slice(at + 1));
  });
  return builder.finish(options);
}

/** The marker that ends a transaction. */
export function markerBatch(type: 'commit' | 'abort', producerId: number, producerEpoch: number, baseOffset = 0): Uint8Array {
  return endTransactionBatch(type, 2000, 0, { producerId, producerEpoch, baseOffset });
}

/** Each batch as one line: offsets, horizon, producer, and its records. */
export function linesOf(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  const batches = new BatchCursor(bytes);
  while (batches.next()) {
    const records = new RecordCursor().open(bytes, batches.at);
    const { batch } = records;
    const words: string[] = [];
    while (records.next()) words.push(batch.isControl ? controlType(records) : wordOf(records));
    const horizon = batch.hasDeleteHorizon ? ` until ${batch.baseTimestampMs}` : '';
    const producer = batch.producerId < 0 ? '' : ` of ${batch.producerId}/${batch.producerEpoch} from ${batch.baseSequence}`;
    lines.push(`${batch.baseOffset}..${batches.lastOffset}${batch.codec === 'none' ? '' : ` ${batch.codec}`}${horizon}${producer}: ${words.join(' ') || 'nothing'}`);
  }
  return lines;
}

function wordOf(records: RecordCursor): string {
  const key = records.key();
  const value = records.value();
  return `${records.offset}@${records.timestampMs} ${key === null ? '' : text.decode(key.slice())}${value === null ? '!' : `=${text.decode(value.slice())}`}`;
}

/** Batches one after the other at rising offsets. */
export function logOf(...batches: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(batches.reduce((sum, batch) => sum + batch.length, 0));
  let at = 0;
  let offset = 0;
  for (const batch of batches) {
    out.set(batch, at);
    new DataView(out.buffer).setBigInt64(at, BigInt(offset));
    offset += new DataView(batch.buffer, batch.byteOffset).getInt32(23) + 1;
    at += batch.length;
  }
  return out;
}

// wire/batch-rewriter.ts - a record batch anew, with some of its records: what compaction leaves of it.
// Owns: the bytes of a batch that lost records. Never: which records stay (log/compaction decides).
// W1 Offsets, sequences, producer, codec and times stay: base offset and last offset delta are those of the original batch, also when its first or last
// records are gone. W2 A delete horizon, once set, is the batch's base timestamp (attribute bit 6), and times of records count from it (Kafka, KIP-534).
// Records are copied as they are; only a new horizon writes their timestamp deltas anew.
import { assert } from '../base/mod.ts';
import { batchHeaderBytes, batchPrefixBytes, codecs, stampCrc, writeInt, writeLong, type BatchHeader } from './batch.ts';
import { compress } from './compression.ts';
import type { RecordCursor } from './record-cursor.ts';

const codecBits = 0x07;
const deleteHorizonBit = 0x40;
const noTimestamp = -1;
/** A timestamp delta at its longest, and a record's length. */
const timesBytesMax = 10 + 5;

/**
 * Collects the records of a batch that stay and writes the batch anew. Used again for the next batch with `open`.
 * @example
 * const records = new RecordCursor().open(bytes, at);
 * rewriter.open(bytes, records.batch);
 * while (records.next()) if (stays(records)) rewriter.keep(records);
 * const batch = rewriter.finish(null);
 */
export class BatchRewriter {
  #source: Uint8Array = new Uint8Array(0);
  #batch: BatchHeader | null = null;
  /** Of each record kept: where it starts, its attributes, its offset delta, its end, and its time. */
  readonly #kept: number[] = [];
  #records: Uint8Array = new Uint8Array(0);
  #maxTimestampMs = noTimestamp;

  /** How many records are kept so far. */
  get keptCount(): number { return this.#kept.length / 5; }

  /** Begins with the batch of `bytes` that has this header. */
  open(bytes: Uint8Array, batch: BatchHeader): void {
    this.#source = bytes;
    this.#batch = batch;
    this.#kept.length = 0;
    this.#maxTimestampMs = noTimestamp;
  }

  /** Keeps the record that the cursor stands on. */
  keep(record: RecordCursor): void {
    this.#records = record.bytes;
    this.#kept.push(record.recordAt, record.attributesAt, record.offsetDeltaAt, record.recordEndAt, record.timestampMs);
    if (record.timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = record.timestampMs;
  }

  /** The batch with the records kept; with `deleteHorizonMs`, it says from now on when its tombstones may go. Throws what compression throws. */
  finish(deleteHorizonMs: number | null): Uint8Array {
    const batch = this.#batch!;
    assert(this.#kept.length > 0, 'a batch without records is written by `empty`');
    const plain = deleteHorizonMs === null ? this.#copied() : this.#counted(deleteHorizonMs);
    const records = compress(batch.codec, plain);
    const out = this.#framed(records);
    if (deleteHorizonMs !== null) {
      out[22] = out[22]! | deleteHorizonBit;
      writeLong(out, 27, deleteHorizonMs);
    }
    if (!batch.isLogAppendTime) writeLong(out, 35, this.#maxTimestampMs);
    writeInt(out, 57, this.#kept.length / 5);
    stampCrc(out, 0);
    return out;
  }

  /** The batch without records: it still says which offsets it takes, and how far its producer had come. */
  empty(): Uint8Array {
    const out = this.#framed(new Uint8Array(0));
    out[22] = out[22]! & ~(codecBits | deleteHorizonBit) | codecs.indexOf('none');
    writeLong(out, 27, noTimestamp);
    writeInt(out, 57, 0);
    stampCrc(out, 0);
    return out;
  }

  /** The original header before `records`, with its new length. */
  #framed(records: Uint8Array): Uint8Array {
    const { at } = this.#batch!;
    const out = new Uint8Array(batchHeaderBytes + records.length);
    out.set(this.#source.subarray(at, at + batchHeaderBytes));
    out.set(records, batchHeaderBytes);
    writeInt(out, 8, out.length - batchPrefixBytes);
    return out;
  }

  #copied(): Uint8Array {
    const kept = this.#kept;
    let bytes = 0;
    for (let at = 0; at < kept.length; at += 5) bytes += kept[at + 3]! - kept[at]!;
    const out = new Uint8Array(bytes);
    for (let at = 0, to = 0; at < kept.length; at += 5) {
      out.set(this.#records.subarray(kept[at]!, kept[at + 3]!), to);
      to += kept[at + 3]! - kept[at]!;
    }
    return out;
  }

  /** W2: records whose times count from `baseMs`. */
  #counted(baseMs: number): Uint8Array {
    const kept = this.#kept;
    let bytes = 0;
    for (let at = 0; at < kept.length; at += 5) bytes += kept[at + 3]! - kept[at]! + timesBytesMax;
    const out = new Uint8Array(bytes);
    const delta = new Uint8Array(10);
    let to = 0;
    for (let at = 0; at < kept.length; at += 5) {
      const deltaBytes = writeVarlong(delta, 0, kept[at + 4]! - baseMs);
      const rest = kept[at + 3]! - kept[at + 2]!;
      to += writeVarlong(out, to, 1 + deltaBytes + rest);
      out[to++] = this.#records[kept[at + 1]!]!;
      out.set(delta.subarray(0, deltaBytes), to);
      out.set(this.#records.subarray(kept[at + 2]!, kept[at + 3]!), to + deltaBytes);
      to += deltaBytes + rest;
    }
    return out.subarray(0, to);
  }
}

/** Writes a zigzag varlong and answers how many bytes it took. */
function writeVarlong(into: Uint8Array, at: number, value: number): number {
  const start = at;
  let rest = value < 0 ? -BigInt(value) * 2n - 1n : BigInt(value) * 2n;
  while (rest > 127n) {
    into[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  into[at++] = Number(rest);
  return at - start;
}

// log/compaction/cleaner.ts - which records compaction keeps, and the bytes of what is kept. Computing only: no files, no clock.
// Owns: one pass over a log: first the map of last offsets (`map`), then the walk that writes what stays (`filter`). Never: which segments, when.
// The rules are Kafka's (LogCleaner, Cleaner), so that a log cleaned here reads as one cleaned there:
// K1 Of the records below `mappedTo` with the same key only the last stays. Records above it stay as they are. Records without a key go.
// K2 A record without a value stays until its batch's delete horizon has passed; the walk that first meets it sets that horizon.
// K3 Records of aborted transactions go at once, and count for nothing. A marker goes once no batch of its transaction is left and its horizon has passed.
// K4 The last batch of each producer that is still known stays, empty if need be: it says the producer's epoch and sequence. So does the last batch of
// the range that is cleaned: it says how far the log goes.
// K5 A batch that keeps all its records stays byte for byte.
// Every batch is verified before it is looked into. Cost: one digest a record and walk; only batches that lose records are written and compressed anew.
import { assert } from '../../base/mod.ts';
import { BatchRewriter, controlType, RecordCursor, verifyBatch, type BatchHeader } from '../../wire/mod.ts';
import { CleanedTransactions, type AbortedRange } from './cleaned-transactions.ts';
import { OffsetMap } from './offset-map.ts';

/** What a pass must know from the start. */
export interface CleanerStart {
  /** Memory of the map, and how full it may be. */
  readonly mapBytes: number; readonly mapFill: number;
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
  /** Where the records begin that were not cleaned before, and where the cleaning ends: first offset after it. */
  readonly dirtyFrom: number; readonly end: number;
  readonly aborted: readonly AbortedRange[];
  /** Producers that are still known: the last offset of their last batch of data, -1 when a marker came after it. */
  readonly producers: readonly { readonly producerId: number; readonly epoch: number; readonly lastOffset: number }[];
}

/** How far a step came in the bytes that it was given. */
export interface Step {
  /** Bytes of the batches that were dealt with. */
  readonly consumed: number;
  /** Bytes that the next batch needs, when nothing was consumed. */
  readonly wanted: number;
}

/** What mapping a stretch gave. */
export interface Mapped extends Step {
  /** The map takes no more: only what lies below `mappedTo` can be cleaned. */
  readonly full: boolean;
  readonly mappedTo: number;
}

/** What filtering a stretch gave. */
export interface Filtered extends Step { readonly output: Uint8Array; readonly recordsIn: number; readonly recordsKept: number }

/** One pass over a log. */
export class Cleaner {
  readonly #start: CleanerStart;
  readonly #map: OffsetMap;
  readonly #records = new RecordCursor();
  readonly #rewriter = new BatchRewriter();
  readonly #lastOf: Map<number, CleanerStart['producers'][number]>;
  readonly #transactions: CleanedTransactions;
  #mappedTo: number;
  #recordsIn = 0;
  #recordsKept = 0;

  constructor(start: CleanerStart) {
    this.#start = start;
    this.#map = new OffsetMap(start.mapBytes, start.mapFill);
    this.#mappedTo = start.dirtyFrom;
    this.#lastOf = new Map(start.producers.map((producer) => [producer.producerId, producer]));
    this.#transactions = new CleanedTransactions(start.aborted);
  }

  /** Takes the keys of the whole batches in `bytes` into the map. Throws 'corrupt-batch', 'invalid-bytes', 'message-too-large'. */
  map(bytes: Uint8Array): Mapped {
    const { consumed, wanted, stopped } = walk(bytes, (header) => this.#mapBatch(bytes, header));
    return { consumed, wanted, full: stopped, mappedTo: this.#mappedTo };
  }

  /** Gives what stays of the whole batches in `bytes`. Throws as `map` does. */
  filter(bytes: Uint8Array): Filtered {
    const output = new Output(bytes.length);
    this.#recordsIn = this.#recordsKept = 0;
    const { consumed, wanted } = walk(bytes, (header) => {
      const kept = this.#filterBatch(bytes, header);
      if (kept !== null) output.add(kept);
      return true;
    });
    return { consumed, wanted, output: output.bytes, recordsIn: this.#recordsIn, recordsKept: this.#recordsKept };
  }

  /** False when the map is full before the batch. The first batch is taken in any case: else a pass could end where it began. */
  #mapBatch(bytes: Uint8Array, header: BatchHeader): boolean {
    const end = header.baseOffset + header.lastOffsetDelta + 1;
    const { dirtyFrom } = this.#start;
    if (end <= dirtyFrom) return true;
    if (!header.isControl && header.recordCount > 0 && !this.#transactions.isAborted(header)) {
      if (this.#map.isFull && this.#map.keys > 0) return false;
      const records = this.#records.open(bytes, header.at);
      while (records.next()) if (records.keyLength >= 0 && records.offset >= dirtyFrom) this.#map.put(records.key()!, records.offset);
    }
    this.#mappedTo = end;
    return true;
  }

  /** What stays of a batch; null for nothing. */
  #filterBatch(bytes: Uint8Array, header: BatchHeader): Uint8Array | null {
    this.#recordsIn += header.recordCount;
    const whole = bytes.subarray(header.at, header.at + header.sizeBytes);
    if (header.isControl) return this.#filterMarker(bytes, header, whole);
    const aborted = this.#transactions.isAborted(header);
    this.#transactions.meet(header);
    if (!aborted && header.baseOffset >= this.#mappedTo) return this.#kept(whole, header.recordCount); // K1
    this.#rewriter.open(bytes, header);
    const tombstones = aborted ? 0 : this.#keepRecords(bytes, header);
    const count = aborted ? 0 : this.#rewriter.keptCount;
    if (count === 0) return this.#mustStay(header) ? (header.recordCount === 0 ? whole : this.#rewriter.empty()) : null;
    const horizon = tombstones > 0 && !header.hasDeleteHorizon ? this.#horizon() : null;
    if (count === header.recordCount && horizon === null) return this.#kept(whole, count); // K5
    return this.#kept(this.#rewriter.finish(horizon), count);
  }

  /** Keeps the records that stay; answers how many of them have no value. */
  #keepRecords(bytes: Uint8Array, header: BatchHeader): number {
    const mayKeepTombstones = !header.hasDeleteHorizon || this.#start.nowMs < header.baseTimestampMs;
    const records = this.#records.open(bytes, header.at);
    let tombstones = 0;
    while (records.next()) {
      if (records.offset < this.#mappedTo) {
        if (records.keyLength < 0 || records.offset < this.#map.get(records.key()!)) continue; // K1
        if (records.valueLength < 0 && !mayKeepTombstones) continue; // K2
      }
      if (records.valueLength < 0) tombstones++;
      this.#rewriter.keep(records);
    }
    return tombstones;
  }

  /** K3: a marker that ends nothing first gets a horizon, and goes when that has passed. */
  #filterMarker(bytes: Uint8Array, header: BatchHeader, whole: Uint8Array): Uint8Array | null {
    if (header.recordCount === 0) return this.#mustStay(header) ? whole : null;
    const records = this.#records.open(bytes, header.at);
    if (!records.next() || controlType(records) === 'other' || !this.#transactions.endsNothing(header)) return this.#kept(whole, header.recordCount);
    if (!header.hasDeleteHorizon) {
      this.#rewriter.open(bytes, header);
      this.#rewriter.keep(records);
      return this.#kept(this.#rewriter.finish(this.#horizon()), 1);
    }
    if (this.#start.nowMs < header.baseTimestampMs) return this.#kept(whole, header.recordCount);
    this.#rewriter.open(bytes, header);
    return this.#mustStay(header) ? this.#rewriter.empty() : null;
  }

  /** K4. */
  #mustStay({ producerId, producerEpoch, isControl, baseOffset, lastOffsetDelta }: BatchHeader): boolean {
    if (baseOffset + lastOffsetDelta + 1 === this.#start.end) return true;
    const last = producerId < 0 ? undefined : this.#lastOf.get(producerId);
    if (last === undefined) return false;
    return last.lastOffset >= 0 ? baseOffset + lastOffsetDelta === last.lastOffset : isControl && producerEpoch === last.epoch;
  }

  #horizon(): number { return Math.min(this.#start.nowMs + this.#start.deleteRetentionMs, Number.MAX_SAFE_INTEGER); }

  #kept(batch: Uint8Array, records: number): Uint8Array {
    this.#recordsKept += records;
    return batch;
  }
}

/** Verifies and visits whole batches until `visit` says false, or the next one is cut. */
function walk(bytes: Uint8Array, visit: (header: BatchHeader) => boolean): Step & { stopped: boolean } {
  let at = 0;
  while (bytes.length - at >= headBytes) {
    const sizeBytes = sizeOf(bytes, at);
    if (sizeBytes > bytes.length - at) return { consumed: at, wanted: sizeBytes, stopped: false };
    const header = verifyBatch(bytes, at, bytes.length);
    if (!visit(header)) return { consumed: at, wanted: 0, stopped: true };
    at += header.sizeBytes;
  }
  return { consumed: at, wanted: headBytes, stopped: false };
}

const headBytes = 61;
const sizeOf = (bytes: Uint8Array, at: number): number => 12 + ((bytes[at + 8]! << 24) | (bytes[at + 9]! << 16) | (bytes[at + 10]! << 8) | bytes[at + 11]!);

/** Bytes that are put together; mostly no more than there were. */
class Output {
  #into: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(bytes: number) { this.#into = new Uint8Array(bytes); }

  get bytes(): Uint8Array { return this.#into.subarray(0, this.#length); }

  add(part: Uint8Array): void {
    if (this.#length + part.length > this.#into.length) {
      const grown = new Uint8Array(Math.max(this.#into.length * 2, this.#length + part.length));
      grown.set(this.bytes);
      this.#into = grown;
    }
    this.#into.set(part, this.#length);
    this.#length += part.length;
    assert(this.#length <= this.#into.length, 'output stays within its memory');
  }
}

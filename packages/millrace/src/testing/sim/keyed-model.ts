// testing/sim/keyed-model.ts - what a compacted partition must show, kept beside the log and compared with what a reader sees.
// Owns: the truth about records with keys over many lives of a log. Never: the log (keyed-life.ts asks it).
// M1 What is there was appended there, with its key, value and time. M2 Of each key the last record stays: a reader from the start sees it, or one that
// came after it. M3 A tombstone stays for its delay at least, counted from its append. M4 A record of an aborted transaction counts for nothing.
// M5 The last batch of a producer that is known stays, be it empty. M6 A crash loses only what was not acknowledged.
import { RecordCursor } from '../../wire/mod.ts';
import { expect } from './log-model.ts';
import { isMarker, splitBatches, type FoundBatch } from './sim-batch.ts';

/** The one producer with transactions that each keyed partition has. */
export const keyedProducer = { id: 70, epoch: 0 };

/** One appended batch of records, or a marker without any. */
export interface KeyedAppend {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly records: readonly { readonly key: string; readonly value: string | null; readonly timestampMs: number }[];
  readonly appendedMs: number;
  readonly transactional: boolean;
  /** For a marker: how it ends the transaction before it. */
  readonly marker: 'commit' | 'abort' | null;
  /** For a batch of the producer. */
  readonly sequence: number;
}

/** An aborted transaction of a keyed partition. */
export interface KeyedAbort { readonly producerId: number; readonly firstOffset: number; readonly lastOffset: number }

/** One keyed partition's truth. */
export class KeyedModel {
  readonly name: string;
  appends: KeyedAppend[] = [];
  keptUntil = 0;
  /** How long a tombstone surely stays: the shortest delay that was ever asked for. */
  deleteRetentionLeastMs = Infinity;
  #sequence = 0;

  constructor(name: string) { this.name = name; }

  get end(): number { return this.appends.at(-1)?.nextOffset ?? 0; }
  get nextSequence(): number { return this.#sequence; }

  appended(append: KeyedAppend): void {
    expect(append.baseOffset === this.end, `${this.name}: appended at ${append.baseOffset}, not at ${this.end}`);
    this.appends.push(append);
    if (append.transactional && append.marker === null) this.#sequence += append.records.length;
  }

  /** A log was opened, and ends here (M6). */
  opened(end: number): void {
    expect(end >= this.keptUntil, `${this.name}: lost ${end}..${this.keptUntil}, which had been acknowledged or read`);
    this.appends = this.appends.filter((append) => append.nextOffset <= end);
    expect(this.end === end, `${this.name}: ends at ${end}, inside a batch`);
    const last = this.appends.findLast(({ transactional, marker }) => transactional && marker === null);
    this.#sequence = last === undefined ? 0 : last.sequence + last.records.length;
    this.keptUntil = end;
  }

  /** First offset of the transaction that is open as far as the log is known up to `end`; Infinity for none. */
  firstOpen(end = Infinity): number {
    let first = Infinity;
    for (const { transactional, marker, baseOffset, nextOffset } of this.appends) {
      if (nextOffset > end) break;
      if (marker !== null) first = Infinity;
      else if (transactional && first === Infinity) first = baseOffset;
    }
    return first;
  }

  /** Transactions that were aborted. */
  aborted(): KeyedAbort[] {
    const found: KeyedAbort[] = [];
    let first = -1;
    for (const { transactional, marker, baseOffset } of this.appends) {
      if (marker === 'abort' && first >= 0) found.push({ producerId: keyedProducer.id, firstOffset: first, lastOffset: baseOffset });
      if (marker !== null) first = -1;
      else if (transactional && first < 0) first = baseOffset;
    }
    return found;
  }

  /** Last offset of the last batch of data of the producer below `end`; -1 for none. */
  lastOfProducer(end: number): number {
    return (this.appends.findLast(({ transactional, marker, nextOffset }) => transactional && marker === null && nextOffset <= end)?.nextOffset ?? 0) - 1;
  }

  /** Compares all that a reader saw from the start up to `end`, at `nowMs` (M1 to M5). */
  check(batches: readonly FoundBatch[], end: number, nowMs: number): void {
    const seen = this.#seen(batches);
    const last = this.#lastOfKeys(end);
    for (const [key, { offset, value, appendedMs }] of last) {
      const expired = value === null && nowMs >= appendedMs + this.deleteRetentionLeastMs;
      expect(seen.has(offset) || expired, `${this.name}: the last record of '${key}' at ${offset}${value === null ? ' (a tombstone)' : ''} is gone, of ${end}`);
    }
    const lastOffset = this.lastOfProducer(end);
    expect(lastOffset < 0 || batches.some(({ baseOffset, offsetCount }) => baseOffset + offsetCount - 1 === lastOffset), `${this.name}: the last batch of its producer, at ${lastOffset}, is gone`);
  }

  /** Offsets of the records that were seen, each compared with what was appended (M1). */
  #seen(batches: readonly FoundBatch[]): Set<number> {
    const seen = new Set<number>();
    let before = -1;
    for (const batch of batches) {
      expect(batch.baseOffset > before, `${this.name}: a batch at ${batch.baseOffset} follows ${before}`);
      before = batch.baseOffset + batch.offsetCount - 1;
      const append = this.#at(batch.baseOffset);
      expect(append !== undefined && append.nextOffset === before + 1, `${this.name}: a batch at ${batch.baseOffset}..${before} was never appended there`);
      expect(isMarker(batch) === (append.marker !== null), `${this.name}: the batch at ${batch.baseOffset} is not of the kind that was appended`);
      if (append.marker !== null) continue;
      const records = new RecordCursor().open(batch.bytes);
      while (records.next()) {
        const appended = append.records[records.offset - append.baseOffset];
        const same = appended !== undefined && textOf(records.key()) === appended.key && textOf(records.value()) === appended.value && records.timestampMs === appended.timestampMs;
        expect(same, `${this.name}: the record at ${records.offset} is not what was appended there`);
        seen.add(records.offset);
      }
    }
    return seen;
  }

  /** The last record of each key below `end` that counts (M4). */
  #lastOfKeys(end: number): Map<string, { offset: number; value: string | null; appendedMs: number }> {
    const aborted = this.aborted();
    const open = this.firstOpen();
    const last = new Map<string, { offset: number; value: string | null; appendedMs: number }>();
    for (const append of this.appends) {
      if (append.nextOffset > end) break;
      if (append.transactional && (append.baseOffset >= open || aborted.some(({ firstOffset, lastOffset }) => firstOffset <= append.baseOffset && append.baseOffset < lastOffset))) continue;
      append.records.forEach(({ key, value }, index) => last.set(key, { offset: append.baseOffset + index, value, appendedMs: append.appendedMs }));
    }
    return last;
  }

  #at(baseOffset: number): KeyedAppend | undefined {
    return this.appends.find((append) => append.baseOffset === baseOffset);
  }
}

const decoder = new TextDecoder();
const textOf = (bytes: Uint8Array | null): string | null => (bytes === null ? null : decoder.decode(bytes.slice()));

/** Splits what a read gave. */
export const batchesOf = (parts: readonly Uint8Array[]): FoundBatch[] => splitBatches(new Uint8Array(Buffer.concat(parts)));

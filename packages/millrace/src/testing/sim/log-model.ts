// testing/sim/log-model.ts - what a partition must hold, kept beside the log and compared with it.
// Owns: the truth about one partition over many lives of a node. Never: the log (log-sim.ts asks it).
// K1 What was acknowledged on a synced partition, or read there, is there after any crash. K2 What is there was appended there, byte
// for byte, at its offset. K3 A crash loses only a tail, and never a part of one append. K4 The start rises only where asked to.
import type { PartitionConfig } from '../../log/mod.ts';
import type { FakeRandom } from '../fake-random.ts';
import { sameBatch } from './sim-batch.ts';
import type { FoundBatch } from './sim-batch.ts';

/** One appended batch. */
export interface ModelBatch {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly bytes: Uint8Array;
  readonly timestampsMs: readonly number[];
  /** Batches of one append share it. */
  readonly append: ModelAppend;
}

/** One call of append. `order` counts over all partitions of the log. */
export interface ModelAppend { readonly order: number; fate: 'waiting' | 'acked' | 'failed' }

/** A broken promise of the log: the simulation's finding. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** @throws Violation unless the condition holds. */
export function expect(condition: unknown, promise: string): asserts condition {
  if (!condition) throw new Violation(promise);
}

/** The truth about a whole log. */
export class LogTruth {
  readonly models = new Map<string, PartitionModel>();
  #names = 0;
  #appends = 0;

  /** A new name, or that of a partition that was removed: `again` chooses among them. */
  nextName(again: (removed: readonly string[]) => string | null): string {
    const removed = [...this.models.values()].filter((model) => model.life === 'removed').map((model) => model.name);
    return again(removed) ?? `topic-${this.#names++}`;
  }
  nextAppend(): ModelAppend { return { order: this.#appends++, fate: 'waiting' }; }

  /** One journal for all: what was acknowledged as synced keeps everything that was appended before it, also on page-cache topics. */
  keepBefore(append: ModelAppend): void {
    for (const model of this.models.values()) {
      const before = model.batches.findLast((batch) => batch.append.order <= append.order && batch.append.fate === 'acked');
      if (before !== undefined && model.life === 'live') model.keep(before.nextOffset);
    }
  }
}

/** One partition's truth. */
export class PartitionModel {
  readonly name: string;
  config: PartitionConfig;
  life: 'creating' | 'live' | 'removing' | 'removed' = 'creating';
  /** Oldest first; those below `start` are dropped. */
  batches: ModelBatch[] = [];
  /** Bytes by base offset, all that ever were appended there. */
  readonly everAppended = new Map<number, Uint8Array[]>();
  /** Where the log was last seen to start, and how far it was asked to raise its start. */
  start = 0;
  startAsked = 0;
  /** No record below this may be lost by a crash (K1). */
  keptUntil = 0;
  /** The least that retention was ever configured to keep: a change may take effect late. */
  #retentionBytesLeast = Infinity;
  #retentionMsLeast = Infinity;
  /** Largest that a segment or batch ever could be. */
  segmentBytesMost = 0;
  batchBytesMost = 0;

  constructor(name: string, config: PartitionConfig) {
    this.name = name;
    this.config = config;
    this.configure(config);
  }

  get end(): number { return this.batches.at(-1)?.nextOffset ?? this.#emptyEnd; }
  #emptyEnd = 0;

  get synced(): boolean { return this.config.durability === 'synced'; }

  configure(config: PartitionConfig): void {
    this.config = config;
    this.segmentBytesMost = Math.max(this.segmentBytesMost, config.segmentBytes);
    if (config.retentionBytes >= 0) this.#retentionBytesLeast = Math.min(this.#retentionBytesLeast, config.retentionBytes);
    if (config.retentionMs >= 0) this.#retentionMsLeast = Math.min(this.#retentionMsLeast, config.retentionMs);
  }

  /** Notes an append that the log gave these offsets. */
  appended(baseOffset: number, batches: readonly { bytes: Uint8Array; timestampsMs: readonly number[] }[], append: ModelAppend): void {
    this.#forgetFailedFrom(baseOffset);
    expect(baseOffset === this.end, `${this.name}: an append got offset ${baseOffset}, the log ends at ${this.end}`);
    let at = baseOffset;
    for (const { bytes, timestampsMs } of batches) {
      const batch = { baseOffset: at, nextOffset: at + timestampsMs.length, bytes: bytes.slice(), timestampsMs, append };
      this.batches.push(batch);
      this.batchBytesMost = Math.max(this.batchBytesMost, bytes.length);
      this.everAppended.set(at, [...(this.everAppended.get(at) ?? []), batch.bytes]);
      at += timestampsMs.length;
    }
  }

  /** Nothing below this may go any more. */
  keep(until: number): void {
    this.keptUntil = Math.max(this.keptUntil, until);
  }

  /** Compares batches that a read from `offset` gave (K2). */
  checkRead(offset: number, found: readonly FoundBatch[], nextOffset: number): void {
    let at = -1;
    for (const batch of found) {
      const expected = this.#batchAt(batch.baseOffset);
      expect(expected, `${this.name}: a read from ${offset} gave a batch at ${batch.baseOffset} that was never appended there (kept ${this.start}..${this.end})`);
      expect(sameBatch(expected.bytes, batch.bytes), `${this.name}: the batch at ${batch.baseOffset} is not the one that was appended`);
      if (at < 0) expect(batch.baseOffset <= offset && expected.nextOffset > offset, `${this.name}: a read from ${offset} began with the batch ${batch.baseOffset}..${expected.nextOffset}`);
      else expect(batch.baseOffset === at, `${this.name}: a read gave ${batch.baseOffset} after ${at}`);
      at = expected.nextOffset;
    }
    const last = at < 0 ? offset : at;
    expect(nextOffset === last, `${this.name}: a read from ${offset} says it goes on at ${nextOffset}, its batches end at ${last}`);
  }

  /** The log was seen to start here (K4). */
  checkStart(start: number, nowMs: number): void {
    expect(start >= this.start, `${this.name}: the start went back from ${this.start} to ${start}`);
    if (start > Math.max(this.start, this.startAsked)) this.#checkRetention(start, nowMs);
    this.start = start;
    this.startAsked = Math.max(this.startAsked, start);
    if (this.batches.length > 0) this.#emptyEnd = this.end;
    this.batches = this.batches.filter((batch) => batch.nextOffset > start);
    if (this.batches.length === 0) this.#emptyEnd = Math.max(this.#emptyEnd, start);
  }

  /** A node started again and found the log to end here (K1, K3). */
  checkAfterCrash(start: number, end: number, nowMs: number): void {
    expect(end >= this.keptUntil, `${this.name}: lost ${end}..${this.keptUntil}, which had been acknowledged or read`);
    expect(end <= this.end, `${this.name}: ends at ${end}, only ${this.end} were appended`);
    const cut = this.batches.find((batch) => batch.nextOffset > end);
    if (cut !== undefined) {
      expect(cut.baseOffset === end, `${this.name}: the end ${end} is inside the batch ${cut.baseOffset}..${cut.nextOffset}`);
      const before = this.batches.findLast((batch) => batch.nextOffset === end);
      expect(before?.append !== cut.append, `${this.name}: the end ${end} is inside one append`);
    }
    this.batches = this.batches.filter((batch) => batch.nextOffset <= end);
    if (this.batches.length === 0) this.#emptyEnd = end;
    for (const batch of this.batches) batch.append.fate = 'acked';
    this.checkStart(start, nowMs);
    this.keep(end); // it is readable from now on
  }

  /** Bytes of `count` batches from the one that holds `offset`; 0 where none is. */
  bytesFrom(offset: number, count: number): number {
    const first = this.batches.findIndex((batch) => batch.nextOffset > offset);
    return first < 0 ? 0 : this.batches.slice(first, first + count).reduce((sum, batch) => sum + batch.bytes.length, 0);
  }

  /** The time of a record that is there. */
  someTimestamp(random: FakeRandom): number {
    return this.batches.length === 0 ? 0 : random.pick(random.pick(this.batches).timestampsMs);
  }

  /** First record at or after the time within from..until. */
  offsetForTimestamp(timestampMs: number, from: number, until: number): number | null {
    for (const batch of this.batches) {
      for (const [index, each] of batch.timestampsMs.entries()) {
        const offset = batch.baseOffset + index;
        if (offset >= from && offset < until && each >= timestampMs) return offset;
      }
    }
    return null;
  }

  /** Failed appends may leave their offsets to the next one. */
  #forgetFailedFrom(offset: number): void {
    while (this.end > offset && this.batches.at(-1)?.append.fate === 'failed') {
      const gone = this.batches.pop()!;
      this.#emptyEnd = gone.baseOffset;
    }
  }

  #batchAt(baseOffset: number): ModelBatch | undefined {
    let low = 0;
    let high = this.batches.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const batch = this.batches[middle]!;
      if (batch.baseOffset === baseOffset) return batch;
      if (batch.baseOffset < baseOffset) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  #checkRetention(start: number, nowMs: number): void {
    expect(Math.min(this.#retentionBytesLeast, this.#retentionMsLeast) < Infinity, `${this.name}: starts at ${start}, nobody asked for more than ${this.startAsked}`);
    let left = this.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    for (const batch of this.batches) {
      if (batch.nextOffset > start) return;
      left -= batch.bytes.length;
      const old = Math.max(...batch.timestampsMs) <= nowMs - this.#retentionMsLeast;
      expect(old || left >= this.#retentionBytesLeast, `${this.name}: retention dropped ${batch.baseOffset}..${batch.nextOffset} before it was old, with ${left} bytes after it`);
    }
  }
}

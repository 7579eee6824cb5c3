// log/partition.ts - one partition: where appends go, what readers may see.
// Owns: offsets, the tail index, segments' facts, rolling. Never: files (cold-read.ts, segment-writer.ts), other partitions.
// L8 logStartOffset <= highWatermark <= endOffset. L9 The high watermark of a 'synced' partition rises only with committed groups.
// L10 Every offset at or above the tail's first one is in the tail; every offset below it is in a written segment.
// Cost of an append: one copy of the bytes, 24 bytes of entry, 32 bytes of tail index a batch; an idle partition holds about 1 KB.
import { assert, copyBytes, MillraceError } from '../base/mod.ts';
import { readCold, type ColdRead } from './cold-read.ts';
import { entryBytes, entryKind } from './journal-format.ts';
import type { Group, GroupMember } from './journal.ts';
import type { LogCore } from './core.ts';
import { emptySegment, Segment } from './segment.ts';
import type { PartitionFacts } from './manifest.ts';
import { batchEndOffset, batchMaxTimestamp, stampBatch } from './batch-bytes.ts';
import type { Slab, TailOwner } from './slabs.ts';
import { Tail } from './tail.ts';
import { findTimestamp } from './time-search.ts';
import type { AppendBatch, Appended, Partition, PartitionConfig, ReadResult } from './types.ts';

/** Reads of batches at least this large on average hand out views; smaller ones are copied together. */
const viewBytesMin = 16 * 1024;
/** One node leads everything for ever: its epoch does not change. */
const leaderEpoch = 0;
const relativeOffsetMax = 2 ** 31 - 1;

/** One partition's state and its part of the door. */
export class PartitionLog implements Partition, GroupMember, TailOwner {
  readonly id: number;
  readonly name: string;
  readonly #core: LogCore;
  #config: PartitionConfig;
  #logStartOffset: number;
  #highWatermark: number;
  #endOffset: number;
  #tail: Tail | null = null;
  #lastSlab = 0;
  #maxTimestampMs = -1;
  #maxTimestampOffset = -1;
  /** Where the next batch goes: may be ahead of the segments, which follow when groups are written to them. */
  #activeBaseOffset: number;
  #activeBytes: number;
  #activeFirstMs: number;
  #unwrittenBytes = 0;
  #removed = false;
  readonly #watchers = new Set<() => void>();
  /** In order of offset; the last one is written to. */
  readonly segments: Segment[];
  /** Where the last read of old data ended: the next one begins there. */
  coldHint: { offset: number; segment: Segment; position: number } | null = null;
  groupMark: Group | null = null;
  groupIndex = 0;
  /** Told in this turn already (page-cache). */
  #telling = false;

  constructor(core: LogCore, facts: PartitionFacts, config: PartitionConfig) {
    this.#core = core;
    this.id = facts.id;
    this.name = facts.name;
    this.#config = config;
    this.#logStartOffset = facts.logStartOffset;
    this.segments = (facts.segments.length > 0 ? facts.segments : [emptySegment(facts.logStartOffset)]).map((segment) => new Segment(segment));
    for (const segment of this.segments.slice(0, -1)) segment.sealed = true;
    const active = this.segments.at(-1)!;
    this.#highWatermark = this.#endOffset = active.endOffset;
    this.#activeBaseOffset = active.baseOffset;
    this.#activeBytes = active.bytes;
    this.#activeFirstMs = active.firstTimestampMs;
    this.#noteRecovered();
  }

  get config(): PartitionConfig { return this.#config; }
  get logStartOffset(): number { return this.#logStartOffset; }
  get highWatermark(): number { return this.#highWatermark; }
  get endOffset(): number { return this.#endOffset; }
  get maxTimestamp(): { timestampMs: number; offset: number } { return { timestampMs: this.#maxTimestampMs, offset: this.#maxTimestampOffset }; }
  get sizeBytes(): number { return this.segments.reduce((sum, segment) => sum + segment.bytes, this.#unwrittenBytes); }
  get tail(): Tail | null { return this.#tail; }
  get removed(): boolean { return this.#removed; }
  /** Bytes in the segment that is being filled, also those only in the journal. */
  get activeBytes(): number { return this.#activeBytes; }

  configure(config: PartitionConfig): void { this.#config = config; }

  append(batches: readonly AppendBatch[], done: (error: Error | null) => void): Appended {
    const { journal } = this.#core;
    this.#core.reserve(this.entriesBytes(batches), this.name);
    const appended = this.addReserved(batches);
    if (this.#config.durability === 'page-cache') this.#tellAtOnce(done);
    else journal.open.dones.push(done);
    journal.kick();
    return appended;
  }

  read(offset: number, bytesMax: number, atLeastOne: boolean): ReadResult | Promise<ReadResult> {
    this.#checkThere('read');
    if (offset < this.#logStartOffset || offset > this.#endOffset) {
      throw new MillraceError('offset-out-of-range', `Cannot read '${this.name}' at ${offset}: it holds ${this.#logStartOffset} to ${this.#endOffset}`, {
        partition: this.name, offset, logStartOffset: this.#logStartOffset, endOffset: this.#endOffset,
      });
    }
    if (offset >= this.#highWatermark) return emptyRead(offset);
    if (this.#tail !== null && offset >= this.#tail.firstOffset) {
      this.#core.counts.tailHits++;
      return this.#readTail(this.#tail, offset, bytesMax, atLeastOne);
    }
    this.#core.counts.tailMisses++;
    return this.#readOld(offset, bytesMax, atLeastOne);
  }

  offsetForTimestamp(timestampMs: number): Promise<{ offset: number; timestampMs: number } | null> {
    this.#checkThere('search');
    return findTimestamp(this.#core, this, timestampMs);
  }

  async deleteBefore(offset: number): Promise<number> {
    this.#checkThere('delete from');
    if (offset > this.#highWatermark || offset < 0) {
      throw new MillraceError('offset-out-of-range', `Cannot delete from '${this.name}' before ${offset}: it ends at ${this.#highWatermark}`, { partition: this.name, offset, highWatermark: this.#highWatermark });
    }
    if (offset <= this.#logStartOffset) return this.#logStartOffset;
    await this.#core.commitEntry(entryKind.start, this.id, offset);
    this.raiseStart(offset);
    this.#core.dropSegments(this);
    return this.#logStartOffset;
  }

  onAdvance(callback: () => void): () => void {
    this.#watchers.add(callback);
    return () => { this.#watchers.delete(callback); };
  }

  // Below: for the other files of this room.

  /** Bytes to reserve for an append. Throws when the partition takes none. */
  entriesBytes(batches: readonly AppendBatch[]): number {
    this.#checkThere('append to');
    this.#core.checkWritable(this.name);
    let bytes = 0;
    for (const batch of batches) bytes += entryBytes(batch.bytes.length) + entryBytes(0);
    return bytes;
  }

  /** Adds batches to the open group, where the caller has reserved room for them. */
  addReserved(batches: readonly AppendBatch[]): Appended {
    const baseOffset = this.#endOffset;
    for (const batch of batches) this.#addBatch(batch);
    this.#core.journal.join(this, this.#endOffset);
    return { baseOffset, nextOffset: this.#endOffset };
  }

  /** The part of an append to several partitions is added: readers of a 'page-cache' partition see it at once. */
  addedJointly(): void {
    if (this.#config.durability === 'page-cache') this.#tellAtOnce(() => {});
  }

  /** The group that holds appends up to `end` is durable. */
  committed(end: number): boolean {
    if (end <= this.#highWatermark || this.#removed) return false;
    assert(end <= this.#endOffset, 'L8: the high watermark stays within the log');
    this.#highWatermark = end;
    return true;
  }

  /** Tells watchers of a new high watermark or log start. */
  advanced(): void { for (const callback of [...this.#watchers]) callback(); }

  /** Raises the log start, if it is higher. */
  raiseStart(offset: number): void {
    if (offset <= this.#logStartOffset) return;
    this.#logStartOffset = offset;
    if (offset > this.#highWatermark) this.#highWatermark = offset;
    this.advanced();
  }

  /** Starts a new segment with the next append; recorded in the journal. The caller reserved an entry. */
  roll(): void {
    this.#core.journal.entry(entryKind.roll, this.id, 0, 0, this.#endOffset);
    this.#activeBaseOffset = this.#endOffset;
    this.#activeBytes = 0;
    this.#activeFirstMs = -1;
  }

  /** A roll reached the segments. */
  absorbRoll(baseOffset: number): void {
    const active = this.segments.at(-1)!;
    if (active.baseOffset >= baseOffset) return;
    active.seal();
    this.segments.push(new Segment(emptySegment(baseOffset)));
  }

  /** The segment for a batch that is written now. */
  segmentOf(baseOffset: number): Segment | null {
    for (let index = this.segments.length - 1; index >= 0; index--) if (this.segments[index]!.baseOffset <= baseOffset) return this.segments[index]!;
    return null;
  }

  /** `bytes` of batches moved from memory to segments. */
  absorbed(bytes: number): void { this.#unwrittenBytes -= bytes; }

  /** After replay: what the segments hold is what the partition holds. */
  finishReplay(): void {
    const active = this.segments.at(-1)!;
    this.#unwrittenBytes = 0;
    this.#highWatermark = this.#endOffset = Math.max(active.endOffset, this.#logStartOffset);
    this.#activeBaseOffset = active.baseOffset;
    this.#activeBytes = active.bytes;
    this.#activeFirstMs = active.firstTimestampMs;
    this.#noteRecovered();
  }

  markRemoved(): void {
    this.#removed = true;
    this.advanced();
    this.#watchers.clear();
  }

  dropTail(throughSequence: number): void {
    this.#tail?.drop(throughSequence);
    if (this.#tail?.count === 0) this.#tail = null;
  }

  #addBatch(batch: AppendBatch): void {
    const { journal } = this.#core;
    const length = batch.bytes.length;
    if (this.#mustRoll(batch)) this.roll();
    const at = journal.entry(entryKind.batch, this.id, length, this.#activeBytes, this.#endOffset);
    const { slab } = journal.open;
    copyBytes(batch.bytes, 0, length, slab.bytes, at);
    stampBatch(slab.view, at, this.#endOffset, leaderEpoch);
    (this.#tail ??= new Tail()).push(this.#endOffset, slab, at, length);
    this.#own(slab);
    if (this.#activeBytes === 0) this.#activeFirstMs = batch.maxTimestampMs;
    this.#activeBytes += length;
    this.#unwrittenBytes += length;
    this.#endOffset += batch.offsetCount;
    if (batch.maxTimestampMs > this.#maxTimestampMs) {
      this.#maxTimestampMs = batch.maxTimestampMs;
      this.#maxTimestampOffset = this.#endOffset - 1;
    }
    this.#core.counts.bytesAppended += length;
    assert(batchEndOffset(slab.view, at) === this.#endOffset, 'a batch takes as many offsets as was said of it');
  }

  #own(slab: Slab): void {
    if (this.#lastSlab === slab.sequence) return;
    this.#lastSlab = slab.sequence;
    slab.owners.push(this);
  }

  #mustRoll(batch: AppendBatch): boolean {
    if (this.#activeBytes === 0) return false;
    if (this.#activeBytes + batch.bytes.length > this.#config.segmentBytes) return true;
    if (this.#endOffset + batch.offsetCount - this.#activeBaseOffset > relativeOffsetMax) return true;
    return this.#activeFirstMs >= 0 && batch.maxTimestampMs - this.#activeFirstMs > this.#config.segmentMs;
  }

  #tellAtOnce(done: (error: Error | null) => void): void {
    this.#highWatermark = this.#endOffset;
    const advance = !this.#telling;
    this.#telling = true;
    queueMicrotask(() => {
      done(null);
      if (!advance) return;
      this.#telling = false;
      this.advanced();
    });
  }

  #readTail(tail: Tail, offset: number, bytesMax: number, atLeastOne: boolean): ReadResult {
    const first = tail.find(offset);
    let bytes = 0;
    let entry = first;
    let nextOffset = offset;
    for (; entry < tail.count; entry++) {
      const end = entry + 1 < tail.count ? tail.offset(entry + 1) : this.#endOffset;
      const length = tail.length(entry);
      if (end > this.#highWatermark || (bytes + length > bytesMax && !(bytes === 0 && atLeastOne))) break;
      bytes += length;
      nextOffset = end;
    }
    if (entry === first) return emptyRead(offset);
    const pool = this.#core.pool;
    if (bytes < (entry - first) * viewBytesMin || pool.isPinnedTight) return this.#copyTail(tail, first, entry, bytes, nextOffset);
    const parts: Uint8Array[] = [];
    const slabs: Slab[] = [];
    for (let index = first; index < entry; index++) {
      const slab = tail.slab(index);
      const start = tail.start(index);
      parts.push(slab.bytes.subarray(start, start + tail.length(index)));
      if (slabs.at(-1) !== slab) {
        slabs.push(slab);
        pool.pin(slab);
      }
    }
    return { parts, bytes, nextOffset, release: () => { for (const slab of slabs.splice(0)) pool.unpin(slab); } };
  }

  /** A reader that comes back where it ended finds the next stretch read, or being read. */
  #readOld(offset: number, bytesMax: number, atLeastOne: boolean): ReadResult | Promise<ReadResult> {
    const ahead = this.#core.readAhead.take(this.id, offset, bytesMax);
    if (ahead instanceof Promise) return ahead.then((result) => (result === null ? this.#readCold(offset, bytesMax, atLeastOne) : this.#goOn(result, offset, bytesMax, atLeastOne)));
    if (ahead !== null) return this.#goOn(ahead, offset, bytesMax, atLeastOne);
    const inOrder = this.coldHint?.offset === offset;
    const reading = this.#readCold(offset, bytesMax, atLeastOne);
    return inOrder ? reading.then((result) => this.#goOn(result, offset, bytesMax, atLeastOne)) : reading;
  }

  async #readCold(offset: number, bytesMax: number, atLeastOne: boolean, ahead = false): Promise<ColdRead> {
    const { clock, coldReads, counts } = this.#core;
    const fromMs = clock.monotonicMs();
    const read = await coldReads.through(() => readCold(this.#core, this, offset, bytesMax, atLeastOne, ahead));
    counts.coldReadMs.observe(clock.monotonicMs() - fromMs);
    return read;
  }

  /** Hands out what was read. Once the reader has let go of it, what comes after is read, if that is old data, too, and the reader takes all it can. */
  #goOn(result: ReadResult, offset: number, bytesMax: number, atLeastOne: boolean): ReadResult {
    const { parts, bytes, nextOffset } = result;
    if (bytes > bytesMax && !atLeastOne) { // one large batch, read ahead for whoever takes it
      result.release();
      return emptyRead(offset);
    }
    if (bytes * 2 <= bytesMax) return result;
    const release = (): void => {
      result.release();
      const isOld = nextOffset < (this.#tail?.firstOffset ?? this.#highWatermark);
      if (isOld && !this.#removed) this.#core.readAhead.begin(this.id, nextOffset, bytesMax, () => this.#readCold(nextOffset, bytesMax, true, true));
    };
    return { parts, bytes, nextOffset, release };
  }

  #copyTail(tail: Tail, first: number, end: number, bytes: number, nextOffset: number): ReadResult {
    const buffer = bytes > 4096 ? this.#core.buffers.take(bytes) : null;
    const into = buffer === null ? new Uint8Array(bytes) : buffer.bytes.subarray(0, bytes);
    let at = 0;
    for (let index = first; index < end; index++) {
      const start = tail.start(index);
      const length = tail.length(index);
      copyBytes(tail.slab(index).bytes, start, start + length, into, at);
      at += length;
    }
    return { parts: [into], bytes, nextOffset, release: () => buffer?.release() };
  }

  #noteRecovered(): void {
    for (const segment of this.segments) {
      if (segment.maxTimestampMs <= this.#maxTimestampMs) continue;
      this.#maxTimestampMs = segment.maxTimestampMs;
      this.#maxTimestampOffset = segment.maxTimestampOffset;
    }
  }

  #checkThere(action: string): void {
    if (this.#removed) throw new MillraceError('topic-not-found', `Cannot ${action} '${this.name}': it was removed`, { partition: this.name });
  }
}

/** Nothing to read yet. */
export function emptyRead(offset: number): ReadResult {
  return { parts: [], bytes: 0, nextOffset: offset, release: () => {} };
}

/** Largest timestamp of a batch in a slab: for searches of the tail. */
export const tailMaxTimestamp = (tail: Tail, entry: number): number => batchMaxTimestamp(tail.slab(entry).view, tail.start(entry));

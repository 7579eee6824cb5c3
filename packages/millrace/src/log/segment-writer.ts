// log/segment-writer.ts - moves committed groups from memory to segment files, in the background.
// Owns: gathering by segment, the flush lane, which files are not yet synced. Never: manifests (checkpoint.ts), acks.
// L13 Only committed groups are written to segments, in order; memory is freed only after the write was confirmed.
// A full disk loses nothing: the piece waits and is tried again, while the journal holds the same bytes.
// Cost: one write for each segment in a piece of about 4 MiB (more when many segments share it), on a thread of its own; segments with 4 MiB unsynced are synced at once,
// so that a checkpoint finds little left to do. The thread (10 MB of memory, 15 ms of CPU) starts with the first piece that is worth it.
import { assert, isMillraceError, MiB } from '../base/mod.ts';
import type { Disk, Lane, LaneStep, Timer } from '../os/mod.ts';
import type { LogCore } from './core.ts';
import type { Lease } from './file-cache.ts';
import { groupHeaderBytes } from './journal-format.ts';
import type { Group, JournalPosition } from './journal.ts';
import { segmentPath } from './names.ts';
import type { Pace } from './pace.ts';
import type { PartitionLog } from './partition.ts';
import { collectWrites, type SegmentWrite, type SegmentWrites } from './segment-writes.ts';
import type { Segment } from './segment.ts';

const syncAtBytes = 4 * MiB;
const opensAtOnce = 16;
/** Entries looked through in one turn of the loop, and segments opened and written to at once: a piece over thousands of segments holds nobody up. */
const entriesPerTurn = 1000;
const segmentsAtOnce = 64;
/** Pieces grow, up to four times, while a segment gets less than this of each. */
const shareBytesMin = 16 * 1024;
/** What is less than a piece waits this long for company: memory and journal hold it meanwhile. Longer while each piece touches many segments. */
const waitMs = 2000;
const waitMsMax = 8000;
const segmentsPerWait = 2000;
const retryMs = 200;
/** What an idle node writes now and then, such as its own topics, needs no lane: at most this share of a piece (64 KiB of 4 MiB). */
const trickleShare = 1 / 64;

/** What is not yet synced: cleared by a checkpoint. */
export interface Unsynced { readonly segments: Map<Segment, PartitionLog>; readonly folders: Set<string> }

/** Whom the writer tells. */
export interface SegmentWriterOptions {
  readonly core: LogCore;
  readonly disk: Disk;
  readonly from: JournalPosition;
  /** A piece is at least this long, unless time or need come first. */
  readonly pieceBytes: number;
  /** With more than this waiting, pieces follow without a pause. */
  readonly waitingBytesMax: number;
  readonly pace: Pace;
  /** Memory was freed. */
  readonly onWritten: (bytes: number) => void;
  /** The disk is full; told again with null when a write passed. */
  readonly onFull: (error: Error | null) => void;
  readonly onFailed: (error: Error) => void;
}

/** The background writer of segments. */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #lane: Lane | null = null;
  readonly #queue: Group[] = [];
  #queuedBytes = 0;
  #pieceBytes: number;
  #waitMs = waitMs;
  #running: Promise<void> | null = null;
  /** The next start, unless something comes first. */
  #timer: Timer | null = null;
  #urgent = false;
  #paused = 0;
  #stopped = false;
  #full = false;
  #giveUpWhenFull = false;
  readonly #madeFolders = new Set<string>();
  #unsynced: Unsynced = { segments: new Map(), folders: new Set() };
  /** Where the journal stands after the last group that is in its segments. */
  position: JournalPosition;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
    this.position = options.from;
    this.#pieceBytes = options.pieceBytes;
  }

  get queuedBytes(): number { return this.#queuedBytes; }
  get isStopped(): boolean { return this.#stopped; }

  /** Takes over a committed group. */
  add(group: Group): void {
    this.#queue.push(group);
    this.#queuedBytes += group.bytes;
    if (this.#queuedBytes >= this.#pieceBytes || this.#urgent) this.#start();
    else this.#startLater();
  }

  /** Writes without waiting for a whole piece: memory is needed. */
  hurry(): void { if (this.#queue.length > 0) this.#start(); }

  /** Writes everything added so far; with `giveUpWhenFull` it ends at a full disk, and nothing more is written. */
  async flush(giveUpWhenFull = false): Promise<void> {
    this.#giveUpWhenFull = giveUpWhenFull;
    this.#urgent = true;
    try {
      while ((this.#queue.length > 0 || this.#running !== null) && !this.#stopped) {
        this.#start();
        await (this.#running ?? this.#nextTurn());
      }
    } finally {
      this.#urgent = false;
    }
  }

  /** Runs `look` between two pieces, when the facts of segments are exactly those of `position`. */
  async between<T>(look: () => T): Promise<T> {
    this.#paused++;
    try {
      while (this.#running !== null) await this.#running;
      return look();
    } finally {
      this.#paused--;
      if (this.#queuedBytes >= this.#pieceBytes || this.#urgent) this.#start();
      else if (this.#queue.length > 0) this.#startLater();
    }
  }

  /** Segments written since the last checkpoint. */
  get unsyncedSegments(): number { return this.#unsynced.segments.size; }

  /** What was written since the last call, to be synced by the caller. */
  takeUnsynced(): Unsynced {
    const taken = this.#unsynced;
    this.#unsynced = { segments: new Map(), folders: new Set() };
    return taken;
  }

  /** Puts back what a failed checkpoint had taken. */
  returnUnsynced(unsynced: Unsynced): void {
    for (const [segment, partition] of unsynced.segments) this.#unsynced.segments.set(segment, partition);
    for (const folder of unsynced.folders) this.#unsynced.folders.add(folder);
  }

  /** Notes what replay wrote. */
  noteReplayed(write: SegmentWrite): void {
    this.#wrote(write);
    if (write.position === 0) this.#unsynced.folders.add(write.partition.name).add('.');
  }

  /** A name in the folder is new: to be made durable by the next checkpoint. */
  noteFolder(name: string): void { this.#unsynced.folders.add(name); }

  /** Syncs files on the flush lane. */
  async sync(leases: readonly Lease[]): Promise<void> {
    await this.#submit(leases.map(({ file }) => ({ kind: 'sync', file })));
  }

  /** Takes no more; waits for what is under way. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    while (this.#running !== null) await this.#running;
    await this.#lane?.close();
    this.#lane = null;
  }

  #startLater(): void {
    if (this.#timer === null) this.#startIn(this.#waitMs);
  }

  #startIn(ms: number): void {
    this.#cancelTimer();
    if (this.#stopped) return;
    this.#timer = this.#options.core.clock.after(ms, () => {
      this.#timer = null;
      this.#start();
    });
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #start(): void {
    if (this.#running !== null || this.#stopped || this.#paused > 0 || this.#queue.length === 0) return;
    this.#running = this.#writePiece().finally(() => {
      this.#running = null;
      if (this.#queuedBytes >= this.#pieceBytes) this.#startPaced();
      else if (this.#queue.length > 0) this.#startLater();
    });
  }

  /** The next piece at once, or a little later while the journal's commits suffer (see pace.ts) and memory allows it. */
  #startPaced(): void {
    const { pace, waitingBytesMax } = this.#options;
    const waitMs = this.#urgent || this.#queuedBytes > waitingBytesMax ? 0 : pace.waitMs;
    if (waitMs === 0) this.#start();
    else this.#startIn(waitMs);
  }

  /** Writes one piece: whole groups, from the oldest on. */
  async #writePiece(): Promise<void> {
    const { core } = this.#options;
    const groups: Group[] = [];
    const writes: SegmentWrites = new Map();
    let bytes = 0;
    for (let entries = 0; this.#queue.length > 0 && bytes < this.#pieceBytes;) {
      const group = this.#queue.shift()!;
      groups.push(group);
      bytes += group.bytes;
      collectWrites(group.slab.bytes, group.at + groupHeaderBytes, group.at + group.bytes, core.byId, writes);
      entries += group.entryCount;
      if (entries < entriesPerTurn) continue;
      entries = 0;
      await this.#nextTurn();
    }
    while (!(await this.#tryWrite(writes))) {
      if (this.#giveUpWhenFull) this.#stopped = true;
      if (this.#stopped) return;
      await new Promise<void>((resolve) => core.clock.after(retryMs, resolve));
    }
    let noted = 0;
    for (const write of writes.values()) {
      this.#wrote(write);
      if (++noted % entriesPerTurn === 0) await this.#nextTurn();
    }
    for (const group of groups) group.slab.unflushedGroups--;
    this.#queuedBytes -= bytes;
    const { pieceBytes } = this.#options;
    this.#pieceBytes = Math.min(4 * pieceBytes, Math.max(pieceBytes, writes.size * shareBytesMin));
    this.#waitMs = Math.min(waitMsMax, waitMs * Math.max(1, writes.size / segmentsPerWait));
    this.position = groups.at(-1)!.after;
    this.#options.onWritten(bytes);
  }

  #nextTurn(): Promise<void> { return new Promise((resolve) => this.#options.core.clock.soon(resolve)); }

  /** False when the disk was full: to be tried again. */
  async #tryWrite(writes: SegmentWrites): Promise<boolean> {
    const { onFull, onFailed } = this.#options;
    try {
      const all = [...writes.values()];
      for (let from = 0; from < all.length; from += segmentsAtOnce) await this.#writeSome(all.slice(from, from + segmentsAtOnce));
      if (this.#full) onFull(null);
      this.#full = false;
      return true;
    } catch (error) {
      if (isMillraceError(error, 'disk-full')) {
        this.#full = true;
        onFull(error);
      } else {
        this.#stopped = true;
        onFailed(error as Error);
      }
      return false;
    }
  }

  async #writeSome(writes: readonly SegmentWrite[]): Promise<void> {
    const leases: Lease[] = [];
    try {
      const files = await this.#openAll(writes.filter((write) => !write.partition.removed), leases);
      const steps: LaneStep[] = [];
      for (const [write, file] of files) {
        steps.push({ kind: 'write', file: file.file, position: write.position, parts: write.parts });
        if (write.segment.unsyncedBytes + write.bytes >= syncAtBytes) steps.push({ kind: 'sync', file: file.file });
      }
      if (steps.length > 0) await this.#submit(steps);
    } finally {
      for (const lease of leases) lease.release();
    }
  }

  async #openAll(writes: readonly SegmentWrite[], leases: Lease[]): Promise<[SegmentWrite, Lease][]> {
    const opened: [SegmentWrite, Lease][] = [];
    const missing: SegmentWrite[] = [];
    for (const write of writes) {
      const lease = write.position === 0 ? null : this.#options.core.files.tryAcquire(segmentPath(write.partition.name, write.segment, 'log'));
      if (lease === null) missing.push(write);
      else {
        leases.push(lease);
        opened.push([write, lease]);
      }
    }
    for (let from = 0; from < missing.length; from += opensAtOnce) {
      const some = missing.slice(from, from + opensAtOnce);
      const results = await Promise.allSettled(some.map((write) => this.#open(write)));
      for (const result of results) if (result.status === 'fulfilled') leases.push(result.value);
      results.forEach((result, index) => {
        if (result.status === 'rejected') throw result.reason;
        opened.push([some[index]!, result.value]);
      });
    }
    return opened;
  }

  async #open({ partition, segment, position }: SegmentWrite): Promise<Lease> {
    const { core, disk } = this.#options;
    const path = segmentPath(partition.name, segment, 'log');
    if (position > 0) return core.files.acquire(path, true);
    if (!this.#madeFolders.has(partition.name)) {
      await disk.makeFolder(partition.name);
      this.#madeFolders.add(partition.name);
      this.#unsynced.folders.add('.');
    }
    this.#unsynced.folders.add(partition.name);
    return core.files.acquire(path, true);
  }

  /** The folder of a removed partition is gone: a new one of that name makes it again. */
  forgetFolder(name: string): void {
    this.#madeFolders.delete(name);
    this.#unsynced.folders.delete(name);
  }

  async #submit(steps: readonly LaneStep[]): Promise<void> {
    if (this.#lane === null && bytesOf(steps) <= this.#options.pieceBytes * trickleShare) return writeTrickle(steps);
    const lane = (this.#lane ??= await this.#options.disk.openLane());
    const error = await new Promise<Error | null>((resolve) => lane.submit(steps, resolve));
    if (error === null) return;
    this.#lane = null;
    await lane.close();
    throw error;
  }

  #wrote(write: SegmentWrite): void {
    const { segment } = write;
    assert(write.position + write.bytes <= segment.bytes, 'L6: what is written was taken in');
    segment.writtenBytes = write.position + write.bytes;
    segment.unsyncedBytes += write.bytes;
    if (segment.unsyncedBytes >= syncAtBytes) segment.unsyncedBytes = 0;
    this.#unsynced.segments.set(segment, write.partition);
    this.#options.core.counts.segmentBytesWritten += write.bytes;
  }
}

function bytesOf(steps: readonly LaneStep[]): number {
  let bytes = 0;
  for (const step of steps) if (step.kind === 'write') for (const part of step.parts) bytes += part.length;
  return bytes;
}

/** In the order of the steps, as a lane does it. */
async function writeTrickle(steps: readonly LaneStep[]): Promise<void> {
  for (const step of steps) {
    if (step.kind === 'write') await step.file.write(step.parts, step.position);
    else await step.file.sync();
  }
}

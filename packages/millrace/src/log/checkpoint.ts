// log/checkpoint.ts - makes segments durable and says so in a manifest, so that the journal's files can be used again.
// Owns: when and how fast. Never: acks; nothing waits for a checkpoint but a clean close.
// M1 The order is: facts are taken, files synced, folders synced, manifest written, journal recycled from the older manifest on.
// Cost: one fdatasync for each segment written since, spread over time, two more for one with 2 KiB of new index entries; one manifest of
// 56 bytes a segment.
import { isMillraceError } from '../base/mod.ts';
import type { LogCore } from './core.ts';
import type { Lease } from './file-cache.ts';
import type { JournalFiles } from './journal-files.ts';
import { encodeManifest, writeManifest, type Manifest } from './manifest.ts';
import { segmentPath } from './names.ts';
import type { Pace } from './pace.ts';
import type { PartitionLog } from './partition.ts';
import type { SegmentWriter, Unsynced } from './segment-writer.ts';
import type { Segment } from './segment.ts';

/** Index entries wait in memory until there are this many bytes of them: a crash before leaves a gap in the index, which costs a longer look. */
const indexBytesMin = 2048;
/** Files synced in one go; then the lane is free for others. */
const syncsAtOnce = 8;
/** Segments whose index entries are stored side by side. */
const indexesAtOnce = 8;

/** What a checkpoint works with. */
export interface CheckpointOptions {
  readonly core: LogCore; readonly writer: SegmentWriter; readonly files: JournalFiles; readonly pace: Pace;
  /** The facts of now, without number and place in the journal. */
  readonly facts: () => Omit<Manifest, 'number' | 'journal'>;
  readonly onFailed: (error: Error) => void;
  /** Number of the newest manifest, and where the older one begins. */
  readonly number: number; readonly olderFileSequence: number;
}

/** Takes checkpoints, one at a time. */
export class Checkpointer {
  readonly #options: CheckpointOptions;
  #number: number;
  #lastFileSequence: number;
  #running: Promise<boolean> | null = null;
  /** Store all index entries: the log is closing. */
  #all = false;

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#number = options.number;
    this.#lastFileSequence = options.olderFileSequence;
  }

  get isRunning(): boolean { return this.#running !== null; }

  /** Waits for the one under way: after that nothing touches files of partitions removed before. */
  async settled(): Promise<void> { await this.#running; }

  /** Takes one now, or joins the one under way; false when it failed (disk full, storage failed). `paceMs` is waited between syncs. */
  run(paceMs: number): Promise<boolean> {
    this.#running ??= this.#take(paceMs).finally(() => { this.#running = null; });
    return this.#running;
  }

  /** The last one, of a log that closes: a start then finds complete indexes. */
  async runLast(): Promise<boolean> {
    await this.settled();
    this.#all = true;
    return this.run(0);
  }

  async #take(paceMs: number): Promise<boolean> {
    const { core, writer, files, facts, onFailed } = this.#options;
    let unsynced: Unsynced = { segments: new Map(), folders: new Set() };
    let journal = writer.position;
    try {
      await this.#storeIndexes();
      const taken = await writer.between(() => ({
        journal: writer.position,
        bytes: encodeManifest({ ...facts(), number: this.#number + 1, journal: writer.position }),
        unsynced: writer.takeUnsynced(),
      }));
      ({ journal, unsynced } = taken);
      await this.#syncAll(unsynced, paceMs);
      for (const folder of unsynced.folders) await this.#syncFolder(folder);
      await writeManifest(core.disk, this.#number + 1, taken.bytes);
    } catch (error) {
      writer.returnUnsynced(unsynced);
      if (!isMillraceError(error, 'disk-full')) onFailed(error as Error);
      return false;
    }
    this.#number++;
    files.recycle(this.#lastFileSequence);
    this.#lastFileSequence = journal.fileSequence;
    return true;
  }

  /** Index entries go to their files first, so that the manifest can count them. */
  async #storeIndexes(): Promise<void> {
    const waiting: [PartitionLog, Segment][] = [];
    for (const partition of this.#options.core.byId.values()) {
      for (const segment of partition.segments) if (this.#isWorthStoring(segment)) waiting.push([partition, segment]);
    }
    for (let from = 0; from < waiting.length; from += indexesAtOnce) {
      const results = await Promise.allSettled(waiting.slice(from, from + indexesAtOnce).map(([partition, segment]) => this.#storeIndex(partition, segment)));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    }
  }

  async #syncAll(unsynced: Unsynced, paceMs: number): Promise<void> {
    const { core, writer, pace } = this.#options;
    const segments = [...unsynced.segments];
    for (let from = 0; from < segments.length; from += syncsAtOnce) {
      const some = segments.slice(from, from + syncsAtOnce).filter(([, partition]) => !partition.removed);
      const leases: Lease[] = [];
      try {
        for (const [segment, partition] of some) {
          const lease = await this.#openThere(partition, segment);
          if (lease === null) continue;
          leases.push(lease);
          segment.unsyncedBytes = 0;
        }
        if (leases.length > 0) await writer.sync(leases);
      } finally {
        for (const lease of leases) lease.release();
      }
      if (paceMs > 0 && from + syncsAtOnce < segments.length) await new Promise<void>((resolve) => core.clock.after(paceMs + pace.waitMs, resolve));
    }
  }

  /** The segment's log file; null when it was removed meanwhile. */
  async #openThere(partition: PartitionLog, segment: Segment): Promise<Lease | null> {
    try {
      return await this.#options.core.files.acquire(segmentPath(partition.name, segment, 'log'));
    } catch (error) {
      if (isMillraceError(error, 'not-found') && !this.#isLive(partition, segment)) return null;
      throw error;
    }
  }

  #isLive(partition: PartitionLog, segment: Segment): boolean { return !partition.removed && partition.segments.includes(segment); }

  async #syncFolder(folder: string): Promise<void> {
    try {
      await this.#options.core.disk.syncFolder(folder);
    } catch (error) {
      if (!isMillraceError(error, 'not-found')) throw error;
    }
  }

  #isWorthStoring({ index, sealed }: Segment): boolean {
    return index.pendingBytes >= (this.#all || sealed ? 1 : indexBytesMin);
  }

  /** Stores and syncs a segment's waiting index entries. */
  async #storeIndex(partition: PartitionLog, segment: Segment): Promise<void> {
    const { core, writer } = this.#options;
    const pending = segment.index.encodePending();
    if (pending === null || !this.#isLive(partition, segment) || segment.writtenBytes === 0) return;
    if (pending.indexAt === 0 || pending.timeAt === 0) writer.noteFolder(partition.name);
    await this.#append(segmentPath(partition.name, segment, 'index'), pending.index, pending.indexAt, segment.sealed);
    await this.#append(segmentPath(partition.name, segment, 'timeindex'), pending.time, pending.timeAt, segment.sealed);
    segment.index.stored(pending.indexCount, pending.timeCount);
    core.counts.segmentBytesWritten += pending.index.length + pending.time.length;
  }

  async #append(path: string, bytes: Uint8Array, at: number, last: boolean): Promise<void> {
    if (bytes.length === 0 && !last) return;
    const lease = await this.#options.core.files.acquire(path, true);
    try {
      if (bytes.length > 0) await lease.file.write([bytes], at);
      if (last) await lease.file.truncate(at + bytes.length);
      await lease.file.sync();
    } finally {
      lease.release();
    }
  }
}

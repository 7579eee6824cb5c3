// log/log.ts - one open data folder: puts the parts together and is their door.
// Owns: opening and closing, the log's state, structural changes, when checkpoints and retention run. Never: bytes of files.
// States: open -> full (disk full: appends refused, reads go on) -> open by itself; any -> failed (a sync failed: what it covered was never
// acknowledged, no more appends until a restart); any -> closed.
import { assert, byteBounds, copyBytes, diskMsBounds, Histogram, limits, MillraceError, type ReportFacts, type ReportLevel } from '../base/mod.ts';
import type { Disk, Lane, LaneResult, Timer } from '../os/mod.ts';
import { writeBackup, type CopySummary } from './backup.ts';
import { Checkpointer } from './checkpoint.ts';
import type { Counts, LogCore } from './core.ts';
import { FileCache } from './file-cache.ts';
import { IndexCache } from './index-cache.ts';
import { entryBytes, entryKind, type EntryKind } from './journal-format.ts';
import { JournalFiles } from './journal-files.ts';
import { Journal, type Group } from './journal.ts';
import { isPartitionName, segmentPath } from './names.ts';
import type { Manifest, PartitionFacts } from './manifest.ts';
import { Pace } from './pace.ts';
import { PartitionLog } from './partition.ts';
import { ReadAhead } from './read-ahead.ts';
import { ReadBuffers } from './read-buffers.ts';
import { ReadGate } from './read-gate.ts';
import { findBase, openFolder, replay, type ReplayTarget } from './recovery.ts';
import { Removals, removeQuietly } from './removals.ts';
import { expiredStart } from './retention.ts';
import { SegmentWriter } from './segment-writer.ts';
import type { SegmentWrite } from './segment-writes.ts';
import { SlabPool } from './slabs.ts';
import type { Appended, JointAppend, Log, LogOptions, LogState, LogStats, Partition, PartitionConfig } from './types.ts';

const day = 86_400_000;
/** Configuration of a partition found at open, until configure() is called: nothing is deleted. */
const foundConfig: PartitionConfig = { segmentBytes: limits.log.segmentBytesDefault, segmentMs: 7 * day, retentionBytes: -1, retentionMs: -1, durability: 'synced' };
const retentionEveryMs = 30_000;
/** A quiet log is checkpointed after this, so that its next start reads no tail. */
const checkpointEveryMs = 30_000;
const prepareAgainMs = 500;
/** A checkpoint is due after half a journal file, and this much more for each segment that it would have to sync. */
const checkpointSegmentBytes = 64 * 1024;
/** Between syncs of a checkpoint; longer while commits are slow (pace.ts). */
const checkpointPaceMs = 2;

const encoder = new TextEncoder();

/**
 * Opens the log of a data folder, making a new one where there is none. Rejects 'data-folder-locked', 'data-folder-newer', 'data-damaged'
 * (an acknowledged group is unreadable: nothing is cut silently), 'disk-full', 'storage-failed'.
 * @example const log = await openLog({ disk: new NodeDisk('./data'), clock: nodeClock(), random: nodeRandom() });
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const lock = await options.disk.lock();
  try {
    return await MillraceLog.open(options, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class MillraceLog implements Log, LogCore {
  readonly #options: LogOptions;
  readonly disk: LogOptions['disk'];
  readonly clock: LogOptions['clock'];
  readonly pool: SlabPool;
  readonly buffers = new ReadBuffers();
  readonly coldReads = new ReadGate(limits.log.coldReadsMax);
  readonly readAhead: ReadAhead;
  readonly files: FileCache;
  readonly indexes: IndexCache;
  readonly byId = new Map<number, PartitionLog>();
  readonly counts: Counts = { groupsCommitted: 0, bytesAppended: 0, segmentBytesWritten: 0, syncMsLast: 0, syncMsMax: 0, tailHits: 0, tailMisses: 0, checkpoints: 0, groupWriteMs: new Histogram(diskMsBounds), groupSyncMs: new Histogram(diskMsBounds), groupBytes: new Histogram(byteBounds), coldReadMs: new Histogram(diskMsBounds) };
  readonly partitions = new Map<string, PartitionLog>();
  readonly #lock: { release(): Promise<void> };
  readonly #journalFileBytes: number;
  readonly #pace = new Pace();
  journal!: Journal;
  #lane!: Promise<Lane>;
  #journalFiles!: JournalFiles;
  #writer!: SegmentWriter;
  #checkpointer!: Checkpointer;
  #journalId = 0n;
  #term = 0;
  #nextPartitionId = 1;
  #state: LogState = { kind: 'open' };
  readonly #retentionWatchers: ((partition: Partition) => Promise<void>)[] = [];
  readonly #stateWatchers = new Set<(state: LogState) => void>();
  readonly #roomWaiters: (() => void)[] = [];
  readonly #removals: Removals;
  readonly #creating = new Set<string>();
  #checkpointedBytes = 0;
  #checkpointedMs: number | null = null;
  #lastActivityBytes = 0;
  readonly #timers = new Set<Timer>();
  readonly #damageTold = new Set<string>();
  /** Why the disk counts as full. */
  #fullJournal = false;
  #freeingJournal = false;
  #closing: Promise<void> | null = null;
  #fullSegments = false;

  private constructor(options: LogOptions, lock: { release(): Promise<void> }) {
    this.#options = options;
    this.#lock = lock;
    this.disk = options.disk;
    this.clock = options.clock;
    this.readAhead = new ReadAhead(options.clock);
    this.#journalFileBytes = Math.max(limits.log.journalFileBytesMin, options.journalFileBytes ?? limits.log.journalFileBytesDefault);
    this.pool = new SlabPool((bytes) => options.disk.allocate(bytes), Math.max(limits.log.tailBytesMin, options.tailBytes ?? limits.log.tailBytesDefault));
    this.files = new FileCache(options.disk, limits.log.openFilesMax);
    this.indexes = new IndexCache(this.files);
    this.indexes.onRebuilt = (path) => this.#report(`${path}: did not match its log and was made anew`, 'warn');
    this.pool.onFreed = () => this.#tellRoom();
    this.#removals = new Removals({
      disk: options.disk, files: this.files, indexes: this.indexes, report: (line, level) => this.#report(line, level),
      untouched: (name) => this.#untouched(name),
    });
  }

  static async open(options: LogOptions, lock: { release(): Promise<void> }): Promise<MillraceLog> {
    const log = new MillraceLog(options, lock);
    try {
      await log.#recover();
      return log;
    } catch (error) {
      await log.#journalFiles?.close();
      await log.#lane?.then((lane) => lane.close(), () => {});
      await log.files.close();
      throw error;
    }
  }

  get state(): LogState { return this.#state; }

  async create(name: string, config: PartitionConfig): Promise<PartitionLog> {
    if (!isPartitionName(name)) throw new MillraceError('invalid-argument', `Cannot create partition '${name}': not a topic's name and a number`, { name });
    if (this.partitions.has(name) || this.#creating.has(name)) throw new MillraceError('topic-exists', `Cannot create partition '${name}': it is there already`, { name });
    this.#creating.add(name);
    try {
      await this.#removals.clear(name);
      const id = this.#nextPartitionId++;
      await this.commitEntry(entryKind.create, id, 0, encoder.encode(name));
      const partition = new PartitionLog(this, { id, name, logStartOffset: 0, segments: [] }, config);
      this.byId.set(id, partition);
      this.partitions.set(name, partition);
      return partition;
    } finally {
      this.#creating.delete(name);
    }
  }

  async remove(name: string): Promise<void> {
    const partition = this.partitions.get(name);
    if (partition === undefined) throw new MillraceError('topic-not-found', `Cannot remove partition '${name}': there is none`, { name });
    await this.commitEntry(entryKind.remove, partition.id, 0);
    if (partition.removed) return;
    this.#forget(partition);
    this.#removals.inBackground(this.#removals.folder(partition));
  }

  appendTogether(parts: readonly JointAppend[], done: (error: Error | null) => void): Appended[] {
    const partitions = parts.map(({ partition }) => {
      assert(partition instanceof PartitionLog && (partition.removed || this.byId.get(partition.id) === partition), 'a partition of this log');
      return partition;
    });
    let bytes = 0;
    for (const [index, { batches }] of parts.entries()) bytes += partitions[index]!.entriesBytes(batches);
    const names = partitions.map(({ name }) => name).join("', '");
    if (parts.length > 1 && bytes > limits.log.groupBytesMax) throw new MillraceError('message-too-large', `Cannot append ${bytes} bytes together to '${names}': a group of the journal takes ${limits.log.groupBytesMax}`, { bytes });
    this.reserve(bytes, names);
    const appended = parts.map(({ batches }, index) => partitions[index]!.addReserved(batches));
    for (const partition of partitions) partition.addedJointly();
    this.journal.open.dones.push(done);
    this.journal.kick();
    return appended;
  }

  async applyRetention(): Promise<void> {
    const nowMs = this.clock.nowMs();
    for (const partition of [...this.partitions.values()]) {
      if (partition.removed || this.#state.kind === 'closed' || this.#state.kind === 'failed') continue;
      const start = expiredStart(partition, nowMs);
      if (start === null) this.dropSegments(partition);
      else if (start.roll) await this.#rollFor(partition);
      else await this.#dropBefore(partition, start.offset);
    }
  }

  beforeRetention(callback: (partition: Partition) => Promise<void>): void { this.#retentionWatchers.push(callback); }

  async #dropBefore(partition: PartitionLog, offset: number): Promise<void> {
    for (const callback of this.#retentionWatchers) await callback(partition);
    if (!partition.removed && this.#state.kind !== 'closed' && this.#state.kind !== 'failed') await partition.deleteBefore(offset);
  }

  async checkpoint(): Promise<void> {
    await this.journal.drain();
    await this.#writer.flush();
    await this.#checkpointer.settled();
    await this.#takeCheckpoint(0);
  }

  async backup(target: Disk): Promise<CopySummary> {
    await this.checkpoint();
    const manifest = await this.#writer.between(() => ({ ...this.#facts(), journal: this.#writer.position }));
    const isLive = (partitionId: number, baseOffset: number): boolean => this.byId.get(partitionId)?.segments.some((segment) => segment.baseOffset === baseOffset) ?? false;
    return writeBackup({ disk: this.disk, manifest, isLive, isThere: (partitionId) => this.byId.has(partitionId) }, target);
  }

  onState(callback: (state: LogState) => void): () => void {
    this.#stateWatchers.add(callback);
    return () => { this.#stateWatchers.delete(callback); };
  }

  whenRoom(callback: () => void): void {
    this.#roomWaiters.push(callback);
    if (this.journal.isIdle && this.#writer.queuedBytes === 0) this.#tellRoom();
    else this.#writer.hurry();
  }

  stats(): LogStats {
    const { counts } = this;
    return {
      groupsCommitted: counts.groupsCommitted, bytesAppended: counts.bytesAppended, deviceBytesWritten: this.journal.deviceBytes + counts.segmentBytesWritten,
      syncMsLast: counts.syncMsLast, syncMsMax: counts.syncMsMax, tailHits: counts.tailHits, tailMisses: counts.tailMisses,
      openFiles: this.files.openFiles, unflushedBytes: this.#writer.queuedBytes, tailBytes: this.pool.tailBytes,
      readBytes: this.buffers.lentBytes + this.pool.pinned * this.pool.slabBytes,
      checkpoints: counts.checkpoints, checkpointLagBytes: this.journal.deviceBytes - this.#checkpointedBytes, checkpointAgeMs: this.#checkpointedMs === null ? null : this.clock.monotonicMs() - this.#checkpointedMs,
      journalBytesWritten: this.journal.deviceBytes, groupsInFlight: this.journal.groupsInFlight, groupWaitMs: this.journal.waitMs, groupsWaiting: this.journal.groupsWaiting,
      groupWriteMs: counts.groupWriteMs, groupSyncMs: counts.groupSyncMs, groupBytes: counts.groupBytes, coldReadMs: counts.coldReadMs,
      readAheadHits: this.readAhead.hits, readAheadBegun: this.readAhead.begun,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const failed = this.#state.kind === 'failed';
    this.journal.stop();
    if (!failed) await this.#endJournal();
    this.#setState({ kind: 'closed' });
    for (const timer of this.#timers) timer.cancel();
    if (!failed) {
      await this.#writer.flush(true);
      if (!this.#writer.isStopped) await this.#checkpointer.runLast();
    }
    await this.readAhead.close();
    await this.#removals.settled();
    await this.#writer.close();
    await this.#journalFiles.close();
    await (await this.#lane).close();
    await this.files.close();
    await this.#lock.release();
  }

  /** Waits until all that was appended is durable; on a full disk what has no place in the journal is told that it is not. */
  async #endJournal(): Promise<void> {
    if (this.#state.kind === 'open') {
      let stopWatching = (): void => {};
      const disturbed = new Promise<void>((resolve) => { stopWatching = this.onState(() => resolve()); });
      await Promise.race([this.journal.drain(), disturbed]);
      stopWatching();
    }
    const lost = this.journal.isIdle ? [] : await this.journal.giveUp();
    const told = new MillraceError('closed', 'Cannot commit: the log was closed on a full disk');
    for (const group of lost) group.tell(told);
  }

  // LogCore: for the other files of this room.

  checkWritable(name: string): void {
    if (this.#closing !== null) throw new MillraceError('closed', `Cannot append to '${name}': the log is closed`, { partition: name });
    if (this.#state.kind === 'open') return;
    switch (this.#state.kind) {
      case 'full': throw new MillraceError('disk-full', `Cannot append to '${name}': the disk is full`, { partition: name });
      case 'failed': throw new MillraceError('storage-failed', `Cannot append to '${name}': ${this.#state.reason}`, { partition: name });
      case 'closed': throw new MillraceError('closed', `Cannot append to '${name}': the log is closed`, { partition: name });
    }
  }

  reserve(bytes: number, name: string): void {
    if (bytes > limits.log.batchBytesMax * 1.25) throw new MillraceError('message-too-large', `Cannot append to '${name}': ${bytes} bytes at once`, { partition: name, bytes });
    if (this.journal.reserve(bytes)) return;
    this.journal.kick();
    this.#writer.hurry();
    throw new MillraceError('overloaded', `Cannot append to '${name}': memory for appends is full until the disk has caught up`, { partition: name, bytes });
  }

  async commitEntry(kind: EntryKind, partitionId: number, offset: number, body: Uint8Array = new Uint8Array(0)): Promise<void> {
    while (!this.#tryReserve(entryBytes(body.length))) await new Promise<void>((resolve) => this.whenRoom(resolve));
    const at = this.journal.entry(kind, partitionId, body.length, 0, offset);
    copyBytes(body, 0, body.length, this.journal.open.slab.bytes, at);
    const { dones } = this.journal.open;
    this.journal.kick();
    await new Promise<void>((resolve, reject) => dones.push((error) => (error === null ? resolve() : reject(error))));
  }

  dropSegments(partition: PartitionLog): void {
    while (partition.segments.length > 1) {
      const segment = partition.segments[0]!;
      if (segment.endOffset > partition.logStartOffset || !segment.sealed || segment.writtenBytes < segment.bytes) return;
      partition.segments.shift();
      this.#removals.segment(partition.name, segment);
    }
  }

  reportDamage(path: string, position: number, what: string): void {
    const place = `${path}@${position}`;
    if (this.#damageTold.has(place) || this.#damageTold.size > 10_000) return;
    this.#damageTold.add(place);
    this.#report(`${path}: damaged at byte ${position}: ${what}`, 'error', { path, position });
  }

  // Opening.

  async #recover(): Promise<void> {
    const { disk } = this;
    // The lane's thread starts while the folder is read.
    this.#lane = disk.openLane();
    this.#lane.catch(() => {});
    const format = await openFolder(disk, this.#options.random);
    this.#journalId = format.journalId;
    const base = await findBase(disk, format, (line, level) => this.#report(line, level));
    for (const facts of base.manifest.partitions) this.#addFound(facts);
    for (const name of base.manifest.removals) if (!this.partitions.has(name)) await removeQuietly(disk, name);
    const replayedWrites: SegmentWrite[] = [];
    const target: ReplayTarget = {
      byId: this.byId,
      create: (facts) => this.#addFound(facts),
      remove: async (id) => {
        const partition = this.byId.get(id)!;
        this.#forget(partition);
        await this.#removals.folder(partition);
      },
      write: async (writes) => { for (const write of writes) replayedWrites.push(await this.#writeReplayed(write)); },
      report: (line, level) => this.#report(line, level),
    };
    const replayed = await replay(disk, base, target);
    for (const partition of this.byId.values()) partition.finishReplay();
    this.#term = replayed.term;
    this.#nextPartitionId = replayed.nextPartitionId;
    this.#journalFiles = new JournalFiles(disk, this.#journalId, this.#term, this.#journalFileBytes);
    this.#journalFiles.onError = (error) => this.#prepareFailed(error);
    this.#journalFiles.onExhausted = () => { void this.#freeJournal(); };
    await this.#journalFiles.open(base.files, replayed.position.fileSequence, replayed.position.position);
    const lane = await this.#lane;
    this.journal = new Journal({
      pool: this.pool, files: this.#journalFiles, lane, clock: this.clock, journalId: this.#journalId, term: this.#term, from: replayed.position,
      onCommitted: (group, result) => this.#committed(group, result),
      onFailed: (error, groups) => this.#journalFailed(error, groups),
    });
    this.#writer = new SegmentWriter({
      core: this, disk, from: replayed.position, pieceBytes: Math.min(limits.log.flushPieceBytes, this.pool.slabBytes), waitingBytesMax: this.pool.bytes / 2, pace: this.#pace,
      onWritten: () => { this.#checkpointWhenDue(); this.#tellRoom(); },
      onFull: (error) => { this.#fullSegments = error !== null; this.#updateFull(); },
      onFailed: (error) => this.#fail(error),
    });
    for (const write of replayedWrites) this.#writer.noteReplayed(write);
    this.#checkpointer = new Checkpointer({
      core: this, writer: this.#writer, files: this.#journalFiles, pace: this.#pace, facts: () => this.#facts(), onFailed: (error) => this.#fail(error),
      number: base.manifest.number, olderFileSequence: base.olderFileSequence,
    });
    for (const partition of this.partitions.values()) this.dropSegments(partition);
    if (replayed.bytes > 0) this.#checkpointedBytes = -this.#journalFileBytes;
    this.#every(retentionEveryMs, () => this.applyRetention());
    this.#every(checkpointEveryMs, () => this.#checkpointWhenQuiet());
  }

  #addFound(facts: PartitionFacts): void {
    const partition = new PartitionLog(this, facts, this.#options.configOf?.(facts.name) ?? foundConfig);
    this.byId.set(facts.id, partition);
    this.partitions.set(facts.name, partition);
  }

  async #writeReplayed(write: SegmentWrite): Promise<SegmentWrite> {
    const path = segmentPath(write.partition.name, write.segment.baseOffset, 'log');
    await this.disk.makeFolder(write.partition.name); // of a partition that was removed later in the journal it is gone already
    const lease = await this.files.acquire(path, true);
    try {
      await lease.file.write(write.parts, write.position);
    } finally {
      lease.release();
    }
    write.segment.writtenBytes = write.position + write.bytes;
    return { partition: write.partition, segment: write.segment, position: write.position, bytes: write.bytes, parts: [] };
  }

  // Commits.

  #committed(group: Group, result: LaneResult): void {
    const syncMs = result.writeMs + result.syncMs;
    this.counts.groupsCommitted++;
    this.counts.groupWriteMs.observe(result.writeMs);
    this.counts.groupSyncMs.observe(result.syncMs);
    this.counts.groupBytes.observe(group.bytes);
    this.counts.syncMsLast = syncMs;
    this.#pace.note(syncMs);
    this.counts.syncMsMax = Math.max(this.counts.syncMsMax, syncMs);
    this.#writer.add(group);
    const advanced: PartitionLog[] = [];
    group.members.forEach((member, index) => {
      const partition = member as PartitionLog;
      if (member.groupMark === group) member.groupMark = null;
      if (partition.committed(group.ends[index]!)) advanced.push(partition);
    });
    group.tell(null);
    for (const partition of advanced) partition.advanced();
    if (this.#roomWaiters.length > 0) this.#writer.hurry();
  }

  #journalFailed(error: Error, groups: readonly Group[]): void {
    this.#fail(error);
    const told = new MillraceError('storage-failed', `Cannot commit: ${error.message}`, { cause: error });
    for (const group of groups) group.tell(told);
  }

  #fail(error: Error): void {
    if (this.#state.kind === 'failed' || this.#state.kind === 'closed') return;
    this.#report(`storage failed: ${error.message}; no more appends until a restart`, 'error');
    this.#setState({ kind: 'failed', reason: error.message });
    this.#tellRoom();
  }

  #prepareFailed(error: Error): void {
    if (!(error instanceof MillraceError) || error.code !== 'disk-full') {
      this.#fail(error);
      return;
    }
    this.#fullJournal = true;
    this.#updateFull();
    this.#after(prepareAgainMs, () => {
      this.#fullJournal = false;
      void this.#journalFiles.prepare().then(() => this.#updateFull());
    });
  }

  #updateFull(): void {
    const full = this.#fullJournal || this.#fullSegments;
    if (full && this.#state.kind === 'open') this.#setState({ kind: 'full' });
    else if (!full && this.#state.kind === 'full') {
      this.#setState({ kind: 'open' });
      this.#tellRoom();
    }
  }

  #setState(state: LogState): void {
    this.#state = state;
    for (const callback of [...this.#stateWatchers]) callback(state);
  }

  #tellRoom(): void {
    if (this.#roomWaiters.length === 0) return;
    const waiters = this.#roomWaiters.splice(0);
    this.clock.soon(() => { for (const callback of waiters) callback(); });
  }

  #tryReserve(bytes: number): boolean {
    if (this.#state.kind === 'failed' || this.#closing !== null) this.checkWritable('journal');
    if (this.journal.reserve(bytes)) return true;
    this.journal.kick();
    return false;
  }

  // Checkpoints.

  #facts(): Omit<Manifest, 'number' | 'journal'> {
    const partitions: PartitionFacts[] = [];
    for (const partition of this.partitions.values()) {
      partitions.push({ id: partition.id, name: partition.name, logStartOffset: partition.logStartOffset, segments: partition.segments.map((segment) => segment.facts()) });
    }
    return { journalId: this.#journalId, term: this.#term, nextPartitionId: this.#nextPartitionId, partitions, removals: this.#removals.folders };
  }

  #checkpointWhenDue(): void {
    const most = (this.#journalFileBytes * limits.log.journalFilesMax) / 4;
    const due = Math.min(most, this.#journalFileBytes / 2 + this.#writer.unsyncedSegments * checkpointSegmentBytes);
    if (this.journal.deviceBytes - this.#checkpointedBytes < due || this.#checkpointer.isRunning) return;
    void this.#takeCheckpoint(checkpointPaceMs);
  }

  async #checkpointWhenQuiet(): Promise<void> {
    const bytes = this.journal.deviceBytes;
    const quiet = bytes === this.#lastActivityBytes;
    this.#lastActivityBytes = bytes;
    if (quiet && bytes !== this.#checkpointedBytes && this.#state.kind === 'open') await this.#takeCheckpoint(checkpointPaceMs);
  }

  /** Every journal file is in use. The files before the older manifest are free, so the second checkpoint at the latest helps (J4). */
  async #freeJournal(): Promise<void> {
    if (this.#freeingJournal) return;
    this.#freeingJournal = true;
    const ended = (): boolean => !this.#journalFiles.isExhausted || this.#state.kind === 'failed' || this.#state.kind === 'closed';
    for (let taken = 0; taken < 2 && !ended(); taken++) await this.#takeCheckpoint(0);
    this.#freeingJournal = false;
    if (!ended()) this.#after(prepareAgainMs, () => void this.#freeJournal()); // the disk is full: there is no room for a manifest
  }

  async #takeCheckpoint(paceMs: number): Promise<void> {
    const bytes = this.journal.deviceBytes;
    if (!await this.#checkpointer.run(paceMs)) return;
    this.#checkpointedBytes = bytes;
    this.#checkpointedMs = this.clock.monotonicMs();
    this.counts.checkpoints++;
  }

  /** A checkpoint or piece under way may still touch the files of a removed partition; those that follow see that it was removed. */
  async #untouched(name: string): Promise<void> {
    if (this.#writer === undefined) return;
    await this.#checkpointer.settled();
    await this.#writer.between(() => this.#writer.forgetFolder(name));
  }

  #forget(partition: PartitionLog): void {
    this.byId.delete(partition.id);
    this.partitions.delete(partition.name);
    partition.markRemoved();
  }

  async #rollFor(partition: PartitionLog): Promise<void> {
    while (!this.#tryReserve(entryBytes(0))) await new Promise<void>((resolve) => this.whenRoom(resolve));
    if (partition.removed || partition.activeBytes === 0) return;
    partition.roll();
    this.journal.kick();
  }

  // Timers.

  #every(ms: number, work: () => Promise<void>): void {
    this.#after(ms, () => {
      void work().catch((error: Error) => this.#report(error.message, 'warn')).finally(() => { if (this.#state.kind !== 'closed') this.#every(ms, work); });
    });
  }

  #after(ms: number, work: () => void): void {
    const timer = this.clock.after(ms, () => {
      this.#timers.delete(timer);
      if (this.#state.kind !== 'closed') work();
    });
    this.#timers.add(timer);
  }

  #report(line: string, level?: ReportLevel, facts?: ReportFacts): void { this.#options.onReport?.(line, level, facts); }
}

assert(checkpointEveryMs > 0 && retentionEveryMs > 0, 'timers go forward');

// log/backup.ts - copies of a data folder: online, incremental, consistent; and back.
// Owns: what a backup folder holds, in which order it is written. Never: holding up the log.
// A backup is a data folder without a journal (a node could start on it) and a catalog `backup.json` of sizes and checksums.
// The cut: between two pieces of the background writer every segment holds exactly the groups up to one place in the journal; the
// facts of that moment are copied, and later bytes are not looked at, as segments only grow. What retention deletes meanwhile is left out; what compaction replaces is kept until
// the copy is done. A segment that was compacted has another name, so an earlier copy is never taken for it.
// B1 The earlier backup stays whole until the new one is complete: files only grow, the new manifest comes after them, old files go last.
// B2 Every batch is checked while it is copied, every file again when it is restored.
// Cost: reads and writes what is new since the last backup, 4 MiB at a time.
import { crc32c, isMillraceError, limits, MiB, MillraceError } from '../base/mod.ts';
import type { Disk, DiskFile } from '../os/mod.ts';
import { batchBytes, batchIsIntact, batchShape } from './batch-bytes.ts';
import { fileHeaderBytes } from './journal-format.ts';
import { decodeManifest, encodeManifest, readWhole, replaceFile, writeManifest, type Manifest, type PartitionFacts } from './manifest.ts';
import { formatFile, formatVersion, manifestPath, segmentPath, segmentPaths } from './names.ts';
import { encodeFormat, parseFormat } from './recovery.ts';
import { indexEntryBytes, timeEntryBytes } from './segment-index.ts';
import type { SegmentName } from './segment.ts';

/** The catalog's name in a backup. */
export const catalogFile = 'backup.json';
const copyBytes = 4 * MiB;

/** What a backup or restore did. */
export interface CopySummary { readonly files: number; readonly bytes: number; readonly bytesCopied: number; readonly partitions: number }

/** A file of a backup; `partitionId` tells a partition from a later one of the same name. */
interface CatalogEntry { readonly bytes: number; readonly crc: number; readonly partitionId: number }
interface Catalog { readonly number: number; readonly files: ReadonlyMap<string, CatalogEntry> }

/** The facts of one moment and how to reach the files. */
export interface BackupSource {
  readonly disk: Disk;
  readonly manifest: Omit<Manifest, 'number'>;
  /** Whether the path still belongs to this segment of this partition, or is kept for the backup. */
  isLive(partitionId: number, segment: SegmentName): boolean;
  /** Whether the partition is still there. */
  isThere(partitionId: number): boolean;
}

/** Brings the backup folder to the state of `source`. Rejects 'data-damaged' when stored bytes are bad: the earlier backup is kept. */
export async function writeBackup(source: BackupSource, target: Disk): Promise<CopySummary> {
  await target.makeFolder('.');
  const lock = await target.lock();
  try {
    return await new Backup(source, target).run();
  } finally {
    await lock.release();
  }
}

class Backup {
  readonly #source: BackupSource;
  readonly #target: Disk;
  readonly #files = new Map<string, CatalogEntry>();
  #earlier: Catalog = { number: 0, files: new Map() };
  /** Copied, and gone from the log before the end. */
  readonly #leftOut: string[] = [];
  #bytesCopied = 0;

  constructor(source: BackupSource, target: Disk) {
    this.#source = source;
    this.#target = target;
  }

  async run(): Promise<CopySummary> {
    const { manifest } = this.#source;
    await this.#checkTarget(manifest.journalId);
    const partitions: PartitionFacts[] = [];
    for (const partition of manifest.partitions) {
      const copied = await this.#partition(partition);
      if (copied !== null) partitions.push(copied);
    }
    const number = this.#earlier.number + 1;
    const journal = { ...manifest.journal, fileSequence: 0, position: fileHeaderBytes };
    await writeManifest(this.#target, number, encodeManifest({ ...manifest, number, journal, partitions, removals: [] }));
    await replaceFile(this.#target, formatFile, encodeFormat({ version: formatVersion, journalId: manifest.journalId }));
    await replaceFile(this.#target, catalogFile, encodeCatalog({ number, files: this.#files }));
    await this.#target.remove(manifestPath((number + 1) % 2));
    for (const path of new Set([...this.#earlier.files.keys(), ...this.#leftOut])) if (!this.#files.has(path)) await this.#target.remove(path);
    await this.#target.syncFolder('.');
    let bytes = 0;
    for (const entry of this.#files.values()) bytes += entry.bytes;
    return { files: this.#files.size, bytes, bytesCopied: this.#bytesCopied, partitions: partitions.length };
  }

  /** The target is empty, or a backup of the same folder. */
  async #checkTarget(journalId: bigint): Promise<void> {
    const bytes = await readWhole(this.#target, catalogFile);
    if (bytes === null) {
      const entries = (await this.#target.list('.')).filter((entry) => entry.name !== 'lock');
      if (entries.some((entry) => entry.name === formatFile)) throw new MillraceError('invalid-argument', `Cannot back up to '${this.#target.root}': it is a data folder, not a backup`, { root: this.#target.root });
      return;
    }
    const format = await readWhole(this.#target, formatFile);
    if (format !== null && parseFormat(this.#target.root, format).journalId !== journalId) {
      throw new MillraceError('invalid-argument', `Cannot back up to '${this.#target.root}': it is the backup of another folder`, { root: this.#target.root });
    }
    this.#earlier = decodeCatalog(this.#target.root, bytes);
  }

  /** Copies a partition's segments; null when it was removed meanwhile. */
  async #partition(partition: PartitionFacts): Promise<PartitionFacts | null> {
    const segments: PartitionFacts['segments'][number][] = [];
    let logStartOffset = partition.logStartOffset;
    await this.#target.makeFolder(partition.name);
    for (const segment of partition.segments) {
      const sizes = { log: segment.bytes, index: segment.indexCount * indexEntryBytes, timeindex: segment.timeCount * timeEntryBytes };
      let there = true;
      for (const kind of ['log', 'index', 'timeindex'] as const) {
        const path = segmentPath(partition.name, segment, kind);
        if (there && sizes[kind] > 0) there = await this.#copy(path, sizes[kind], partition.id, segment, kind === 'log');
      }
      if (there) segments.push(segment);
      else {
        // Those before it were dropped as well, after they had been copied.
        for (const dropped of segments.splice(0)) this.#leaveOut(partition.name, dropped);
        this.#leaveOut(partition.name, segment);
        logStartOffset = Math.max(logStartOffset, segment.endOffset);
      }
    }
    await this.#target.syncFolder(partition.name);
    if (!this.#source.isThere(partition.id)) {
      for (const segment of segments) this.#leaveOut(partition.name, segment);
      return null;
    }
    return { ...partition, logStartOffset, segments };
  }

  #leaveOut(partition: string, segment: SegmentName): void {
    for (const path of segmentPaths(partition, segment)) if (this.#files.delete(path)) this.#leftOut.push(path);
  }

  /** Brings one file up to `bytes`; false when the source no longer has it. */
  async #copy(path: string, bytes: number, partitionId: number, segment: SegmentName, isLog: boolean): Promise<boolean> {
    const earlier = this.#earlier.files.get(path);
    const same = earlier !== undefined && earlier.partitionId === partitionId && earlier.bytes <= bytes;
    const from = await openOrNull(this.#source.disk, path);
    if (from === null || !this.#source.isLive(partitionId, segment)) {
      await from?.close();
      if (this.#source.isLive(partitionId, segment)) throw new MillraceError('data-damaged', `Cannot back up '${path}': the file is missing`, { path, position: 0 });
      return false;
    }
    const to = await this.#target.open(path, { create: true });
    try {
      const start = same && (isLog || earlier.bytes === bytes) && (await to.size()) >= earlier.bytes ? earlier.bytes : 0;
      const crc = await copyRange(from, to, path, start, bytes, start > 0 ? earlier!.crc : 0, isLog);
      if (start < bytes) {
        await to.truncate(bytes);
        await to.sync();
      }
      this.#bytesCopied += bytes - start;
      this.#files.set(path, { bytes, crc, partitionId });
    } finally {
      await from.close();
      await to.close();
    }
    return true;
  }
}

/** Copies a range and answers the checksum of the whole; batches are checked (B2). */
async function copyRange(from: DiskFile, to: DiskFile, path: string, start: number, end: number, seed: number, isLog: boolean): Promise<number> {
  let crc = seed;
  let buffer = new Uint8Array(Math.min(copyBytes, Math.max(1, end - start)));
  for (let position = start; position < end; ) {
    const length = await from.read(buffer.subarray(0, Math.min(buffer.length, end - position)), position);
    const whole = isLog ? wholeBatches(buffer.subarray(0, length), path, position) : length;
    if (whole === 0) {
      if (length < Math.min(buffer.length, end - position) || buffer.length > limits.log.batchBytesMax || length === end - position) throw cut(path, position);
      buffer = new Uint8Array(buffer.length * 2);
      continue;
    }
    const bytes = buffer.subarray(0, whole);
    await to.write([bytes], position);
    crc = crc32c(bytes, crc);
    position += whole;
  }
  return crc;
}

/** Bytes of the batches that are whole; throws 'data-damaged' for one that is not what was written. */
function wholeBatches(bytes: Uint8Array, path: string, position: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (;;) {
    const shape = batchShape(view, at, bytes.length - at);
    if (shape === 'cut') return at;
    if (shape === 'bad' || !batchIsIntact(bytes, view, at)) throw new MillraceError('data-damaged', `Cannot back up '${path}': the batch at byte ${position + at} is damaged`, { path, position: position + at });
    at += batchBytes(view, at);
    if (at === bytes.length) return at;
  }
}

/**
 * Makes a data folder from a backup. The target must be empty. Rejects 'invalid-argument', 'data-damaged' naming the file whose bytes are
 * not those that were backed up; the target is then no data folder.
 */
export async function restore(source: Disk, target: Disk): Promise<CopySummary> {
  await target.makeFolder('.');
  const lock = await target.lock();
  try {
    if ((await target.list('.')).some((entry) => entry.name !== 'lock')) throw new MillraceError('invalid-argument', `Cannot restore to '${target.root}': it is not empty`, { root: target.root });
    const bytes = await readWhole(source, catalogFile);
    if (bytes === null) throw new MillraceError('invalid-argument', `Cannot restore from '${source.root}': it is no backup`, { root: source.root });
    return await restoreFiles(source, target, decodeCatalog(source.root, bytes));
  } finally {
    await lock.release();
  }
}

async function restoreFiles(source: Disk, target: Disk, catalog: Catalog): Promise<CopySummary> {
  const manifestName = manifestPath(catalog.number % 2);
  const manifestBytes = await readWhole(source, manifestName);
  const manifest = manifestBytes === null ? null : decodeManifest(manifestBytes);
  const format = await readWhole(source, formatFile);
  if (manifest === null || manifest.number !== catalog.number) throw new MillraceError('data-damaged', `Cannot restore from '${source.root}': ${manifestName} is not that of the backup`, { path: manifestName, position: 0 });
  if (format === null) throw new MillraceError('data-damaged', `Cannot restore from '${source.root}': ${formatFile} is missing`, { path: formatFile, position: 0 });
  parseFormat(source.root, format);
  let bytesCopied = 0;
  for (const partition of manifest.partitions) await target.makeFolder(partition.name);
  for (const [path, entry] of catalog.files) {
    const from = await openOrNull(source, path);
    if (from === null) throw cut(path, 0);
    const to = await target.open(path, { create: true });
    try {
      const crc = await copyRange(from, to, path, 0, entry.bytes, 0, path.endsWith('.log'));
      if (crc !== entry.crc) throw new MillraceError('data-damaged', `Cannot restore '${path}': it is not what was backed up`, { path, position: 0 });
      await to.sync();
      bytesCopied += entry.bytes;
    } finally {
      await from.close();
      await to.close();
    }
  }
  for (const partition of manifest.partitions) await target.syncFolder(partition.name);
  await writeManifest(target, manifest.number, manifestBytes!);
  await replaceFile(target, formatFile, format);
  await target.syncFolder('.');
  return { files: catalog.files.size, bytes: bytesCopied, bytesCopied, partitions: manifest.partitions.length };
}

function encodeCatalog({ number, files }: Catalog): Uint8Array {
  const body = JSON.stringify({ format: 'millrace-backup', number, files: [...files].map(([path, { bytes, crc, partitionId }]) => [path, bytes, crc, partitionId]) });
  const check = crc32c(new TextEncoder().encode(body)).toString(16);
  return new TextEncoder().encode(`${body}\n${check}\n`);
}

function decodeCatalog(root: string, bytes: Uint8Array): Catalog {
  const [body = '', check] = new TextDecoder().decode(bytes).split('\n');
  if (crc32c(new TextEncoder().encode(body)).toString(16) !== check) throw new MillraceError('data-damaged', `Cannot read '${root}': ${catalogFile} fails its checksum`, { path: catalogFile, position: 0 });
  const parsed = JSON.parse(body) as { number: number; files: [string, number, number, number][] };
  return { number: parsed.number, files: new Map(parsed.files.map(([path, length, crc, partitionId]) => [path, { bytes: length, crc, partitionId }])) };
}

async function openOrNull(disk: Disk, path: string): Promise<DiskFile | null> {
  try {
    return await disk.open(path, { readOnly: true });
  } catch (error) {
    if (isMillraceError(error, 'not-found')) return null;
    throw error;
  }
}

function cut(path: string, position: number): MillraceError {
  return new MillraceError('data-damaged', `Cannot copy '${path}': it is cut at byte ${position}`, { path, position });
}

// log/check.ts - walks every file of a data folder and says what is wrong with it. Reads only.
// Owns: what counts as damage. Never: repairing. The folder is locked meanwhile, so that no node writes into what is looked at.
//
//   format.json -> manifests -> journal (its chain) -> facts of every partition as a start would find them
//   -> segments (every batch, every record) -> indexes (every entry against its log) -> what belongs to nobody
//
// 'damage': bytes are not what was written, and something acknowledged or an index of it is affected.
// 'note': nothing is lost; a left-over, or what a crash leaves and the next start clears away.
import { isMillraceError, limits, type MillraceError } from '../base/mod.ts';
import type { Disk, DiskFile } from '../os/mod.ts';
import { verifyBatch, verifyRecords } from '../wire/mod.ts';
import { batchBaseOffset, batchBytes, batchEndOffset, batchMaxTimestamp, batchShape } from './batch-bytes.ts';
import { checkJournalFiles } from './check-journal.ts';
import { FactsOnly } from './facts-only.ts';
import { readManifests, readWhole, type Manifest } from './manifest.ts';
import { formatFile, isPartitionName, journalFolder, manifestPath, segmentFileOf, segmentPath, segmentPaths } from './names.ts';
import { findBase, parseFormat } from './recovery.ts';
import { indexEntryBytes, timeEntryBytes } from './segment-index.ts';
import type { SegmentFacts } from './segment.ts';
import type { Finding } from './types.ts';

/** What was looked at. */
export interface CheckSummary { readonly files: number; readonly bytes: number; readonly partitions: number; readonly batches: number; readonly records: number; readonly damage: number; readonly notes: number }

const windowBytes = 4 << 20;

/**
 * Walks the folder and hands each finding to `onFinding`; resolves to what was looked at. Rejects 'data-folder-locked' while a node runs,
 * 'data-folder-newer', and 'storage-failed' when the disk cannot be read.
 * @example const summary = await checkFolder(new NodeDisk('./data'), (finding) => console.log(finding.path, finding.what));
 */
export async function checkFolder(disk: Disk, onFinding: (finding: Finding) => void): Promise<CheckSummary> {
  const lock = await disk.lock();
  try {
    return await new Check(disk, onFinding).run();
  } finally {
    await lock.release();
  }
}

class Check {
  readonly #disk: Disk;
  readonly #onFinding: (finding: Finding) => void;
  readonly #counts = { files: 0, bytes: 0, partitions: 0, batches: 0, records: 0, damage: 0, notes: 0 };

  constructor(disk: Disk, onFinding: (finding: Finding) => void) {
    this.#disk = disk;
    this.#onFinding = onFinding;
  }

  async run(): Promise<CheckSummary> {
    const bytes = await readWhole(this.#disk, formatFile);
    if (bytes === null) {
      // A first start that was cut off leaves the file under its other name.
      if ((await this.#disk.list('.')).some(({ name }) => name !== 'lock' && name !== `${formatFile}.new`)) this.#find('damage', formatFile, 0, 'the file is missing');
      return this.#counts;
    }
    this.#looked(bytes.length);
    try {
      const format = parseFormat(this.#disk.root, bytes);
      await this.#manifests(format.journalId);
      const base = await findBase(this.#disk, format, () => {});
      const facts = new FactsOnly(base.manifest.partitions);
      await checkJournalFiles(this.#disk, base, facts, (kind, path, position, what) => this.#find(kind, path, position, what), (length) => this.#looked(length));
      await this.#partitions(facts, base.manifest);
    } catch (error) {
      this.#caught(error);
    }
    return this.#counts;
  }

  async #manifests(journalId: bigint): Promise<void> {
    const { slots, broken } = await readManifests(this.#disk);
    for (const path of broken) this.#find('damage', path, 0, 'the manifest fails its checksum (a start uses the other one)');
    slots.forEach((manifest, slot) => {
      if (manifest === null) return;
      this.#looked(0);
      if (manifest.journalId !== journalId) this.#find('damage', manifestPath(slot), 24, 'the manifest is of another folder');
    });
  }

  async #partitions(facts: FactsOnly, manifest: Manifest): Promise<void> {
    const waiting = new Set(manifest.removals);
    const known = new Set<string>();
    for (const partition of facts.partitions()) {
      this.#counts.partitions++;
      known.add(partition.name);
      const names = new Set<string>();
      for (const segment of partition.segments) {
        for (const path of segmentPaths(partition.name, segment)) names.add(path);
        if (segment.stored !== null && segment.endOffset > partition.logStartOffset) await this.#segment(partition.name, segment.stored);
      }
      for (const entry of await this.#disk.list(partition.name)) {
        const path = `${partition.name}/${entry.name}`;
        if (!names.has(path) && !waiting.has(path)) this.#find('note', path, 0, leftOver(entry.name));
      }
    }
    for (const entry of await this.#disk.list('.')) {
      if (entry.kind === 'file' && entry.name.endsWith('.new')) this.#find('note', entry.name, 0, 'a file that was being written at a crash');
      if (entry.kind === 'folder' && entry.name !== journalFolder && !known.has(entry.name)) this.#find('note', entry.name, 0, isPartitionName(entry.name) ? 'a partition that was removed' : 'no folder of Millrace');
    }
  }

  /** A segment as far as the manifest vouches for it; what lies behind is in the journal as well. */
  async #segment(partition: string, facts: SegmentFacts): Promise<void> {
    const path = segmentPath(partition, facts, 'log');
    if (facts.bytes === 0) return;
    const file = await this.#open(path);
    if (file === null) return;
    const scan = new SegmentScan();
    try {
      await this.#scan(file, path, facts, scan);
    } finally {
      await file.close();
    }
    if (scan.complete && scan.maxTimestampMs !== facts.maxTimestampMs) this.#find('damage', path, 0, `its largest timestamp is ${scan.maxTimestampMs}, the manifest says ${facts.maxTimestampMs}`);
    await this.#index(partition, facts, scan);
  }

  async #scan(file: DiskFile, path: string, facts: SegmentFacts, scan: SegmentScan): Promise<void> {
    let window = new Uint8Array(Math.min(windowBytes, facts.bytes));
    let expected = facts.baseOffset;
    for (let position = 0; position < facts.bytes; ) {
      const length = await file.read(window.subarray(0, Math.min(window.length, facts.bytes - position)), position);
      this.#counts.bytes += length;
      const view = new DataView(window.buffer, 0, length);
      let at = 0;
      for (;;) {
        const shape = batchShape(view, at, length - at);
        if (shape === 'cut') break;
        const problem = shape === 'bad' ? 'no batch begins here' : this.#batch(window, view, at, expected, facts.generation > 0);
        if (problem !== null) return this.#find('damage', path, position + at, problem);
        expected = batchEndOffset(view, at);
        scan.note(position + at, expected - 1, batchMaxTimestamp(view, at));
        at += batchBytes(view, at);
      }
      position += at;
      if (at > 0 || position >= facts.bytes) continue;
      const wanted = length >= 61 ? batchBytes(view, 0) : 61;
      if (position + wanted > facts.bytes || wanted > limits.log.batchBytesMax || length < Math.min(window.length, facts.bytes - position)) return this.#find('damage', path, position, 'the batch is cut');
      window = new Uint8Array(Math.max(wanted, window.length * 2));
    }
    if (expected !== facts.endOffset) return this.#find('damage', path, facts.bytes, `it ends at offset ${expected}, the manifest says ${facts.endOffset}`);
    scan.complete = true;
  }

  /** Every byte of a batch: header, checksum, records. */
  #batch(bytes: Uint8Array, view: DataView, at: number, expected: number, compacted: boolean): string | null {
    this.#counts.batches++;
    const base = batchBaseOffset(view, at);
    if (compacted ? base < expected : base !== expected) return `the batch has base offset ${base}, ${expected} follows`;
    if (view.getInt32(at + 12) !== 0) return `the batch has leader epoch ${view.getInt32(at + 12)}`;
    try {
      verifyBatch(bytes, at, at + batchBytes(view, at));
      verifyRecords(bytes, at);
      this.#counts.records += view.getInt32(at + 57);
      return null;
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      return error.message;
    }
  }

  async #index(partition: string, facts: SegmentFacts, scan: SegmentScan): Promise<void> {
    const indexPath = segmentPath(partition, facts, 'index');
    const index = await this.#entries(indexPath, facts.indexCount * indexEntryBytes);
    if (index !== null) {
      for (let at = 0; at < index.byteLength; at += indexEntryBytes) {
        if (scan.complete && scan.lastOffsetAt.get(index.getUint32(at + 4)) !== facts.baseOffset + index.getUint32(at)) {
          this.#find('damage', indexPath, at, 'the entry does not point at its batch (it is made anew when it is needed)');
        }
      }
    }
    const timePath = segmentPath(partition, facts, 'timeindex');
    const time = await this.#entries(timePath, facts.timeCount * timeEntryBytes);
    if (time !== null) {
      for (let at = 0; at < time.byteLength; at += timeEntryBytes) {
        if (scan.complete && scan.timestampOf.get(facts.baseOffset + time.getUint32(at + 8)) !== Number(time.getBigInt64(at))) {
          this.#find('damage', timePath, at, 'the entry does not match its batch (it is made anew when it is needed)');
        }
      }
    }
  }

  async #entries(path: string, bytes: number): Promise<DataView | null> {
    if (bytes === 0) return null;
    const file = await this.#open(path);
    if (file === null) return null;
    try {
      const into = new Uint8Array(bytes);
      const length = await file.read(into, 0);
      this.#counts.bytes += length;
      if (length < bytes) this.#find('damage', path, length, `the file has ${length} of ${bytes} bytes (it is made anew when it is needed)`);
      return length < bytes ? null : new DataView(into.buffer);
    } finally {
      await file.close();
    }
  }

  async #open(path: string): Promise<DiskFile | null> {
    try {
      const file = await this.#disk.open(path, { readOnly: true });
      this.#counts.files++;
      return file;
    } catch (error) {
      if (!isMillraceError(error, 'not-found')) throw error;
      this.#find('damage', path, 0, 'the file is missing');
      return null;
    }
  }

  #caught(error: unknown): void {
    if (!isMillraceError(error, 'data-damaged')) throw error;
    const { path, position } = (error as MillraceError).data;
    this.#find('damage', String(path), Number(position), error.message);
  }

  #looked(bytes: number): void {
    this.#counts.files++;
    this.#counts.bytes += bytes;
  }

  #find(kind: Finding['kind'], path: string, position: number, what: string): void {
    if (kind === 'damage') this.#counts.damage++;
    else this.#counts.notes++;
    this.#onFinding({ kind, path, position, what });
  }
}

/** What a segment's log says that its indexes must agree with. */
class SegmentScan {
  complete = false;
  maxTimestampMs = -1;
  readonly lastOffsetAt = new Map<number, number>();
  readonly timestampOf = new Map<number, number>();

  note(position: number, lastOffset: number, maxTimestampMs: number): void {
    this.lastOffsetAt.set(position, lastOffset);
    this.timestampOf.set(lastOffset, maxTimestampMs);
    this.maxTimestampMs = Math.max(this.maxTimestampMs, maxTimestampMs);
  }
}

function leftOver(name: string): string {
  const file = segmentFileOf(name);
  if (file === null) return 'no file of Millrace';
  return file.generation === 0 ? 'a segment that was deleted' : 'a segment of a compaction that did not come to its end, or that was replaced';
}

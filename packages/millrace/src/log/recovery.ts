// log/recovery.ts - from what lies on the disk to partitions: the newest manifest, then the journal's tail.
// Owns: the order of recovery, replay. Never: scanning segments; a start reads the tail only.
// L14 Replay is idempotent: a crash during recovery is followed by the same recovery.
// Cost: two small files, the journal since the last checkpoint (about 64 MiB at most under load), and its writes to segments.
import { assert, crc32c, limits, MillraceError, type Report } from '../base/mod.ts';
import type { Disk, Random } from '../os/mod.ts';
import { entryKind, fileHeaderBytes, groupHeaderBytes, type EntryCursor } from './journal-format.ts';
import { findJournalFiles, JournalReader, type FoundGroup, type JournalFileFound } from './journal-reader.ts';
import { UnprovenTail } from './journal-tail.ts';
import type { JournalPosition } from './journal.ts';
import { readManifests, readWhole, replaceFile, type Manifest, type PartitionFacts } from './manifest.ts';
import { formatFile, formatVersion, journalFolder } from './names.ts';
import type { PartitionLog } from './partition.ts';
import { decodeSwap, type Swap } from './swap.ts';
import { collectWrites, type SegmentWrite, type SegmentWrites } from './segment-writes.ts';

/** What the folder says of itself. */
export interface FolderFormat { readonly version: number; readonly journalId: bigint }

/** The basis of recovery: the newest manifest, or an empty one for a new folder. */
export interface Base { readonly manifest: Manifest; readonly files: readonly JournalFileFound[]; readonly olderFileSequence: number; readonly isNew: boolean }

/** What replay needs from the log being opened. */
export interface ReplayTarget {
  readonly byId: Map<number, PartitionLog>;
  create(facts: PartitionFacts): void;
  remove(id: number): Promise<void>;
  /** Carries out a swap in memory; files that it makes needless go when the journal is surely durable. */
  swap(partition: PartitionLog, swap: Swap): void;
  /** Writes to segment files; what it writes is noted as unsynced. */
  write(writes: Iterable<SegmentWrite>): Promise<void>;
  readonly report: Report;
}

const decoder = new TextDecoder();

/** Reads or makes the folder's format file. Rejects 'data-folder-newer', 'data-damaged'. */
export async function openFolder(disk: Disk, random: Random): Promise<FolderFormat> {
  await disk.makeFolder('.');
  const bytes = await readWhole(disk, formatFile);
  if (bytes !== null && bytes.length > 0) return upgraded(disk, parseFormat(disk.root, bytes));
  const journalId = new DataView(random.bytes(8).buffer).getBigUint64(0);
  await replaceFile(disk, formatFile, encodeFormat({ version: formatVersion, journalId }));
  return { version: formatVersion, journalId };
}

/** A folder of an earlier version is read as it is, and is of this version from now on: an earlier Millrace would not understand what is written next. */
async function upgraded(disk: Disk, format: FolderFormat): Promise<FolderFormat> {
  if (format.version === formatVersion) return format;
  const now = { ...format, version: formatVersion };
  await replaceFile(disk, formatFile, encodeFormat(now));
  return now;
}

/** The format file's text: every byte of it is checked by reading and writing it again. */
export function encodeFormat({ version, journalId }: FolderFormat): Uint8Array {
  const text = journalId.toString(16);
  const check = crc32c(new TextEncoder().encode(`millrace ${version} ${text}`)).toString(16);
  return new TextEncoder().encode(`${JSON.stringify({ format: 'millrace', version, journalId: text, check })}\n`);
}

/** Reads a format file. Throws 'data-folder-newer', 'data-damaged'. */
export function parseFormat(root: string, bytes: Uint8Array): FolderFormat {
  let parsed: { format?: unknown; version?: unknown; journalId?: unknown };
  try {
    parsed = JSON.parse(decoder.decode(bytes)) as typeof parsed;
  } catch {
    parsed = {};
  }
  const { format, version, journalId } = parsed;
  if (format === 'millrace' && typeof version === 'number' && version > formatVersion) {
    throw new MillraceError('data-folder-newer', `Cannot open '${root}': its format is version ${version}, this Millrace knows ${formatVersion}`, { version, known: formatVersion });
  }
  if (typeof version === 'number' && typeof journalId === 'string' && /^[0-9a-f]{1,16}$/.test(journalId)) {
    const read = { version, journalId: BigInt(`0x${journalId}`) };
    if (decoder.decode(encodeFormat(read)) === decoder.decode(bytes)) return read;
  }
  throw new MillraceError('data-damaged', `Cannot open '${root}': ${formatFile} is not as it was written`, { path: formatFile, position: 0 });
}

/** Picks the manifest to start from. Rejects 'data-damaged' when none is readable but there is a journal. */
export async function findBase(disk: Disk, format: FolderFormat, report: Report): Promise<Base> {
  const { slots, broken } = await readManifests(disk);
  const files = await findJournalFiles(disk, format.journalId);
  const good = slots.filter((manifest): manifest is Manifest => manifest !== null && manifest.journalId === format.journalId).sort((a, b) => b.number - a.number);
  for (const path of broken) report(`${path}: unreadable, the other manifest is used`, 'warn');
  const newest = good[0];
  if (newest !== undefined) return { manifest: newest, files, olderFileSequence: newest.journal.fileSequence, isNew: false };
  const firstFile = Math.min(...files.filter((file) => file.sequence > 0).map((file) => file.sequence));
  if (broken.length > 1 || (Number.isFinite(firstFile) && firstFile > 1)) {
    throw new MillraceError('data-damaged', `Cannot open '${disk.root}': no manifest is readable`, { path: broken[0] ?? 'manifest-0', position: 0 });
  }
  const journal: JournalPosition = { fileSequence: Number.isFinite(firstFile) ? firstFile : 0, position: fileHeaderBytes, nextSequence: 1, previousCrc: 0 };
  return { manifest: { number: 0, journalId: format.journalId, term: 0, journal, nextPartitionId: 1, partitions: [], removals: [] }, files, olderFileSequence: 0, isNew: true };
}

/** What replay found. */
export interface Replayed { readonly position: JournalPosition; readonly term: number; readonly groups: number; readonly bytes: number; readonly nextPartitionId: number }

/** Replays the journal from the base. Rejects 'data-damaged' when an acknowledged group is unreadable. */
export async function replay(disk: Disk, base: Base, target: ReplayTarget): Promise<Replayed> {
  const reader = new JournalReader(disk, base.manifest.journalId, base.files);
  const writes: SegmentWrites = new Map();
  const unproven = new UnprovenTail();
  let groups = 0;
  let bytes = 0;
  let pending = 0;
  let nextPartitionId = base.manifest.nextPartitionId;
  const flush = async (): Promise<void> => {
    await target.write(writes.values());
    writes.clear();
    pending = 0;
  };
  const onGroup = async (group: FoundGroup): Promise<void> => {
    groups++;
    bytes += group.header.bytes;
    const copy = group.bytes.slice(group.at, group.at + group.header.bytes);
    unproven.add(group, copy);
    const others: OtherEntry[] = [];
    collectWrites(copy, groupHeaderBytes, copy.length, target.byId, writes, (cursor) => { others.push(otherOf(copy, cursor)); });
    for (const other of others) {
      if (other.kind === entryKind.remove || other.kind === entryKind.create || other.kind === entryKind.swap) await flush();
      await applyOther(other, target);
      if (other.kind === entryKind.create) nextPartitionId = Math.max(nextPartitionId, other.id + 1);
    }
    pending += copy.length;
    if (pending >= limits.log.flushPieceBytes) await flush();
  };
  const end = await reader.readAll(base.manifest.journal, onGroup);
  await flush();
  if (end.kind === 'damaged') {
    throw new MillraceError('data-damaged', `Cannot open '${disk.root}': ${end.path} is damaged at byte ${end.position}, group ${end.at.nextSequence} was acknowledged`, {
      path: end.path, position: end.position, sequence: end.at.nextSequence, syncedSequence: end.syncedSequence,
    });
  }
  await unproven.makeDurable(disk);
  const position = end.at;
  if (groups > 0) target.report(`${journalFolder}: replayed ${groups} groups, ${bytes} bytes, up to group ${position.nextSequence - 1}`);
  return { position, term: Math.max(reader.termMax, base.manifest.term) + 1, groups, bytes, nextPartitionId };
}

interface OtherEntry { readonly kind: number; readonly id: number; readonly offset: number; readonly body: Uint8Array }

function otherOf(bytes: Uint8Array, cursor: EntryCursor): OtherEntry {
  return { kind: cursor.kind, id: cursor.partitionId, offset: cursor.offset, body: bytes.subarray(cursor.bodyAt, cursor.bodyAt + cursor.bodyBytes) };
}

async function applyOther({ kind, id, offset, body }: OtherEntry, target: ReplayTarget): Promise<void> {
  const partition = target.byId.get(id);
  switch (kind) {
    case entryKind.create:
      if (partition === undefined) target.create({ id, name: decoder.decode(body), logStartOffset: 0, segments: [], cleanEndOffset: 0 });
      return;
    case entryKind.remove:
      if (partition !== undefined) await target.remove(id);
      return;
    case entryKind.start:
      partition?.raiseStart(offset);
      return;
    case entryKind.swap:
      if (partition !== undefined) target.swap(partition, decodeSwap(body));
      return;
    default:
      assert(false, `J1: a journal of version ${formatVersion} has no entry of kind ${kind}`);
  }
}

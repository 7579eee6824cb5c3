// log/journal-format.ts - bytes of the journal: file headers, groups, entries. Pure: no files, no state.
// Format: docs/formats/journal.md (the byte tables), little endian throughout.
// J1 A group is valid if and only if magic, journal id, lengths and checksum hold, it has the next sequence, and names the checksum of the one before.
// J2 Groups begin at multiples of 4096, so that direct writes never touch an earlier group's bytes.
// Cost: 64 bytes a group, 24 bytes an entry, one crc32c over the group.
import { assert, crc32c } from '../base/mod.ts';
import { directAlignment } from '../os/mod.ts';

/** First bytes of a journal file that hold its header; groups follow. */
export const fileHeaderBytes = directAlignment;
/** Bytes of a group before its entries. */
export const groupHeaderBytes = 64;
/** Bytes of an entry before its body. */
export const entryHeaderBytes = 24;

const fileMagic = 0x4a52_4d31;
const groupMagic = 0x4752_4d31;

/** Kinds of entries. Numbers are part of the format. */
export const entryKind = { batch: 1, create: 2, remove: 3, start: 4, roll: 5, swap: 6 } as const;
/** A kind's number. */
export type EntryKind = (typeof entryKind)[keyof typeof entryKind];

/** What the head of a journal file says. */
export interface FileHeader { readonly journalId: bigint; readonly fileSequence: number; readonly term: number }

/** What the head of a group says. */
export interface GroupHeader {
  readonly crc: number;
  /** Bytes with this header, without padding. */
  readonly bytes: number;
  readonly journalId: bigint;
  readonly sequence: number;
  readonly previousCrc: number;
  readonly entryCount: number;
  /** Highest sequence known to be durable when this group was closed. */
  readonly syncedSequence: number;
  readonly term: number;
  readonly fileSequence: number;
}

/** Rounds up to where the next group may begin (J2). */
export const alignUp = (bytes: number): number => Math.ceil(bytes / directAlignment) * directAlignment;
/** Bytes an entry takes with its body. */
export const entryBytes = (bodyBytes: number): number => entryHeaderBytes + ((bodyBytes + 7) & ~7);

const viewOf = (bytes: Uint8Array, at: number, length: number): DataView => new DataView(bytes.buffer, bytes.byteOffset + at, length);

/** Writes a file header at the start of `into`. */
export function writeFileHeader(into: Uint8Array, header: FileHeader): void {
  const view = viewOf(into, 0, fileHeaderBytes);
  view.setUint32(0, fileMagic, true);
  view.setBigUint64(8, header.journalId, true);
  view.setFloat64(16, header.fileSequence, true);
  view.setFloat64(24, header.term, true);
  into.fill(0, 32, fileHeaderBytes);
  view.setUint32(4, crc32c(into.subarray(8, fileHeaderBytes)), true);
}

/** Reads a file header of `fileHeaderBytes`; null unless every byte is as written. */
export function readFileHeader(bytes: Uint8Array): FileHeader | null {
  if (bytes.length < fileHeaderBytes) return null;
  const view = viewOf(bytes, 0, 32);
  if (view.getUint32(0, true) !== fileMagic || view.getUint32(4, true) !== crc32c(bytes.subarray(8, fileHeaderBytes))) return null;
  return { journalId: view.getBigUint64(8, true), fileSequence: view.getFloat64(16, true), term: view.getFloat64(24, true) };
}

/** Completes the group that lies at `at`: header before its entries, zeros after. Returns its checksum. */
export function sealGroup(slab: Uint8Array, at: number, header: Omit<GroupHeader, 'crc'>): number {
  assert(at % directAlignment === 0, 'J2: groups begin aligned');
  const view = viewOf(slab, at, groupHeaderBytes);
  view.setUint32(0, groupMagic, true);
  view.setUint32(8, header.bytes, true);
  view.setUint32(12, header.entryCount, true);
  view.setBigUint64(16, header.journalId, true);
  view.setFloat64(24, header.sequence, true);
  view.setFloat64(32, header.syncedSequence, true);
  view.setFloat64(40, header.term, true);
  view.setFloat64(48, header.fileSequence, true);
  view.setUint32(56, header.previousCrc, true);
  view.setUint32(60, 0, true);
  slab.fill(0, at + header.bytes, at + alignUp(header.bytes));
  const crc = crc32c(slab.subarray(at + 8, at + alignUp(header.bytes)));
  view.setUint32(4, crc, true);
  return crc;
}

/** Reads a group's header without checking the body; null when it cannot be one. */
export function readGroupHeader(bytes: Uint8Array, at: number): GroupHeader | null {
  if (bytes.length - at < groupHeaderBytes) return null;
  const view = viewOf(bytes, at, groupHeaderBytes);
  if (view.getUint32(0, true) !== groupMagic) return null;
  const header = {
    crc: view.getUint32(4, true), bytes: view.getUint32(8, true), entryCount: view.getUint32(12, true), journalId: view.getBigUint64(16, true),
    sequence: view.getFloat64(24, true), syncedSequence: view.getFloat64(32, true), term: view.getFloat64(40, true),
    fileSequence: view.getFloat64(48, true), previousCrc: view.getUint32(56, true),
  };
  return header.bytes >= groupHeaderBytes ? header : null;
}

/** True when the checksum covers what lies there; `bytes` must hold the whole group with its padding. */
export function groupIsWhole(bytes: Uint8Array, at: number, header: GroupHeader): boolean {
  const end = at + alignUp(header.bytes);
  return end <= bytes.length && crc32c(bytes.subarray(at + 8, end)) === header.crc;
}

/** Writes an entry's header; the body follows it. */
export function writeEntryHeader(view: DataView, at: number, kind: EntryKind, partitionId: number, bodyBytes: number, position: number, offset: number): void {
  view.setUint32(at, bodyBytes, true);
  view.setUint32(at + 4, kind, true);
  view.setUint32(at + 8, partitionId, true);
  view.setUint32(at + 12, position, true);
  view.setFloat64(at + 16, offset, true);
}

/** A cursor over the entries of one group: no object per entry. */
export class EntryCursor {
  readonly #view: DataView;
  readonly #end: number;
  #next: number;
  /** Where the entry's body lies in the bytes given. */
  bodyAt = 0;
  bodyBytes = 0;
  kind = 0;
  partitionId = 0;
  /** Position of a batch in its segment. */
  position = 0;
  /** Base offset of a batch or new segment; new log start; where a swap begins. */
  offset = 0;

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#view = viewOf(bytes, 0, bytes.length);
    this.#next = from;
    this.#end = to;
  }

  /** Where the next entry begins. */
  get at(): number { return this.#next; }

  /** Steps to the next entry; false at the end. */
  next(): boolean {
    const at = this.#next;
    if (at + entryHeaderBytes > this.#end) return false;
    this.bodyBytes = this.#view.getUint32(at, true);
    this.kind = this.#view.getUint32(at + 4, true);
    this.partitionId = this.#view.getUint32(at + 8, true);
    this.position = this.#view.getUint32(at + 12, true);
    this.offset = this.#view.getFloat64(at + 16, true);
    this.bodyAt = at + entryHeaderBytes;
    this.#next = at + entryBytes(this.bodyBytes);
    assert(this.#next <= this.#end, 'J1: entries lie within their group');
    return true;
  }
}

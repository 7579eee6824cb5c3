// log/journal-reader.ts - reads the journal from a checkpoint to its end, and judges how it ends.
// Owns: following the chain over files; telling a torn tail from damage. Never: what entries mean.
//
//   the checkpoint -> group s, s+1, ... each valid (J1) -> the first that is not valid, at sequence e:
//     a later group says that e was synced  -> damage: it was acknowledged, so it is reported, never cut
//     no group says so                      -> torn tail: it was never acknowledged, and is cut
import { limits } from '../base/mod.ts';
import { directAlignment, type Disk, type DiskFile } from '../os/mod.ts';
import { alignUp, fileHeaderBytes, groupHeaderBytes, groupIsWhole, readFileHeader, readGroupHeader, type GroupHeader } from './journal-format.ts';
import type { JournalPosition } from './journal.ts';
import { journalFolder, journalPath, journalSlotOf } from './names.ts';

/** A journal file as found. */
export interface JournalFileFound {
  readonly slot: number;
  readonly path: string;
  readonly bytes: number;
  /** Place in the order of files; 0 when its header is unreadable, foreign or was never written. */
  readonly sequence: number;
  readonly term: number;
  /** True when the header is neither whole nor untouched. */
  readonly headerBroken: boolean;
}

/** One valid group. `bytes` holds it at `at` with what pads it, only until the next step. */
export interface FoundGroup {
  readonly header: GroupHeader;
  readonly bytes: Uint8Array;
  readonly at: number;
  /** Where it lies. */
  readonly path: string;
  readonly position: number;
}

/** How the chain ended. */
export type JournalEnd =
  | { readonly kind: 'torn'; readonly at: JournalPosition; readonly path: string | null }
  | { readonly kind: 'damaged'; readonly at: JournalPosition; readonly path: string; readonly position: number; readonly syncedSequence: number };

/** A group that was read stays in a window this long. */
const windowBytes = 1 << 20;
/** How far behind a bad group later groups are looked for; at most two groups were ever in flight. */
const evidenceBytes = 4 * limits.log.groupBytesMax;

/** The files of the journal folder, in order of slot. */
export async function findJournalFiles(disk: Disk, journalId: bigint | null): Promise<JournalFileFound[]> {
  const found: JournalFileFound[] = [];
  for (const { name, kind, bytes } of await disk.list(journalFolder)) {
    const slot = journalSlotOf(name);
    if (kind !== 'file' || slot < 0) continue;
    const head = new Uint8Array(fileHeaderBytes);
    const file = await disk.open(journalPath(slot), { readOnly: true });
    try {
      await file.read(head, 0);
    } finally {
      await file.close();
    }
    const header = readFileHeader(head);
    const ours = header !== null && (journalId === null || header.journalId === journalId);
    found.push({ slot, path: journalPath(slot), bytes, sequence: ours ? header.fileSequence : 0, term: ours ? header.term : 0, headerBroken: !ours && head.some((byte) => byte !== 0) });
  }
  return found;
}

/** Follows the chain. */
export class JournalReader {
  readonly #disk: Disk;
  readonly #journalId: bigint;
  readonly #files: readonly JournalFileFound[];
  #window: Uint8Array = new Uint8Array(windowBytes);
  #windowFile: DiskFile | null = null;
  #windowPath = '';
  #windowAt = 0;
  #windowLength = 0;
  /** Highest term seen anywhere. */
  termMax: number;

  constructor(disk: Disk, journalId: bigint, files: readonly JournalFileFound[]) {
    this.#disk = disk;
    this.#journalId = journalId;
    this.#files = files;
    this.termMax = Math.max(0, ...files.map((file) => file.term));
  }

  /** Hands every group from `from` on to `onGroup`, in order, and says how the journal ended. */
  async readAll(from: JournalPosition, onGroup: (group: FoundGroup) => Promise<void>): Promise<JournalEnd> {
    let at = from;
    try {
      for (;;) {
        const next = await this.#next(at);
        if (next === null) return await this.#judge(at);
        at = next.after;
        this.termMax = Math.max(this.termMax, next.group.header.term);
        await onGroup(next.group);
      }
    } finally {
      await this.#windowFile?.close();
      this.#windowFile = null;
    }
  }

  /** The group that continues the chain: in the same file, or first in the next. */
  async #next(at: JournalPosition): Promise<{ group: FoundGroup; after: JournalPosition } | null> {
    for (const [fileSequence, position] of [[at.fileSequence, at.position], [at.fileSequence + 1, fileHeaderBytes]] as const) {
      if (fileSequence === 0) continue;
      for (const file of this.#files.filter((candidate) => candidate.sequence === fileSequence)) {
        const group = await this.#groupAt(file, position);
        if (group === null || group.header.sequence !== at.nextSequence || group.header.previousCrc !== at.previousCrc || group.header.fileSequence !== fileSequence) continue;
        return { group, after: { fileSequence, position: position + alignUp(group.header.bytes), nextSequence: at.nextSequence + 1, previousCrc: group.header.crc } };
      }
    }
    return null;
  }

  async #groupAt(file: JournalFileFound, position: number): Promise<FoundGroup | null> {
    if (position + groupHeaderBytes > file.bytes) return null;
    let offset = await this.#fill(file, position, groupHeaderBytes);
    const header = readGroupHeader(this.#window, offset);
    if (header === null || header.journalId !== this.#journalId || position + alignUp(header.bytes) > file.bytes) return null;
    offset = await this.#fill(file, position, alignUp(header.bytes));
    return this.#windowLength - offset >= alignUp(header.bytes) && groupIsWhole(this.#window, offset, header) ? { header, bytes: this.#window, at: offset, path: file.path, position } : null;
  }

  /** Makes the window hold `bytes` from `position` of the file, and answers where they are in it. What it holds of them is not read again. */
  async #fill(file: JournalFileFound, position: number, bytes: number): Promise<number> {
    if (this.#windowPath !== file.path) {
      await this.#windowFile?.close();
      this.#windowFile = await this.#disk.open(file.path, { readOnly: true });
      this.#windowPath = file.path;
      this.#windowLength = 0;
    }
    if (position >= this.#windowAt && position + bytes <= this.#windowAt + this.#windowLength) return position - this.#windowAt;
    const kept = this.#keepFrom(position, bytes);
    this.#windowLength = kept + await this.#windowFile!.read(this.#window.subarray(kept), position + kept);
    return 0;
  }

  /** Moves what the window holds from `position` on to its front, in a larger window where `bytes` need one; how much that is. */
  #keepFrom(position: number, bytes: number): number {
    const from = position - this.#windowAt;
    const held = from < 0 || from > this.#windowLength ? this.#window.subarray(0, 0) : this.#window.subarray(from, this.#windowLength);
    const window = this.#window.length < bytes ? new Uint8Array(bytes) : this.#window;
    window.set(held);
    this.#window = window;
    this.#windowAt = position;
    return held.length;
  }

  /** The chain ended at `at`: torn or damaged? */
  async #judge(at: JournalPosition): Promise<JournalEnd> {
    const here = this.#files.find((file) => file.sequence === at.fileSequence && at.fileSequence > 0);
    const places: [JournalFileFound, number][] = [];
    if (here !== undefined) places.push([here, at.position]);
    for (const file of this.#files) if (file !== here && (file.sequence > at.fileSequence || file.sequence === 0)) places.push([file, fileHeaderBytes]);
    for (const [file, start] of places) {
      for (let position = start; position < Math.min(file.bytes, start + evidenceBytes); position += directAlignment) {
        const offset = await this.#fill(file, position, Math.min(groupHeaderBytes, file.bytes - position));
        const header = readGroupHeader(this.#window, offset);
        if (header === null || header.journalId !== this.#journalId || header.sequence < at.nextSequence) continue;
        if ((await this.#groupAt(file, position)) === null) continue;
        this.termMax = Math.max(this.termMax, header.term);
        if (header.syncedSequence < at.nextSequence) continue;
        return { kind: 'damaged', at, path: here?.path ?? file.path, position: here === undefined ? start : at.position, syncedSequence: header.syncedSequence };
      }
    }
    if (here === undefined && at.fileSequence > 0) {
      const path = this.#files.find((file) => file.headerBroken)?.path ?? journalFolder;
      return { kind: 'damaged', at, path, position: 0, syncedSequence: at.nextSequence - 1 };
    }
    return { kind: 'torn', at, path: here?.path ?? null };
  }
}

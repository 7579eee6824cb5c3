// log/journal-files.ts - the files that the journal goes round in.
// Owns: slots, their preparation with zeros ahead of use, which may be written again. Never: groups.
// J3 Groups are written only into blocks that were allocated and synced before: a commit never waits for the file system to find room,
// and never meets a full disk. J4 A file is used again only when the older of the two manifests begins after it.
// Cost: zeros are written once for each block in the life of the folder, in pieces of 256 KiB to 1 MiB: measured, a piece for every small
// group (each a synced write into a growing file, beside the commits) was most of the tail of small requests.
import { limits, MiB } from '../base/mod.ts';
import type { Disk, DiskFile, SharedBytes } from '../os/mod.ts';
import { fileHeaderBytes, writeFileHeader } from './journal-format.ts';
import { journalFolder, journalPath } from './names.ts';

const pieceBytesMax = 1 * MiB;
const firstPieceBytes = 256 * 1024;

interface JournalFile {
  readonly slot: number;
  readonly file: DiskFile;
  /** Its own, for the lane may not have written it yet when the next file is entered. */
  readonly header: SharedBytes;
  /** Bytes that are allocated and synced (J3). */
  preparedBytes: number;
  /** Its place in the order of files; 0 when it may be used again. */
  sequence: number;
}

/** Where a group goes. */
export interface Place {
  readonly file: DiskFile;
  readonly position: number;
  readonly fileSequence: number;
  /** The file's header, to be written first when the file is entered. */
  readonly header: SharedBytes | null;
}

/** What recovery found. */
export interface FoundJournalFile { readonly slot: number; readonly sequence: number; readonly bytes: number }

/** The recycled files of one journal. */
export class JournalFiles {
  readonly #disk: Disk;
  readonly #journalId: bigint;
  readonly #term: number;
  readonly #fileBytes: number;
  readonly #files: JournalFile[] = [];
  readonly #zeros: SharedBytes;
  #current: JournalFile | null = null;
  #position = 0;
  #sequence = 0;
  #wantedBytes = 0;
  #preparing: Promise<void> | null = null;
  #closed = false;
  /** Called when a place that was refused may be free now. */
  onReady: () => void = () => {};
  /** Called when a place was refused because every file is in use: checkpoints set some free, and then onReady follows. */
  onExhausted: () => void = () => {};
  /** Called when preparation fails; it is tried again by `prepare`. */
  onError: (error: Error) => void = () => {};

  constructor(disk: Disk, journalId: bigint, term: number, fileBytes: number) {
    this.#disk = disk;
    this.#journalId = journalId;
    this.#term = term;
    this.#fileBytes = fileBytes;
    this.#zeros = disk.allocate(pieceBytesMax);
  }

  /** Bytes of all files. */
  get bytes(): number { return this.#files.reduce((sum, file) => sum + file.preparedBytes, 0); }

  /** Opens what recovery found; the next group continues at `position` of the file numbered `sequence`, or in a new one when that is not there. */
  async open(found: readonly FoundJournalFile[], sequence: number, position: number): Promise<void> {
    // Names that an earlier life left without a sync would go with a power cut, and all that is written from now on with them.
    await this.#disk.makeFolder(journalFolder);
    await this.#disk.syncFolder(journalFolder);
    await this.#disk.syncFolder('.');
    for (const { slot, sequence: fileSequence, bytes } of found) {
      const file = await this.#disk.open(journalPath(slot), { direct: true });
      const kept = { slot, file, header: this.#disk.allocate(fileHeaderBytes), preparedBytes: Math.floor(bytes / fileHeaderBytes) * fileHeaderBytes, sequence: fileSequence > sequence ? 0 : fileSequence };
      this.#files.push(kept);
      if (fileSequence > sequence) await this.#forgetSequence(kept);
      if (fileSequence === sequence && sequence > 0) this.#current = kept;
    }
    this.#sequence = sequence;
    this.#position = position;
    void this.prepare();
  }

  /**
   * A crash came between this file's header and its first group. The sequence will be given to another file, and two with one sequence
   * would make it chance which of them the next start goes on in.
   */
  async #forgetSequence({ file }: JournalFile): Promise<void> {
    await file.write([this.#zeros.subarray(0, fileHeaderBytes)], 0);
    await file.sync();
  }

  /** The place for a group of `bytes` (aligned), or null while none is prepared: onReady tells when to ask again. */
  place(bytes: number): Place | null {
    const current = this.#current;
    if (current !== null && this.#position + bytes <= current.preparedBytes && this.#position + bytes <= Math.max(this.#fileBytes, bytes + fileHeaderBytes)) {
      const place = { file: current.file, position: this.#position, fileSequence: current.sequence, header: null };
      this.#position += bytes;
      if (this.#isShort()) void this.prepare();
      return place;
    }
    const wantsNext = current === null || this.#position + bytes > this.#fileBytes;
    const next = wantsNext ? this.#files.find((file) => file.sequence === 0 && file.preparedBytes >= bytes + fileHeaderBytes) : undefined;
    if (next === undefined) {
      this.#wantedBytes = bytes;
      if (this.isExhausted) this.onExhausted();
      else void this.prepare();
      return null;
    }
    next.sequence = ++this.#sequence;
    this.#current = next;
    this.#position = fileHeaderBytes + bytes;
    writeFileHeader(next.header, { journalId: this.#journalId, fileSequence: next.sequence, term: this.#term });
    return { file: next.file, position: fileHeaderBytes, fileSequence: next.sequence, header: next.header };
  }

  /** J4: files before this one may be written again. */
  recycle(beforeSequence: number): void {
    for (const file of this.#files) if (file !== this.#current && file.sequence < beforeSequence) file.sequence = 0;
    this.onReady();
  }

  /** True when no file is left and none may be made: only a checkpoint helps. */
  get isExhausted(): boolean { return this.#files.length >= limits.log.journalFilesMax && !this.#files.some((file) => file.sequence === 0); }

  /** Prepares room ahead of the writer; also tries again after a failure. */
  prepare(): Promise<void> {
    this.#preparing ??= this.#prepareAll().finally(() => { this.#preparing = null; });
    return this.#preparing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#preparing;
    for (const { file } of this.#files) await file.close();
  }

  #isShort(): boolean { return this.#aim() !== null; }

  /** What to prepare next: the file and up to where; null when there is enough. Room ahead grows with use, so a small log stays small. */
  #aim(): { file: JournalFile | null; bytes: number } | null {
    const current = this.#current;
    if (current !== null) {
      const wanted = Math.max(2 * this.#position, this.#position + firstPieceBytes, this.#position + this.#wantedBytes);
      const ahead = Math.min(this.#fileBytes, Math.ceil(wanted / firstPieceBytes) * firstPieceBytes);
      if (current.preparedBytes < ahead && this.#position + this.#wantedBytes <= this.#fileBytes) return { file: current, bytes: ahead };
      if (this.#position < this.#fileBytes / 2 && this.#wantedBytes + this.#position <= this.#fileBytes) return null;
    }
    const next = this.#files.find((file) => file.sequence === 0);
    const bytes = Math.max(current === null ? firstPieceBytes : Math.min(this.#fileBytes, 2 * firstPieceBytes), this.#wantedBytes + fileHeaderBytes);
    if (next === undefined) return this.#files.length < limits.log.journalFilesMax ? { file: null, bytes } : null;
    return next.preparedBytes < bytes ? { file: next, bytes } : null;
  }

  async #prepareAll(): Promise<void> {
    try {
      for (let aim; !this.#closed && (aim = this.#aim()) !== null; ) {
        const file = aim.file ?? (await this.#create());
        const bytes = Math.min(pieceBytesMax, Math.ceil((aim.bytes - file.preparedBytes) / fileHeaderBytes) * fileHeaderBytes);
        if (bytes > 0) {
          await file.file.write([this.#zeros.subarray(0, bytes)], file.preparedBytes);
          await file.file.sync();
          file.preparedBytes += bytes;
        }
        if (this.#wantedBytes > 0 && this.#aim() === null) this.#wantedBytes = 0;
        this.onReady();
      }
      this.#wantedBytes = 0;
    } catch (error) {
      if (!this.#closed) this.onError(error as Error);
    }
  }

  async #create(): Promise<JournalFile> {
    let slot = 0;
    while (this.#files.some((file) => file.slot === slot)) slot++;
    const file = await this.#disk.open(journalPath(slot), { create: true, direct: true });
    await this.#disk.syncFolder(journalFolder);
    const made = { slot, file, header: this.#disk.allocate(fileHeaderBytes), preparedBytes: 0, sequence: 0 };
    this.#files.push(made);
    return made;
  }
}

// log/file-cache.ts - segment files held open, at most so many.
// Owns: opening, sharing and closing files of segments. Never: their contents.
// L7 A file is closed only when nobody uses it; past the limit the least recently used idle one goes first.
import { assert } from '../base/mod.ts';
import type { Disk, DiskFile } from '../os/mod.ts';

/** A file in use: release it when done. */
export interface Lease { readonly file: DiskFile; release(): void }

class Entry {
  readonly path: string;
  file: DiskFile | null = null;
  opening: Promise<DiskFile> | null = null;
  users = 0;
  forgotten = false;
  constructor(path: string) { this.path = path; }
}

/** Open files by path. */
export class FileCache {
  readonly #disk: Disk;
  readonly #filesMax: number;
  readonly #entries = new Map<string, Entry>();
  /** Those that nobody uses, the least recently used first. */
  readonly #idle = new Set<Entry>();
  readonly #closing = new Set<Promise<void>>();

  constructor(disk: Disk, filesMax: number) {
    this.#disk = disk;
    this.#filesMax = filesMax;
  }

  get openFiles(): number { return this.#entries.size; }

  /** Shares a file that is open already; else null. */
  tryAcquire(path: string): Lease | null {
    const entry = this.#entries.get(path);
    if (entry === undefined || entry.file === null) return null;
    this.#use(entry);
    return this.#lease(entry, entry.file);
  }

  /** Opens or shares a file; `create` makes it. Rejects 'not-found' and what Disk.open does. */
  async acquire(path: string, create = false): Promise<Lease> {
    let entry = this.#entries.get(path);
    if (entry === undefined) {
      entry = new Entry(path);
      this.#entries.set(path, entry);
    }
    this.#use(entry);
    try {
      if (entry.file === null) entry.file = await (entry.opening ??= this.#disk.open(path, { create }));
    } catch (error) {
      entry.users--;
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
      throw error;
    }
    this.#trim();
    return this.#lease(entry, entry.file);
  }

  /** Closes the file once its users are done: it is about to be removed. */
  forget(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    this.#entries.delete(path);
    this.#idle.delete(entry);
    entry.forgotten = true;
    if (entry.users === 0) this.#close(entry);
  }

  async close(): Promise<void> {
    for (const path of [...this.#entries.keys()]) this.forget(path);
    await Promise.all(this.#closing);
  }

  #lease(entry: Entry, file: DiskFile): Lease {
    let used = true;
    return {
      file,
      release: () => {
        assert(used, 'a file is released once');
        used = false;
        entry.users--;
        if (entry.users > 0) return;
        if (entry.forgotten) return this.#close(entry);
        this.#idle.add(entry);
        this.#trim();
      },
    };
  }

  #use(entry: Entry): void {
    this.#idle.delete(entry);
    entry.users++;
  }

  /** L7. */
  #trim(): void {
    for (const entry of this.#idle) {
      if (this.#entries.size <= this.#filesMax) return;
      this.#entries.delete(entry.path);
      this.#idle.delete(entry);
      this.#close(entry);
    }
  }

  #close(entry: Entry): void {
    if (entry.file === null) return;
    const closing = entry.file.close().catch(() => {}).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

// log/removals.ts - deletes what the journal says is gone: folders of removed partitions, files of dropped segments.
// Owns: doing it in the background, and which folders are still to go (the manifest names them, so that a start goes on with it).
// Never: deciding that something goes; by then that is durable. A folder's name is free again only when the folder is gone.
import { isMillraceError, type Report } from '../base/mod.ts';
import type { Disk } from '../os/mod.ts';
import type { FileCache } from './file-cache.ts';
import type { IndexCache } from './index-cache.ts';
import { segmentPath } from './names.ts';
import type { PartitionLog } from './partition.ts';
import type { Segment } from './segment.ts';

const kinds = ['log', 'index', 'timeindex'] as const;

/** What deletion works with. */
export interface RemovalsOptions {
  readonly disk: Disk; readonly files: FileCache; readonly indexes: IndexCache;
  /** Resolves when nothing touches files of partitions that were removed before the call. */
  readonly untouched: (partition: string) => Promise<void>;
  readonly report: Report;
}

/** Background deletion for one log. */
export class Removals {
  readonly #options: RemovalsOptions;
  /** Folders to go, with the attempt under way. */
  readonly #folders = new Map<string, Promise<void> | null>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: RemovalsOptions) { this.#options = options; }

  /** Names of folders that may still be there. */
  get folders(): string[] { return [...this.#folders.keys()]; }

  /** Deletes a removed partition's folder; a failure is reported and tried again by the next `clear` or start. */
  folder(partition: PartitionLog): Promise<void> {
    for (const segment of partition.segments) this.#options.indexes.forget(segment);
    const paths = partition.segments.flatMap((segment) => pathsOf(partition.name, segment));
    return this.#attempt(partition.name, paths);
  }

  /** Resolves when no folder of that name is left; rejects when it cannot be deleted. */
  async clear(name: string): Promise<void> {
    if (this.#folders.has(name)) await (this.#folders.get(name) ?? this.#attempt(name, []));
  }

  /** Deletes the files of a segment that was dropped. */
  segment(partition: string, segment: Segment): void {
    this.#options.indexes.forget(segment);
    this.inBackground(this.#delete(pathsOf(partition, segment)));
  }

  /** Lets work go on by itself; a failure is reported. */
  inBackground(work: Promise<void>): void {
    const tracked: Promise<void> = work.catch((error: Error) => this.#options.report(`cannot delete: ${error.message}`, 'warn')).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Waits for all that is under way. */
  async settled(): Promise<void> { await Promise.all([...this.#running]); }

  #attempt(name: string, paths: readonly string[]): Promise<void> {
    const attempt = this.#deleteFolder(name, paths);
    this.#folders.set(name, attempt);
    attempt.then(() => this.#folders.delete(name), () => this.#folders.set(name, null));
    return attempt;
  }

  async #deleteFolder(name: string, paths: readonly string[]): Promise<void> {
    await this.#options.untouched(name);
    for (const path of paths) this.#options.files.forget(path);
    await removeQuietly(this.#options.disk, name);
  }

  async #delete(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      this.#options.files.forget(path);
      await removeQuietly(this.#options.disk, path);
    }
  }
}

/** Removes a path that may be gone already. */
export async function removeQuietly(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (error) {
    if (!isMillraceError(error, 'not-found')) throw error;
  }
}

function pathsOf(partition: string, segment: Segment): string[] {
  return kinds.map((kind) => segmentPath(partition, segment.baseOffset, kind));
}

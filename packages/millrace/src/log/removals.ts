// log/removals.ts - deletes what the journal says is gone: folders of removed partitions, files of dropped segments.
// Owns: doing it in the background, after the delay that is asked for, and what is still to go (the manifest names it, so that a start goes on with it).
// Never: deciding that something goes; by then that is durable. A folder's name is free again only when the folder is gone.
import { isMillraceError, type Report } from '../base/mod.ts';
import type { Clock, Disk, Timer } from '../os/mod.ts';
import type { FileCache } from './file-cache.ts';
import type { IndexCache } from './index-cache.ts';
import { segmentPaths } from './names.ts';
import type { PartitionLog } from './partition.ts';
import type { Segment } from './segment.ts';

/** What deletion works with. */
export interface RemovalsOptions {
  readonly disk: Disk; readonly clock: Clock; readonly files: FileCache; readonly indexes: IndexCache;
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
  /** Files to go, with the time (monotonic) before which they stay. */
  readonly #files = new Map<string, { readonly dueMs: number; readonly replaced: boolean }>();
  /** Deletions of files under way. */
  readonly #deleting = new Map<Promise<void>, readonly string[]>();
  #timer: Timer | null = null;
  /** Who reads files that were replaced. */
  #holders = 0;
  #closed = false;

  constructor(options: RemovalsOptions) { this.#options = options; }

  /** Names of folders and files that may still be there. */
  get names(): string[] { return [...this.#folders.keys(), ...this.#files.keys(), ...[...this.#deleting.values()].flat()]; }

  /** Deletes a removed partition's folder; a failure is reported and tried again by the next `clear` or start. */
  folder(partition: PartitionLog): Promise<void> {
    for (const segment of partition.segments) this.#options.indexes.forget(segment);
    const paths = partition.segments.flatMap((segment) => segmentPaths(partition.name, segment));
    for (const path of this.#files.keys()) if (path.startsWith(`${partition.name}/`)) this.#files.delete(path);
    return this.#attempt(partition.name, paths);
  }

  /** Resolves when no folder of that name is left; rejects when it cannot be deleted. */
  async clear(name: string): Promise<void> {
    if (this.#folders.has(name)) await (this.#folders.get(name) ?? this.#attempt(name, []));
  }

  /** Deletes the files of a segment, `delayMs` from now: it was dropped, or replaced by what compaction made of it. */
  segment(partition: string, segment: Segment, delayMs: number, why: 'dropped' | 'replaced'): void {
    this.#options.indexes.forget(segment);
    const paths = segmentPaths(partition, segment);
    const replaced = why === 'replaced';
    if (delayMs <= 0 && !(replaced && this.#holders > 0)) return this.#deleteSoon(paths);
    const dueMs = this.#options.clock.monotonicMs() + delayMs;
    for (const path of paths) this.#files.set(path, { dueMs, replaced });
    this.#look(delayMs);
  }

  /** Whether a file that was replaced is still there, for someone who holds. */
  isHeld(path: string): boolean { return this.#files.get(path)?.replaced === true; }

  /** Files that are replaced from now on stay until the answer is called: someone copies them. */
  hold(): () => void {
    this.#holders++;
    return () => {
      this.#holders--;
      this.#look(0);
    };
  }

  /** Room is needed: what waits for its delay goes now. */
  hurry(): void {
    for (const [path, { replaced }] of this.#files) this.#files.set(path, { dueMs: 0, replaced });
    this.#look(0);
  }

  /** Begins nothing more: the manifest names what waits. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** Deletes what is due `inMs` from now, and looks again when the next is. */
  #look(inMs: number): void {
    if (this.#closed) return;
    if (inMs > 0) {
      this.#timer ??= this.#options.clock.after(inMs, () => {
        this.#timer = null;
        this.#look(0);
      });
      return;
    }
    const nowMs = this.#options.clock.monotonicMs();
    const due: string[] = [];
    let nextMs = Infinity;
    for (const [path, { dueMs, replaced }] of this.#files) {
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
      else if (!replaced || this.#holders === 0) due.push(path);
    }
    for (const path of due) this.#files.delete(path);
    if (due.length > 0) this.#deleteSoon(due);
    if (nextMs < Infinity) this.#look(nextMs - nowMs);
  }

  #deleteSoon(paths: readonly string[]): void {
    const deleting: Promise<void> = this.#delete(paths).finally(() => this.#deleting.delete(deleting));
    this.#deleting.set(deleting, paths);
    this.inBackground(deleting);
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
    await Promise.allSettled([...this.#deleting.keys()]); // else a path could go that a new partition of that name has made again
    for (const path of paths) this.#options.files.forget(path);
    await removeQuietly(this.#options.disk, name);
  }

  /** One that cannot be deleted does not keep the others. */
  async #delete(paths: readonly string[]): Promise<void> {
    let failed: unknown = null;
    for (const path of paths) {
      this.#options.files.forget(path);
      await removeQuietly(this.#options.disk, path).catch((error: unknown) => { failed ??= error; });
    }
    if (failed !== null) throw failed;
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

// test/crash/recording-disk.ts - a Disk that does what another one does, and writes down every change with its beginning and its end.
// Owns: the recording. Never: what a power cut would have left of it (power-cut.ts).
// R1 A change is in the recording from before it is asked for, and its end from before anybody is told: so whatever a client knew at one
// place of the recording had reached the disk there.
import { directAlignment } from '../../packages/millrace/src/os/mod.ts';
import type { Disk, DiskFile, Lane, LaneResult, LaneStep, OpenOptions, SharedBytes } from '../../packages/millrace/src/os/mod.ts';

/** One change that began. */
export type Change =
  | { readonly kind: 'create' | 'make-folder' | 'remove' | 'sync-folder'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'write'; readonly path: string; readonly position: number; readonly bytes: Uint8Array; readonly direct: boolean }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'sync'; readonly path: string };

/** The recording: changes that begin, and the numbers of changes that end. */
export type Recorded = { readonly kind: 'begin'; readonly id: number; readonly change: Change } | { readonly kind: 'end'; readonly id: number };

/** Wraps a disk. */
export class RecordingDisk implements Disk {
  readonly recorded: Recorded[] = [];
  readonly root: string;
  readonly #disk: Disk;
  readonly #known = new Set<string>();
  #nextId = 0;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.root = disk.root;
  }

  async open(path: string, options: OpenOptions = {}): Promise<DiskFile> {
    const creates = options.create === true && !this.#known.has(path);
    const id = creates ? this.begin({ kind: 'create', path }) : -1;
    const file = await this.#disk.open(path, options);
    this.#known.add(path);
    if (creates) this.end(id);
    // Written past the page cache or not: the port does not say, but only then is a part aligned by rule.
    return new RecordingFile(this, file, options.direct === true && (file as { syncsEachWrite?: boolean }).syncsEachWrite === true);
  }

  list(path: string): ReturnType<Disk['list']> { return this.#disk.list(path); }
  makeFolder(path: string): Promise<void> { return this.record({ kind: 'make-folder', path }, () => this.#disk.makeFolder(path)); }

  remove(path: string): Promise<void> {
    for (const known of this.#known) if (known === path || known.startsWith(`${path}/`)) this.#known.delete(known);
    return this.record({ kind: 'remove', path }, () => this.#disk.remove(path));
  }

  rename(from: string, to: string): Promise<void> {
    this.#known.delete(from);
    this.#known.add(to);
    return this.record({ kind: 'rename', path: from, to }, () => this.#disk.rename(from, to));
  }

  syncFolder(path: string): Promise<void> { return this.record({ kind: 'sync-folder', path }, () => this.#disk.syncFolder(path)); }
  freeBytes(): Promise<number> { return this.#disk.freeBytes(); }
  allocate(bytes: number): SharedBytes { return this.#disk.allocate(bytes); }
  async openLane(): Promise<Lane> { return new RecordingLane(this, await this.#disk.openLane()); }
  lock(): ReturnType<Disk['lock']> { return this.#disk.lock(); }

  begin(change: Change): number {
    const id = this.#nextId++;
    this.recorded.push({ kind: 'begin', id, change });
    return id;
  }

  end(id: number): void { this.recorded.push({ kind: 'end', id }); }

  async record(change: Change, act: () => Promise<void>): Promise<void> {
    const id = this.begin(change);
    await act();
    this.end(id);
  }
}

class RecordingFile implements DiskFile {
  readonly path: string;
  readonly inner: DiskFile;
  readonly direct: boolean;
  readonly #disk: RecordingDisk;

  constructor(disk: RecordingDisk, inner: DiskFile, direct: boolean) {
    this.#disk = disk;
    this.inner = inner;
    this.path = inner.path;
    this.direct = direct;
  }

  size(): Promise<number> { return this.inner.size(); }
  read(into: Uint8Array, position: number): Promise<number> { return this.inner.read(into, position); }
  readSync(into: Uint8Array, position: number): number { return this.inner.readSync(into, position); }
  write(parts: readonly Uint8Array[], position: number): Promise<void> { return this.#disk.record(this.writing(parts, position), () => this.inner.write(parts, position)); }
  truncate(size: number): Promise<void> { return this.#disk.record({ kind: 'truncate', path: this.path, size }, () => this.inner.truncate(size)); }
  sync(): Promise<void> { return this.#disk.record({ kind: 'sync', path: this.path }, () => this.inner.sync()); }
  close(): Promise<void> { return this.inner.close(); }

  writing(parts: readonly Uint8Array[], position: number): Change {
    return { kind: 'write', path: this.path, position, bytes: new Uint8Array(Buffer.concat(parts)), direct: this.direct && position % directAlignment === 0 };
  }
}

/** Steps of a commit begin when it is submitted and end when it is done: what happens between is the thread's own affair. */
class RecordingLane implements Lane {
  readonly #disk: RecordingDisk;
  readonly #lane: Lane;

  constructor(disk: RecordingDisk, lane: Lane) {
    this.#disk = disk;
    this.#lane = lane;
  }

  submit(steps: readonly LaneStep[], done: (error: Error | null, result: LaneResult) => void): void {
    const ids = steps.map((step) => {
      const file = step.file as RecordingFile;
      return this.#disk.begin(step.kind === 'write' ? file.writing(step.parts, step.position) : { kind: 'sync', path: file.path });
    });
    const inner = steps.map((step) => ({ ...step, file: (step.file as RecordingFile).inner }) as LaneStep);
    this.#lane.submit(inner, (error, result) => {
      if (error === null) for (const id of ids) this.#disk.end(id);
      done(error, result);
    });
  }

  close(): Promise<void> { return this.#lane.close(); }
}

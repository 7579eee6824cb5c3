// os/recording-disk.ts - a Disk that notes every change it passes on, in order: for power-loss tests on what a real node really wrote.
// Owns: the trace. Never: changing what happens. The trace holds copies of all bytes written: only for tests.
//
// An entry is noted when the call begins ('begin') and when it has ended ('end', with whether it succeeded). A power cut after entry n may
// keep, tear, drop or reorder every write that no sync covers: a 'sync' covers the writes to its file that had ended before it began,
// and counts from its own end on. Names (create, rename, remove) count from the end of a 'syncFolder' of their folder on.
// Writes to a direct file are durable at their end when `syncsEachWrite` is set in its 'open'.
import type { Disk, DiskFile, Lane, LaneResult, LaneStep, OpenOptions, SharedBytes } from './ports.ts';

/** What was asked of the disk. `thread` is 'caller' or the number of the lane. */
export type DiskAction =
  | { readonly kind: 'open'; readonly path: string; readonly create: boolean; readonly syncsEachWrite: boolean }
  | { readonly kind: 'write'; readonly path: string; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'sync'; readonly path: string }
  | { readonly kind: 'makeFolder' | 'remove' | 'syncFolder'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string };

/** One line of the trace. `id` joins the begin and the end of an action. */
export type TraceEntry =
  | { readonly kind: 'begin'; readonly id: number; readonly thread: 'caller' | number; readonly action: DiskAction }
  | { readonly kind: 'end'; readonly id: number; readonly failed: boolean }
  /** Noted by the test itself, such as "this was acknowledged". */
  | { readonly kind: 'mark'; readonly mark: unknown };

/** Wraps a disk and records. */
export class RecordingDisk implements Disk {
  readonly trace: TraceEntry[] = [];
  readonly #disk: Disk;
  #ids = 0;
  #lanes = 0;

  constructor(disk: Disk) { this.#disk = disk; }

  get root(): string { return this.#disk.root; }

  /** Notes something of the test's own at this place of the trace. */
  mark(mark: unknown): void { this.trace.push({ kind: 'mark', mark }); }

  async open(path: string, options: OpenOptions = {}): Promise<DiskFile> {
    const file = await this.#disk.open(path, options);
    const syncsEachWrite = (file as { syncsEachWrite?: boolean }).syncsEachWrite === true;
    if (options.readOnly !== true) this.end(this.begin('caller', { kind: 'open', path, create: options.create === true, syncsEachWrite }), false);
    return new RecordedFile(this, file, path);
  }

  list(path: string): ReturnType<Disk['list']> { return this.#disk.list(path); }
  makeFolder(path: string): Promise<void> { return this.note({ kind: 'makeFolder', path }, () => this.#disk.makeFolder(path)); }
  remove(path: string): Promise<void> { return this.note({ kind: 'remove', path }, () => this.#disk.remove(path)); }
  rename(from: string, to: string): Promise<void> { return this.note({ kind: 'rename', path: from, to }, () => this.#disk.rename(from, to)); }
  syncFolder(path: string): Promise<void> { return this.note({ kind: 'syncFolder', path }, () => this.#disk.syncFolder(path)); }
  freeBytes(): Promise<number> { return this.#disk.freeBytes(); }
  allocate(bytes: number): SharedBytes { return this.#disk.allocate(bytes); }
  lock(): ReturnType<Disk['lock']> { return this.#disk.lock(); }
  async openLane(): Promise<Lane> { return new RecordedLane(this, await this.#disk.openLane(), ++this.#lanes); }

  /** For the recorded files and lanes: an action begins. */
  begin(thread: 'caller' | number, action: DiskAction): number {
    const id = ++this.#ids;
    this.trace.push({ kind: 'begin', id, thread, action });
    return id;
  }

  /** ... and ends. */
  end(id: number, failed: boolean): void { this.trace.push({ kind: 'end', id, failed }); }

  /** ... or both around a call. */
  async note<T>(action: DiskAction, call: () => Promise<T>): Promise<T> {
    const id = this.begin('caller', action);
    let failed = true;
    try {
      const result = await call();
      failed = false;
      return result;
    } finally {
      this.end(id, failed);
    }
  }
}

class RecordedFile implements DiskFile {
  readonly path: string;
  readonly file: DiskFile;
  readonly #disk: RecordingDisk;

  constructor(disk: RecordingDisk, file: DiskFile, path: string) {
    this.#disk = disk;
    this.file = file;
    this.path = path;
  }

  size(): Promise<number> { return this.file.size(); }
  read(into: Uint8Array, position: number): Promise<number> { return this.file.read(into, position); }
  readSync(into: Uint8Array, position: number): number { return this.file.readSync(into, position); }
  close(): Promise<void> { return this.file.close(); }
  sync(): Promise<void> { return this.#disk.note({ kind: 'sync', path: this.path }, () => this.file.sync()); }
  truncate(bytes: number): Promise<void> { return this.#disk.note({ kind: 'truncate', path: this.path, bytes }, () => this.file.truncate(bytes)); }

  write(parts: readonly Uint8Array[], position: number): Promise<void> {
    return this.#disk.note({ kind: 'write', path: this.path, position, bytes: joined(parts) }, () => this.file.write(parts, position));
  }
}

class RecordedLane implements Lane {
  readonly #disk: RecordingDisk;
  readonly #lane: Lane;
  readonly #number: number;
  /** Steps whose end is not noted yet; the first has begun as `id`. */
  readonly #queue: LaneStep[] = [];
  #id = 0;

  constructor(disk: RecordingDisk, lane: Lane, number: number) {
    this.#disk = disk;
    this.#lane = lane;
    this.#number = number;
  }

  /** Steps run one after the other on the lane's thread: each is passed on as a commit of its own, and begins in the trace when the one before ended. */
  submit(steps: readonly LaneStep[], done: (error: Error | null, result: LaneResult) => void): void {
    let writeMs = 0;
    let syncMs = 0;
    let failure: Error | null = null;
    if (steps.length === 0) return this.#lane.submit([], done);
    steps.forEach((step, index) => {
      this.#queue.push(step);
      if (this.#queue.length === 1) this.#begin();
      this.#lane.submit([{ ...step, file: (step.file as RecordedFile).file }], (error, result) => {
        this.#disk.end(this.#id, error !== null);
        this.#queue.shift();
        if (this.#queue.length > 0) this.#begin();
        failure ??= error;
        writeMs += result.writeMs;
        syncMs += result.syncMs;
        if (index === steps.length - 1) done(failure, { writeMs, syncMs });
      });
    });
  }

  #begin(): void {
    const step = this.#queue[0]!;
    const { path } = step.file;
    this.#id = this.#disk.begin(this.#number, step.kind === 'write' ? { kind: 'write', path, position: step.position, bytes: joined(step.parts) } : { kind: 'sync', path });
  }

  close(): Promise<void> { return this.#lane.close(); }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

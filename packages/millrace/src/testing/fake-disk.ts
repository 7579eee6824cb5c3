// testing/fake-disk.ts - the Disk port of one simulated process on a simulated drive.
// Owns: when calls happen and settle. Never: what bytes survive (fake-device.ts).
// D1 Every call takes effect in an event of its own, later than the call, in an order that latencies choose; parts are read then,
// so that a buffer changed too early shows. D2 After the process's death nothing takes effect and no promise settles.
// D3 A sync covers what was written before it was asked for. D4 Direct files need none, see there.
import { MillraceError, assert } from '../base/mod.ts';
import { directAlignment } from '../os/mod.ts';
import type { Disk, DiskFile, Lane, OpenOptions, SharedBytes } from '../os/mod.ts';
import type { DiskStep } from './disk-faults.ts';
import type { FakeDevice } from './fake-device.ts';
import { FakeLane } from './fake-lane.ts';
import type { FakeProcess } from './fake-process.ts';
import type { FileImage } from './file-image.ts';
import { folderOf } from './file-names.ts';

/** A drive as one process sees it. */
export class FakeDisk implements Disk {
  readonly root: string;
  readonly device: FakeDevice;
  readonly process: FakeProcess;
  readonly #shared = new WeakSet<ArrayBufferLike>();
  /** Files that this process has open now. */
  readonly openFiles = new Set<FakeFile>();

  constructor(device: FakeDevice, process: FakeProcess, root = 'data') {
    this.device = device;
    this.process = process;
    this.root = root;
    process.onDeath(() => { if (device.lockedBy === process) device.lockedBy = null; });
  }

  open(path: string, options: OpenOptions = {}): Promise<DiskFile> {
    const missing = () => this.device.names.get(path) === undefined;
    return this.perform({ kind: 'open', path, bytes: 0 }, () => {
      if (options.create && missing()) {
        this.#needFolder(folderOf(path));
        this.#step({ kind: 'create', path, bytes: 0 });
        this.device.create(path);
      }
      const file = new FakeFile(this, path, this.device.image(path), options.readOnly ?? false, options.direct ?? false);
      this.openFiles.add(file);
      return file;
    });
  }

  list(path: string): Promise<{ name: string; kind: 'file' | 'folder'; bytes: number }[]> {
    return this.later(() => this.device.names.list(inside(path)).map(([name, entry]) =>
      ({ name, kind: entry.kind, bytes: entry.kind === 'file' ? entry.image.size : 0 })));
  }

  makeFolder(path: string): Promise<void> {
    return this.perform({ kind: 'make-folder', path, bytes: 0 }, () => {
      const steps = inside(path).split('/').map((_, i, names) => names.slice(0, i + 1).join('/'));
      for (const each of steps) if (each !== '' && this.device.names.get(each) === undefined) this.device.names.put(each, { kind: 'folder' });
    });
  }

  remove(path: string): Promise<void> {
    return this.perform({ kind: 'remove', path, bytes: 0 }, () => {
      if (this.device.names.get(path) === undefined) return;
      this.#removeBelow(path);
      this.device.names.remove(path);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.perform({ kind: 'rename', path: from, bytes: 0 }, () => {
      if (this.device.names.get(from) === undefined) throw new MillraceError('not-found', `Cannot rename '${from}': no such file`, { path: from });
      this.#needFolder(folderOf(to));
      this.device.names.rename(from, to);
    });
  }

  syncFolder(path: string): Promise<void> {
    return this.perform({ kind: 'sync-folder', path, bytes: 0 }, () => {
      this.device.names.syncFolder(inside(path));
    });
  }

  freeBytes(): Promise<number> {
    return this.later(() => this.device.roomBytes());
  }

  allocate(bytes: number): SharedBytes {
    const shared = new Uint8Array(new SharedArrayBuffer(bytes));
    this.#shared.add(shared.buffer);
    return shared;
  }

  openLane(): Promise<Lane> {
    return this.later(() => new FakeLane(this));
  }

  /** The file behind the port's interface, for the lane. */
  fileOf(file: DiskFile): FakeFile {
    assert(file instanceof FakeFile, 'a fake lane works on files of the fake disk');
    return file;
  }

  lock(): Promise<{ release(): Promise<void> }> {
    return this.later(() => {
      const owner = this.device.lockedBy;
      if (owner !== null) throw new MillraceError('data-folder-locked', `Cannot lock '${this.root}': it is used by ${owner.name}`, { owner: owner.name });
      this.device.lockedBy = this.process;
      return { release: () => this.later(() => { if (this.device.lockedBy === this.process) this.device.lockedBy = null; }) };
    });
  }

  /** A lane takes only memory of allocate(): the real one could not see any other. */
  needShared(part: Uint8Array): void {
    assert(this.#shared.has(part.buffer), 'lane parts come from Disk.allocate');
  }

  /** Runs `effect` as a device step after its latency (D1). */
  perform<T>(step: DiskStep, effect: () => T): Promise<T> {
    return this.later(() => {
      this.#step(step);
      return effect();
    }, step);
  }

  /** Runs `effect` in a later event; the promise never settles when the process died meanwhile (D2). */
  later<T>(effect: () => T, step?: DiskStep): Promise<T> {
    return new Promise((resolve, reject) => {
      this.process.schedule(this.device.latencyMs(step), () => {
        try {
          resolve(effect());
        } catch (error) {
          if (error !== processDied) reject(error);
        }
      });
    });
  }

  /** Tells the simulation; ends the effect when that killed the process. */
  #step(step: DiskStep): void {
    this.device.onStep(step);
    if (!this.process.alive) throw processDied;
  }

  #needFolder(path: string): void {
    if (this.device.names.get(path)?.kind !== 'folder') throw new MillraceError('not-found', `Cannot use '${path}': no such folder`, { path });
  }

  #removeBelow(path: string): void {
    for (const [name, entry] of this.device.names.list(path)) {
      if (entry.kind === 'folder') this.#removeBelow(`${path}/${name}`);
      this.device.names.remove(`${path}/${name}`);
    }
  }
}

/** The data folder itself may be called '' or '.'. */
function inside(path: string): string {
  return path === '.' ? '' : path;
}

/** Thrown inside a call whose process was killed at its step; never reaches the process. */
export const processDied = new Error('the simulated process died');

/** A file as one process has it open. */
export class FakeFile implements DiskFile {
  readonly path: string;
  readonly disk: FakeDisk;
  readonly image: FileImage;
  readonly #readOnly: boolean;
  readonly #direct: boolean;
  #closed = false;

  constructor(disk: FakeDisk, path: string, image: FileImage, readOnly: boolean, direct: boolean) {
    this.disk = disk;
    this.path = path;
    this.image = image;
    this.#readOnly = readOnly;
    this.#direct = direct && !readOnly;
  }

  /** D4 A write to a direct file is durable when it is confirmed, on drives that can do so. */
  get syncsEachWrite(): boolean { return this.#direct && this.disk.device.takesDirect; }

  size(): Promise<number> {
    return this.#perform(() => this.image.size);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#perform(() => this.disk.device.read(this.path, this.image, into, position), { kind: 'read', path: this.path, bytes: into.length });
  }

  readSync(into: Uint8Array, position: number): number {
    this.#needOpen();
    return this.disk.device.read(this.path, this.image, into, position);
  }

  write(parts: readonly Uint8Array[], position: number): Promise<void> {
    const step: DiskStep = { kind: 'write', path: this.path, bytes: sizeOf(parts) };
    return this.#perform(() => {
      this.#needWritable();
      this.disk.device.onStep(step);
      if (this.disk.process.alive) return this.writeNow(step, parts, position);
      this.disk.device.writePart(this.image, position, parts);
      throw processDied;
    });
  }

  /** The effect of a write, for this file and for the lane. */
  writeNow(step: DiskStep, parts: readonly Uint8Array[], position: number): void {
    if (this.#direct) assert(position % directAlignment === 0 && parts.every((part) => part.length % directAlignment === 0), 'writes to a direct file are aligned');
    const { device } = this.disk;
    device.write(step, this.image, position, parts);
    if (this.syncsEachWrite) device.sync(step, this.image, this.image.takeMark(), false);
  }

  truncate(bytes: number): Promise<void> {
    return this.#perform(() => {
      this.#needWritable();
      this.image.truncate(bytes);
    }, { kind: 'truncate', path: this.path, bytes });
  }

  sync(): Promise<void> {
    const step: DiskStep = { kind: 'sync', path: this.path, bytes: 0 };
    const covered = this.image.takeMark(); // D3
    return this.#perform(() => this.disk.device.sync(step, this.image, covered), step);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.disk.openFiles.delete(this);
    await this.disk.later(() => undefined);
  }

  #perform<T>(effect: () => T, step?: DiskStep): Promise<T> {
    try {
      this.#needOpen();
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return step === undefined ? this.disk.later(effect) : this.disk.perform(step, effect);
  }

  #needOpen(): void {
    if (this.#closed) throw new MillraceError('closed', `Cannot use '${this.path}': it is closed`, { path: this.path });
  }

  #needWritable(): void {
    if (this.#readOnly) throw new MillraceError('storage-failed', `Cannot write '${this.path}': opened for reading`, { path: this.path });
  }
}

function sizeOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}

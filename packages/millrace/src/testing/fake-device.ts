// testing/fake-device.ts - a simulated disk drive: files and names that outlive the processes that use it.
// Owns: content, durability, faults, latencies. Never: who is alive (fake-disk.ts gives each process its own door).
// V1 A power cut leaves only what a sync had confirmed, plus chance. V2 kill -9 leaves all that was written: the page cache lives on.
import { MillraceError } from '../base/mod.ts';
import { noDiskFaults } from './disk-faults.ts';
import type { DiskFault, DiskFaults, DiskStep } from './disk-faults.ts';
import { FileImage } from './file-image.ts';
import type { CutKind } from './file-image.ts';
import { FileNames } from './file-names.ts';
import type { FakeProcess } from './fake-process.ts';
import type { FakeRandom } from './fake-random.ts';

/** What a power cut did, for coverage. */
export interface CutReport { readonly files: ReadonlyMap<string, CutKind>; readonly namesLost: number }

/** One drive. */
export class FakeDevice {
  readonly random: FakeRandom;
  readonly names = new FileNames();
  readonly faults: DiskFaults = noDiskFaults();
  /** False: direct files are ordinary ones here, and need their syncs. */
  takesDirect: boolean;
  /** Called before each step happens. It may kill the process: the step then does not happen, or for a write in part. */
  onStep: (step: DiskStep) => void = () => {};
  /** Called when a fault strikes a step. */
  onFault: (fault: DiskFault, step: DiskStep) => void = () => {};
  /** The process that holds the folder's lock. */
  lockedBy: FakeProcess | null = null;

  constructor(random: FakeRandom) {
    this.random = random;
    this.takesDirect = random.chance(0.5);
  }

  /** Bytes of all files. */
  usedBytes(): number {
    let bytes = 0;
    for (const [, image] of this.names.files()) bytes += image.size;
    return bytes;
  }

  /** Power goes: call it when no process uses the drive any more. */
  cutPower(): CutReport {
    const namesLost = this.names.cut(this.random);
    const files = new Map<string, CutKind>();
    for (const [path, image] of this.names.files()) files.set(path, image.cut(this.random));
    return { files, namesLost };
  }

  /** Flips one bit of a file. */
  flipBit(path: string, position: number, bit: number): void {
    this.image(path).flipBit(position, bit);
  }

  /** The file of a path, or 'not-found'. */
  image(path: string): FileImage {
    const entry = this.names.get(path);
    if (entry?.kind !== 'file') throw new MillraceError('not-found', `Cannot open '${path}': no such file`, { path });
    return entry.image;
  }

  /** How long the next call takes. */
  latencyMs(step?: DiskStep): number {
    const stall = this.faults.stallChance > 0 && this.random.chance(this.faults.stallChance) ? this.faults.stallMs : 0;
    if (stall > 0 && step !== undefined) this.onFault('stall', step);
    return stall + this.random.exponential(this.faults.latencyMs);
  }

  /** Writes as far as there is room. @throws MillraceError 'disk-full' after writing the part that fits. */
  write(step: DiskStep, image: FileImage, position: number, parts: readonly Uint8Array[]): void {
    const bytes = joined(parts);
    const growth = Math.max(0, position + bytes.length - image.size);
    const room = this.#roomBytes();
    if (growth <= room) return image.write(position, bytes);
    const fits = Math.max(0, bytes.length - (growth - room));
    if (fits > 0) image.write(position, bytes.subarray(0, fits));
    this.onFault('disk full', step);
    throw new MillraceError('disk-full', `Cannot write '${step.path}': no room left on the disk`, { path: step.path });
  }

  /** Writes by chance a part: what a kill in the middle of a write leaves. */
  writePart(image: FileImage, position: number, parts: readonly Uint8Array[]): void {
    const bytes = joined(parts);
    const written = this.random.below(bytes.length + 1);
    if (written > 0 && position + written - image.size <= this.#roomBytes()) image.write(position, bytes.subarray(0, written));
  }

  /** Covers the changes before the mark. @throws MillraceError 'storage-failed' when told to: what it covered counts as lost. */
  sync(step: DiskStep, image: FileImage, mark: number, pageCache = true): void {
    const fails = this.faults.syncsFailAlways || this.faults.syncsToFail > 0;
    if (!fails) return image.sync(mark);
    this.faults.syncsToFail = Math.max(0, this.faults.syncsToFail - 1);
    if (pageCache) image.syncFailed(mark, this.random);
    else image.writeFailed(this.random);
    this.onFault('sync fails', step);
    throw new MillraceError('storage-failed', `Cannot sync '${step.path}': input/output error`, { path: step.path });
  }

  /** Reads what is there. @throws MillraceError 'storage-failed' when told to. */
  read(path: string, image: FileImage, into: Uint8Array, position: number): number {
    if (this.faults.readsToFail > 0) {
      this.faults.readsToFail--;
      this.onFault('read fails', { kind: 'read', path, bytes: into.length });
      throw new MillraceError('storage-failed', `Cannot read '${path}': input/output error`, { path });
    }
    const bytes = image.view(position, position + into.length);
    into.set(bytes);
    return bytes.length;
  }

  /** Room for more bytes. */
  roomBytes(): number { return this.#roomBytes(); }

  /** Makes a new empty file under a path. */
  create(path: string): FileImage {
    const image = new FileImage();
    this.names.put(path, { kind: 'file', image });
    return image;
  }

  #roomBytes(): number {
    if (this.faults.capacityBytes === Infinity) return 2 ** 40;
    return Math.max(0, this.faults.capacityBytes - this.usedBytes());
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

// testing/file-image.ts - the content of one simulated file: what reads see, and what a power cut would leave.
// Owns: the durable bytes, the visible bytes, and the list of changes between them. Never: names, time.
// I1 visible == durable with all unsynced changes applied in order. I2 sync() covers a prefix of the changes, so that an older
// change never lands on top of a newer one. I3 A power cut keeps any subset of the unsynced sectors: lost, torn and reordered.
import type { FakeRandom } from './fake-random.ts';
import { GrowingBytes } from './growing-bytes.ts';

/** The smallest run of bytes a device writes as one. */
export const sectorBytes = 512;

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number };

/** What a power cut did to the unsynced changes of one file, for coverage. */
export type CutKind = 'nothing unsynced' | 'all lost' | 'all kept' | 'prefix kept, last torn' | 'sectors lost and reordered';

/** One file's bytes. */
export class FileImage {
  readonly #durable = new GrowingBytes();
  readonly #visible = new GrowingBytes();
  #unsynced: Change[] = [];
  /** Changes that left the list: a mark counts from the file's first change. */
  #settled = 0;

  get size(): number { return this.#visible.size; }
  get unsyncedChanges(): number { return this.#unsynced.length; }

  /** Bytes of the visible file; a view, valid until the next write. */
  view(from = 0, to = this.#visible.size): Uint8Array { return this.#visible.view(from, to); }

  /** Bytes that are certain to survive a power cut. */
  durableView(): Uint8Array { return this.#durable.view(0, this.#durable.size); }

  write(position: number, bytes: Uint8Array): void {
    const change: Change = { kind: 'write', position, bytes: bytes.slice() };
    apply(this.#visible, change);
    this.#unsynced.push(change);
  }

  truncate(size: number): void {
    const change: Change = { kind: 'truncate', size };
    apply(this.#visible, change);
    this.#unsynced.push(change);
  }

  /** The place in the history of changes up to which a sync asked for now has to cover. */
  takeMark(): number { return this.#settled + this.#unsynced.length; }

  /** Makes the changes before the mark durable. */
  sync(mark: number): void {
    for (const change of this.#take(mark)) apply(this.#durable, change);
  }

  /**
   * A sync that failed: the kernel marks the pages clean, so later syncs do not write them. What reached the device is chance;
   * the visible bytes stay until a power cut.
   */
  syncFailed(mark: number, random: FakeRandom): void {
    for (const change of this.#take(mark)) {
      for (const part of sectors(change)) if (random.chance(0.5)) apply(this.#durable, part);
    }
  }

  /** A failed write past the page cache: what is seen is what reached the device. */
  writeFailed(random: FakeRandom): void {
    this.syncFailed(this.takeMark(), random);
    this.#visible.copyFrom(this.#durable);
  }

  /** A power cut: unsynced changes survive by chance (I3), and what survived is what is seen from now on. */
  cut(random: FakeRandom): CutKind {
    const kind = this.#cutKind(random);
    if (kind === 'all kept') this.sync(this.takeMark());
    else if (kind === 'prefix kept, last torn') this.#keepTornPrefix(random);
    else if (kind === 'sectors lost and reordered') this.#keepSubset(random);
    this.#take(this.takeMark());
    this.#visible.copyFrom(this.#durable);
    return kind;
  }

  /** Flips one bit, in the durable and in the visible bytes. */
  flipBit(position: number, bit: number): void {
    this.#durable.flip(position, bit);
    this.#visible.flip(position, bit);
  }

  #take(mark: number): Change[] {
    const taken = this.#unsynced.splice(0, Math.max(0, mark - this.#settled));
    this.#settled += taken.length;
    return taken;
  }

  #cutKind(random: FakeRandom): CutKind {
    if (this.#unsynced.length === 0) return 'nothing unsynced';
    return random.pick(['all lost', 'all kept', 'prefix kept, last torn', 'sectors lost and reordered', 'sectors lost and reordered'] as const);
  }

  #keepTornPrefix(random: FakeRandom): void {
    const whole = random.below(this.#unsynced.length);
    const torn = this.#unsynced[whole]!;
    this.sync(this.#settled + whole);
    if (torn.kind === 'write') {
      const parts = [...sectors(torn)];
      for (const part of parts.slice(0, random.below(parts.length + 1))) apply(this.#durable, part);
    }
  }

  #keepSubset(random: FakeRandom): void {
    const probability = random.pick([0.1, 0.5, 0.9]);
    const pages = random.chance(0.5) ? 8 : 1; // 4 KiB pages or single sectors survive together
    for (const change of this.#unsynced) {
      let kept = false;
      let index = 0;
      for (const part of sectors(change)) {
        if (index++ % pages === 0) kept = random.chance(probability);
        if (kept) apply(this.#durable, part);
      }
    }
  }
}

function apply(to: GrowingBytes, change: Change): void {
  if (change.kind === 'write') to.write(change.position, change.bytes);
  else to.truncate(change.size);
}

/** A change cut at the device's sectors. */
function* sectors(change: Change): Iterable<Change> {
  if (change.kind === 'truncate') return yield change;
  const { position, bytes } = change;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + sectorBytes - ((position + at) % sectorBytes));
    yield { kind: 'write', position: position + at, bytes: bytes.subarray(at, end) };
    at = end;
  }
}

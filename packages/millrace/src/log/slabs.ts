// log/slabs.ts - the memory of recent appends: images of journal groups, source of the lane's writes and of readers of the tail.
// Owns: slabs, their reuse. Never: what the bytes mean.
// One run of shared memory, cut into slabs that are filled one after the other:
//
//   oldest                                              newest
//   [ evictable ][ evictable, pinned ][ unflushed ][ filling ]   free: none left -> the oldest evictable one is reused
//
// L1 Bytes in a slab are overwritten only when its groups are journaled and written to their segments and no reader holds it.
// L2 Slabs leave the tail from the oldest on. A pinned one leaves too and waits, detached, for its readers; another takes its place, so slow
// readers neither stop appends nor shorten the tail. At most as many are detached as there are slabs: from a quarter on, reads copy.
import { assert } from '../base/mod.ts';
import type { SharedBytes } from '../os/mod.ts';

/** One run of memory filled by consecutive groups. */
export class Slab {
  readonly bytes: SharedBytes;
  readonly view: DataView;
  /** True for one made for a single group that no common slab can hold. */
  readonly isPrivate: boolean;
  /** Rises with each use: order in the tail. */
  sequence = 0;
  /** Bytes taken. */
  used = 0;
  /** Groups in it that are not yet in their segments. */
  unflushedGroups = 0;
  /** Still being filled. */
  filling = false;
  /** Readers holding views. */
  pins = 0;
  /** Out of the tail, waiting for readers. */
  detached = false;
  /** Those with entries here, each once: told at eviction. */
  readonly owners: TailOwner[] = [];

  constructor(bytes: SharedBytes, isPrivate: boolean) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.isPrivate = isPrivate;
  }
}

/** Whoever indexes entries of slabs. */
export interface TailOwner {
  /** Forgets entries in slabs up to this sequence. */
  dropTail(throughSequence: number): void;
}

/** The slabs of one log. */
export class SlabPool {
  readonly slabBytes: number;
  readonly #allocate: (bytes: number) => SharedBytes;
  readonly #free: Slab[] = [];
  /** In the tail, oldest first. */
  #order: Slab[] = [];
  readonly #privateBytesMax: number;
  #privateBytes = 0;
  #detached = 0;
  #pinned = 0;
  /** Slabs made in place of detached ones. */
  #extra = 0;
  #sequence = 0;
  readonly #slabCount: number;
  /** Called when a reader's release made a slab reusable. */
  onFreed: () => void = () => {};

  constructor(allocate: (bytes: number) => SharedBytes, tailBytes: number) {
    this.#allocate = allocate;
    this.#slabCount = tailBytes >= 32 << 20 ? 16 : 4;
    this.slabBytes = Math.floor(tailBytes / this.#slabCount / 4096) * 4096;
    const memory = allocate(this.slabBytes * this.#slabCount);
    for (let index = this.#slabCount - 1; index >= 0; index--) {
      this.#free.push(new Slab(memory.subarray(index * this.slabBytes, (index + 1) * this.slabBytes), false));
    }
    this.#privateBytesMax = Math.max(tailBytes, 80 << 20);
  }

  /** Bytes of all common slabs. */
  get bytes(): number { return this.slabBytes * this.#slabCount; }
  /** Bytes of the tail in use. */
  get tailBytes(): number { return this.#order.reduce((sum, slab) => sum + slab.used, 0); }
  /** Slabs that readers hold. */
  get pinned(): number { return this.#pinned; }
  /** True while readers hold so much that further reads should copy. */
  get isPinnedTight(): boolean { return this.#detached * 4 >= this.#slabCount; }

  /** A slab that can take `bytes`, empty, or null when all memory is still needed. */
  take(bytes: number): Slab | null {
    const slab = bytes <= this.slabBytes ? this.#takeCommon() : this.#takePrivate(bytes);
    if (slab === null) return null;
    slab.sequence = ++this.#sequence;
    slab.used = 0;
    slab.filling = true;
    this.#order.push(slab);
    return slab;
  }

  /** A reader holds views into the slab. */
  pin(slab: Slab): void { if (slab.pins++ === 0) this.#pinned++; }

  /** The reader is done. */
  unpin(slab: Slab): void {
    assert(slab.pins > 0, 'a slab is released as often as it was pinned');
    slab.pins--;
    if (slab.pins > 0) return;
    this.#pinned--;
    if (!slab.detached) return;
    slab.detached = false;
    this.#detached--;
    this.#recycle(slab);
    this.onFreed();
  }

  #takeCommon(): Slab | null {
    let slab = this.#free.pop();
    while (slab === undefined && this.#evictOldest()) slab = this.#free.pop() ?? this.#replaceDetached();
    return slab ?? null;
  }

  #replaceDetached(): Slab | undefined {
    if (this.#extra >= this.#detached) return undefined;
    this.#extra++;
    return new Slab(this.#allocate(this.slabBytes), false);
  }

  #takePrivate(bytes: number): Slab | null {
    while (this.#privateBytes + bytes > this.#privateBytesMax && this.#privateBytes > 0) if (!this.#evictOldest()) return null;
    const slab = new Slab(this.#allocate(Math.ceil(bytes / 4096) * 4096), true);
    this.#privateBytes += slab.bytes.length;
    return slab;
  }

  /** L1, L2: takes the oldest slab out of the tail if its bytes are safe elsewhere. */
  #evictOldest(): boolean {
    const slab = this.#order[0];
    if (slab === undefined || slab.filling || slab.unflushedGroups > 0) return false;
    this.#order.shift();
    for (const owner of slab.owners) owner.dropTail(slab.sequence);
    slab.owners.length = 0;
    if (slab.pins > 0) {
      slab.detached = true;
      this.#detached++;
    } else {
      this.#recycle(slab);
    }
    return true;
  }

  #recycle(slab: Slab): void {
    if (slab.isPrivate) this.#privateBytes -= slab.bytes.length;
    else if (this.#extra > this.#detached) this.#extra--;
    else this.#free.push(slab);
  }
}

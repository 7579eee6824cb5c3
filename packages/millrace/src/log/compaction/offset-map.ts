// log/compaction/offset-map.ts - the last offset of each key, for as many keys as memory is given.
// Owns: a table of 24 bytes a key in typed arrays: 128 bits of a digest, which stand for the key, and the offset. Never: keys themselves.
// O1 It grows up to its bound and is full then; the caller cleans as far as it got and comes again for the rest.
// Cost: one digest and, at the fill that is allowed, a few neighbouring slots a key.
import { digestWords } from '../../os/mod.ts';

/** Bytes of a slot: a digest and an offset. */
const slotBytes = 24;
const slotsMin = 1024;
/** A table that may still grow is kept emptier than one that may not. */
const growAtFill = 0.6;
const fillMax = 0.95;

/** Keys and their last offsets. */
export class OffsetMap {
  readonly #slotsMax: number;
  readonly #keysMax: number;
  #slots: number;
  #digests: Uint32Array;
  #offsets: Float64Array;
  #keys = 0;
  readonly #digest = new Uint32Array(4);

  /** Room for `bytes`, of which `loadFactor` (0 to 1) is used. */
  constructor(bytes: number, loadFactor: number) {
    this.#slotsMax = Math.max(slotsMin, Math.floor(bytes / slotBytes));
    this.#keysMax = Math.max(1, Math.floor(this.#slotsMax * Math.min(Math.max(loadFactor, 0), fillMax)));
    this.#slots = slotsMin;
    this.#digests = new Uint32Array(this.#slots * 4);
    this.#offsets = new Float64Array(this.#slots).fill(-1);
  }

  get keys(): number { return this.#keys; }
  /** O1: takes no further key. */
  get isFull(): boolean { return this.#keys >= this.#keysMax; }

  /** Notes that the key was last seen at `offset`; later calls have later offsets. Past the bound it grows all the same: ask `isFull` first. */
  put(key: Uint8Array, offset: number): void {
    digestWords(key, this.#digest);
    const slot = this.#find(this.#digest, 0);
    if (this.#offsets[slot]! < 0) {
      this.#digests.set(this.#digest, slot * 4);
      this.#keys++;
    }
    this.#offsets[slot] = offset;
    if (this.#keys > this.#slots * (this.#slots < this.#slotsMax ? growAtFill : fillMax)) this.#grow();
  }

  /** Last offset of the key; -1 for a key that was not noted. */
  get(key: Uint8Array): number {
    digestWords(key, this.#digest);
    return this.#offsets[this.#find(this.#digest, 0)]!;
  }

  /** The slot of the digest at `at` in `words`, or the free one where it belongs. */
  #find(words: Uint32Array, at: number): number {
    const [a, b, c, d] = [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!];
    for (let slot = a % this.#slots; ; slot = slot + 1 === this.#slots ? 0 : slot + 1) {
      if (this.#offsets[slot]! < 0) return slot;
      const from = slot * 4;
      if (this.#digests[from] === a && this.#digests[from + 1] === b && this.#digests[from + 2] === c && this.#digests[from + 3] === d) return slot;
    }
  }

  #grow(): void {
    const [digests, offsets] = [this.#digests, this.#offsets];
    this.#slots = this.#slots < this.#slotsMax ? Math.min(this.#slots * 2, this.#slotsMax) : this.#slots * 2;
    this.#digests = new Uint32Array(this.#slots * 4);
    this.#offsets = new Float64Array(this.#slots).fill(-1);
    for (let from = 0; from < offsets.length; from++) {
      if (offsets[from]! < 0) continue;
      const slot = this.#find(digests, from * 4);
      this.#digests.set(digests.subarray(from * 4, from * 4 + 4), slot * 4);
      this.#offsets[slot] = offsets[from]!;
    }
  }
}

// log/tail.ts - where a partition's recent batches lie in memory.
// Owns: an index by offset into slabs. Never: the bytes. Cost: 32 bytes a batch while it is in the tail, nothing for an idle partition.
// L3 Entries rise in offset without a gap, and lie in slabs of rising sequence.
import { assert } from '../base/mod.ts';
import type { Slab } from './slabs.ts';

/** Recent batches of one partition, oldest first. */
export class Tail {
  #offsets: number[] = [];
  #slabs: Slab[] = [];
  #starts: number[] = [];
  #lengths: number[] = [];
  #head = 0;

  /** Number of batches; entries are addressed 0 .. count-1. */
  get count(): number { return this.#offsets.length - this.#head; }
  /** Base offset of the oldest batch; Infinity when empty. */
  get firstOffset(): number { return this.count === 0 ? Infinity : this.#offsets[this.#head]!; }

  push(baseOffset: number, slab: Slab, start: number, length: number): void {
    this.#offsets.push(baseOffset);
    this.#slabs.push(slab);
    this.#starts.push(start);
    this.#lengths.push(length);
  }

  offset(entry: number): number { return this.#offsets[this.#head + entry]!; }
  slab(entry: number): Slab { return this.#slabs[this.#head + entry]!; }
  start(entry: number): number { return this.#starts[this.#head + entry]!; }
  length(entry: number): number { return this.#lengths[this.#head + entry]!; }

  /** The entry that holds `offset`: the last one that begins at or before it. */
  find(offset: number): number {
    assert(offset >= this.firstOffset, 'L3: the tail holds the offset');
    let low = this.#head;
    let high = this.#offsets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#offsets[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low - this.#head;
  }

  /** Forgets entries in slabs up to `sequence`. */
  drop(sequence: number): void {
    while (this.#head < this.#slabs.length && this.#slabs[this.#head]!.sequence <= sequence) this.#head++;
    this.#shrink();
  }

  /** Forgets the batches before `offset`, where one begins. */
  dropBefore(offset: number): void {
    while (this.#head < this.#offsets.length && this.#offsets[this.#head]! < offset) this.#head++;
    this.#shrink();
  }

  #shrink(): void {
    if (this.#head < 32 || this.#head * 2 < this.#offsets.length) {
      if (this.count > 0) return;
    }
    this.#offsets = this.#offsets.slice(this.#head);
    this.#slabs = this.#slabs.slice(this.#head);
    this.#starts = this.#starts.slice(this.#head);
    this.#lengths = this.#lengths.slice(this.#head);
    this.#head = 0;
  }
}

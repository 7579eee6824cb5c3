// testing/growing-bytes.ts - a byte array that grows as it is written, with zeros in the holes: a file's content.

/** Bytes with a size of their own. */
export class GrowingBytes {
  #bytes = new Uint8Array(0);
  #size = 0;

  get size(): number { return this.#size; }

  view(from: number, to: number): Uint8Array { return this.#bytes.subarray(from, Math.min(to, this.#size)); }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    this.#reserve(end);
    this.#bytes.set(bytes, position);
    this.#size = Math.max(this.#size, end);
  }

  /** Shortens, or lengthens with zeros. */
  truncate(size: number): void {
    this.#reserve(size);
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }

  copyFrom(other: GrowingBytes): void {
    this.#bytes = other.#bytes.slice(0, other.#size);
    this.#size = other.#size;
  }

  flip(position: number, bit: number): void {
    if (position < this.#size) this.#bytes[position]! ^= 1 << bit;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(bytes, this.#bytes.length * 2, 4096));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}

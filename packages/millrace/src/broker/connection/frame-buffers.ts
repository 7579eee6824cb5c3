// broker/connection/frame-buffers.ts - memory for requests that come in several chunks, used again and again.
// Owns: the spare buffers of a node, by powers of two. Never: what is in them.
// A fresh buffer per request would be garbage by the megabyte, and collecting it costs more than handling the request (measured: two
// thirds of a second per million records of 100 B in batches of 128 KB).
import { MiB } from '../../base/mod.ts';

const smallestPower = 16;
const largestPower = 22;
const spareBytesMax = 32 * MiB;

/** Buffers of 64 KiB to 4 MiB that are lent and come back; larger ones are made for once. */
export class FrameBuffers {
  readonly #spares: Uint8Array[][] = [];
  #spareBytes = 0;

  /** A buffer of exactly `bytes`, with anything in it. */
  take(bytes: number): Uint8Array {
    const power = powerOf(bytes);
    if (power > largestPower) return new Uint8Array(bytes);
    const spare = this.#spares[power]?.pop();
    if (spare === undefined) return new Uint8Array(2 ** power).subarray(0, bytes);
    this.#spareBytes -= spare.byteLength;
    return spare.subarray(0, bytes);
  }

  /** Gives back what take() lent; nobody may look at it any more. */
  give(buffer: Uint8Array): void {
    const whole = new Uint8Array(buffer.buffer);
    const power = powerOf(whole.byteLength);
    if (power > largestPower || this.#spareBytes + whole.byteLength > spareBytesMax) return;
    this.#spareBytes += whole.byteLength;
    (this.#spares[power] ??= []).push(whole);
  }
}

const powerOf = (bytes: number): number => Math.max(smallestPower, 32 - Math.clz32(bytes - 1));

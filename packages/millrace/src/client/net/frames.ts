// client/net/frames.ts - cuts a byte stream into frames (4-byte size, then that many bytes).
// Owns: reassembly. Cost: a frame that came whole in one chunk is a view of it, any other is copied once into memory of its size.
import { limits, MillraceError } from '../../base/mod.ts';

/** Hands each whole frame, without its size, to `onFrame`. */
export class FrameReader {
  readonly #onFrame: (frame: Uint8Array) => void;
  readonly #sizeBytes = new Uint8Array(4);
  #sizeHave = 0;
  #frame: Uint8Array | null = null;
  #frameHave = 0;

  constructor(onFrame: (frame: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  /** Takes the next bytes of the stream. Throws 'invalid-bytes' for a size that no server of this protocol sends. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) at = this.#frame ? this.#fill(this.#frame, chunk, at) : this.#start(chunk, at);
  }

  #start(chunk: Uint8Array, from: number): number {
    let at = from;
    while (this.#sizeHave < 4 && at < chunk.length) this.#sizeBytes[this.#sizeHave++] = chunk[at++]!;
    if (this.#sizeHave < 4) return at;
    const [a, b, c, d] = this.#sizeBytes as unknown as [number, number, number, number];
    const bytes = (a << 24) | (b << 16) | (c << 8) | d;
    this.#sizeHave = 0;
    if (bytes < 4 || bytes > limits.client.responseBytesMax) throw new MillraceError('invalid-bytes', `Cannot read a response of '${bytes}' bytes: this is not a server of this protocol`, { bytes });
    if (chunk.length - at >= bytes) {
      this.#onFrame(chunk.subarray(at, at + bytes));
      return at + bytes;
    }
    this.#frame = Buffer.allocUnsafeSlow(bytes);
    this.#frameHave = 0;
    return at;
  }

  #fill(frame: Uint8Array, chunk: Uint8Array, at: number): number {
    const take = Math.min(frame.length - this.#frameHave, chunk.length - at);
    frame.set(take === chunk.length ? chunk : chunk.subarray(at, at + take), this.#frameHave);
    this.#frameHave += take;
    if (this.#frameHave === frame.length) {
      this.#frame = null;
      this.#onFrame(frame);
    }
    return at + take;
  }
}

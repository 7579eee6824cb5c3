// broker/connection/frame-reader.ts - cuts a stream of chunks into frames: a 4-byte size, then that many bytes.
// Owns: the position in the stream. Never: what a frame says.
// F1 A chunk is lent: once settle() was called nothing of it is kept. F2 A frame within one chunk is a view of it, valid until the chunk goes
// back; a larger one is copied once, into a buffer taken when its size is known and `reserve` has agreed. F3 Nothing is allocated
// on the word of a client whose reservation was refused.
// Cost: no copy for frames within a chunk, one for others; one view object per frame.
import { MillraceError } from '../../base/mod.ts';
import type { FrameBuffers } from './frame-buffers.ts';

/** Bytes of the size before a frame. */
export const frameSizeBytes = 4;

/** Reads frames by pulling: feed a chunk, call next() until it answers null, then settle(). */
export class FrameReader {
  /** Largest frame taken from now on. */
  frameBytesMax: number;
  readonly #buffers: FrameBuffers;
  readonly #reserve: (bytes: number) => boolean;
  readonly #chunks: Uint8Array[] = [];
  /** The last chunk is lent; those before are our own. */
  #lent = false;
  /** Position in the first chunk. */
  #at = 0;
  #buffered = 0;
  /** Size of the frame at hand; -1 when its size is not read or not reserved yet. */
  #size = -1;
  #frame: Uint8Array | null = null;
  #filled = 0;
  /** Whether the frame that next() answered last lies in a buffer that recycle() takes back; else it is part of a chunk. */
  inBuffer = false;

  /**
   * `reserve(bytes)` is asked once the size of a frame is known, before it is handed out or memory for it is taken; when it
   * answers false, next() answers null and asks again at the next call.
   */
  constructor(frameBytesMax: number, buffers: FrameBuffers, reserve: (bytes: number) => boolean) {
    this.frameBytesMax = frameBytesMax;
    this.#buffers = buffers;
    this.#reserve = reserve;
  }

  /** Whether there are bytes that next() may make a frame of. */
  get mayHaveFrame(): boolean { return this.#buffered > 0; }

  /** Bytes reserved for a frame that has not arrived whole. */
  get reservedBytes(): number { return this.#frame === null ? Math.max(0, this.#size) : this.#frame.byteLength; }

  /** Takes the next chunk of the stream; it may change only after settle(). */
  feed(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#lent = true;
    this.#buffered += chunk.byteLength;
  }

  /** Lets go of the chunk: what was not read of it is copied. */
  settle(): void {
    if (!this.#lent) return;
    this.#lent = false;
    const last = this.#chunks.length - 1;
    if (last < 0) return;
    const from = last === 0 ? this.#at : 0;
    this.#chunks[last] = this.#chunks[last]!.slice(from);
    if (last === 0) this.#at = 0;
  }

  /** The next whole frame without its size, or null. Throws 'invalid-bytes' when a size is out of bounds: the stream is lost. */
  next(): Uint8Array | null {
    if (this.#frame !== null) return this.#fill();
    if (this.#size < 0 && !this.#readSize()) return null;
    const size = this.#size;
    const chunk = this.#chunks[0];
    if (chunk !== undefined && chunk.byteLength - this.#at >= size) {
      const frame = chunk.subarray(this.#at, this.#at + size);
      this.#size = -1;
      this.inBuffer = false;
      this.#skip(size);
      return frame;
    }
    this.#frame = this.#buffers.take(size);
    this.#filled = 0;
    return this.#fill();
  }

  /** Takes back a frame that was answered with `inBuffer`; nobody may look at it any more. */
  recycle(frame: Uint8Array): void {
    this.#buffers.give(frame);
  }

  #readSize(): boolean {
    if (this.#buffered < frameSizeBytes) return false;
    const size = (this.#peek(0) << 24) | (this.#peek(1) << 16) | (this.#peek(2) << 8) | this.#peek(3);
    if (size < 0 || size > this.frameBytesMax) {
      throw new MillraceError('invalid-bytes', `Cannot read a request: its size says ${size} bytes, allowed are ${this.frameBytesMax}`, { size });
    }
    if (!this.#reserve(size)) return false;
    this.#size = size;
    this.#skip(frameSizeBytes);
    return true;
  }

  #peek(ahead: number): number {
    let at = this.#at + ahead;
    let index = 0;
    while (at >= this.#chunks[index]!.byteLength) at -= this.#chunks[index++]!.byteLength;
    return this.#chunks[index]![at]!;
  }

  #skip(bytes: number): void {
    this.#buffered -= bytes;
    this.#at += bytes;
    while (this.#chunks.length > 0 && this.#at >= this.#chunks[0]!.byteLength) this.#at -= this.#chunks.shift()!.byteLength;
  }

  #fill(): Uint8Array | null {
    const frame = this.#frame!;
    while (this.#filled < frame.byteLength && this.#chunks.length > 0) {
      const chunk = this.#chunks[0]!;
      const bytes = Math.min(chunk.byteLength - this.#at, frame.byteLength - this.#filled);
      frame.set(chunk.subarray(this.#at, this.#at + bytes), this.#filled);
      this.#filled += bytes;
      this.#skip(bytes);
    }
    if (this.#filled < frame.byteLength) return null;
    this.#frame = null;
    this.#size = -1;
    this.inBuffer = true;
    return frame;
  }
}

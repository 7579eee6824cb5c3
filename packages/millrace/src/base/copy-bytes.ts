// base/copy-bytes.ts - copies bytes between arrays of which one may be shared memory.
// V8's own TypedArray.set() takes shared memory word by word, and byte by byte when source and target are not aligned alike: 0.7 ms a MiB,
// measured, where one memmove takes 0.03. Buffer's copy is that memmove, but only for a part of an array: a whole one goes through set() again.
// So the last byte is copied by itself. The memmove knows no other thread: as everywhere here, bytes are handed
// over by an atomic counter after they were written (the lane's frames), never read while they are written.
// Cost: one memmove and no object per call.

/**
 * Copies `from[start .. end)` to `into` at `at`. All must lie within their arrays; the ranges may overlap.
 * @throws RangeError when the target has no room for all of it, before anything is copied.
 * @example copyBytes(batch, 0, batch.length, slab, 4096);
 */
export function copyBytes(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
  if (end - start > into.length - at) throw new RangeError(`Cannot copy ${end - start} bytes: ${into.length - at} have room`);
  if (end <= start) return;
  const last = from[end - 1]!; // before the copy, which may overlap it
  copy.call(from as Buffer, into, at, start, end - 1);
  into[at + end - start - 1] = last;
}

const copy = Buffer.prototype.copy;

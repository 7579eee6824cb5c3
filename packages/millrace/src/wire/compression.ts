// wire/compression.ts - the codecs of record batches, as a batch's attributes name them.
// Owns: 'none' beside the four that os/compression.ts knows. Never: a library.
import { limits } from '../base/mod.ts';
import { compressBytes, decompressBytes } from '../os/mod.ts';
import type { Codec } from './batch.ts';

/** Compresses the records of a batch (everything behind its 61 bytes). `level` is gzip's (1 to 9) or zstd's (1 to 22) own. */
export function compress(codec: Codec, bytes: Uint8Array, level?: number): Uint8Array {
  return codec === 'none' ? bytes : compressBytes(codec, bytes, level);
}

/**
 * Decompresses the records of a batch to at most `limitBytes`. Throws 'message-too-large' past that, before anything larger is allocated, and
 * 'invalid-bytes' for what does not decompress.
 */
export function decompress(codec: Codec, bytes: Uint8Array, limitBytes: number = limits.wire.recordsBytesMax): Uint8Array {
  return codec === 'none' ? bytes : decompressBytes(codec, bytes, limitBytes);
}

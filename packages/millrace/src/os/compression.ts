// os/compression.ts - gzip, snappy, lz4 and zstd in the forms that Kafka's clients write, with bounded output.
// Owns: the only names of the compression libraries; each is loaded at its first use, because a node that never meets it should not pay.
// K1 no call allocates more than `limitBytes` for its output: what a frame claims is checked before it is believed.
// Forms: gzip and zstd as they are; lz4 as LZ4 frames; snappy in xerial's framing (magic, two versions, blocks behind their size), which
// is what the Java client writes, and in one raw block, which is what librdkafka writes. All are synchronous.
import { createRequire } from 'node:module';
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { MillraceError } from '../base/mod.ts';

/** A way of compressing that costs a library call. */
export type Compression = 'gzip' | 'snappy' | 'lz4' | 'zstd';

interface SnappyLibrary { compressSync(bytes: Uint8Array): Buffer; uncompressSync(bytes: Uint8Array, options: { asBuffer: true }): Buffer }
interface Lz4Library { compressFrameSync(bytes: Buffer): Buffer; decompressFrameSync(bytes: Buffer): Buffer }

const require = createRequire(import.meta.url);
let snappyLibrary: SnappyLibrary | undefined;
let lz4Library: Lz4Library | undefined;
const snappy = (): SnappyLibrary => (snappyLibrary ??= require('snappy') as SnappyLibrary);
const lz4 = (): Lz4Library => (lz4Library ??= require('lz4-napi') as Lz4Library);

/** Compresses `bytes`. `level` is gzip's or zstd's own; the others have none. */
export function compressBytes(how: Compression, bytes: Uint8Array, level?: number): Uint8Array {
  switch (how) {
    case 'gzip': return gzipSync(bytes, level === undefined ? {} : { level });
    case 'zstd': return zstdCompressSync(bytes, level === undefined ? {} : { params: { [constants.ZSTD_c_compressionLevel]: level } });
    case 'snappy': return snappyBlocks(bytes);
    case 'lz4': return lz4().compressFrameSync(asBuffer(bytes));
  }
}

/**
 * Decompresses `bytes` to at most `limitBytes`. Throws 'message-too-large' when there is more, 'invalid-bytes' when they do not decompress.
 */
export function decompressBytes(how: Compression, bytes: Uint8Array, limitBytes: number): Uint8Array {
  try {
    switch (how) {
      case 'gzip': return gunzipSync(bytes, { maxOutputLength: limitBytes });
      case 'zstd': return zstdDecompressSync(bytes, { maxOutputLength: limitBytes });
      case 'snappy': return snappyDecompress(bytes, limitBytes);
      case 'lz4': return lz4Decompress(bytes, limitBytes);
    }
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    if ((cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(how, limitBytes);
    throw new MillraceError('invalid-bytes', `Cannot decompress '${how}': ${(cause as Error).message}`, { how, cause });
  }
}

function tooLarge(how: Compression, limitBytes: number): MillraceError {
  return new MillraceError('message-too-large', `Cannot decompress '${how}': more than ${limitBytes} bytes`, { how, limitBytes });
}

function damaged(how: Compression, state: string): MillraceError {
  return new MillraceError('invalid-bytes', `Cannot decompress '${how}': ${state}`, { how });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// ---- snappy ----------------------------------------------------------------------------------------------------------------

const xerialMagic = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0);
const xerialHeaderBytes = 16;
/** Block size of the Java library. */
const xerialBlockBytes = 32 * 1024;

function snappyBlocks(bytes: Uint8Array): Uint8Array {
  const header = Buffer.alloc(xerialHeaderBytes);
  header.set(xerialMagic);
  header.writeInt32BE(1, 8);
  header.writeInt32BE(1, 12);
  const parts: Uint8Array[] = [header];
  for (let at = 0; at < bytes.length; at += xerialBlockBytes) {
    const block = snappy().compressSync(bytes.subarray(at, at + xerialBlockBytes));
    const size = Buffer.alloc(4);
    size.writeInt32BE(block.length);
    parts.push(size, block);
  }
  return Buffer.concat(parts);
}

function snappyDecompress(bytes: Uint8Array, limitBytes: number): Uint8Array {
  if (!xerialMagic.every((byte, i) => bytes[i] === byte)) return snappyBlock(bytes, limitBytes);
  if (bytes.length < xerialHeaderBytes) throw damaged('snappy', 'the frame header is cut');
  const parts: Uint8Array[] = [];
  let left = limitBytes;
  let at = xerialHeaderBytes;
  while (at < bytes.length) {
    if (bytes.length - at < 4) throw damaged('snappy', 'a block size is cut');
    const size = asBuffer(bytes).readInt32BE(at);
    at += 4;
    // Streams put together keep their headers: a magic in the place of a size.
    if (size === xerialMagicWord) { at += xerialHeaderBytes - 4; continue; }
    if (size < 0 || size > bytes.length - at) throw damaged('snappy', `a block of ${size} bytes, ${bytes.length - at} left`);
    const block = snappyBlock(bytes.subarray(at, at + size), left);
    parts.push(block);
    left -= block.length;
    at += size;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

const xerialMagicWord = 0x82534e41 | 0;

function snappyBlock(bytes: Uint8Array, limitBytes: number): Uint8Array {
  if (snappyClaim(bytes) > limitBytes) throw tooLarge('snappy', limitBytes);
  return snappy().uncompressSync(bytes, { asBuffer: true });
}

/** The size that a raw block claims: a varint at its start. */
function snappyClaim(bytes: Uint8Array): number {
  let claim = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[i];
    if (byte === undefined) break;
    claim += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return claim;
  }
  throw damaged('snappy', 'its size is cut');
}

// ---- lz4 -------------------------------------------------------------------------------------------------------------------

const lz4Magic = 0x184d2204;
const lz4BlockBytesMax = [0, 0, 0, 0, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024];

function lz4Decompress(bytes: Uint8Array, limitBytes: number): Uint8Array {
  const frame = lz4Frame(asBuffer(bytes));
  if (lz4SizeBytes(frame, limitBytes) > limitBytes) throw tooLarge('lz4', limitBytes);
  return lz4().decompressFrameSync(frame.bytes);
}

interface Lz4Frame {
  /** The one frame, without what may follow it. */
  readonly bytes: Buffer;
  readonly blockBytesMax: number;
  readonly blocks: readonly { at: number; end: number; stored: boolean }[];
}

/** How much a frame decompresses to: an upper bound from its block sizes, and when that is over the limit the exact size. */
function lz4SizeBytes(frame: Lz4Frame, limitBytes: number): number {
  const bound = frame.blocks.length * frame.blockBytesMax;
  if (bound <= limitBytes) return bound;
  let total = 0;
  for (const block of frame.blocks) total += block.stored ? block.end - block.at : lz4BlockSizeBytes(frame.bytes, block.at, block.end);
  return total;
}

function lz4Frame(bytes: Buffer): Lz4Frame {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== lz4Magic) throw damaged('lz4', 'no frame header');
  const flags = bytes[4]!;
  const blockBytesMax = lz4BlockBytesMax[(bytes[5]! >> 4) & 7]!;
  if (blockBytesMax === 0) throw damaged('lz4', 'its block size does not exist');
  const blocks: { at: number; end: number; stored: boolean }[] = [];
  let at = 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0);
  for (;;) {
    if (bytes.length - at < 4) throw damaged('lz4', 'a block size is cut');
    const word = bytes.readUInt32LE(at);
    at += 4;
    if (word === 0) return { bytes: bytes.subarray(0, at + (flags & 0x04 ? 4 : 0)), blockBytesMax, blocks };
    const size = word & 0x7fffffff;
    if (size > bytes.length - at) throw damaged('lz4', `a block of ${size} bytes, ${bytes.length - at} left`);
    blocks.push({ at, end: at + size, stored: word >>> 31 === 1 });
    at += size + (flags & 0x10 ? 4 : 0);
  }
}

/** What one block decompresses to, from the lengths of its sequences alone. */
function lz4BlockSizeBytes(frame: Buffer, at: number, end: number): number {
  let total = 0;
  while (at < end) {
    const token = frame[at++]!;
    let literals = token >> 4;
    if (literals === 15) [literals, at] = lz4Length(frame, literals, at, end);
    total += literals;
    at += literals + 2;
    if (at > end) return total;
    let match = token & 15;
    if (match === 15) [match, at] = lz4Length(frame, match, at, end);
    total += match + 4;
  }
  return total;
}

function lz4Length(frame: Buffer, length: number, at: number, end: number): [number, number] {
  while (at < end) {
    const byte = frame[at++]!;
    length += byte;
    if (byte !== 255) break;
  }
  return [length, at];
}

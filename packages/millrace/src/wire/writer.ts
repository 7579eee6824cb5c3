// wire/writer.ts - writes Kafka's primitive types into chunks; large byte fields are passed through as parts of their own.
// Owns: growth and the list of parts. W1 bytes once handed out are never written again. W2 records are never copied.
// Cost: small messages share a slab of 64 KiB, so most frames are one part and no allocation but their view.
// Never: which field is being written; compiled encoders (compile-encode.ts) add that to a Fault.
import { limits } from '../base/mod.ts';
import { Fault } from './fault.ts';
import { isUuid, uuidBytes } from './uuid.ts';

const utf8 = new TextEncoder();
const slabBytes = 64 * 1024;
/** A message starts in the slab only when this much is left, so that few are torn into two parts. */
const slabLeftMin = 1024;
/** Strings up to this length are written character by character when they are ASCII; TextEncoder costs 60 ns a call, a character 2 ns. */
const shortStringChars = 24;
/** Byte fields from this size become parts of their own instead of being copied. */
const ownPartBytesMin = 4096;
const uuidsKept = 1024;

let slab: Uint8Array = new Uint8Array(slabBytes);
let slabAt = 0;
const uuids = new Map<string, Uint8Array>();

interface Outer {
  readonly parts: Uint8Array[];
  readonly chunk: Uint8Array;
  readonly start: number;
  readonly at: number;
  readonly tag: number;
}

/** One message being written. Use one at a time: writers share a slab. */
export class Writer {
  #parts: Uint8Array[] = [];
  #chunk: Uint8Array;
  #start: number;
  #at: number;
  readonly #outer: Outer[] = [];

  constructor() {
    if (slab.length - slabAt < slabLeftMin) {
      slab = new Uint8Array(slabBytes);
      slabAt = 0;
    }
    this.#chunk = slab;
    this.#start = this.#at = slabAt;
  }

  fail(reason: string): never {
    throw new Fault(reason, -1);
  }

  /** Everything written, as parts. With `sized`, the first four bytes (written as a zero int32) become the size of the rest. */
  finish(sized: boolean): Uint8Array[] {
    if (this.#chunk === slab) slabAt = this.#at;
    this.#closePart();
    if (sized) this.#patchSize();
    return this.#parts;
  }

  #patchSize(): void {
    let total = -4;
    for (const part of this.#parts) total += part.length;
    if (total > limits.wire.frameBytesMax) this.fail(`a frame of ${total} bytes, at most ${limits.wire.frameBytesMax}`);
    const first = this.#parts[0]!;
    first[0] = total >>> 24;
    first[1] = total >>> 16;
    first[2] = total >>> 8;
    first[3] = total;
  }

  #closePart(): void {
    if (this.#at > this.#start) this.#parts.push(this.#chunk.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }

  /** Makes sure that the next `count` bytes lie in one chunk. */
  #room(count: number): void {
    if (this.#chunk.length - this.#at < count) this.#grow(count);
  }

  /** Claims `count` bytes and returns where they go; read #chunk only afterwards, because it may be a new one. */
  #take(count: number): number {
    this.#room(count);
    const at = this.#at;
    this.#at = at + count;
    return at;
  }

  /** Goes on in a new chunk; when the slab is full, the new one takes its place. */
  #grow(count: number): void {
    this.#closePart();
    const wasSlab = this.#chunk === slab;
    if (wasSlab) slabAt = this.#at;
    this.#chunk = new Uint8Array(Math.max(slabBytes, count));
    this.#start = this.#at = 0;
    if (!wasSlab || count > slabBytes) return;
    slab = this.#chunk;
    slabAt = 0;
  }

  #put(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#chunk.set(bytes, at);
  }

  bool(value: boolean): void {
    if (typeof value !== 'boolean') this.fail(`${String(value)} is not a boolean`);
    const at = this.#take(1);
    this.#chunk[at] = value ? 1 : 0;
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) this.fail(`${String(value)} is not an int8`);
    const at = this.#take(1);
    this.#chunk[at] = value;
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) this.fail(`${String(value)} is not an int16`);
    this.#put16(value);
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) this.fail(`${String(value)} is not a uint16`);
    this.#put16(value);
  }

  #put16(value: number): void {
    const at = this.#take(2);
    this.#chunk[at] = value >> 8;
    this.#chunk[at + 1] = value;
  }

  int32(value: number): void {
    if ((value | 0) !== value) this.fail(`${String(value)} is not an int32`);
    const at = this.#take(4);
    const chunk = this.#chunk;
    chunk[at] = value >> 24;
    chunk[at + 1] = value >> 16;
    chunk[at + 2] = value >> 8;
    chunk[at + 3] = value;
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) this.fail(`${String(value)} is not a whole number within 2^53-1`);
    this.#put64(Math.floor(value / 0x100000000), value >>> 0);
  }

  wide64(value: number): void {
    if (value === Infinity) this.#put64(0x7fffffff, 0xffffffff);
    else if (value === -Infinity) this.#put64(0x80000000, 0);
    else this.int64(value);
  }

  bits64(value: bigint): void {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) this.fail(`${String(value)} is not a 64-bit bigint`);
    this.#put64(Number(value >> 32n), Number(value & 0xffffffffn));
  }

  #put64(high: number, low: number): void {
    const at = this.#take(8);
    const chunk = this.#chunk;
    chunk[at] = high >> 24;
    chunk[at + 1] = high >> 16;
    chunk[at + 2] = high >> 8;
    chunk[at + 3] = high;
    chunk[at + 4] = low >> 24;
    chunk[at + 5] = low >> 16;
    chunk[at + 6] = low >> 8;
    chunk[at + 7] = low;
  }

  float64(value: number): void {
    if (typeof value !== 'number') this.fail(`${String(value)} is not a number`);
    const at = this.#take(8);
    new DataView(this.#chunk.buffer, this.#chunk.byteOffset + at, 8).setFloat64(0, value);
  }

  uuid(value: string): void {
    let bytes = uuids.get(value);
    if (bytes === undefined) {
      if (!isUuid(value)) this.fail(`'${String(value)}' is not a uuid`);
      bytes = uuidBytes(value);
      if (uuids.size >= uuidsKept) uuids.clear();
      uuids.set(value, bytes);
    }
    this.#put(bytes);
  }

  uvarint(value: number): void {
    let rest = value >>> 0;
    while (rest > 127) {
      const at = this.#take(1);
      this.#chunk[at] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    const at = this.#take(1);
    this.#chunk[at] = rest;
  }

  string16(value: string): void { this.#text(value, false); }
  nullableString16(value: string | null): void {
    if (value === null) this.#put16(-1);
    else this.#text(value, false);
  }
  compactString(value: string): void { this.#text(value, true); }
  compactNullableString(value: string | null): void {
    if (value === null) this.uvarint(0);
    else this.#text(value, true);
  }

  bytes32(value: Uint8Array): void { this.#blob(value, false); }
  nullableBytes32(value: Uint8Array | null): void {
    if (value === null) this.int32(-1);
    else this.#blob(value, false);
  }
  compactBytes(value: Uint8Array): void { this.#blob(value, true); }
  compactNullableBytes(value: Uint8Array | null): void {
    if (value === null) this.uvarint(0);
    else this.#blob(value, true);
  }

  /** Record batches in one piece or several; null only where `compactNullable...` and friends allow it. */
  records32(value: Uint8Array | readonly Uint8Array[]): void { this.#batches(value, false); }
  nullableRecords32(value: Uint8Array | readonly Uint8Array[] | null): void {
    if (value === null) this.int32(-1);
    else this.#batches(value, false);
  }
  compactRecords(value: Uint8Array | readonly Uint8Array[]): void { this.#batches(value, true); }
  compactNullableRecords(value: Uint8Array | readonly Uint8Array[] | null): void {
    if (value === null) this.uvarint(0);
    else this.#batches(value, true);
  }

  /** Everything until endTag becomes the content of a tagged field. */
  beginTag(tag: number): void {
    this.#outer.push({ parts: this.#parts, chunk: this.#chunk, start: this.#start, at: this.#at, tag });
    this.#parts = [];
    this.#chunk = new Uint8Array(256);
    this.#start = this.#at = 0;
  }

  endTag(): void {
    this.#closePart();
    const content = this.#parts;
    const outer = this.#outer.pop()!;
    this.#parts = outer.parts;
    this.#chunk = outer.chunk;
    this.#start = outer.start;
    this.#at = outer.at;
    let total = 0;
    for (const part of content) total += part.length;
    this.uvarint(outer.tag);
    this.uvarint(total);
    for (const part of content) this.#put(part);
  }

  #length(length: number, compact: boolean): void {
    if (compact) this.uvarint(length + 1);
    else this.int32(length);
  }

  #textLength(length: number, compact: boolean): void {
    if (length > 32767) this.fail(`a string of ${length} bytes, at most 32767`);
    if (compact) this.uvarint(length + 1);
    else this.#put16(length);
  }

  /** Strings are taken for ASCII, whose length is known before; when one is not, it is written once more. */
  #text(value: string, compact: boolean): void {
    if (typeof value !== 'string') this.fail(`${String(value)} is not a string`);
    const length = value.length;
    this.#room(length * 3 + 5);
    const before = this.#at;
    this.#textLength(length, compact);
    const isAscii = length <= shortStringChars ? this.#putAscii(value) : this.#putUtf8(value) === length;
    if (isAscii) return;
    const encoded = utf8.encode(value);
    this.#at = before;
    this.#textLength(encoded.length, compact);
    this.#put(encoded);
  }

  #putAscii(value: string): boolean {
    const chunk = this.#chunk;
    const at = this.#at;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      chunk[at + i] = code;
    }
    this.#at = at + value.length;
    return true;
  }

  #putUtf8(value: string): number {
    const { written } = utf8.encodeInto(value, this.#chunk.subarray(this.#at));
    this.#at += written;
    return written;
  }

  #blob(value: Uint8Array, compact: boolean): void {
    if (!(value instanceof Uint8Array)) this.fail('not a Uint8Array');
    this.#length(value.length, compact);
    this.#pass(value);
  }

  #batches(value: Uint8Array | readonly Uint8Array[], compact: boolean): void {
    if (value instanceof Uint8Array) return this.#blob(value, compact);
    if (!Array.isArray(value)) this.fail('neither a Uint8Array nor an array of them');
    let total = 0;
    for (const part of value) total += part.length;
    this.#length(total, compact);
    for (const part of value) this.#pass(part);
  }

  /** Small bytes are copied beside their neighbours, large ones become a part. */
  #pass(value: Uint8Array): void {
    if (value.length < ownPartBytesMin) {
      this.#put(value);
      return;
    }
    this.#closePart();
    this.#parts.push(value);
  }
}

// wire/reader.ts - reads Kafka's primitive types from a frame that may be cut, damaged or hostile.
// Owns: bounds. R1 nothing is read past `end`. R2 a length or count is believed only after the bytes it claims were seen to be there, so
// nothing is allocated beyond a small multiple of the frame. R3 bytes come out as views into the frame.
// Never: which field is being read; compiled decoders (compile-decode.ts) add that to a Fault.
import { limits } from '../base/mod.ts';
import { Fault } from './fault.ts';
import { internedAscii, internedBytesMax, internedUuid } from './interning.ts';

const utf8 = new TextDecoder();

/** Longest string in any form of the protocol, in bytes. */
const textBytesMax = 32_767;

/** The shared empty bytes. */
export const emptyBytes = new Uint8Array(0);

/** A position in a frame. Every method throws a Fault instead of reading past the end. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  #elementsLeft = limits.wire.elementsMax;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  fail(reason: string, position = this.at): never {
    throw new Fault(reason, position);
  }

  /** Takes `count` bytes and returns where they start. */
  #take(count: number): number {
    const at = this.at;
    if (count > this.end - at) this.fail(`${count} bytes wanted, ${this.end - at} left`);
    this.at = at + count;
    return at;
  }

  /** Stands at the end of what was announced. */
  finish(): void {
    if (this.at !== this.end) this.fail(`${this.end - this.at} bytes too many`);
  }

  skip(count: number): void { this.#take(count); }

  bool(): boolean { return this.bytes[this.#take(1)] !== 0; }

  int8(): number { return (this.bytes[this.#take(1)]! << 24) >> 24; }

  int16(): number { return (this.uint16() << 16) >> 16; }

  uint16(): number {
    const at = this.#take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  int32(): number {
    const at = this.#take(4);
    const b = this.bytes;
    return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
  }

  /** A long that fits a number without loss. */
  int64(): number {
    const high = this.int32();
    const value = high * 0x100000000 + (this.int32() >>> 0);
    if (!Number.isSafeInteger(value)) this.fail(`${this.#long(this.at - 8)} is beyond 2^53-1`, this.at - 8);
    return value;
  }

  /** A long whose extremes mean "no bound": see wide64 in field.ts. */
  wide64(): number {
    const high = this.int32();
    const value = high * 0x100000000 + (this.int32() >>> 0);
    return Number.isSafeInteger(value) ? value : value > 0 ? Infinity : -Infinity;
  }

  bits64(): bigint { return this.#long(this.#take(8)); }

  float64(): number {
    const at = this.#take(8);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, 8).getFloat64(0);
  }

  uuid(): string { return internedUuid(this.bytes, this.#take(16)); }

  /** An unsigned varint of at most 32 bits. */
  uvarint(): number {
    const start = this.at;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.#take(1)]!;
      if (shift === 28 && byte > 15) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    return this.fail('a varint of more than 32 bits', start);
  }

  string16(): string { return this.#text(this.#present(this.int16())); }
  nullableString16(): string | null {
    const length = this.int16();
    return length === -1 ? null : this.#text(length);
  }
  compactString(): string { return this.#text(this.#present(this.uvarint() - 1)); }
  compactNullableString(): string | null {
    const length = this.uvarint() - 1;
    return length === -1 ? null : this.#text(length);
  }

  bytes32(): Uint8Array { return this.#view(this.#present(this.int32())); }
  nullableBytes32(): Uint8Array | null {
    const length = this.int32();
    return length === -1 ? null : this.#view(length);
  }
  compactBytes(): Uint8Array { return this.#view(this.#present(this.uvarint() - 1)); }
  compactNullableBytes(): Uint8Array | null {
    const length = this.uvarint() - 1;
    return length === -1 ? null : this.#view(length);
  }

  /** An array's count; each element takes at least `elementBytesMin` (1 or more). */
  count32(elementBytesMin: number): number { return this.#count(this.#present(this.int32()), elementBytesMin); }
  /** The same, -1 for null. */
  nullableCount32(elementBytesMin: number): number { return this.#count(this.int32(), elementBytesMin); }
  compactCount(elementBytesMin: number): number { return this.#count(this.#present(this.uvarint() - 1), elementBytesMin); }
  compactNullableCount(elementBytesMin: number): number { return this.#count(this.uvarint() - 1, elementBytesMin); }

  /** Size of a tagged field, seen to be there. */
  tagBytes(): number {
    const size = this.uvarint();
    if (size > this.end - this.at) this.fail(`a tagged field of ${size} bytes, ${this.end - this.at} left`);
    return size;
  }

  #present(length: number): number {
    return length === -1 ? this.fail('null where a value must be') : length;
  }

  #count(count: number, elementBytesMin: number): number {
    if (count === -1) return -1;
    if (count < 0) this.fail(`an array of ${count} elements`);
    if (count * elementBytesMin > this.end - this.at) this.fail(`an array of ${count} elements, ${this.end - this.at} bytes left`);
    this.#elementsLeft -= count;
    if (this.#elementsLeft < 0) this.fail(`more than ${limits.wire.elementsMax} array elements in one message`);
    return count;
  }

  #view(length: number): Uint8Array {
    if (length < 0) this.fail(`a length of ${length}`);
    if (length === 0) return emptyBytes;
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  #text(length: number): string {
    if (length === 0) return '';
    if (length < 0) this.fail(`a length of ${length}`);
    if (length > textBytesMax) this.fail(`a string of ${length} bytes, at most ${textBytesMax}`); // as Kafka: what was read can be written into any form
    const at = this.#take(length);
    const end = at + length;
    const short = length <= internedBytesMax ? internedAscii(this.bytes, at, end) : null;
    return short ?? utf8.decode(this.bytes.subarray(at, end));
  }

  #long(at: number): bigint {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, 8).getBigInt64(0);
  }
}

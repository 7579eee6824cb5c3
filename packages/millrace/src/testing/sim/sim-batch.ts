// testing/sim/sim-batch.ts - record batches made for simulations, by hand and apart from wire: a second opinion on the format.
// Owns: writing one uncompressed v2 batch, and splitting bytes into batches. Source: Kafka's record batch format, version 2.
import { crc32c } from '../../base/mod.ts';

const headerBytes = 61;
const crcAt = 17;
const crcFrom = 21;

/** Who wrote a batch, for idempotent producers; all -1 for the others. */
export interface BatchProducer { readonly id: number; readonly epoch: number; readonly baseSequence: number; readonly transactional?: boolean }

const noProducer: BatchProducer = { id: -1, epoch: -1, baseSequence: -1 };

/** One record to write. */
export interface SimRecord { readonly timestampMs: number; readonly key: string | null; readonly value: string }

/** The bytes of a batch with base offset 0. */
export function buildBatch(records: readonly SimRecord[], producer: BatchProducer = noProducer): Uint8Array {
  const baseTimestampMs = records[0]!.timestampMs;
  const body: number[] = [];
  records.forEach((record, index) => {
    const one: number[] = [0];
    varint(one, record.timestampMs - baseTimestampMs);
    varint(one, index);
    bytesOf(one, record.key);
    bytesOf(one, record.value);
    varint(one, 0);
    varint(body, one.length);
    for (const byte of one) body.push(byte);
  });
  const bytes = new Uint8Array(headerBytes + body.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, bytes.length - 12);
  view.setInt32(12, -1);
  view.setInt8(16, 2);
  view.setInt16(21, producer.transactional === true ? 0x10 : 0);
  view.setInt32(23, records.length - 1);
  view.setBigInt64(27, BigInt(baseTimestampMs));
  view.setBigInt64(35, BigInt(Math.max(...records.map((record) => record.timestampMs))));
  view.setBigInt64(43, BigInt(producer.id));
  view.setInt16(51, producer.epoch);
  view.setInt32(53, producer.baseSequence);
  view.setInt32(57, records.length);
  bytes.set(body, headerBytes);
  view.setUint32(crcAt, crc32c(bytes.subarray(crcFrom)));
  return bytes;
}

/** One batch found in bytes. */
export interface FoundBatch { readonly baseOffset: number; readonly offsetCount: number; readonly bytes: Uint8Array }

/** Whether a batch holds the end of a transaction and no data. */
export const isMarker = ({ bytes }: FoundBatch): boolean => (bytes[22]! & 0x20) !== 0;

/** Splits bytes into whole batches. @throws Error when they are not whole, not v2, or fail their checksum. */
export function splitBatches(bytes: Uint8Array): FoundBatch[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: FoundBatch[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 12 + (bytes.length - at >= headerBytes ? view.getInt32(at + 8) : Infinity);
    if (!(end <= bytes.length && end >= at + headerBytes)) throw new Error(`a batch at ${at} of ${bytes.length} bytes is cut`);
    if (view.getInt8(at + 16) !== 2) throw new Error(`a batch at ${at} has magic ${view.getInt8(at + 16)}`);
    if (crc32c(bytes.subarray(at + crcFrom, end)) !== view.getUint32(at + crcAt)) throw new Error(`a batch at ${at} fails its checksum`);
    found.push({ baseOffset: Number(view.getBigInt64(at)), offsetCount: view.getInt32(at + 23) + 1, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return found;
}

/** True when both hold the same batch: all bytes but the twelve that the log stamps. */
export function sameBatch(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a.subarray(16), b.subarray(16)) === 0 && Buffer.compare(a.subarray(8, 12), b.subarray(8, 12)) === 0;
}

function bytesOf(into: number[], text: string | null): void {
  if (text === null) return varint(into, -1);
  const bytes = Buffer.from(text);
  varint(into, bytes.length);
  for (const byte of bytes) into.push(byte);
}

/** A zigzag varint of a safe whole number. */
function varint(into: number[], value: number): void {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  while (rest >= 128) {
    into.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  into.push(rest);
}

/** A record found in a batch. */
export interface FoundRecord { readonly offset: number; readonly key: string | null; readonly value: string }

/** The records of an uncompressed batch. */
export function recordsOf(batch: FoundBatch): FoundRecord[] {
  const cursor = { bytes: batch.bytes, at: headerBytes };
  const found: FoundRecord[] = [];
  while (cursor.at < batch.bytes.length) {
    const end = readVarint(cursor) + cursor.at;
    cursor.at++; // attributes
    readVarint(cursor); // timestamp
    const offset = batch.baseOffset + readVarint(cursor);
    found.push({ offset, key: readText(cursor), value: readText(cursor) ?? '' });
    cursor.at = end;
  }
  return found;
}

interface Cursor { readonly bytes: Uint8Array; at: number }

function readText(cursor: Cursor): string | null {
  const length = readVarint(cursor);
  if (length < 0) return null;
  cursor.at += length;
  return Buffer.from(cursor.bytes.subarray(cursor.at - length, cursor.at)).toString();
}

function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = cursor.bytes[cursor.at++]!;
    value += (byte & 127) * factor;
    if (byte < 128) break;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

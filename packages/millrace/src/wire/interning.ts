// wire/interning.ts - remembers the short strings and uuids that frames repeat: topic names, client ids, group ids, topic ids.
// Owns: two small direct-mapped caches. I1 a hit is compared byte by byte, so the result never depends on the cache. I2 their memory is fixed
// (1024 strings of at most 64 bytes, 1024 uuids); hostile strings only push others out. Why: a hit costs a third of making the string anew, and
// a string seen before brings its hash along, which every Map lookup by topic or id then saves (measured in codec.bench.ts).
import { uuidText } from './uuid.ts';

const slots = 1024;
/** Longer strings are not worth comparing. */
export const internedBytesMax = 64;

const strings: string[] = new Array<string>(slots).fill('');
const uuids: string[] = new Array<string>(slots).fill('');
const uuidWords = new Int32Array(slots * 4);
uuids[0] = uuidText(new Uint8Array(16), 0);

/** The ASCII string in `bytes` from `at` to `end`, at most 64 bytes; null when a byte is not ASCII. */
export function internedAscii(bytes: Uint8Array, at: number, end: number): string | null {
  let hash = end - at;
  let all = 0;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    all |= byte;
    hash = Math.imul(hash, 31) + byte;
  }
  if (all > 127) return null;
  const slot = (hash ^ (hash >>> 10) ^ (hash >>> 20)) & (slots - 1);
  const known = strings[slot]!;
  if (isAt(known, bytes, at, end)) return known;
  let text = '';
  for (let i = at; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return (strings[slot] = text);
}

function isAt(text: string, bytes: Uint8Array, at: number, end: number): boolean {
  if (text.length !== end - at) return false;
  for (let i = at; i < end; i++) if (text.charCodeAt(i - at) !== bytes[i]) return false;
  return true;
}

/** The uuid in the 16 bytes at `at`, as Kafka prints it. */
export function internedUuid(bytes: Uint8Array, at: number): string {
  const a = wordAt(bytes, at);
  const b = wordAt(bytes, at + 4);
  const c = wordAt(bytes, at + 8);
  const d = wordAt(bytes, at + 12);
  const mixed = Math.imul(a ^ d, 0x9e3779b1) ^ Math.imul(b ^ c, 0x85ebca6b);
  const slot = (mixed ^ (mixed >>> 15)) & (slots - 1);
  const word = slot * 4;
  if (uuidWords[word] === a && uuidWords[word + 1] === b && uuidWords[word + 2] === c && uuidWords[word + 3] === d && uuids[slot] !== '') return uuids[slot]!;
  uuidWords[word] = a;
  uuidWords[word + 1] = b;
  uuidWords[word + 2] = c;
  uuidWords[word + 3] = d;
  return (uuids[slot] = uuidText(bytes, at));
}

const wordAt = (bytes: Uint8Array, at: number): number => (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;

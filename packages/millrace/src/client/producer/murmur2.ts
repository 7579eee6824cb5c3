// client/producer/murmur2.ts - the hash by which Java's producer places keys, so that both place a key on the same partition.
// Source: MurmurHash2 (32 bit, Austin Appleby) with Kafka's seed. Cost: about 1 ns a byte, no allocation.

const seed = 0x9747b28c;
const mix = 0x5bd1e995;

/**
 * The hash of the first `length` bytes as a signed 32-bit number, as Java prints it.
 * @example murmur2(new TextEncoder().encode('21')) === -973932308
 */
export function murmur2(bytes: Uint8Array, length: number = bytes.length): number {
  const wordsEnd = length & ~3;
  let hash = seed ^ length;
  for (let at = 0; at < wordsEnd; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, mix);
    word ^= word >>> 24;
    hash = Math.imul(hash, mix) ^ Math.imul(word, mix);
  }
  const rest = length - wordsEnd;
  if (rest === 3) hash ^= bytes[wordsEnd + 2]! << 16;
  if (rest >= 2) hash ^= bytes[wordsEnd + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ bytes[wordsEnd]!, mix);
  hash = Math.imul(hash ^ (hash >>> 13), mix);
  return hash ^ (hash >>> 15);
}

/** The partition Java's default partitioner gives a key. */
export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}

const utf8 = new TextEncoder();
const asciiBytes = new Uint8Array(256);

/** The same for a key given as text; short ASCII keys are hashed without an allocation. */
export function partitionOfText(key: string, partitionCount: number): number {
  const length = key.length;
  if (length > asciiBytes.length) return partitionOfKey(utf8.encode(key), partitionCount);
  for (let i = 0; i < length; i++) {
    const code = key.charCodeAt(i);
    if (code > 127) return partitionOfKey(utf8.encode(key), partitionCount);
    asciiBytes[i] = code;
  }
  return (murmur2(asciiBytes, length) & 0x7fffffff) % partitionCount;
}

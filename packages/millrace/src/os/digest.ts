// os/digest.ts - a digest that nobody can find two texts for: what stands for a key where the key itself would take too much memory.
// Owns: naming the library. Cost: about 1 us for a short text.
let cryptoLibrary: typeof import('node:crypto') | undefined;

/** Writes the first 128 bits of SHA-256 of `bytes` to `into`, four words from `at` on. */
export function digestWords(bytes: Uint8Array, into: Uint32Array, at = 0): void {
  cryptoLibrary ??= process.getBuiltinModule('node:crypto');
  const digest = cryptoLibrary.hash('sha256', bytes, 'buffer');
  for (let word = 0; word < 4; word++) into[at + word] = digest.readUInt32LE(word * 4);
}

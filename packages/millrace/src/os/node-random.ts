// os/node-random.ts - chance from the operating system.
// Owns: the only calls of Math.random and of the system's generator.
import type { Random } from './ports.ts';

/** Loaded at the first use: 7 ms that most starts of a node do not need. */
let crypto: typeof import('node:crypto') | undefined;
const randomBytes = (count: number): Buffer => (crypto ??= process.getBuiltinModule('node:crypto')).randomBytes(count);

/** Chance that cannot be foreseen: `bytes` and `uint32` are fit for identities, `fraction` only for jitter. */
export function nodeRandom(): Random {
  return {
    uint32: () => randomBytes(4).readUInt32LE(0),
    fraction: () => Math.random(),
    bytes: (count) => new Uint8Array(randomBytes(count)),
  };
}

// os/node-random.ts - chance from the operating system.
// Owns: the only calls of Math.random and of the system's generator.
import { randomBytes } from 'node:crypto';
import type { Random } from './ports.ts';

/** Chance that cannot be foreseen: `bytes` and `uint32` are fit for identities, `fraction` only for jitter. */
export function nodeRandom(): Random {
  return {
    uint32: () => randomBytes(4).readUInt32LE(0),
    fraction: () => Math.random(),
    bytes: (count) => new Uint8Array(randomBytes(count)),
  };
}

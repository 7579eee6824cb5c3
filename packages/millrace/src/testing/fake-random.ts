// testing/fake-random.ts - chance from a seed: the same seed gives the same numbers on every machine.
// Owns: the generator (xoshiro128** seeded through splitmix32) and the few ways of drawing that simulations need.
// R1 A fork's numbers depend on the parent's seed and the fork's name only, never on how many were drawn before: adding a draw in
// one place does not move the chance of another. Cost: about 5 ns a draw.
import type { Random } from '../os/mod.ts';

/** A seeded source of chance; it is the Random port and more. */
export class FakeRandom implements Random {
  readonly seed: number;
  readonly #state: Uint32Array;

  /** @param seed any whole number; only its low 32 bits count. */
  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = Uint32Array.from({ length: 4 }, splitmix32(this.seed));
  }

  uint32(): number {
    const state = this.#state;
    const s1 = state[1]!;
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    const shifted = s1 << 9;
    state[2]! ^= state[0]!;
    state[3]! ^= s1;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= shifted;
    state[3] = rotateLeft(state[3]!, 11);
    return result;
  }

  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.uint32() & 0xff;
    return bytes;
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.fraction() * below);
  }

  /** A whole number in [from, to], both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of the items; there must be at least one. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** A number >= 0 whose mean is `mean`, mostly small and now and then large: what latencies look like. */
  exponential(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean;
  }

  /** An independent source for a named part of the simulation (R1). */
  fork(name: string): FakeRandom {
    let hash = 0x811c9dc5 ^ this.seed;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return new FakeRandom(hash);
  }
}

/** Short for `new FakeRandom(seed)`. @example prng(7).between(1, 6) === prng(7).between(1, 6) */
export const prng = (seed: number): FakeRandom => new FakeRandom(seed);

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function splitmix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}

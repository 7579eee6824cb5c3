// base/assert.ts - impossible states stop the program, in production too.
// Owns: AssertionError. Never: expected failures (those are MillraceError, errors.ts).

/** Thrown when an invariant is broken: a bug in Millrace, never a user's mistake. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Stops with an AssertionError unless `condition` holds.
 * @example assert(offset >= 0, 'L1: offsets start at zero');
 */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(`Invariant broken: ${invariant}`);
}

/** Marks a place that no value can reach; the type checker proves the alternatives were all handled. */
export function unreachable(value: never): never {
  throw new AssertionError(`Invariant broken: unhandled alternative ${JSON.stringify(value)}`);
}

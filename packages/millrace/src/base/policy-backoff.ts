// base/policy-backoff.ts - how long to wait before the next attempt: full jitter, so that many clients never return in step.
// Source: the "full jitter" scheme, a wait drawn evenly from 0 to an exponentially growing ceiling.

/** A growing ceiling of waits. */
export interface Backoff {
  /** Ceiling of the first wait, in ms. */
  readonly baseMs: number;
  /** No wait is longer, in ms. */
  readonly maxMs: number;
}

/** What calls to brokers use unless told otherwise. */
export const backoffDefault: Backoff = { baseMs: 50, maxMs: 1_000 };

/**
 * The wait in ms before attempt `attemptIndex + 1`: `fraction` (in [0, 1)) of min(maxMs, baseMs * 2^attemptIndex).
 * @example fullJitterMs({ baseMs: 50, maxMs: 1000 }, 1, 0.5) === 50
 */
export function fullJitterMs(backoff: Backoff, attemptIndex: number, fraction: number): number {
  return fraction * Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(attemptIndex, 30));
}

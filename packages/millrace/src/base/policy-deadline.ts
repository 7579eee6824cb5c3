// base/policy-deadline.ts - when a call must have ended: one absolute moment, made once at the door and handed down unchanged.
// Owns: Deadline and waiting under one. Never: retries. A deadline is of the monotonic clock, so it means nothing in another process;
// what crosses a wire is the time that remains.
import { MillraceError } from './errors.ts';

/** A moment of the monotonic clock, in ms, by which a call must have ended. */
export type Deadline = number & { readonly unit: 'deadlineMs' };

interface DeadlineClock { monotonicMs(): number }
interface TimerClock extends DeadlineClock { after(delayMs: number, callback: () => void): { cancel(): void } }

/** The moment `delayMs` from now. Throws 'invalid-argument' unless 0 <= delayMs < 2^31: every call has an end. */
export function deadlineAfter(clock: DeadlineClock, delayMs: number): Deadline {
  if (!(delayMs >= 0 && delayMs < 2 ** 31)) {
    throw new MillraceError('invalid-argument', `Cannot set a deadline '${delayMs}': give milliseconds from 0 to 2147483647`, { delayMs });
  }
  return (clock.monotonicMs() + delayMs) as Deadline;
}

/** Milliseconds left, 0 when it has passed. */
export function remainingMs(clock: DeadlineClock, deadline: Deadline): number {
  return Math.max(0, deadline - clock.monotonicMs());
}

/** The earlier of the two: a step never outlives the call it belongs to. */
export function earlier(a: Deadline, b: Deadline): Deadline {
  return a < b ? a : b;
}

/**
 * What `promise` gives, or MillraceError 'timeout' ("Cannot <what>: ...") once the deadline passes. The promise itself goes on; its
 * late result is ignored.
 */
export function withDeadline<T>(clock: TimerClock, deadline: Deadline, what: string, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.after(remainingMs(clock, deadline), () => {
      reject(new MillraceError('timeout', `Cannot ${what}: no answer before the deadline`));
    });
    promise.then((value) => { timer.cancel(); resolve(value); }, (error: unknown) => { timer.cancel(); reject(error); });
  });
}

// broker/tick-at.ts - a deadline of members or locks, which must not be taken for missed because this thread stood still.
// Owns: that patience. T1 Much too late, the tick lets in first what came meanwhile: it waits in the sockets. T2 A deadline beyond the longest delay of a
// timer ticks early: who is told looks at the time, and asks for the next tick.
import type { Clock, Timer } from '../os/mod.ts';

/** A timer that is this late tells that the thread stood still. */
const standstillMs = 100;

/** The longest delay that a timer of the machine takes. */
export const timerMsMax = 2 ** 31 - 1;

/** Calls back at a monotonic time. Cancelling does not take back a tick that is late and has let others go first: `tick` checks whether it is still wanted. */
export function tickAt(clock: Clock, atMs: number, tick: () => void): Timer {
  return clock.after(Math.min(timerMsMax, Math.max(0, Math.ceil(atMs - clock.monotonicMs()))), () => {
    if (clock.monotonicMs() - atMs < standstillMs) tick();
    else clock.soon(tick);
  });
}

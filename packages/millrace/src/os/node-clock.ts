// os/node-clock.ts - the machine's time.
// Owns: the only calls of Date.now, setTimeout and setImmediate. Never: time zones, calendars.
import type { Clock } from './ports.ts';
import { StallProbe } from './stall-probe.ts';

/** Longest delay that setTimeout takes in one piece. */
const delayMsMax = 2 ** 31 - 1;

/** The machine's clock. @example nodeClock().after(100, () => console.log('later')) */
export function nodeClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), delayMsMax));
      return { cancel: () => clearTimeout(timer) };
    },
    soon: (callback) => { setImmediate(callback); },
    watchStalls: (overMs, onStall, onLook) => new StallProbe(overMs, onStall, onLook),
  };
}

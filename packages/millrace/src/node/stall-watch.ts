// node/stall-watch.ts - the watch over the node's thread: while it is held up nobody is served.
// Owns: the figures, and when a line is said. Never: how a stall is noticed (os/), why it came about.
// W1 Every stall counts in the figures. W2 The first is told at once, those of the second after it together: one line a second at most.
import { diskMsBounds, Histogram, type Report } from '../base/mod.ts';
import type { Clock, Stall, Timer } from '../os/mod.ts';

/** A stall that lasts longer than this is noted. */
export const stallMsMin = 20;
const tellEveryMs = 1_000;

/** The stalls since the node started. Times in ms. */
export interface StallFigures { readonly count: number; readonly longestMs: number; readonly totalMs: number; readonly busyMs: number }

type Sum = { -readonly [key in keyof StallFigures]: StallFigures[key] };
/** A thread that was never held up. */
export const noStalls: StallFigures = { count: 0, longestMs: 0, totalMs: 0, busyMs: 0 };
const none = (): Sum => ({ ...noStalls });

/** Watches the thread that makes it. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #report: Report;
  readonly #watch: Timer;
  readonly #all = none();
  /** How late the thread came to each look, in ms: what an event waited for it. */
  readonly delayMs = new Histogram(diskMsBounds);
  #untold = none();
  #pause: Timer | null = null;

  constructor(clock: Clock, report: Report) {
    this.#clock = clock;
    this.#report = report;
    this.#watch = clock.watchStalls(stallMsMin, (stall) => this.#note(stall), (lateMs) => this.delayMs.observe(lateMs));
  }

  /** What happened so far. */
  get figures(): StallFigures { return { ...this.#all }; }

  close(): void {
    this.#watch.cancel();
    this.#pause?.cancel();
  }

  #note(stall: Stall): void {
    add(this.#all, stall);
    add(this.#untold, stall);
    if (this.#pause === null) this.#tell();
  }

  #tell(): void {
    const { count, longestMs, totalMs, busyMs } = this.#untold;
    this.#report(lineOf(this.#untold), 'warn', { component: 'loop', count, longestMs: Math.round(longestMs), totalMs: Math.round(totalMs), busyMs: Math.round(busyMs) });
    this.#untold = none();
    this.#pause = this.#clock.after(tellEveryMs, () => {
      this.#pause = null;
      if (this.#untold.count > 0) this.#tell();
    });
  }
}

function add(sum: Sum, { ms, busyMs }: Stall): void {
  sum.count++;
  sum.longestMs = Math.max(sum.longestMs, ms);
  sum.totalMs += ms;
  sum.busyMs += busyMs;
}

function lineOf({ count, longestMs, totalMs, busyMs }: StallFigures): string {
  const whole = (ms: number): string => `${Math.round(ms)} ms`;
  const held = count === 1 ? `for ${whole(longestMs)}` : `${count} times for ${whole(totalMs)} in all, ${whole(longestMs)} at the longest`;
  return `the node's thread was held up ${held}; it computed for ${whole(busyMs)} of that`;
}

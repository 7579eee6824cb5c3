// testing/fake-clock.ts - virtual time: a queue of events, and the loop that runs them one by one.
// Owns: the order in which everything simulated happens. Never: chance (callers bring delays).
// C1 Events run by (time, order of scheduling); time never goes back. C2 Between two events all microtasks are drained, so that a
// promise chain is part of the event that started it. C3 Nothing here waits for real time.
// Cost: one setImmediate per event, about a microsecond.
import type { Clock, Stall, Timer } from '../os/mod.ts';
import { EventQueue } from './event-queue.ts';

/** Virtual time 0 is this wall time, so that timestamps look like timestamps. */
export const epochMs = Date.UTC(2026, 0, 1);

/** Time goes in steps of this fraction, which a number holds exactly: so `due - now` later it is `due`, and never a trace before it. */
const ticksPerMs = 1024;

/** Why `run` returned. */
export type RunEnd = { readonly kind: 'idle' } | { readonly kind: 'until' } | { readonly kind: 'condition' } | { readonly kind: 'events' };

/** When `run` stops; without any bound it runs until no event is left. */
export interface RunBounds {
  /** Stop before the first event later than this (virtual ms since the start), and set the time to it. */
  readonly untilMs?: number;
  /** Stop as soon as this holds (asked after each event). */
  readonly when?: () => boolean;
  /** Stop after this many events: a bound against endless loops. */
  readonly eventsMax?: number;
}

/** The virtual time of one simulation. Its owner calls run(); all code inside sees only the Clock port. */
export class FakeTime {
  readonly #events = new EventQueue();
  #nowMs = 0;
  #eventsRun = 0;

  /** Virtual ms since the start. */
  get nowMs(): number { return this.#nowMs; }

  /** Events run so far. */
  get eventsRun(): number { return this.#eventsRun; }

  /** Events waiting. */
  get pending(): number { return this.#events.size; }

  /** Runs `callback` as an event of its own, `delayMs` from now (0: after those already due). */
  schedule(delayMs: number, callback: () => void): Timer {
    const event = this.#events.push(Math.ceil((this.#nowMs + Math.max(0, delayMs)) * ticksPerMs) / ticksPerMs, callback);
    return { cancel: () => this.#events.cancel(event) };
  }

  /** Runs events until a bound is met. An exception of a callback is thrown here. */
  async run(bounds: RunBounds = {}): Promise<RunEnd> {
    const { untilMs = Infinity, when, eventsMax = Infinity } = bounds;
    await drainMicrotasks();
    for (let count = 0; ; count++) {
      if (when?.()) return { kind: 'condition' };
      if (count >= eventsMax) return { kind: 'events' };
      const next = this.#events.peek();
      if (next === undefined) return this.#stopAt(untilMs, 'idle');
      if (next.atMs > untilMs) return this.#stopAt(untilMs, 'until');
      this.#events.pop();
      this.#nowMs = next.atMs;
      this.#eventsRun++;
      next.callback();
      await drainMicrotasks();
    }
  }

  /** Runs for `ms` of virtual time. */
  advance(ms: number): Promise<RunEnd> {
    return this.run({ untilMs: this.#nowMs + ms });
  }

  /**
   * Runs until `promise` settles and gives its result.
   * @throws Error when no event is left, or `eventsMax` ran, and it still waits: it would wait for ever.
   */
  async settle<T>(promise: Promise<T>, eventsMax = 5_000_000): Promise<T> {
    let settled = false;
    const mark = () => { settled = true; };
    promise.then(mark, mark);
    const end = await this.run({ when: () => settled, eventsMax });
    if (!settled) throw new Error(`A promise did not settle in virtual time (${end.kind} at ${this.#nowMs} ms)`);
    return promise;
  }

  #stopAt(untilMs: number, kind: 'idle' | 'until'): RunEnd {
    if (untilMs !== Infinity) this.#nowMs = Math.max(this.#nowMs, untilMs);
    return { kind };
  }
}

/** The Clock port on virtual time. `skewMs` moves its wall time against the others'. */
export class FakeClock implements Clock {
  readonly time: FakeTime;
  skewMs: number;
  readonly #watchers = new Set<{ overMs: number; onStall: (stall: Stall) => void; onLook: ((lateMs: number) => void) | undefined }>();

  constructor(time: FakeTime = new FakeTime(), skewMs = 0) {
    this.time = time;
    this.skewMs = skewMs;
  }

  nowMs(): number { return epochMs + this.skewMs + Math.floor(this.time.nowMs); }
  monotonicMs(): number { return this.time.nowMs; }
  after(delayMs: number, callback: () => void): Timer { return this.time.schedule(delayMs, callback); }
  soon(callback: () => void): void { this.time.schedule(0, callback); }

  watchStalls(overMs: number, onStall: (stall: Stall) => void, onLook?: (lateMs: number) => void): Timer {
    const watcher = { overMs, onStall, onLook };
    this.#watchers.add(watcher);
    return { cancel: () => { this.#watchers.delete(watcher); } };
  }

  /** Virtual time holds nobody up by itself: this says that it did, as an event of its own. */
  holdUp(stall: Stall): void {
    this.after(0, () => {
      for (const { overMs, onStall, onLook } of this.#watchers) {
        onLook?.(stall.ms);
        if (stall.ms > overMs) onStall(stall);
      }
    });
  }
}

/** Resolves once every microtask, also those that start further ones, has run (C2). */
function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}

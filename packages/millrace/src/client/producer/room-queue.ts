// client/producer/room-queue.ts - those who wait for room in a producer's buffer, first come first served.
// Owns: the order and the end of their patience. One timer serves all, because patience ends in the order in which it began.
import type { Clock, Timer } from '../../os/mod.ts';

interface Waiter { readonly proceed: () => void; readonly refuse: () => void; readonly untilMs: number }

/** Entries of the past that are kept before the list is cut. */
const pastMax = 1_024;

/** A queue of waiters. */
export class RoomQueue {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  #waiters: Waiter[] = [];
  #head = 0;
  #timer: Timer | null = null;

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  get isEmpty(): boolean { return this.#head === this.#waiters.length; }

  /** Calls one of the two: `proceed` in turn, or `refuse` once patience ends. */
  wait(proceed: () => void, refuse: () => void): void {
    this.#waiters.push({ proceed, refuse, untilMs: this.#clock.monotonicMs() + this.#patienceMs });
    if (!this.#timer) this.#watch();
  }

  /** Lets the first one proceed. */
  wakeFirst(): void {
    this.#shift()?.proceed();
  }

  #shift(): Waiter | undefined {
    const first = this.#waiters[this.#head];
    if (first === undefined) return undefined;
    this.#head++;
    if (this.#head >= pastMax && this.#head * 2 >= this.#waiters.length) {
      this.#waiters = this.#waiters.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  #watch(): void {
    const first = this.#waiters[this.#head];
    this.#timer = first === undefined ? null : this.#clock.after(Math.max(0, first.untilMs - this.#clock.monotonicMs()), () => {
      const nowMs = this.#clock.monotonicMs();
      while (!this.isEmpty && this.#waiters[this.#head]!.untilMs <= nowMs) this.#shift()!.refuse();
      this.#watch();
    });
  }

  /** Lets everybody proceed: the producer is closed and will say so. */
  wakeAll(): void {
    this.#timer?.cancel();
    this.#timer = null;
    while (!this.isEmpty) this.wakeFirst();
  }
}

// broker/connection/begin-turns.ts - how many requests are begun before sockets, timers and other clients are looked at again.
// Owns: the count, and the line of connections with requests that wait for the next turn of the loop. Never: requests.
// G1 After `requestsMax` requests further ones wait for the next turn. G2 While others stand in line a connection begins a few at a time and
// goes to its end. Without it two thousand clients with ten requests each were one turn of the loop (measured: 20,000 requests, 1.1 s).
// Cost: a count per request, one setImmediate per `requestsMax` of them.
import { limits } from '../../base/mod.ts';
import type { BudgetWaiter } from './memory-budget.ts';

/** The line of those with requests to begin. */
export class BeginTurns {
  readonly #soon: (callback: () => void) => void;
  readonly #requestsMax: number;
  readonly #atOnceMax: number;
  readonly #line = new Set<BudgetWaiter>();
  #begun = 0;

  /** `soon` calls back in the next turn of the loop. */
  constructor(soon: (callback: () => void) => void, requestsMax: number = limits.broker.requestsPerTurnMax, atOnceMax: number = limits.broker.requestsAtOnceMax) {
    this.#soon = soon;
    this.#requestsMax = requestsMax;
    this.#atOnceMax = atOnceMax;
  }

  /** Whether `waiter`, which has just begun `begun` requests, may begin one more; else it stands in line, and `retry()` is called once. */
  may(waiter: BudgetWaiter, begun: number): boolean {
    if (this.#begun >= this.#requestsMax || (begun >= this.#atOnceMax && this.#line.size > 0)) {
      this.#line.add(waiter);
      return false;
    }
    if (++this.#begun === this.#requestsMax) this.#soon(() => this.#renew());
    return true;
  }

  /** Leaves the line. */
  leave(waiter: BudgetWaiter): void {
    this.#line.delete(waiter);
  }

  #renew(): void {
    this.#begun = 0;
    for (const waiter of this.#line) {
      if (this.#begun >= this.#requestsMax) return;
      this.#line.delete(waiter);
      waiter.retry();
    }
  }
}

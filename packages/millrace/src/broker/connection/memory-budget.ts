// broker/connection/memory-budget.ts - one bound for the bytes that all connections hold together.
// Owns: the count and the line of those who wait. Never: the bytes.
// B1 One piece is always granted when nothing is held, so the largest piece never waits for ever. B2 Who waits is woken in order.

/** Who waits for room. */
export interface BudgetWaiter { retry(): void }

/** A bound with a line of waiters. */
export class MemoryBudget {
  readonly bytesMax: number;
  #usedBytes = 0;
  readonly #waiters = new Set<BudgetWaiter>();
  #waking = false;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get usedBytes(): number { return this.#usedBytes; }
  get freeBytes(): number { return Math.max(0, this.bytesMax - this.#usedBytes); }
  /** True while somebody is held back. */
  get pressed(): boolean { return this.#waiters.size > 0; }

  /** Takes `bytes` if they fit; else answers false and calls `waiter.retry()` once when there may be room. */
  tryTake(bytes: number, waiter: BudgetWaiter): boolean {
    if (this.#usedBytes > 0 && this.#usedBytes + bytes > this.bytesMax) {
      this.#waiters.add(waiter);
      return false;
    }
    this.#usedBytes += bytes;
    return true;
  }

  /** Takes `bytes` whether they fit or not: for what exists already. */
  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Calls `waiter.retry()` once when bytes are given back. */
  wait(waiter: BudgetWaiter): void {
    this.#waiters.add(waiter);
  }

  /** Leaves the line. */
  forget(waiter: BudgetWaiter): void {
    this.#waiters.delete(waiter);
  }

  /** Gives bytes back and wakes those who wait. */
  give(bytes: number): void {
    this.#usedBytes -= bytes;
    if (this.#waiters.size === 0 || this.#waking) return;
    this.#waking = true;
    queueMicrotask(() => this.#wake());
  }

  #wake(): void {
    this.#waking = false;
    const waiters = [...this.#waiters];
    for (const waiter of waiters) {
      if (this.freeBytes === 0) return;
      if (this.#waiters.delete(waiter)) waiter.retry();
    }
  }
}

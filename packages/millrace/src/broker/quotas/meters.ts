// broker/quotas/meters.ts - what those who share a quota have used of it.
// Owns: the meters, their number. Never: limits (quota-table.ts).
// M1 Past the bound those that stand idle are forgotten, then those that were used the longest ago.
import { limits } from '../../base/mod.ts';

/** What a meter must tell to be forgotten. */
interface Forgettable { isIdle(nowMs: number): boolean }

/** Meters of one kind, by who shares them. */
export class Meters<M extends Forgettable> {
  /** The least recently used first. */
  readonly #meters = new Map<string, M>();

  get size(): number { return this.#meters.size; }

  /** The meter, made by `make` when there is none. */
  of(sharedBy: string, nowMs: number, make: () => M): M {
    let meter = this.#meters.get(sharedBy);
    if (meter !== undefined) this.#meters.delete(sharedBy);
    else {
      if (this.#meters.size >= limits.broker.quotaMetersMax) this.#makeRoom(nowMs);
      meter = make();
    }
    this.#meters.set(sharedBy, meter);
    return meter;
  }

  /** Forgets all: settings of measuring changed. */
  clear(): void { this.#meters.clear(); }

  #makeRoom(nowMs: number): void {
    for (const [sharedBy, meter] of this.#meters) if (meter.isIdle(nowMs)) this.#meters.delete(sharedBy);
    for (const sharedBy of this.#meters.keys()) {
      if (this.#meters.size < limits.broker.quotaMetersMax) return;
      this.#meters.delete(sharedBy);
    }
  }
}

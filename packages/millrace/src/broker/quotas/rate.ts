// broker/quotas/rate.ts - how fast something is used, over windows of time, and how long its user must pause to come back to a limit.
// Owns: the arithmetic, which is Kafka's (SampledStat, Rate, TokenBucket, QuotaUtils), so that equal settings throttle equally. Never: a clock.
// R1 A rate is taken over all windows that are kept, also those before the first use: a burst after a pause is not throttled at once.

/** How use is measured: this many windows of this length, the present one included. */
export interface Windows { readonly count: number; readonly lengthMs: number }

interface Sample { readonly startMs: number; amount: number }

/** Use over the last windows. */
export class WindowRate {
  readonly #windows: Windows;
  /** The oldest first. */
  readonly #samples: Sample[] = [];

  constructor(windows: Windows) {
    this.#windows = windows;
  }

  /** Adds use; a negative amount takes some back. */
  record(amount: number, nowMs: number): void {
    this.#forgetOld(nowMs);
    const last = this.#samples.at(-1);
    if (last !== undefined && nowMs - last.startMs < this.#windows.lengthMs) { last.amount += amount; return; }
    if (this.#samples.length >= this.#windows.count) this.#samples.shift();
    this.#samples.push({ startMs: nowMs, amount });
  }

  /** Nothing was used in the windows that count. */
  isIdle(nowMs: number): boolean {
    this.#forgetOld(nowMs);
    return this.#samples.every(({ amount }) => amount <= 0);
  }

  /** Use per second. */
  perSecond(nowMs: number): number {
    this.#forgetOld(nowMs);
    let total = 0;
    for (const { amount } of this.#samples) total += amount;
    return total / (this.#spanMs(nowMs) / 1000);
  }

  /** How long to pause so that the rate is the limit again; 0 while it is not over it. */
  pauseMs(limitPerSecond: number, nowMs: number): number {
    const over = this.perSecond(nowMs) - limitPerSecond;
    return over <= 0 ? 0 : Math.round((over / limitPerSecond) * this.#spanMs(nowMs));
  }

  /** R1: the time that the kept windows stand for. */
  #spanMs(nowMs: number): number {
    const { count, lengthMs } = this.#windows;
    const oldest = this.#samples[0];
    let spanMs = oldest === undefined ? 0 : nowMs - oldest.startMs;
    const whole = Math.floor(spanMs / lengthMs);
    if (whole < count - 1) spanMs += (count - 1 - whole) * lengthMs;
    return Math.max(spanMs, lengthMs);
  }

  #forgetOld(nowMs: number): void {
    const { count, lengthMs } = this.#windows;
    while (this.#samples.length > 0 && nowMs - this.#samples[0]!.startMs >= count * lengthMs) this.#samples.shift();
  }
}

/** Tokens that come in at a rate, up to what the windows hold; use may take more than there are, and is then paid off before the next. */
export class TokenBucket {
  readonly #windows: Windows;
  #tokens: number;
  #updatedMs: number;

  constructor(windows: Windows, perSecond: number, nowMs: number) {
    this.#windows = windows;
    this.#tokens = this.#most(perSecond);
    this.#updatedMs = nowMs;
  }

  /** Tokens are left, or none are owed. */
  isOpen(perSecond: number, nowMs: number): boolean {
    this.#refill(perSecond, nowMs);
    return this.#tokens >= 0;
  }

  take(count: number, perSecond: number, nowMs: number): void {
    this.#refill(perSecond, nowMs);
    this.#tokens -= count;
  }

  /** How long until nothing is owed. */
  pauseMs(perSecond: number, nowMs: number): number {
    this.#refill(perSecond, nowMs);
    return this.#tokens >= 0 ? 0 : Math.round((-this.#tokens / perSecond) * 1000);
  }

  isIdle(nowMs: number): boolean {
    return nowMs - this.#updatedMs >= this.#windows.count * this.#windows.lengthMs;
  }

  #refill(perSecond: number, nowMs: number): void {
    this.#tokens = Math.min(this.#most(perSecond), this.#tokens + (perSecond * Math.max(0, nowMs - this.#updatedMs)) / 1000);
    this.#updatedMs = nowMs;
  }

  #most(perSecond: number): number {
    return (perSecond * this.#windows.count * this.#windows.lengthMs) / 1000;
  }
}

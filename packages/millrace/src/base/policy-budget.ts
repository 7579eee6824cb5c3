// base/policy-budget.ts - how many retries a client may make: a tenth of its calls plus three a second.
// Owns: the tokens. B1 over any stretch of time, retries <= callShare * calls + perSecond * seconds + tokensMax.

/** A bucket of retries that calls and time fill and retries empty. */
export class RetryBudget {
  readonly #callShare: number;
  readonly #perSecond: number;
  readonly #tokensMax: number;
  #tokens: number;
  #filledAtMs: number;

  /** Starts full. Defaults: 0.1 of the calls, 3 a second, at most 30 saved up. */
  constructor(nowMs: number, options: { callShare?: number; perSecond?: number; tokensMax?: number } = {}) {
    this.#callShare = options.callShare ?? 0.1;
    this.#perSecond = options.perSecond ?? 3;
    this.#tokensMax = options.tokensMax ?? 30;
    this.#tokens = this.#tokensMax;
    this.#filledAtMs = nowMs;
  }

  /** Counts a first attempt. */
  noteCall(nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens = Math.min(this.#tokensMax, this.#tokens + this.#callShare);
  }

  /** Takes one retry; false when there is none left: the caller gives up and says so. */
  takeRetry(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until a retry is there again, for callers that must go on and therefore wait instead of giving up. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#perSecond) * 1000;
  }

  #fill(nowMs: number): void {
    const seconds = Math.max(0, nowMs - this.#filledAtMs) / 1000;
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#tokensMax, this.#tokens + seconds * this.#perSecond);
  }
}

// base/policy-breaker.ts - stops calling an endpoint that keeps failing, and lets one call at a time find out whether it is well again.
// Owns: the three states of one endpoint. Pure: time is handed in.
// K1 while open nothing passes. K2 after the pause exactly one probe passes at a time. K3 each failed probe doubles the pause, up to a bound.
// K4 being reached is no answer: failures in a row are counted on across it.

/** When a breaker opens and for how long. */
export interface BreakerOptions {
  /** Failures in a row that open it (default 5). */
  readonly failuresMax?: number;
  /** First pause in ms (default 200). */
  readonly pauseMs?: number;
  /** Longest pause in ms (default 5000). */
  readonly pauseMsMax?: number;
}

/** What a breaker is doing. */
export type BreakerState =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open'; readonly untilMs: number; readonly pauseMs: number }
  | { readonly kind: 'probing'; readonly pauseMs: number };

/** The breaker of one endpoint. */
export class Breaker {
  readonly endpoint: string;
  readonly #failuresMax: number;
  readonly #pauseMs: number;
  readonly #pauseMsMax: number;
  #state: BreakerState = { kind: 'closed', failures: 0 };

  constructor(endpoint: string, options: BreakerOptions = {}) {
    this.endpoint = endpoint;
    this.#failuresMax = options.failuresMax ?? 5;
    this.#pauseMs = options.pauseMs ?? 200;
    this.#pauseMsMax = options.pauseMsMax ?? 5_000;
  }

  get state(): BreakerState { return this.#state; }

  /** Whether a call may be made now. A true answer after a pause is the probe: tell its result. */
  allows(nowMs: number): boolean {
    const state = this.#state;
    if (state.kind === 'closed') return true;
    if (state.kind === 'probing' || nowMs < state.untilMs) return false;
    this.#state = { kind: 'probing', pauseMs: state.pauseMs };
    return true;
  }

  /** A call was answered, whatever the answer. */
  succeeded(): void {
    if (this.#state.kind === 'closed' && this.#state.failures === 0) return;
    this.#state = { kind: 'closed', failures: 0 };
  }

  /** The endpoint can be reached, and has answered no call yet: calls may pass again, and the next failure opens it again. */
  reached(): void {
    if (this.#state.kind === 'probing') this.#state = { kind: 'closed', failures: this.#failuresMax - 1 };
  }

  /** A call was not answered: lost, refused, timed out or shed. */
  failed(nowMs: number): void {
    const state = this.#state;
    if (state.kind === 'probing') this.#open(nowMs, Math.min(this.#pauseMsMax, state.pauseMs * 2));
    else if (state.kind === 'closed' && state.failures + 1 >= this.#failuresMax) this.#open(nowMs, this.#pauseMs);
    else if (state.kind === 'closed') this.#state = { kind: 'closed', failures: state.failures + 1 };
  }

  #open(nowMs: number, pauseMs: number): void {
    this.#state = { kind: 'open', untilMs: nowMs + pauseMs, pauseMs };
  }
}

// broker/world/call.ts - one request on its way through a world: its answer may be changed, held, or lost.
// Owns: what happens between a handler's answer and the connection. Never: decisions (layer.ts).
// L1 A call is answered once, whatever is done to it. L2 What is held is sent at the latest when the node closes.
import type { Clock, Timer } from '../../os/mod.ts';
import type { ConnectionInfo, RequestContext } from '../handlers.ts';
import { PassedContext } from '../passed-context.ts';
import type { Fields } from './shapes.ts';

/** Answers that wait for their time. */
export class HeldAnswers {
  readonly #clock: Clock;
  readonly #held = new Map<() => void, Timer>();
  readonly #mutedUntilMs = new WeakMap<ConnectionInfo, number>();
  #closed = false;

  constructor(clock: Clock) { this.#clock = clock; }

  /** Sends after `ms`, but not while the connection is muted; then mutes it for `muteMs` more. */
  send(connection: ConnectionInfo, ms: number, muteMs: number, send: () => void): void {
    const nowMs = this.#clock.monotonicMs();
    const waitMs = Math.max(ms, (this.#mutedUntilMs.get(connection) ?? 0) - nowMs);
    if (muteMs > 0) this.#mutedUntilMs.set(connection, nowMs + waitMs + muteMs);
    if (waitMs <= 0 || this.#closed) return send();
    this.#held.set(send, this.#clock.after(waitMs, () => {
      this.#held.delete(send);
      send();
    }));
  }

  /** L2. */
  close(): void {
    this.#closed = true;
    for (const [send, timer] of this.#held) {
      timer.cancel();
      send();
    }
    this.#held.clear();
  }
}

/** How a call ends. */
export type CallEnd = 'answer' | 'lose-reply' | 'cut-after';

/** Ends a connection because a rule says so. */
export function cut(context: RequestContext, why: string): void {
  context.connection.abort(`a fault was injected: ${why}`);
  context.replyNothing();
}

/** The context that a handler sees. */
export class WorldCall extends PassedContext {
  readonly #held: HeldAnswers;
  readonly #changes: ((body: Fields) => Fields)[] = [];
  holdMs = 0;
  throttleMs = 0;
  end: CallEnd = 'answer';

  constructor(context: RequestContext, held: HeldAnswers) {
    super(context);
    this.#held = held;
  }

  /** Changes the answer, after the changes added before. */
  change(change: (body: Fields) => Fields): void { this.#changes.push(change); }

  override reply(body: Fields, onSent?: () => void): void {
    if (this.end === 'lose-reply') {
      onSent?.();
      return cut(this.through, `the answer to ${this.api.name} is lost`);
    }
    let answer = body;
    for (const change of this.#changes) answer = change(answer);
    if (this.throttleMs > 0) answer = { ...answer, throttleTimeMs: Math.ceil(this.throttleMs) };
    this.#held.send(this.connection, this.holdMs, this.throttleMs, () => this.#send(answer, onSent));
  }

  #send(answer: Fields, onSent: (() => void) | undefined): void {
    if (this.end !== 'cut-after') return this.through.reply(answer, onSent);
    this.through.reply(answer, () => {
      onSent?.();
      this.connection.abort(`a fault was injected: cut after the answer to ${this.api.name}`);
    });
  }
}

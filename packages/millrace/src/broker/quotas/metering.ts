// broker/quotas/metering.ts - requests are measured on their way to the handler, answers told their pause, and connections held back for it.
// Owns: what of a request is counted, and when. Never: limits (quotas.ts).
// W1 An answer leaves at once, with its pause in it; its connection is then not read for that long, as by Kafka since 2.0 (KIP-219). A client
// that does not pause by itself finds its socket full. W2 Of a request's time counts what it holds the node's thread for until its handler
// returns, and the making of its answer: 100 percent is the thread.
// Cost: one test while no quota is set.
import { limits } from '../../base/mod.ts';
import { Produce, SaslAuthenticate, SaslHandshake, ShareFetch, type Api, type ResponseInit } from '../../wire/mod.ts';
import type { Clock } from '../../os/mod.ts';
import type { RequestContext, Route } from '../handlers.ts';
import { PassedContext } from '../passed-context.ts';
import type { QuotaClient, Quotas } from './quotas.ts';

/** The routes with meters before them. */
export function metered(routes: readonly Route[], quotas: Quotas, clock: Clock): Route[] {
  return routes.map((row) => (unmeasured.has(row.api.key) ? row : {
    ...row,
    handle: (request, context) => {
      if (!quotas.active) return row.handle(request, context);
      const measured = new MeteredContext(context, quotas, clock);
      row.handle(request, measured);
      measured.returned();
    },
  }));
}

/** Who says who he is has no quota yet. */
const unmeasured: ReadonlySet<number> = new Set([SaslHandshake.key, SaslAuthenticate.key]);

/** Per cent of a second that a millisecond is. */
const percentPerMs = 0.1;

class MeteredContext extends PassedContext {
  readonly #quotas: Quotas;
  readonly #clock: Clock;
  readonly #client: QuotaClient;
  readonly #timed: boolean;
  readonly #startMs: number;
  /** Time of the handler's call, once it has returned. */
  #heldMs: number | null = null;

  constructor(context: RequestContext, quotas: Quotas, clock: Clock) {
    super(context);
    this.#quotas = quotas;
    this.#clock = clock;
    this.#client = { principal: context.connection.principal, clientId: context.clientId };
    this.#timed = quotas.measures('request_percentage', this.#client);
    this.#startMs = this.#timed ? clock.monotonicMs() : 0;
  }

  /** The handler has returned; its answer may still be to come. */
  returned(): void {
    if (this.#timed) this.#heldMs = this.#clock.monotonicMs() - this.#startMs;
  }

  override reply(body: ResponseInit<Api<any, any>>, onSent?: () => void): void {
    const told = (body as { throttleTimeMs?: number }).throttleTimeMs ?? 0;
    const queued = this.api.key === ShareFetch.key ? this.#quotas.record('consumer_byte_rate', this.#client, queuedBytes(body)) : 0;
    const pauseMs = Math.min(Math.max(told, queued, this.#count()), limits.broker.throttleMsMax);
    const startMs = this.#timed ? this.#clock.monotonicMs() : 0;
    this.through.reply(pauseMs !== told ? { ...body, throttleTimeMs: pauseMs } : body, onSent);
    if (this.#timed) this.#quotas.record('request_percentage', this.#client, (this.#clock.monotonicMs() - startMs) * percentPerMs);
    this.#pause(pauseMs);
  }

  override replyNothing(): void {
    const pauseMs = Math.min(this.#count(), limits.broker.throttleMsMax);
    this.through.replyNothing();
    this.#pause(pauseMs);
  }

  /** Counts what the request used; the pause that its client must make. */
  #count(): number {
    const bytesPauseMs = this.api.key === Produce.key ? this.#quotas.record('producer_byte_rate', this.#client, this.frameBytes) : 0;
    if (!this.#timed) return bytesPauseMs;
    const heldMs = this.#heldMs ?? this.#clock.monotonicMs() - this.#startMs;
    return Math.max(bytesPauseMs, this.#quotas.record('request_percentage', this.#client, heldMs * percentPerMs));
  }

  #pause(pauseMs: number): void {
    if (pauseMs > 0 && !this.connection.closed) this.connection.throttle(pauseMs);
  }
}

/** Bytes of records in an answer to ShareFetch, whose records are taken from the queue by then: they are counted, and cannot be put off. */
function queuedBytes(body: ResponseInit<typeof ShareFetch>): number {
  let bytes = 0;
  for (const { partitions } of body.responses ?? []) {
    for (const { records } of partitions ?? []) {
      for (const part of records instanceof Uint8Array ? [records] : records ?? []) bytes += part.byteLength;
    }
  }
  return bytes;
}

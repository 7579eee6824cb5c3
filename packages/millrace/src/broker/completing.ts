// broker/completing.ts - a request whose answer is completed on its way out: by guards that left things out, by groups of another kind.
// Owns: the context that does so. Never: what is added.
import type { Api, ResponseInit } from '../wire/mod.ts';
import type { ConnectionInfo, RequestContext } from './handlers.ts';

/** A context whose answer is changed on its way out. */
export function completing<A extends Api<any, any>>(context: RequestContext<A>, change: (body: ResponseInit<A>) => ResponseInit<A>): RequestContext<A> {
  return new CompletedContext(context, change);
}

class CompletedContext<A extends Api<any, any>> implements RequestContext<A> {
  readonly #context: RequestContext<A>;
  readonly #change: (body: ResponseInit<A>) => ResponseInit<A>;

  constructor(context: RequestContext<A>, change: (body: ResponseInit<A>) => ResponseInit<A>) {
    this.#context = context;
    this.#change = change;
  }

  get api(): A { return this.#context.api; }
  get version(): number { return this.#context.version; }
  get correlationId(): number { return this.#context.correlationId; }
  get clientId(): string | null { return this.#context.clientId; }
  get connection(): ConnectionInfo { return this.#context.connection; }
  get frameBytes(): number { return this.#context.frameBytes; }
  get parkedMs(): number { return this.#context.parkedMs; }
  set parkedMs(ms: number) { this.#context.parkedMs = ms; }
  reply(body: ResponseInit<A>, onSent?: () => void): void { this.#context.reply(this.#change(body), onSent); }
  replyNothing(): void { this.#context.replyNothing(); }
}

// broker/completing.ts - a request whose answer is completed on its way out: by guards that left things out, by groups of another kind.
// Owns: the context that does so. Never: what is added.
import type { Api, ResponseInit } from '../wire/mod.ts';
import type { RequestContext } from './handlers.ts';
import { PassedContext } from './passed-context.ts';

/** A context whose answer is changed on its way out. */
export function completing<A extends Api<any, any>>(context: RequestContext<A>, change: (body: ResponseInit<A>) => ResponseInit<A>): RequestContext<A> {
  return new CompletedContext(context, change);
}

class CompletedContext<A extends Api<any, any>> extends PassedContext<A> {
  readonly #change: (body: ResponseInit<A>) => ResponseInit<A>;

  constructor(context: RequestContext<A>, change: (body: ResponseInit<A>) => ResponseInit<A>) {
    super(context);
    this.#change = change;
  }

  override reply(body: ResponseInit<A>, onSent?: () => void): void { this.through.reply(this.#change(body), onSent); }
}

// broker/passed-context.ts - a request that somebody stands before: its context, handed on.
// Owns: the handing on. Never: what is changed: that is what those who extend it are for (completing.ts, quotas/, world/).
import type { Api, ResponseInit } from '../wire/mod.ts';
import type { ConnectionInfo, RequestContext } from './handlers.ts';

/** The same request as another context's. */
export class PassedContext<A extends Api<any, any> = Api<any, any>> implements RequestContext<A> {
  protected readonly through: RequestContext<A>;

  constructor(through: RequestContext<A>) {
    this.through = through;
  }

  get api(): A { return this.through.api; }
  get version(): number { return this.through.version; }
  get correlationId(): number { return this.through.correlationId; }
  get clientId(): string | null { return this.through.clientId; }
  get connection(): ConnectionInfo { return this.through.connection; }
  get frameBytes(): number { return this.through.frameBytes; }
  get parkedMs(): number { return this.through.parkedMs; }
  set parkedMs(ms: number) { this.through.parkedMs = ms; }
  reply(body: ResponseInit<A>, onSent?: () => void): void { this.through.reply(body, onSent); }
  replyNothing(): void { this.through.replyNothing(); }
}

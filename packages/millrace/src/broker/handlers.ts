// broker/handlers.ts - how a request reaches the code that answers it.
// Owns: the types of a handler and its context, and the table of routes by api key. Never: framing, order of responses (connection/).
// H1 A handler answers exactly once: reply() or replyNothing(), now or later; answers leave in the order of the requests.
// H3 `bytes` and `records` in a request are views that the handler may keep, unless its route says `borrows`.
// H2 A handler that throws a MillraceError costs its connection; one that throws anything else stops the node.
import { assert } from '../base/mod.ts';
import type { ListenerSecurity } from './security/options.ts';
import { inVersions, type Api, type RequestOf, type ResponseInit, type VersionRange } from '../wire/mod.ts';

/** A listener as its clients see it. */
export interface ListenerInfo {
  readonly name: string;
  /** Address told to clients that came through it. */
  readonly advertisedHost: string;
  readonly advertisedPort: number;
  /** What its clients have to show; without it, nothing. */
  readonly security?: ListenerSecurity;
  /** Broker that it stands for, where one node plays several (world/); left out: the node itself. */
  readonly nodeId?: number;
  /** Who its clients are as long as they do not say so; default: 'User:ANONYMOUS'. */
  readonly principal?: string;
}

/** Principal of a connection that has not said who it is. */
export const anonymous = 'User:ANONYMOUS';

/** The connection that a request came by. */
export interface ConnectionInfo {
  /** Unique within this node's life. */
  readonly id: number;
  /** Host part of the client's address. */
  readonly host: string;
  readonly listener: ListenerInfo;
  /** Who the client is, as Kafka writes it: 'User:alice'; 'User:ANONYMOUS' without authentication. */
  readonly principal: string;
  /** True once it has ended: an answer would go nowhere. */
  readonly closed: boolean;
  /** Bytes of answers that the client has not taken. */
  readonly unsentBytes: number;
  /** Calls back once when the connection ends, unless the returned function was called before. */
  onClose(callback: () => void): () => void;
  /** Ends it at once, with one line in the node's report. */
  abort(why: string): void;
  /** Begins no further request of it, and reads no more of it, for this long from now: how a client over its quota is held back. */
  throttle(pauseMs: number): void;
}

/** What a handler knows besides the request's body. */
export interface RequestContext<A extends Api<any, any> = Api<any, any>> {
  readonly api: A;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly connection: ConnectionInfo;
  /** Bytes of the request as it came. */
  readonly frameBytes: number;
  /** How long the answer waited because the client asked for that, in ms: the handler adds to it, and the time does not count as slow. */
  parkedMs: number;
  /** Answers. `onSent` is called once when the bytes have left or the connection has ended: pooled parts may be reused. */
  reply(body: ResponseInit<A>, onSent?: () => void): void;
  /** Ends the request without a response (Produce with acks=0). */
  replyNothing(): void;
}

/** Answers requests of one api. */
export type Handler<A extends Api<any, any>> = (request: RequestOf<A>, context: RequestContext<A>) => void;

/** One row of the routing table. */
export interface Route {
  readonly api: Api<any, any>;
  /** Versions served: advertised, and let through. */
  readonly versions: VersionRange;
  /** Lowest version advertised, where that is below what is served (Produce: see version-traps.test.ts). */
  readonly advertisedMin: number;
  /** The handler keeps no view into the request's bytes after it has returned: they are used again at once. */
  readonly borrows: boolean;
  readonly handle: (request: any, context: RequestContext<any>) => void;
}

/**
 * A row for the routing table; serves every version the codec has unless `versions` narrows it.
 * @example route(Metadata, (request, context) => context.reply({ brokers: [] }))
 */
export function route<A extends Api<any, any>>(api: A, handle: Handler<A>, options: { versions?: VersionRange; advertisedMin?: number; borrows?: boolean } = {}): Route {
  const versions = options.versions ?? api.versions;
  return { api, versions, advertisedMin: options.advertisedMin ?? versions.min, borrows: options.borrows ?? false, handle };
}

/** Routes by api key; lookup is one array access. */
export class Router {
  #byKey: (Route | undefined)[] = [];
  /** KIP-511: who asks for an unknown version of ApiVersions is told the range that is served. */
  readonly tellsApiVersionsRange: boolean;

  constructor(routes: readonly Route[], tellsApiVersionsRange = true) {
    this.tellsApiVersionsRange = tellsApiVersionsRange;
    this.use(routes);
  }

  /** Serves these routes from the next request on. */
  use(routes: readonly Route[]): void {
    const byKey: (Route | undefined)[] = [];
    for (const row of routes) {
      assert(byKey[row.api.key] === undefined, `one handler per api: ${row.api.name}`);
      byKey[row.api.key] = row;
    }
    this.#byKey = byKey;
  }

  /** The route that serves this version, or why there is none. */
  find(apiKey: number, version: number): Route | 'unknown-api' | 'unknown-version' {
    const row = this.#byKey[apiKey];
    if (row === undefined) return 'unknown-api';
    return inVersions(row.versions, version) ? row : 'unknown-version';
  }

  /** All rows by rising key. */
  routes(): Route[] {
    return this.#byKey.filter((row) => row !== undefined);
  }
}

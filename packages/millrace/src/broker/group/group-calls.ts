// broker/group/group-calls.ts - requests to a coordinator without a network: for this room's tests and benches.
// Owns: one round through the real codec and the real routes, so that what a version cannot carry is lost here as on a wire.
import { assert } from '../../base/mod.ts';
import {
  decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse, type Api, type RequestInit, type ResponseInit, type ResponseOf,
} from '../../wire/mod.ts';
import { anonymous, Router, type ConnectionInfo, type RequestContext } from '../handlers.ts';
import type { GroupCoordinator } from './coordinator.ts';
import { groupRoutes } from './routes.ts';

const sizeBytes = 4;

/** A client that calls a coordinator in the same process. */
export class GroupCalls {
  readonly #router: Router;
  readonly #connection: ConnectionInfo;

  constructor(groups: GroupCoordinator, host = '127.0.0.1') {
    this.#router = new Router(groupRoutes(groups, 1));
    const listener = { name: 'PLAINTEXT', advertisedHost: 'node.example', advertisedPort: 9092 };
    this.#connection = { id: 1, host, listener, principal: anonymous, closed: false, unsentBytes: 0, onClose: () => () => {}, abort() {}, throttle() {} };
  }

  /** Sends a request; resolves to its response as that version carries it. */
  call<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>, clientId: string | null = 'client'): Promise<ResponseOf<A>> {
    return new Promise((resolve) => this.send(api, version, body, clientId, resolve));
  }

  /** The same with a callback, which may be called before send returns. */
  send<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>, clientId: string | null, done: (body: ResponseOf<A>) => void): void {
    const frame = joined(encodeRequest(api, version, { correlationId: 7, clientId }, body));
    const header = decodeRequestHeader(frame);
    const found = this.#router.find(header.apiKey, header.apiVersion);
    assert(typeof found === 'object', `${api.name} ${version} is served`);
    const context: RequestContext<A> = {
      api, version, correlationId: header.correlationId, clientId: header.clientId, connection: this.#connection, frameBytes: frame.length, parkedMs: 0,
      reply: (answer: ResponseInit<A>) => done(decodeResponse(api, version, joined(encodeResponse(api, version, 7, answer))).body),
      replyNothing: () => assert(false, 'group requests are answered'),
    };
    found.handle(decodeRequest(api, version, frame, header.bodyAt), context);
    frame.fill(0xee); // a request's bytes are gone once it was handled: nothing may keep a view of them
  }
}

/** One frame without its size. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes.subarray(sizeBytes);
}

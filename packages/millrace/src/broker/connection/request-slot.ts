// broker/connection/request-slot.ts - one request of one connection: its place in the line of answers, and its handler's context.
// Owns: the request's state from arrival to answer. Never: bytes on the wire (client-connection.ts).
// R1 A slot is answered once. R2 What the slot holds of the request memory goes back when it is answered.
import { assert, isMillraceError } from '../../base/mod.ts';
import { encodeResponse, type Api, type ResponseInit } from '../../wire/mod.ts';
import type { ConnectionInfo, RequestContext } from '../handlers.ts';

/** What a slot tells its connection. */
export interface SlotOwner extends ConnectionInfo {
  slotAnswered(slot: RequestSlot): void;
}

/** The bytes of an answer, kept until all earlier answers have left. */
export type Answer =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'parts'; readonly parts: readonly Uint8Array[]; readonly bytes: number; readonly onSent: (() => void) | null }
  | { readonly kind: 'nothing' };

const waiting: Answer = { kind: 'waiting' };
const nothing: Answer = { kind: 'nothing' };

/** A request being worked on. */
export class RequestSlot implements RequestContext {
  readonly api: Api<any, any>;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly connection: SlotOwner;
  /** Bytes of the request's frame, held in the request memory. */
  readonly frameBytes: number;
  answer: Answer = waiting;
  // When (monotonic ms) its last bytes came, it was begun, its handler returned, and its answer was there; 0 for not yet.
  receivedMs = 0;
  begunMs = 0;
  handledMs = 0;
  answeredMs = 0;
  parkedMs = 0;
  errorCode = 0;

  constructor(connection: SlotOwner, api: Api<any, any>, version: number, correlationId: number, clientId: string | null, frameBytes: number) {
    this.connection = connection;
    this.api = api;
    this.version = version;
    this.correlationId = correlationId;
    this.clientId = clientId;
    this.frameBytes = frameBytes;
  }

  reply(body: ResponseInit<Api<any, any>>, onSent?: () => void): void {
    assert(this.answer.kind === 'waiting', 'R1: a request is answered once');
    this.errorCode = (body as { errorCode?: number }).errorCode ?? 0;
    this.answer = this.#encoded(body, onSent ?? null);
    this.connection.slotAnswered(this);
  }

  /** An answer that does not fit its message is a bug that costs this connection, not the node. */
  #encoded(body: ResponseInit<Api<any, any>>, onSent: (() => void) | null): Answer {
    try {
      const parts = encodeResponse(this.api, this.version, this.correlationId, body);
      let bytes = 0;
      for (const part of parts) bytes += part.byteLength;
      return { kind: 'parts', parts, bytes, onSent };
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      onSent?.();
      this.connection.abort(error.message);
      return nothing;
    }
  }

  /** Answers with bytes that are whole already, their size before them. */
  replyBytes(parts: readonly Uint8Array[]): void {
    assert(this.answer.kind === 'waiting', 'R1: a request is answered once');
    let bytes = 0;
    for (const part of parts) bytes += part.byteLength;
    this.answer = { kind: 'parts', parts, bytes, onSent: null };
    this.connection.slotAnswered(this);
  }

  /** The handler failed: there will be no answer. */
  giveUp(): void {
    if (this.answer.kind === 'waiting') this.replyNothing();
  }

  replyNothing(): void {
    assert(this.answer.kind === 'waiting', 'R1: a request is answered once');
    this.answer = nothing;
    this.connection.slotAnswered(this);
  }
}

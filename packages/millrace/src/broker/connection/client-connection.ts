// broker/connection/client-connection.ts - one client: frames in, requests to their handlers, answers out in order.
// Owns: pipelining, the order of answers, back-pressure of one connection. Never: what a request means.
// K1 Answers leave in the order of the requests, as Kafka's do. K2 No request is begun while the client has too many under way, takes no
// answers, or the node's memory for requests is used up: the socket is not read then. K3 Bad bytes cost this connection and one line.
// K4 Answers of more than 16 KiB leave in slices, in turn with those of other connections (send-turns.ts).
// K5 Many requests at once are begun in turns with other connections (begin-turns.ts).
// K6 Where a listener wants to know who its clients are, frames go to `#authentication` and to no handler until that is known; their memory comes from
// a budget of its own, and one frame at a time is looked at. An authenticated connection costs two comparisons a request for it.
// Cost: one slot per request; one write per turn of the loop, whatever the number of answers ready in it, while they are small.
import { assert, isMillraceError, KiB, limits, type Report } from '../../base/mod.ts';
import type { Connection, Timer } from '../../os/mod.ts';
import { ApiVersions, apiByKey, decodeRequest, decodeRequestHeader, errorCodes, SaslHandshake } from '../../wire/mod.ts';
import { anonymous, type ListenerInfo, type Router } from '../handlers.ts';
import type { BrokerMetrics } from '../metrics/broker-metrics.ts';
import type { Authenticated, Authentication, Authenticator, Verdict } from '../security/authentication.ts';
import type { SaslSettings } from '../security/options.ts';
import type { BeginTurns } from './begin-turns.ts';
import type { FrameBuffers } from './frame-buffers.ts';
import { FrameReader } from './frame-reader.ts';
import type { BudgetWaiter, MemoryBudget } from './memory-budget.ts';
import { RequestSlot, type SlotOwner } from './request-slot.ts';
import type { SendTurns } from './send-turns.ts';
import { SlicedWrites, type Outgoing, type SlicedOwner } from './sliced-writes.ts';

/** What all connections of a node share. */
export interface ConnectionHost {
  readonly router: Router;
  readonly requestMemory: MemoryBudget;
  readonly responseMemory: MemoryBudget;
  /** Memory for frames of clients that have not said who they are. */
  readonly strangersMemory: MemoryBudget;
  readonly authenticator: Authenticator;
  /** Largest frame of such a client. */
  readonly strangersFrameBytesMax: number;
  /** How long a refusal waits before it is sent, in ms: guessing is slow. */
  readonly refusalDelayMs: number;
  readonly frameBuffers: FrameBuffers;
  readonly metrics: BrokerMetrics;
  readonly beginTurns: BeginTurns;
  readonly sendTurns: SendTurns;
  readonly frameBytesMax: number;
  readonly requestsPerConnectionMax: number;
  monotonicMs(): number;
  after(delayMs: number, callback: () => void): Timer;
  /** Flushes the connection before the next turn of the loop. */
  flushSoon(connection: ClientConnection): void;
  ended(connection: ClientConnection): void;
  readonly report: Report;
  /** Stops the node: an invariant is broken. */
  fatal(error: unknown): void;
}

const headerBytesMin = 8;
/** A client may begin to authenticate again this long after it last did. */
const reauthenticateMsMin = 1_000;
/** What a stranger's frame counts at least: the smallest buffer that it may come to lie in. */
const strangersFrameCost = 64 * KiB;

/** A client's connection. */
export class ClientConnection implements SlotOwner, SlicedOwner, BudgetWaiter {
  readonly id: number;
  readonly host: string;
  readonly listener: ListenerInfo;
  /** Who the client is: known when the first request is begun, and the same from then on. */
  #principal: string;
  /** In the server's line of connections to flush. */
  flushQueued = false;
  readonly #stream: Connection;
  readonly #host: ConnectionHost;
  readonly #reader: FrameReader;
  readonly #closeCallbacks = new Set<() => void>();
  /** Requests in order of arrival, from #head on: those before have been answered and written. */
  #slots: RequestSlot[] = [];
  #head = 0;
  /** Made for the first large answer. */
  #sliced: SlicedWrites | null = null;
  /** Bytes of answers, waiting for their turn or for the operating system to take them. */
  #unsentBytes = 0;
  /** Those of them that were given to the stream. */
  #writingBytes = 0;
  /** Where the memory for requests comes from. */
  #memory: MemoryBudget;
  /** Held in it: requests under way and the frame being read. */
  #requestHeldBytes = 0;
  /** Under way, until it is known who the client is. */
  #authentication: Authentication | null = null;
  /** What came of the last one. */
  #who: Authenticated | null = null;
  #sessionEndsMs = Infinity;
  /** When the one under way began, or the last one ended. */
  #authenticationMs: number;
  /** A frame is being looked at. */
  #judging = false;
  #refusal: { readonly timer: Timer; readonly slot: RequestSlot } | null = null;
  /** The certificate, or its absence, is still to be looked at. */
  #hasCertificate: boolean;
  /** The request memory had no room for the next frame. */
  #refused = false;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #paused = false;
  /** The end of the pause that a quota demands; 0 for none. */
  #throttledUntilMs = 0;
  #throttle: Timer | null = null;
  #pumping = false;
  #lastActiveMs: number;
  #lastProgressMs: number;
  #lastReceivedMs: number;

  constructor(id: number, stream: Connection, listener: ListenerInfo, host: ConnectionHost) {
    this.id = id;
    this.#stream = stream;
    this.host = hostOf(stream.remote);
    this.listener = listener;
    this.#principal = listener.principal ?? anonymous;
    this.#host = host;
    this.#lastActiveMs = this.#lastProgressMs = this.#lastReceivedMs = this.#authenticationMs = host.monotonicMs();
    const sasl = listener.security?.sasl ?? null;
    this.#hasCertificate = listener.security?.protocol === 'SSL';
    this.#memory = sasl === null ? host.requestMemory : host.strangersMemory;
    this.#reader = new FrameReader(sasl === null ? host.frameBytesMax : host.strangersFrameBytesMax, host.frameBuffers, (bytes) => this.#reserve(bytes));
    if (sasl !== null) this.#authentication = host.authenticator.open(sasl, null);
    stream.onData((chunk) => this.#received(chunk), { lent: true });
    stream.onClose((error) => {
      if (isMillraceError(error, 'authentication-failed') && this.#state !== 'closed') host.report(`connection ${stream.remote} closed: ${error.message}`, 'warn');
      this.#ended();
    });
  }

  get closed(): boolean { return this.#state === 'closed'; }
  /** Where the memory for its requests comes from. */
  get memory(): MemoryBudget { return this.#memory; }
  get principal(): string { return this.#principal; }
  /** Since when the client has owed its first or next authentication; null when it owes none. */
  get authenticatingSinceMs(): number | null { return this.#authentication === null || this.#state !== 'open' ? null : this.#authenticationMs; }
  /** Requests under way. */
  get requestCount(): number { return this.#slots.length - this.#head; }
  /** Bytes of answers that the client has not taken. */
  get unsentBytes(): number { return this.#unsentBytes; }
  /** When a request last arrived or was answered; for closing idle connections. */
  get lastActiveMs(): number { return Math.max(this.#lastActiveMs, this.#throttledUntilMs); }
  /** When the client last took an answer, or had none to take. */
  get lastProgressMs(): number { return this.#lastProgressMs; }
  /** When bytes last arrived, while a frame is incomplete; null when no frame is. */
  get partialSinceMs(): number | null { return this.#reader.reservedBytes > 0 ? Math.max(this.#lastReceivedMs, this.#throttledUntilMs) : null; }

  onClose(callback: () => void): () => void {
    if (this.#state === 'closed') queueMicrotask(callback);
    else this.#closeCallbacks.add(callback);
    return () => { this.#closeCallbacks.delete(callback); };
  }

  abort(why: string): void {
    if (this.#state === 'closed') return;
    this.#host.metrics.connections.aborted++;
    this.#host.report(`connection ${this.#stream.remote} closed: ${why}`, 'warn', { event: 'connection-closed', client: this.#stream.remote, why });
    this.destroy();
  }

  /** Ends at once, without a line in the report. */
  destroy(): void {
    this.#stream.destroy();
    this.#ended();
  }

  throttle(pauseMs: number): void {
    const untilMs = this.#host.monotonicMs() + pauseMs;
    if (this.#state !== 'open' || untilMs <= this.#throttledUntilMs) return;
    this.#throttle?.cancel();
    this.#throttledUntilMs = untilMs; // until then it is neither idle nor slow
    this.#throttle = this.#host.after(pauseMs, () => this.#throttleOver());
    if (!this.#pumping) this.#setPaused(true);
  }

  /** Begins no further request, answers those under way, then ends. */
  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#setPaused(true);
    this.#closeWhenAnswered();
  }

  /** Room in the request memory, or in this connection: goes on with what is buffered. */
  retry(): void {
    this.#pump();
  }

  slotAnswered(slot: RequestSlot): void {
    slot.answeredMs = this.#host.monotonicMs();
    this.#requestHeldBytes -= slot.frameBytes;
    this.#memory.give(slot.frameBytes);
    if (this.#state === 'closed') return releaseAnswer(slot);
    if (slot.answer.kind === 'parts') this.#hold(slot.answer.bytes);
    this.#host.flushSoon(this);
  }

  /** Writes every answer whose turn has come, at once; goes on reading when there is room again. */
  flush(): void {
    if (this.#state === 'closed') return;
    let end = this.#head;
    while (end < this.#slots.length && this.#slots[end]!.answer.kind !== 'waiting') end++;
    if (end > this.#head) this.#write(end);
    if (this.#state === 'closing') this.#closeWhenAnswered();
    else if (this.#paused) this.#pump();
  }

  #throttleOver(): void {
    this.#throttle = null;
    this.#throttledUntilMs = 0;
    this.#lastActiveMs = this.#lastReceivedMs = this.#host.monotonicMs();
    this.#pump();
  }

  #received(chunk: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#lastReceivedMs = this.#host.monotonicMs();
    if (this.#hasCertificate && !this.#takeCertificate()) return;
    this.#reader.feed(chunk);
    this.#pump();
    this.#reader.settle();
  }

  /** The client has proved what it showed, if anything, before its first bytes. */
  #takeCertificate(): boolean {
    this.#hasCertificate = false;
    try {
      if (this.#stream.peerCertificate !== null) this.#principal = this.listener.security!.principalOf(this.#stream.peerCertificate);
      return true;
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      this.abort(error.message);
      return false;
    }
  }

  /** Begins as many requests as may be begun, then decides whether the socket is read further. */
  #pump(): void {
    if (this.#pumping || this.#state !== 'open') return;
    this.#pumping = true;
    this.#refused = false;
    let blocked = false;
    try {
      for (let begun = 0; this.#state === 'open' && !(blocked = this.#mustWait()); begun++) {
        if (this.#reader.mayHaveFrame && (blocked = !this.#host.beginTurns.may(this, begun))) break;
        const frame = this.#reader.next();
        if (frame === null) break;
        this.#begin(frame);
      }
    } catch (error) {
      if (isMillraceError(error)) this.abort(error.message);
      else this.#host.fatal(error);
    }
    this.#pumping = false;
    if (this.#state === 'open') this.#setPaused(blocked || this.#refused);
  }

  #mustWait(): boolean {
    return this.#throttle !== null
      || this.#judging
      || this.requestCount >= this.#host.requestsPerConnectionMax
      || this.#unsentBytes >= limits.broker.responseBytesPerConnectionMax
      || (this.#unsentBytes > 0 && this.#host.responseMemory.freeBytes === 0);
  }

  #reserve(bytes: number): boolean {
    const cost = this.#costOf(bytes);
    this.#refused = !this.#memory.tryTake(cost, this);
    if (!this.#refused) this.#requestHeldBytes += cost;
    return !this.#refused;
  }

  /** What a frame counts in the memory that it is held in. */
  #costOf(frameBytes: number): number {
    return this.#memory === this.#host.strangersMemory ? Math.max(frameBytes, strangersFrameCost) : frameBytes;
  }

  #setPaused(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused && this.#state === 'open') this.#host.metrics.connections.pauses++;
    if (paused) this.#stream.pause();
    else this.#stream.resume();
  }

  #begin(frame: Uint8Array): void {
    this.#lastActiveMs = this.#lastReceivedMs;
    const host = this.#host;
    const begunMs = host.monotonicMs();
    if (frame.byteLength < headerBytesMin && this.#authentication === null) return this.abort(`a request of ${frame.byteLength} bytes has no header`);
    const apiKey = int16(frame, 0);
    const version = int16(frame, 2);
    if (this.#authentication !== null) {
      if (!this.#authentication.passes(apiKey)) return this.#judge(this.#authentication, frame);
    } else if (this.#lastReceivedMs >= this.#sessionEndsMs || apiKey === SaslHandshake.key) {
      const again = this.#authenticateAgain(apiKey);
      if (again !== null) return this.#judge(again, frame);
      if (this.#lastReceivedMs >= this.#sessionEndsMs) return this.abort('its session is over, and it did not authenticate again');
    }
    const row = host.router.find(apiKey, version);
    if (typeof row === 'string') return this.#beginUnknown(row, apiKey, version, frame);
    const inBuffer = this.#reader.inBuffer;
    const bytes = row.borrows || inBuffer ? frame : frame.slice();
    const header = decodeRequestHeader(bytes);
    const body = decodeRequest(row.api, version, bytes, header.bodyAt);
    const slot = new RequestSlot(this, row.api, version, header.correlationId, header.clientId, this.#costOf(frame.byteLength));
    slot.receivedMs = this.#lastReceivedMs;
    slot.begunMs = begunMs;
    this.#slots.push(slot);
    try {
      row.handle(body, slot);
      if (slot.answeredMs === 0) slot.handledMs = host.monotonicMs();
    } catch (error) {
      slot.giveUp();
      throw error;
    }
    if (row.borrows && inBuffer) this.#reader.recycle(frame);
  }

  /** A new authentication of a client that is known, if it asks for one and is not in a hurry. */
  #authenticateAgain(apiKey: number): Authentication | null {
    const sasl: SaslSettings | null = this.listener.security?.sasl ?? null;
    if (sasl === null || apiKey !== SaslHandshake.key || this.#lastReceivedMs - this.#authenticationMs < reauthenticateMsMin) return null;
    this.#authenticationMs = this.#lastReceivedMs;
    return this.#authentication = this.#host.authenticator.open(sasl, this.#who);
  }

  /** Lets the authentication look at a frame (K6). */
  #judge(authentication: Authentication, frame: Uint8Array): void {
    const slot = new RequestSlot(this, authentication.awaits, 0, 0, null, this.#costOf(frame.byteLength));
    slot.receivedMs = slot.begunMs = this.#lastReceivedMs;
    this.#slots.push(slot);
    const bytes = new Uint8Array(frame); // slice() of what may be a Buffer would be a view
    frame.fill(0); // a password is in no buffer that is used again
    if (this.#reader.inBuffer) this.#reader.recycle(frame);
    let verdict: Verdict | Promise<Verdict>;
    try {
      verdict = authentication.take(bytes);
    } catch (error) {
      slot.giveUp();
      throw error;
    }
    if (!(verdict instanceof Promise)) return this.#carryOut(slot, verdict);
    this.#judging = true;
    verdict.then((found) => {
      this.#judging = false;
      if (this.#state === 'closed') return slot.giveUp();
      this.#carryOut(slot, found);
      this.#pump();
    }, (error: unknown) => {
      this.#judging = false;
      slot.giveUp();
      if (isMillraceError(error)) this.abort(error.message);
      else this.#host.fatal(error);
    });
  }

  #carryOut(slot: RequestSlot, verdict: Verdict): void {
    if (verdict.kind === 'refused') return this.#refuse(slot, verdict.parts, verdict.why);
    if (verdict.kind === 'done') this.#admit(verdict.who);
    slot.replyBytes(verdict.parts);
  }

  #admit(who: Authenticated): void {
    const { requestMemory, strangersMemory, frameBytesMax } = this.#host;
    assert(this.#who === null || this.#who.principal === who.principal, 'A3: whoever authenticates again stays who he is');
    this.#who = who;
    this.#principal = who.principal;
    this.#authentication = null;
    this.#authenticationMs = this.#host.monotonicMs();
    this.#sessionEndsMs = who.sessionMs === null ? Infinity : this.#authenticationMs + who.sessionMs;
    if (this.#memory !== strangersMemory) return;
    requestMemory.take(this.#requestHeldBytes);
    strangersMemory.give(this.#requestHeldBytes);
    this.#memory = requestMemory;
    this.#reader.frameBytesMax = frameBytesMax;
  }

  /** Reads nothing more, tells the client after a while, and ends. */
  #refuse(slot: RequestSlot, parts: readonly Uint8Array[] | null, why: string): void {
    this.#host.report(`connection ${this.#stream.remote} refused by listener ${this.listener.name}: ${why}`, 'warn');
    this.#state = 'closing';
    this.#setPaused(true);
    const timer = this.#host.after(this.#host.refusalDelayMs, () => {
      this.#refusal = null;
      if (parts === null) slot.replyNothing();
      else slot.replyBytes(parts);
    });
    this.#refusal = { timer, slot };
  }

  /** Kafka answers an unknown version of ApiVersions in the form of version 0, so that any client can fall back; all else ends the connection. */
  #beginUnknown(why: 'unknown-api' | 'unknown-version', apiKey: number, version: number, frame: Uint8Array): void {
    const name = apiByKey(apiKey)?.name ?? `api ${apiKey}`;
    if (why === 'unknown-api' || apiKey !== ApiVersions.key) return this.abort(`${name} version ${version} is not served`);
    const correlationId = (int16(frame, 4) << 16) | (int16(frame, 6) & 0xffff);
    const slot = new RequestSlot(this, ApiVersions, 0, correlationId, null, this.#costOf(frame.byteLength));
    slot.receivedMs = slot.begunMs = this.#lastReceivedMs;
    this.#slots.push(slot);
    const served = this.#host.router.find(ApiVersions.key, 0);
    const { min, max } = typeof served === 'string' ? ApiVersions.versions : served.versions;
    slot.reply({ errorCode: errorCodes.UNSUPPORTED_VERSION, apiKeys: this.#host.router.tellsApiVersionsRange ? [{ apiKey: ApiVersions.key, minVersion: min, maxVersion: max }] : [] });
  }

  #write(end: number): void {
    const parts: Uint8Array[] = [];
    const callbacks: (() => void)[] = [];
    let bytes = 0;
    for (let i = this.#head; i < end; i++) {
      const { answer } = this.#slots[i]!;
      if (answer.kind !== 'parts') continue;
      for (const part of answer.parts) parts.push(part);
      bytes += answer.bytes;
      if (answer.onSent) callbacks.push(answer.onSent);
    }
    const answered = this.#slots.slice(this.#head, end);
    this.#forgetAnswered(end);
    if (bytes === 0) return this.#over(answered);
    callbacks.push(() => this.#over(answered));
    this.#lastActiveMs = this.#host.monotonicMs();
    if (this.#writingBytes === 0) this.#lastProgressMs = this.#lastActiveMs;
    this.#writingBytes += bytes;
    const outgoing: Outgoing = { parts, bytes, callbacks };
    if (bytes <= limits.broker.sendAtOnceBytesMax && (this.#sliced === null || this.#sliced.isEmpty)) this.#stream.write(parts, () => this.sent(outgoing));
    else (this.#sliced ??= new SlicedWrites(this.#stream, this.#host.sendTurns, this)).add(outgoing);
  }

  /** The answers have left, or never will. */
  #over(answered: readonly RequestSlot[]): void {
    const nowMs = this.#host.monotonicMs();
    for (const slot of answered) this.#host.metrics.requests.over(slot, slot.answer.kind === 'parts' ? slot.answer.bytes : 0, nowMs);
  }

  #forgetAnswered(end: number): void {
    this.#head = end;
    if (end === this.#slots.length) { this.#slots.length = 0; this.#head = 0; }
    else if (end > 64 && end * 2 > this.#slots.length) { this.#slots = this.#slots.slice(end); this.#head = 0; }
  }

  #hold(bytes: number): void {
    this.#unsentBytes += bytes;
    this.#host.responseMemory.take(bytes);
  }

  progressed(): void {
    this.#lastProgressMs = this.#host.monotonicMs();
  }

  sent({ bytes, callbacks }: Outgoing): void {
    this.#unsentBytes -= bytes;
    this.#writingBytes -= bytes;
    this.progressed();
    this.#host.responseMemory.give(bytes);
    for (const callback of callbacks) callback();
    if (this.#state === 'closing') this.#closeWhenAnswered();
    else if (this.#paused) this.#pump();
  }

  #closeWhenAnswered(): void {
    if (this.requestCount === 0 && (this.#sliced === null || this.#sliced.isEmpty)) this.#stream.close();
  }

  #ended(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#memory.forget(this);
    this.#refusal?.timer.cancel();
    this.#refusal?.slot.giveUp();
    this.#host.beginTurns.leave(this);
    this.#throttle?.cancel();
    this.#throttle = null;
    this.#sliced?.end();
    let underWayBytes = 0;
    for (let i = this.#head; i < this.#slots.length; i++) {
      const slot = this.#slots[i]!;
      if (slot.answer.kind === 'waiting') underWayBytes += slot.frameBytes;
      releaseAnswer(slot);
    }
    this.#host.responseMemory.give(this.#unsentBytes - this.#writingBytes);
    this.#unsentBytes = this.#writingBytes;
    this.#memory.give(this.#requestHeldBytes - underWayBytes);
    for (const callback of this.#closeCallbacks) callback();
    this.#closeCallbacks.clear();
    this.#host.ended(this);
  }
}

function releaseAnswer(slot: RequestSlot): void {
  if (slot.answer.kind !== 'parts') return;
  slot.answer.onSent?.();
  slot.answer = { kind: 'nothing' };
}

const int16 = (bytes: Uint8Array, at: number): number => (((bytes[at]! << 8) | bytes[at + 1]!) << 16) >> 16;

/** The host part of 'host:port'. */
export function hostOf(remote: string): string {
  const colon = remote.lastIndexOf(':');
  return colon < 0 ? remote : remote.slice(0, colon);
}

// client/net/connection.ts - one connection to one broker: requests go out back to back, answers come in the same order.
// Owns: correlation, version negotiation, deadlines of requests, noticing that the other end is gone. Never: which broker, retries.
// N1 answers come in the order of requests; another order ends the connection. N2 every call ends by its deadline. N3 a request
// that the server has not answered for its patience ends the connection: half-open ones are found and nothing is sent into them.
// N4 Where a server ends sessions, the client says again who it is before that; requests made meanwhile wait, so that none comes in between.
// Cost: one promise and one small object a request, one timer a connection.
import { assert, deadlineAfter, limits, MillraceError, type Deadline } from '../../base/mod.ts';
import type { Clock, Connection, Timer } from '../../os/mod.ts';
import { ApiVersions, decodeResponse, encodeRequest, errorCodes, type Api, type RequestInit, type ResponseOf } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import { FrameReader } from './frames.ts';
import { chooseVersion, type ServerVersions } from './versions.ts';

/** How a connection behaves. */
export interface ConnectionOptions {
  readonly clientId: string;
  /** Silence after which a server that owes an answer counts as gone, in ms. */
  readonly requestTimeoutMs: number;
}

/** Says who the client is; resolves to the ms for which it counts, 0 for ever. */
export type Login = (connection: BrokerConnection, deadline: Deadline) => Promise<number>;

/** What a connection tells of its server's health, once the handshake is done. */
export interface HealthEvents {
  /** A request was answered. */
  answered(): void;
  /** The server owed an answer for too long, and the connection was given up. */
  silent(): void;
}

/** What one call may ask for besides its body. */
export interface CallOptions {
  readonly deadline: Deadline;
  /** Time the server itself may take before it answers (a long poll, a rebalance), in ms; added to the patience. */
  readonly serverWaitMs?: number;
  /** No higher version than this. */
  readonly versionMax?: number;
  /** Goes out also while the client says again who it is: a part of that. */
  readonly ahead?: boolean;
}

/** A request that waits for the end of a login. */
interface Held { readonly parts: Uint8Array[]; readonly pending: Pending | null }

/** Parts of a session after which the client logs in again, as in Kafka's clients: not all at once. */
const sessionPart = { min: 0.85, spread: 0.1 };

interface Pending {
  readonly api: Api<any, any>;
  readonly version: number;
  readonly correlationId: number;
  readonly deadline: Deadline;
  /** Set when it is sent. */
  goneAtMs: number;
  readonly patienceMs: number;
  readonly resolve: (body: any) => void;
  readonly reject: (error: Error) => void;
  /** The caller has been told 'timeout'; the answer is still awaited, for N1 and N3. */
  abandoned: boolean;
}

/** An open connection that knows what its server speaks. */
export class BrokerConnection {
  readonly endpoint: string;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #options: ConnectionOptions;
  readonly #pending: Pending[] = [];
  readonly #closeHandlers: (() => void)[] = [];
  /** Features in force, and their highest level. */
  #features: ReadonlyMap<string, number> = new Map();
  #versions: ServerVersions = new Map([[ApiVersions.key, { min: 0, max: 4 }]]);
  #correlationNext = 1;
  #answers = 0;
  #timer: Timer | null = null;
  #timerAtMs = Infinity;
  #closed: MillraceError | null = null;
  /** Requests that wait while the client logs in again; null while it does not. */
  #held: Held[] | null = null;
  #session: Timer | null = null;
  /** Until then the server, which holds this client back for a quota, need not answer. */
  #quietUntilMs = 0;
  #health: HealthEvents | null = null;

  constructor(connection: Connection, endpoint: string, clock: Clock, options: ConnectionOptions) {
    this.endpoint = endpoint;
    this.#connection = connection;
    this.#clock = clock;
    this.#options = options;
    const frames = new FrameReader((frame) => this.#answer(frame));
    connection.onData((chunk) => {
      try {
        if (!this.#closed) frames.push(chunk);
      } catch (error) {
        this.#end(error instanceof MillraceError ? error : new MillraceError('invalid-bytes', `Cannot read from '${endpoint}': ${String(error)}`, { cause: error }));
      }
    });
    connection.onClose((cause) => this.#end(this.#lossOf(cause)));
  }

  get isOpen(): boolean { return this.#closed === null; }
  get inFlightCount(): number { return this.#pending.length + (this.#held?.length ?? 0); }
  get bufferedBytes(): number { return this.#connection.bufferedBytes; }

  /** Why a connection that the other end let go was lost, as far as that can be known. */
  #lossOf(cause: Error | null): MillraceError {
    const { endpoint } = this;
    if (cause instanceof MillraceError && cause.code === 'authentication-failed') return new MillraceError(cause.code, cause.message, { endpoint, cause });
    const hint = this.#answers === 0 ? '; if the server speaks TLS there, say so (kafkas://, tls, --tls)' : this.#answers === 1 && this.#pending.length > 0 ? '; it let go at the first request: perhaps it wants to know who the client is (sasl, --user)' : '';
    return new MillraceError('disconnected', `Cannot reach '${endpoint}': the connection was lost${hint}`, { endpoint, cause: cause ?? undefined });
  }

  /** Logs in, and again before each session ends (N4). `fraction` is chance in [0, 1). */
  async authenticate(login: Login, deadline: Deadline, again: { readonly timeoutMs: number; fraction(): number }): Promise<void> {
    const sessionMs = await login(this, deadline);
    if (sessionMs <= 0 || this.#closed) return;
    this.#session = this.#clock.after(sessionMs * (sessionPart.min + sessionPart.spread * again.fraction()), () => {
      this.#held = [];
      this.authenticate(login, deadlineAfter(this.#clock, again.timeoutMs), again).then(() => this.#release(), (error: unknown) => {
        this.#end(error instanceof MillraceError ? error : new MillraceError('authentication-failed', `Cannot log in again at '${this.endpoint}': ${error instanceof Error ? error.message : String(error)}`, { endpoint: this.endpoint, cause: error }));
      });
    });
  }

  /** Sends what waited for a login, in order. */
  #release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    if (this.#closed) return;
    for (const { parts, pending } of held) {
      if (pending?.abandoned) continue; // its deadline has passed: it was never sent
      this.#connection.write(parts);
      if (pending !== null) this.#expect(pending);
    }
  }

  /** Asks what the server speaks. Must have ended before the first call. */
  async handshake(deadline: Deadline): Promise<void> {
    const ask = (versionMax: number) => this.call(ApiVersions, { clientSoftwareName: 'millrace', clientSoftwareVersion: '0.1.0' }, { deadline, versionMax });
    let answer = await ask(3);
    if (answer.errorCode === errorCodes.UNSUPPORTED_VERSION) answer = await ask(0);
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, `connect to '${this.endpoint}'`, { endpoint: this.endpoint });
    this.#features = new Map(answer.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]));
    this.#versions = new Map(answer.apiKeys.map((one) => [one.apiKey, { min: one.minVersion, max: one.maxVersion }]));
  }

  /** Tells from now on how the server does. */
  watch(health: HealthEvents): void { this.#health = health; }

  /** The version that a call would use. Throws 'unsupported-version'. */
  versionOf(api: Api<any, any>, versionMax?: number): number {
    return chooseVersion(api, this.#versions, this.endpoint, versionMax);
  }

  /** The level of a feature that is in force on the server; 0 for one that is not. */
  featureLevel(name: string): number { return this.#features.get(name) ?? 0; }

  /** True when the server knows the request at all, in a version of ours. */
  speaks(api: Api<any, any>): boolean {
    const offered = this.#versions.get(api.key);
    return offered !== undefined && offered.max >= api.versions.min && offered.min <= api.versions.max;
  }

  /**
   * Sends a request and gives its answer. Rejects 'timeout', 'disconnected' (with data `sent: false` when it surely never left),
   * 'unsupported-version' or 'invalid-bytes'. Error numbers inside the answer are the caller's.
   */
  call<A extends Api<any, any>>(api: A, body: RequestInit<A>, options: CallOptions): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      const { version, correlationId, parts } = this.#encode(api, body, options.versionMax);
      const patienceMs = this.#options.requestTimeoutMs + (options.serverWaitMs ?? 0);
      const pending: Pending = { api, version, correlationId, deadline: options.deadline, goneAtMs: 0, patienceMs, resolve, reject, abandoned: false };
      if (this.#held !== null && options.ahead !== true) {
        this.#held.push({ parts, pending });
        this.#watch(pending.deadline);
      } else {
        this.#connection.write(parts);
        this.#expect(pending);
      }
    });
  }

  #expect(pending: Pending): void {
    pending.goneAtMs = Math.max(this.#clock.monotonicMs(), this.#quietUntilMs) + pending.patienceMs;
    this.#pending.push(pending);
    this.#watch(Math.min(pending.deadline, pending.goneAtMs));
  }

  /** Sends a request that has no answer (Produce with acks 0). Throws 'disconnected' or 'unsupported-version'. */
  send<A extends Api<any, any>>(api: A, body: RequestInit<A>): void {
    const { parts } = this.#encode(api, body, undefined);
    if (this.#held !== null) this.#held.push({ parts, pending: null });
    else this.#connection.write(parts);
  }

  /** Called once when the connection has ended, for any reason. */
  onClose(handler: () => void): void {
    if (this.#closed) this.#clock.soon(handler);
    else this.#closeHandlers.push(handler);
  }

  /** Ends it; calls in flight reject with `reason`, or 'closed'. */
  close(reason?: MillraceError): void {
    this.#end(reason ?? new MillraceError('closed', `Cannot reach '${this.endpoint}': the client was closed`, { endpoint: this.endpoint }));
  }

  #encode(api: Api<any, any>, body: object, versionMax: number | undefined): { version: number; correlationId: number; parts: Uint8Array[] } {
    if (this.#closed) throw new MillraceError('disconnected', `Cannot send ${api.name} to '${this.endpoint}': the connection was lost`, { endpoint: this.endpoint, sent: false, cause: this.#closed });
    if (this.inFlightCount >= limits.client.requestsInFlightMax) {
      throw new MillraceError('overloaded', `Cannot send ${api.name} to '${this.endpoint}': ${this.inFlightCount} requests wait for their answers`, { endpoint: this.endpoint, sent: false });
    }
    const version = this.versionOf(api, versionMax);
    const correlationId = this.#correlationNext++;
    return { version, correlationId, parts: encodeRequest(api, version, { correlationId, clientId: this.#options.clientId }, body) };
  }

  #answer(frame: Uint8Array): void {
    const pending = this.#pending.shift();
    if (!pending) throw new MillraceError('invalid-bytes', `Cannot read from '${this.endpoint}': it answered what was not asked`, { endpoint: this.endpoint });
    const correlationId = (frame[0]! << 24) | (frame[1]! << 16) | (frame[2]! << 8) | frame[3]!;
    if (correlationId !== pending.correlationId) { // N1
      this.#pending.unshift(pending);
      throw new MillraceError('invalid-bytes', `Cannot read from '${this.endpoint}': answer ${correlationId} came where ${pending.correlationId} was due`, { endpoint: this.endpoint });
    }
    this.#answers++;
    this.#health?.answered();
    if (pending.abandoned) return;
    try {
      const body = decodeResponse(pending.api, pending.version, frame).body as { throttleTimeMs?: number };
      if (body.throttleTimeMs !== undefined && body.throttleTimeMs > 0) this.#heldBack(body.throttleTimeMs);
      pending.resolve(body);
    } catch (error) {
      pending.reject(error as Error);
      throw error;
    }
  }

  #heldBack(pauseMs: number): void {
    this.#quietUntilMs = Math.max(this.#quietUntilMs, this.#clock.monotonicMs() + pauseMs);
    for (const pending of this.#pending) pending.goneAtMs += pauseMs;
  }

  #watch(atMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#clock.after(Math.max(0, atMs - this.#clock.monotonicMs()), () => this.#expire());
  }

  /** N2 and N3. Timers are not taken back at each answer: an early one finds nothing to do and sets itself anew. */
  #expire(): void {
    this.#timerAtMs = Infinity;
    const nowMs = this.#clock.monotonicMs();
    let nextMs = Infinity;
    for (const pending of this.#pending) {
      if (pending.goneAtMs <= nowMs) {
        this.#health?.silent();
        this.#end(new MillraceError('timeout', `Cannot reach '${this.endpoint}': no answer to ${pending.api.name} for ${this.#options.requestTimeoutMs} ms; the connection counts as dead`, { endpoint: this.endpoint }));
        return;
      }
      if (!pending.abandoned && pending.deadline <= nowMs) {
        pending.abandoned = true;
        pending.reject(new MillraceError('timeout', `Cannot finish ${pending.api.name} at '${this.endpoint}': no answer before the deadline`, { endpoint: this.endpoint }));
      }
      nextMs = Math.min(nextMs, pending.goneAtMs, pending.abandoned ? Infinity : pending.deadline);
    }
    for (const { pending } of this.#held ?? []) {
      if (pending === null || pending.abandoned) continue;
      if (pending.deadline > nowMs) { nextMs = Math.min(nextMs, pending.deadline); continue; }
      pending.abandoned = true;
      pending.reject(new MillraceError('timeout', `Cannot send ${pending.api.name} to '${this.endpoint}': the login was not finished before the deadline`, { endpoint: this.endpoint, sent: false }));
    }
    if (nextMs < Infinity) this.#watch(nextMs);
  }

  #end(reason: MillraceError): void {
    if (this.#closed) return;
    this.#closed = reason;
    this.#timer?.cancel();
    if (this.#pending.length === 0) this.#connection.close(); // what was written without an answer to wait for still goes out
    else this.#connection.destroy();
    for (const pending of this.#pending.splice(0)) if (!pending.abandoned) pending.reject(reason);
    this.#session?.cancel();
    for (const { pending } of this.#held ?? []) if (pending?.abandoned === false) pending.reject(new MillraceError(reason.code, reason.message, { ...reason.data, sent: false, cause: reason }));
    this.#held = null;
    for (const handler of this.#closeHandlers.splice(0)) handler();
    assert(this.#pending.length === 0, 'a closed connection owes nobody an answer');
  }
}

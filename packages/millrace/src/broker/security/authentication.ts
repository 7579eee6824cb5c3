// broker/security/authentication.ts - what a connection may say before it is known who speaks, and again when a session ends.
// Owns: the order handshake, tokens, done; both forms of tokens (raw after SaslHandshake 0, in SaslAuthenticate after 1). Never: sockets, delays,
// limits (connection/), nor what a mechanism says (the exchanges).
// A1 Nothing is let through to a handler but ApiVersions, and that only before the handshake. A2 After a refusal nothing is read any more.
// A3 Whoever authenticates again stays who he is, and keeps to his mechanism. Source: KIP-43, KIP-152, KIP-368; words as in Apache Kafka.
import { isMillraceError, MillraceError } from '../../base/mod.ts';
import { openTokenKeys, type Clock, type Random, type TokenKeys } from '../../os/mod.ts';
import {
  ApiVersions, apiByKey, decodeRequest, decodeRequestHeader, encodeResponse, errorCodes, inVersions, isScram, SaslAuthenticate, SaslHandshake,
  type Api, type ResponseInit, type SaslMechanism,
} from '../../wire/mod.ts';
import { bearerExchange } from './bearer-exchange.ts';
import { type Exchange, shown, type Step } from './exchange.ts';
import type { BearerOptions, SaslSettings } from './options.ts';
import { plainExchange } from './plain-exchange.ts';
import { scramExchange, type ScramSource } from './scram-exchange.ts';

/** Who a connection turned out to be. */
export interface Authenticated {
  readonly principal: string;
  readonly mechanism: SaslMechanism;
  /** How long it counts, in ms; null for ever. */
  readonly sessionMs: number | null;
}

/** What became of a frame; `parts` are the bytes that answer it. */
export type Verdict =
  | { readonly kind: 'answered'; readonly parts: readonly Uint8Array[] }
  | { readonly kind: 'done'; readonly parts: readonly Uint8Array[]; readonly who: Authenticated }
  /** `parts` are null where there are no words for a refusal. */
  | { readonly kind: 'refused'; readonly parts: readonly Uint8Array[] | null; readonly why: string };

/** What all authentications of a node share. */
export interface AuthenticationParts { readonly clock: Clock; readonly random: Random; readonly users: ScramSource }

type State =
  | { readonly kind: 'handshake' }
  | { readonly kind: 'tokens'; readonly exchange: Exchange; readonly raw: boolean }
  | { readonly kind: 'over' };

const headerBytesMin = 8;
/** Clients fall back once or twice before they find a version that suits both. */
const apiVersionsMax = 4;
const noBytes = new Uint8Array();

/** Makes authentications, with what they share: the keys of tokens are fetched once for a listener. */
export class Authenticator {
  readonly #parts: AuthenticationParts;
  readonly #keys = new WeakMap<BearerOptions, TokenKeys>();

  constructor(parts: AuthenticationParts) {
    this.#parts = parts;
  }

  /** Begins one; `before` is who the connection has been so far. */
  open(settings: SaslSettings, before: Authenticated | null): Authentication {
    return new Authentication(this.#parts, settings, before, (mechanism) => this.#exchange(settings, mechanism));
  }

  #exchange(settings: SaslSettings, mechanism: SaslMechanism): Exchange {
    const { clock, random, users } = this.#parts;
    if (isScram(mechanism)) return scramExchange(mechanism, users, (bytes) => random.bytes(bytes));
    if (mechanism === 'PLAIN') return plainExchange(settings.plainUsers);
    return bearerExchange(settings.bearer!, this.#keysOf(settings.bearer!), () => clock.nowMs());
  }

  #keysOf(bearer: BearerOptions): TokenKeys {
    let keys = this.#keys.get(bearer);
    if (keys === undefined) this.#keys.set(bearer, (keys = openTokenKeys(bearer.jwks, { refreshMs: bearer.refreshMs ?? 3_600_000, retryMs: bearer.retryMs ?? 100 })));
    return keys;
  }
}

/** The authentication of one connection. */
export class Authentication {
  readonly #parts: AuthenticationParts;
  readonly #settings: SaslSettings;
  readonly #before: Authenticated | null;
  readonly #exchangeFor: (mechanism: SaslMechanism) => Exchange;
  #state: State = { kind: 'handshake' };
  #apiVersions = 0;

  constructor(parts: AuthenticationParts, settings: SaslSettings, before: Authenticated | null, exchangeFor: (mechanism: SaslMechanism) => Exchange) {
    this.#parts = parts;
    this.#settings = settings;
    this.#before = before;
    this.#exchangeFor = exchangeFor;
  }

  /** Whether a request may go to its handler (A1); counts it. */
  passes(apiKey: number): boolean {
    return apiKey === ApiVersions.key && this.#state.kind === 'handshake' && this.#before === null && ++this.#apiVersions <= apiVersionsMax;
  }

  /** The request that is due. */
  get awaits(): typeof SaslHandshake | typeof SaslAuthenticate { return this.#state.kind === 'handshake' ? SaslHandshake : SaslAuthenticate; }

  /** Takes the next frame, which is the caller's no more. Throws (or rejects with) a MillraceError where the connection has to end without a word. */
  take(frame: Uint8Array): Verdict | Promise<Verdict> {
    switch (this.#state.kind) {
      case 'handshake': return this.#handshake(frame);
      case 'tokens': return this.#state.raw ? this.#rawToken(this.#state.exchange, frame) : this.#token(this.#state.exchange, frame);
      case 'over': throw unexpected('nothing more', 'anything');
    }
  }

  get #during(): string { return this.#before === null ? 'authentication' : 're-authentication'; }

  #handshake(frame: Uint8Array): Verdict {
    const { version, correlationId, body } = requestIn(frame, SaslHandshake);
    const { mechanisms } = this.#settings;
    const answer = (errorCode: number) => encodeResponse(SaslHandshake, version, correlationId, { errorCode, mechanisms: [...mechanisms] });
    const mechanism = mechanisms.find((one) => one === body.mechanism);
    if (mechanism === undefined) return this.#refused(answer(errorCodes.UNSUPPORTED_SASL_MECHANISM), `mechanism ${shown(body.mechanism)} is not enabled`);
    if (this.#before !== null && this.#before.mechanism !== mechanism) {
      return this.#refused(answer(errorCodes.NONE), `mechanism ${mechanism} was asked for, to go on from ${this.#before.mechanism}`);
    }
    this.#state = { kind: 'tokens', exchange: this.#exchangeFor(mechanism), raw: version === 0 };
    return { kind: 'answered', parts: answer(errorCodes.NONE) };
  }

  #token(exchange: Exchange, frame: Uint8Array): Verdict | Promise<Verdict> {
    const { version, correlationId, body } = requestIn(frame, SaslAuthenticate);
    const answer = (init: ResponseInit<typeof SaslAuthenticate>) => encodeResponse(SaslAuthenticate, version, correlationId, { authBytes: noBytes, ...init });
    return this.#step(exchange, body.authBytes, {
      challenge: (authBytes) => answer({ authBytes }),
      done: (authBytes, sessionMs) => answer({ authBytes, sessionLifetimeMs: sessionMs ?? 0 }),
      refused: (errorMessage) => answer({ errorCode: errorCodes.SASL_AUTHENTICATION_FAILED, errorMessage }),
    });
  }

  #rawToken(exchange: Exchange, frame: Uint8Array): Verdict | Promise<Verdict> {
    return this.#step(exchange, frame, { challenge: sized, done: sized, refused: () => null });
  }

  #step(exchange: Exchange, token: Uint8Array, answers: Answers): Verdict | Promise<Verdict> {
    let step: Step | Promise<Step>;
    try {
      step = exchange.step(token);
    } catch (error) {
      return this.#unreadable(error, answers);
    }
    if (!(step instanceof Promise)) return this.#verdict(exchange, step, answers);
    return step.then((done) => this.#verdict(exchange, done, answers), (error: unknown) => this.#unreadable(error, answers));
  }

  #unreadable(error: unknown, answers: Answers): Verdict {
    if (!isMillraceError(error)) throw error;
    return this.#refused(answers.refused(this.#vague()), error.message);
  }

  #verdict(exchange: Exchange, step: Step, answers: Answers): Verdict {
    if (step.kind === 'challenge') return { kind: 'answered', parts: answers.challenge(step.bytes) };
    if (step.kind === 'refused') return this.#refused(answers.refused(step.toClient ?? this.#vague()), `${exchange.mechanism}: ${step.why}`);
    const principal = `User:${step.user}`;
    if (this.#before !== null && this.#before.principal !== principal) {
      const words = `Cannot change principals during re-authentication from ${this.#before.principal.replace(':', '.')}: ${principal.replace(':', '.')}`;
      return this.#refused(answers.refused(words), `${exchange.mechanism}: another user came to authenticate again`);
    }
    const sessionMs = this.#sessionMs(exchange.mechanism, step.expiresAtMs);
    this.#state = { kind: 'over' };
    return { kind: 'done', parts: answers.done(step.bytes, sessionMs), who: { principal, mechanism: exchange.mechanism, sessionMs } };
  }

  #sessionMs(mechanism: SaslMechanism, expiresAtMs: number | null): number | null {
    const maxMs = this.#settings.maxReauthMs(mechanism);
    const left = expiresAtMs === null ? null : Math.max(0, expiresAtMs - this.#parts.clock.nowMs());
    if (left === null) return maxMs > 0 ? maxMs : null;
    return maxMs > 0 ? Math.min(left, maxMs) : left;
  }

  /** Words that tell a stranger nothing. */
  #vague(): string {
    const mechanism = this.#state.kind === 'tokens' ? this.#state.exchange.mechanism : '';
    return `Authentication failed during ${this.#during} due to invalid credentials with SASL mechanism ${mechanism}`;
  }

  #refused(parts: readonly Uint8Array[] | null, why: string): Verdict {
    this.#state = { kind: 'over' };
    return { kind: 'refused', parts, why: `${this.#during} failed: ${why}` };
  }
}

/** How steps are answered in one of the two forms. */
interface Answers {
  challenge(bytes: Uint8Array): readonly Uint8Array[];
  done(bytes: Uint8Array, sessionMs: number | null): readonly Uint8Array[];
  refused(words: string): readonly Uint8Array[] | null;
}

/** The request in a frame, if it is one of the kind that is due. Nothing else is decoded. */
function requestIn<A extends typeof SaslHandshake | typeof SaslAuthenticate>(frame: Uint8Array, api: A): { version: number; correlationId: number; body: A extends typeof SaslHandshake ? { mechanism: string } : { authBytes: Uint8Array } } {
  if (frame.byteLength < headerBytesMin) throw new MillraceError('invalid-bytes', `Cannot read a request of ${frame.byteLength} bytes: it has no header`);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const apiKey = view.getInt16(0);
  const version = view.getInt16(2);
  if (apiKey !== api.key) throw unexpected(api.name, apiByKey(apiKey)?.name ?? `api ${apiKey}`);
  if (!inVersions(api.versions, version)) throw new MillraceError('unsupported-version', `${api.name} version ${version} is not served`);
  const header = decodeRequestHeader(frame);
  return { version, correlationId: header.correlationId, body: decodeRequest(api as Api<any, any>, version, frame, header.bodyAt) as never };
}

const unexpected = (due: string, came: string): MillraceError => new MillraceError('authentication-failed', `${came} came before authentication, where ${due} was due; does the client use SASL as this listener does?`);

/** A raw token with its size before it. */
function sized(bytes: Uint8Array): readonly Uint8Array[] {
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, bytes.byteLength);
  return [size, bytes];
}

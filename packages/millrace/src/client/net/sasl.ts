// client/net/sasl.ts - a client says who it is, over a connection that is open.
// Owns: the talk of SaslHandshake and SaslAuthenticate, the client's side of each mechanism. Never: when it is due (connection.ts), retries.
// L1 A wrong password is 'authentication-failed' and is not tried again. L2 A server of SCRAM proves that it knows the password, too: one that does not is left.
// L3 A password goes out readable (PLAIN) only by the caller's word, with TLS, or to this machine itself. L4 No secret stands in an error.
import { isMillraceError, limits, MillraceError, type Deadline } from '../../base/mod.ts';
import { compareSecrets } from '../../os/mod.ts';
import {
  authMessage, bearerMessage, clientFinal, clientFinalWithoutProof, clientFirst, clientProof, errorCodes, errorName, isScram, plainMessage, readServerFinal, readServerFirst,
  refusalRead, SaslAuthenticate, SaslHandshake, saltedPassword, serverKeyOf, serverSignature, type SaslMechanism, type ScramMechanism,
} from '../../wire/mod.ts';
import type { BrokerConnection } from './connection.ts';
import type { BearerToken, ClientSasl, PasswordLogin, TokenLogin } from './security.ts';

/** What a login needs of its surroundings. */
export interface LoginContext {
  readonly connection: BrokerConnection;
  readonly deadline: Deadline;
  /** Fresh random bytes. */
  readonly random: (bytes: number) => Uint8Array;
  /** Whether what is sent can be read by nobody on the way. */
  readonly isPrivate: boolean;
  /** The mechanism that a server of this cluster was found to have. */
  readonly known: SaslMechanism | null;
}

/** The server has others, of which this is the best that the client may use. */
export class OtherMechanism extends Error {
  readonly mechanism: SaslMechanism;
  constructor(mechanism: SaslMechanism) {
    super(`the server wants ${mechanism}`);
    this.mechanism = mechanism;
  }
}

const nonceBytes = 24;

/** Logs in; resolves to the ms for which it counts, 0 for ever. Rejects 'authentication-failed', OtherMechanism, or what the connection says. */
export async function login(sasl: ClientSasl, context: LoginContext): Promise<number> {
  const mechanism = sasl.mechanism ?? context.known ?? 'SCRAM-SHA-512';
  await handshake(sasl, mechanism, context);
  const send = (bytes: Uint8Array) => exchange(sasl, mechanism, context, bytes);
  if (mechanism === 'OAUTHBEARER') return await bearer(sasl as TokenLogin, context, send);
  const { username, password } = sasl as PasswordLogin;
  if (isScram(mechanism)) return await scram(mechanism, username, password, context, send);
  return (await send(plainMessage(username, password))).sessionMs;
}

type Send = (bytes: Uint8Array) => Promise<{ readonly bytes: Uint8Array; readonly sessionMs: number }>;

async function handshake(sasl: ClientSasl, mechanism: SaslMechanism, context: LoginContext): Promise<void> {
  const { connection, deadline, isPrivate } = context;
  const answer = await connection.call(SaslHandshake, { mechanism }, { deadline, ahead: true });
  if (answer.errorCode === errorCodes.NONE) return;
  if (answer.errorCode === errorCodes.ILLEGAL_SASL_STATE) throw failed(sasl, context, 'it does not ask who its clients are there; leave `sasl` out or use another port');
  const offered = answer.mechanisms.join(', ');
  if (sasl.mechanism !== undefined || context.known !== null) throw failed(sasl, context, `it does not take ${mechanism}, only ${offered}`);
  const mine: readonly SaslMechanism[] = isPrivate ? ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN'] : ['SCRAM-SHA-512', 'SCRAM-SHA-256'];
  const other = mine.find((one) => answer.mechanisms.includes(one));
  if (other !== undefined) throw new OtherMechanism(other);
  throw failed(sasl, context, `it takes only ${offered}${answer.mechanisms.includes('PLAIN') ? ": the password would be readable on the way; use TLS, or say mechanism 'PLAIN' if that is meant" : ''}`);
}

async function exchange(sasl: ClientSasl, mechanism: SaslMechanism, context: LoginContext, authBytes: Uint8Array): Promise<{ bytes: Uint8Array; sessionMs: number }> {
  const answer = await context.connection.call(SaslAuthenticate, { authBytes }, { deadline: context.deadline, ahead: true });
  if (answer.errorCode === errorCodes.NONE) return { bytes: answer.authBytes, sessionMs: answer.sessionLifetimeMs ?? 0 };
  const words = answer.errorMessage === null || answer.errorMessage === '' ? '' : `; it said: ${answer.errorMessage}`;
  throw failed(sasl, context, `it did not accept the ${mechanism === 'OAUTHBEARER' ? 'token' : 'user or the password'} (${errorName(answer.errorCode)}, ${mechanism})${words}`, answer.errorCode);
}

async function scram(mechanism: ScramMechanism, username: string, password: string, context: LoginContext, send: Send): Promise<number> {
  const broken = (why: string) => failed({ mechanism, username, password }, context, `its part of SCRAM is wrong: ${why}`);
  const nonce = Buffer.from(context.random(nonceBytes)).toString('base64url');
  const first = clientFirst(username, nonce);
  const challenge = (await send(first.bytes)).bytes;
  const server = readOrFail(() => readServerFirst(challenge), broken);
  if (!server.nonce.startsWith(nonce) || server.nonce.length === nonce.length) throw broken('the nonce is not made from ours');
  if (server.iterations < scramIterationsMin || server.iterations > limits.security.scramIterationsMax) throw broken(`${server.iterations} iterations`);
  const salted = saltedPassword(mechanism, password, server.salt, server.iterations);
  const withoutProof = clientFinalWithoutProof('n,,', server.nonce);
  const message = authMessage(first.bare, new TextDecoder().decode(challenge), withoutProof);
  const { bytes, sessionMs } = await send(clientFinal(withoutProof, clientProof(mechanism, salted, message)));
  const final = readOrFail(() => readServerFinal(bytes), broken);
  if (final.error !== null) throw broken(final.error);
  if (!compareSecrets(final.signature, serverSignature(mechanism, serverKeyOf(mechanism, salted), message))) throw broken('it does not know the password'); // L2
  return sessionMs;
}

/** Fewer would make a stolen proof easy to try passwords on. */
const scramIterationsMin = 4096;

function readOrFail<T>(read: () => T, broken: (why: string) => MillraceError): T {
  try {
    return read();
  } catch (error) {
    throw isMillraceError(error) ? broken(error.message) : error;
  }
}

async function bearer(sasl: TokenLogin, context: LoginContext, send: Send): Promise<number> {
  const given = await tokenOf(sasl);
  const { value, extensions = {} } = typeof given === 'string' ? { value: given } : given;
  const { bytes, sessionMs } = await send(bearerMessage(value, extensions));
  if (bytes.byteLength === 0) return sessionMs;
  const words = new TextDecoder().decode(bytes).slice(0, 500);
  await send(refusalRead);
  throw failed(sasl, context, `it did not accept the token: ${words}`);
}

async function tokenOf(sasl: TokenLogin): Promise<BearerToken | string> {
  try {
    return await sasl.token();
  } catch (error) {
    throw new MillraceError('unavailable', `Cannot log in with a token: there is none: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function failed(sasl: ClientSasl, { connection }: LoginContext, why: string, kafkaCode?: number): MillraceError {
  const who = sasl.mechanism === 'OAUTHBEARER' ? 'with a token' : `as '${sasl.username}'`;
  return new MillraceError('authentication-failed', `Cannot log in ${who} at '${connection.endpoint}': ${why}`, { endpoint: connection.endpoint, ...(kafkaCode === undefined ? {} : { kafkaCode }) });
}

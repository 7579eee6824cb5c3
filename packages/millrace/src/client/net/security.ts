// client/net/security.ts - how a client protects its connections, and says who it is.
// Owns: the types, and what a URL says of it. Never: the talk (sasl.ts), sockets (os).
import { MillraceError } from '../../base/mod.ts';
import type { TlsClient } from '../../os/mod.ts';
import { isSaslMechanism, type SaslMechanism, saslMechanisms } from '../../wire/mod.ts';

/** TLS as connect() takes it: true for a server whose certificate is signed by an authority that Node knows. */
export type ClientTls = boolean | TlsClient;

/** A token for OAUTHBEARER; extensions are told to the server beside it. */
export interface BearerToken { readonly value: string; readonly extensions?: Readonly<Record<string, string>> }

/** A user with a password. Without a mechanism the strongest is taken that the server has: SCRAM-SHA-512, SCRAM-SHA-256, and with TLS or on this machine PLAIN. */
export interface PasswordLogin { readonly mechanism?: Exclude<SaslMechanism, 'OAUTHBEARER'>; readonly username: string; readonly password: string }

/** A token, asked for at every connection and before each session ends: give the one you have until it is about to expire. */
export interface TokenLogin { readonly mechanism: 'OAUTHBEARER'; readonly token: () => BearerToken | string | Promise<BearerToken | string> }

/** Who the client is. */
export type ClientSasl = PasswordLogin | TokenLogin;

/** Both, as the connections of a cluster go by them. */
export interface ConnectionSecurity { readonly tls: TlsClient | null; readonly sasl: ClientSasl | null }

/** Options and what the URL said, joined: an option goes before. Throws 'invalid-argument'. */
export function connectionSecurity(tls: ClientTls | undefined, sasl: ClientSasl | undefined, fromUrl: { readonly tls: boolean; readonly sasl: PasswordLogin | null }): ConnectionSecurity {
  const login = sasl ?? fromUrl.sasl;
  if (login !== null) checkLogin(login);
  const given = tls ?? fromUrl.tls;
  return { tls: given === false ? null : given === true ? {} : given, sasl: login };
}

function checkLogin(login: ClientSasl): void {
  const { mechanism } = login as { mechanism?: string };
  const fail = (why: string): never => { throw new MillraceError('invalid-argument', `Cannot log in: ${why}`); };
  if (mechanism !== undefined && !isSaslMechanism(mechanism)) fail(`there is no mechanism '${mechanism}'; there are ${saslMechanisms.join(', ')}`);
  if (mechanism === 'OAUTHBEARER') { if (typeof (login as TokenLogin).token !== 'function') fail("OAUTHBEARER wants 'token', a function that gives one"); return; }
  const { username, password } = login as PasswordLogin;
  if (typeof username !== 'string' || username === '' || typeof password !== 'string' || password === '') fail("'username' and 'password' are both needed");
  if (/\0/.test(username + password)) fail('a name or password cannot hold the character 0');
}

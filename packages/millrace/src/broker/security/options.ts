// broker/security/options.ts - what may be said of a listener's security, and what is made of it.
// Owns: the types, the defaults, the refusals of what makes no sense. Never: connections.
import { MillraceError } from '../../base/mod.ts';
import { isSaslMechanism, type SaslMechanism, saslMechanisms } from '../../wire/mod.ts';
import { principalRules } from './principal-rules.ts';
import { subjectOf } from './distinguished-name.ts';
import { anonymous } from '../handlers.ts';

/** Tokens (JWT) that count, and what is made of them. */
export interface BearerOptions {
  /** Keys of whoever signs the tokens: a JWKS at an http(s) or file URL, or in a file. */
  readonly jwks: string;
  /** One of these must be among the token's audiences (default: any). */
  readonly audience?: string | readonly string[];
  /** The token's issuer (default: any). */
  readonly issuer?: string;
  /** How far clocks may be apart, in seconds (default 30). */
  readonly clockSkewSeconds?: number;
  /** The claim that names the user (default 'sub'). */
  readonly subClaim?: string;
  /** The claim that holds scopes (default 'scope'); a token with one must have it in a form that can be read. */
  readonly scopeClaim?: string;
  /** How long keys are kept, in ms (default an hour), and how soon one that is not there is asked for again (default 100). */
  readonly refreshMs?: number;
  readonly retryMs?: number;
}

/** How clients say who they are by SASL. */
export interface SaslOptions {
  /** Default: the two of SCRAM, and PLAIN or OAUTHBEARER when they are set up. */
  readonly mechanisms?: readonly SaslMechanism[];
  /** Users of PLAIN and their passwords. Users of SCRAM are kept by the node itself. */
  readonly plain?: Readonly<Record<string, string>>;
  readonly oauthbearer?: BearerOptions;
  /** Longest time until a client must authenticate again, in ms, for all mechanisms or by mechanism (default 0: for ever, or until its token ends). */
  readonly maxReauthMs?: number | Partial<Readonly<Record<SaslMechanism, number>>>;
}

/** Kafka's names of what protects a listener. */
export type SecurityProtocol = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';

/** The same, checked and complete. */
export interface SaslSettings {
  readonly mechanisms: readonly SaslMechanism[];
  readonly plainUsers: ReadonlyMap<string, string>;
  readonly bearer: BearerOptions | null;
  maxReauthMs(mechanism: SaslMechanism): number;
}

/** What connections of a listener go by. */
export interface ListenerSecurity {
  readonly protocol: SecurityProtocol;
  readonly sasl: SaslSettings | null;
  /** The principal of a client with this certificate (DER), or with none. Throws 'authentication-failed' for one that no rule names. */
  principalOf(certificate: Uint8Array | null): string;
}

/** What makes a listener safe. */
export interface SecurityOptions {
  readonly tls?: { readonly clientAuth?: 'none' | 'requested' | 'required'; readonly principalRules?: string };
  readonly sasl?: SaslOptions;
}

/** The security of a listener. Throws 'invalid-argument' for what makes no sense. */
export function securityOf(name: string | undefined, { tls, sasl }: SecurityOptions): ListenerSecurity {
  const rules = principalRules(tls?.principalRules ?? 'DEFAULT');
  const protocol = `${sasl === undefined ? '' : 'SASL_'}${tls !== undefined ? 'SSL' : 'PLAINTEXT'}` as SecurityProtocol;
  return {
    protocol,
    sasl: sasl === undefined ? null : saslSettings(name ?? protocol, sasl),
    principalOf: (certificate) => (certificate === null ? anonymous : `User:${rules(subjectOf(certificate))}`),
  };
}

/** True when nobody gets in without saying who he is. */
export function isAuthenticated({ tls, sasl }: SecurityOptions): boolean {
  return sasl !== undefined || tls?.clientAuth === 'required';
}

function saslSettings(name: string, options: SaslOptions): SaslSettings {
  const fail = (why: string): never => { throw new MillraceError('invalid-argument', `Cannot use SASL on listener '${name}': ${why}`); };
  const { plain, oauthbearer, maxReauthMs = 0 } = options;
  const mechanisms = options.mechanisms ?? ['SCRAM-SHA-512', 'SCRAM-SHA-256', ...(oauthbearer === undefined ? [] : ['OAUTHBEARER' as const]), ...(plain === undefined ? [] : ['PLAIN' as const])];
  if (mechanisms.length === 0) fail('no mechanism is enabled');
  for (const mechanism of mechanisms) if (!isSaslMechanism(mechanism)) fail(`there is no mechanism '${String(mechanism)}'; there are ${saslMechanisms.join(', ')}`);
  if (mechanisms.includes('PLAIN') && plain === undefined) fail("PLAIN needs users: set 'plain' to their names and passwords");
  if (mechanisms.includes('OAUTHBEARER') && oauthbearer === undefined) fail("OAUTHBEARER needs to know whose tokens count: set 'oauthbearer'");
  for (const [user, password] of Object.entries(plain ?? {})) if (user === '' || password === '' || /\0/.test(user + password)) fail('a user of PLAIN needs a name and a password');
  const times = typeof maxReauthMs === 'number' ? [maxReauthMs] : Object.values(maxReauthMs);
  if (!times.every((ms) => Number.isSafeInteger(ms) && ms >= 0)) fail("'maxReauthMs' must be whole numbers of at least 0");
  return {
    mechanisms, plainUsers: new Map(Object.entries(plain ?? {})), bearer: oauthbearer ?? null,
    maxReauthMs: (mechanism) => (typeof maxReauthMs === 'number' ? maxReauthMs : maxReauthMs[mechanism] ?? 0),
  };
}

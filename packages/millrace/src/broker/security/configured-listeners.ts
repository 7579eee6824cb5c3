// broker/security/configured-listeners.ts - listeners as Kafka's configuration describes them: listeners, advertised.listeners, ssl.*, sasl.*.
// Owns: reading these keys, for all listeners and for one ('listener.name.NAME.KEY'). Never: what each may be (config/), sockets.
import { MillraceError } from '../../base/mod.ts';
import type { TlsServer } from '../../os/mod.ts';
import type { SaslMechanism } from '../../wire/mod.ts';
import { configList } from '../config/definition.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { BearerOptions, SaslOptions } from './options.ts';

/** One listener as configured. */
export interface ConfiguredListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly advertisedHost?: string;
  readonly advertisedPort?: number;
  readonly tls?: ConfiguredTls;
  readonly sasl?: SaslOptions;
  readonly configured: true;
}

/** TLS as configured. */
export type ConfiguredTls = TlsServer & { readonly principalRules?: string };

const allAddresses = '0.0.0.0';
const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];

/** The listeners of the configuration; none when it names none. Throws 'invalid-argument'. */
export function configuredListeners(config: NodeConfig): ConfiguredListener[] {
  const advertised = new Map(addressesOf(config, 'advertised.listeners').map((address) => [address.name, address]));
  const listeners = addressesOf(config, 'listeners');
  const names = new Set(listeners.map(({ name }) => name));
  for (const name of advertised.keys()) if (!names.has(name)) throw invalid('advertised.listeners', `there is no listener '${name}'`);
  return listeners.map(({ name, host, port }) => {
    const told = advertised.get(name);
    const protocol = protocolOf(config, name);
    const tls = protocol.endsWith('SSL') ? configuredTls(config, name) : undefined;
    const sasl = protocol.startsWith('SASL') ? saslOf(config, name) : undefined;
    return {
      configured: true, name, host: host === '' ? allAddresses : host, port, ...(told === undefined ? {} : { advertisedHost: told.host, advertisedPort: told.port }),
      ...(tls === undefined ? {} : { tls }), ...(sasl === undefined ? {} : { sasl }),
    };
  });
}

/** The certificate and the authorities of a listener, as configured now. */
export function configuredTls(config: NodeConfig, name: string): ConfiguredTls {
  const value = (key: string) => valueOf(config, name, key);
  const location = value('ssl.keystore.location');
  const isPem = value('ssl.keystore.type') === 'PEM';
  const cert = value('ssl.keystore.certificate.chain') ?? (isPem ? location : null);
  const key = value('ssl.keystore.key');
  const pfx = isPem ? null : location;
  const passphrase = value('ssl.key.password') ?? value('ssl.keystore.password');
  const ca = value('ssl.truststore.certificates') ?? value('ssl.truststore.location');
  if (cert === null && pfx === null) throw invalid('ssl.keystore.location', `listener '${name}' speaks TLS and has no certificate`);
  return {
    ...(pfx === null ? { cert: cert!, ...(key === null ? {} : { key }) } : { pfx }), ...(passphrase === null ? {} : { passphrase }), ...(ca === null ? {} : { ca }),
    clientAuth: clientAuthOf(config, name), principalRules: value('ssl.principal.mapping.rules')!,
  };
}

/** With SASL, a listener asks for certificates only if that is said of this listener (KIP-684). */
function clientAuthOf(config: NodeConfig, name: string): 'none' | 'requested' | 'required' {
  const own = config.text(`listener.name.${name.toLowerCase()}.ssl.client.auth`);
  const usual = protocolOf(config, name).startsWith('SASL') ? 'none' : config.text('ssl.client.auth');
  return (own ?? usual) as 'none' | 'requested' | 'required';
}

function saslOf(config: NodeConfig, name: string): SaslOptions {
  const mechanisms = configList(valueOf(config, name, 'sasl.enabled.mechanisms')!) as SaslMechanism[];
  const maxReauthMs = Object.fromEntries(mechanisms.map((mechanism) => [mechanism, Number(valueOf(config, name, 'connections.max.reauth.ms', mechanism))]));
  return {
    mechanisms, maxReauthMs,
    ...(mechanisms.includes('PLAIN') ? { plain: plainUsers(config, name) } : {}),
    ...(mechanisms.includes('OAUTHBEARER') ? { oauthbearer: bearerOf(config, name) } : {}),
  };
}

function bearerOf(config: NodeConfig, name: string): BearerOptions {
  const value = (key: string) => valueOf(config, name, `sasl.oauthbearer.${key}`, 'OAUTHBEARER');
  const jwks = value('jwks.endpoint.url');
  if (jwks === null) throw invalid('sasl.oauthbearer.jwks.endpoint.url', `listener '${name}' takes tokens and does not know whose`);
  const audience = configList(value('expected.audience') ?? '');
  const issuer = value('expected.issuer');
  return {
    jwks, ...(audience.length === 0 ? {} : { audience }), ...(issuer === null ? {} : { issuer }),
    clockSkewSeconds: Number(value('clock.skew.seconds')), subClaim: value('sub.claim.name')!, scopeClaim: value('scope.claim.name')!,
    refreshMs: Number(value('jwks.endpoint.refresh.ms')), retryMs: Number(value('jwks.endpoint.retry.backoff.ms')),
  };
}

/** Users of PLAIN, from the text in which Kafka keeps them. No part of it stands in an error. */
function plainUsers(config: NodeConfig, name: string): Record<string, string> {
  const key = 'sasl.jaas.config';
  const text = valueOf(config, name, key, 'PLAIN');
  if (text === null) throw invalid(`listener.name.${name.toLowerCase()}.plain.${key}`, `listener '${name}' takes PLAIN and has no users`);
  if (!/PlainLoginModule\s+required/.test(text)) throw invalid(key, 'PLAIN wants a PlainLoginModule');
  const pairs = [...text.matchAll(/\buser_([^\s=]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/g)];
  if (pairs.length === 0) throw invalid(key, 'it names no user: write user_NAME="PASSWORD"');
  return Object.fromEntries(pairs.map(([, user, quoted, bare]) => [user!, bare ?? quoted!.replaceAll(/\\(.)/g, '$1')]));
}

/** The most particular value of a key: for the listener and mechanism, for the listener, for all. */
function valueOf(config: NodeConfig, name: string, key: string, mechanism?: SaslMechanism): string | null {
  const own = `listener.name.${name.toLowerCase()}.`;
  return (mechanism === undefined ? null : config.text(`${own}${mechanism.toLowerCase()}.${key}`)) ?? config.text(`${own}${key}`) ?? config.text(key);
}

function protocolOf(config: NodeConfig, name: string): string {
  const map = new Map(configList(config.text('listener.security.protocol.map') ?? '').map((pair) => [pair.slice(0, pair.indexOf(':')).toUpperCase(), pair.slice(pair.indexOf(':') + 1)]));
  const protocol = map.get(name) ?? (protocols.includes(name) ? name : undefined);
  if (protocol === undefined) throw invalid('listener.security.protocol.map', `it does not say what protects listener '${name}'`);
  return protocol;
}

function addressesOf(config: NodeConfig, key: string): { name: string; host: string; port: number }[] {
  const seen = new Set<string>();
  return configList(config.text(key) ?? '').map((text) => {
    const match = /^([\w-]+):\/\/(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
    const port = Number(match?.[4]);
    if (match === null || port > 65535) throw invalid(key, `'${text}' is not of the form NAME://HOST:PORT`);
    const name = match[1]!.toUpperCase();
    if (seen.has(name)) throw invalid(key, `there are two listeners '${name}'`);
    seen.add(name);
    return { name, host: match[2] ?? match[3]!, port };
  });
}

const invalid = (key: string, why: string): MillraceError => new MillraceError('invalid-argument', `Cannot use the configuration ${key}: ${why}`, { name: key });

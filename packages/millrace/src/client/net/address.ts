// client/net/address.ts - where servers are, and who the client is to them: parsing and printing of addresses.
import { MillraceError } from '../../base/mod.ts';
import { isSaslMechanism } from '../../wire/mod.ts';
import type { PasswordLogin } from './security.ts';

/** A place to dial. */
export interface Address { readonly host: string; readonly port: number }

const portDefault = 9092;
const scheme = /^(?:kafka|millrace)(s?):\/\//;

/** What a URL, or several, says: where servers are, whether they speak TLS, and who the client is. */
export interface ParsedTarget { readonly addresses: readonly Address[]; readonly tls: boolean; readonly sasl: PasswordLogin | null }

/**
 * Reads 'host:port', 'kafka://host:port', 'kafkas://user:password@host:port?mechanism=PLAIN' (with TLS; name and password percent-encoded), several
 * parted by commas or as a list; 'millrace://' is the same as 'kafka://', and port 9092 is taken when none is named. Throws 'invalid-argument', in words
 * that hold no password. @example parseTarget('kafkas://alice:secret@a:9092,b') // { addresses: [...], tls: true, sasl: { username: 'alice', ... } }
 */
export function parseTarget(url: string | readonly string[]): ParsedTarget {
  const texts = (typeof url === 'string' ? [url] : [...url]).flatMap((text) => text.split(',')).map((text) => text.trim()).filter((text) => text !== '');
  if (texts.length === 0) throw new MillraceError('invalid-argument', "Cannot connect to '': give at least one 'host:port'");
  const parts = texts.map(parseOne);
  const logins = parts.map(({ sasl }) => sasl).filter((sasl) => sasl !== null);
  if (new Set(logins.map((sasl) => JSON.stringify(sasl))).size > 1) throw new MillraceError('invalid-argument', 'Cannot connect as several users at once: name one');
  const mechanism = parts.find((part) => part.mechanism !== undefined)?.mechanism; // it may stand behind any of them
  const sasl = logins[0] === undefined ? null : { ...logins[0], ...(mechanism === undefined ? {} : { mechanism }) };
  return { addresses: parts.map(({ address }) => address), tls: parts.some(({ tls }) => tls), sasl };
}

/** 'host:port', with brackets around IPv6. */
export function printAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

type PasswordMechanism = NonNullable<PasswordLogin['mechanism']>;

function parseOne(text: string): { address: Address; tls: boolean; sasl: PasswordLogin | null; mechanism: PasswordMechanism | undefined } {
  const secure = scheme.exec(text);
  const rest = text.slice(secure?.[0].length ?? 0);
  const at = rest.lastIndexOf('@');
  const shown = `${secure?.[0] ?? ''}${at < 0 ? '' : '...@'}${rest.slice(at + 1)}`;
  const fail = (why: string): MillraceError => new MillraceError('invalid-argument', `Cannot connect to '${shown}': ${why}`, { url: shown });
  const match = /^(?:\[([^\]]+)\]|([^:/[\]\s?]+))(?::(\d+))?\/?(?:\?mechanism=([\w-]+))?$/.exec(rest.slice(at + 1));
  const port = match?.[3] === undefined ? portDefault : Number(match[3]);
  if (!match || port < 1 || port > 65535 || (at >= 0 && secure === null)) throw fail("write it as 'host:port' or 'kafka://host:port'");
  return { address: { host: match[1] ?? match[2]!, port }, tls: secure?.[1] === 's', sasl: at < 0 ? null : loginOf(rest.slice(0, at), fail), mechanism: mechanismOf(match[4]?.toUpperCase(), fail) };
}

function mechanismOf(text: string | undefined, fail: (why: string) => MillraceError): PasswordMechanism | undefined {
  if (text === undefined) return undefined;
  if (!isSaslMechanism(text) || text === 'OAUTHBEARER') throw fail(`there is no mechanism '${text}' for a password`);
  return text;
}

function loginOf(text: string, fail: (why: string) => MillraceError): PasswordLogin {
  const colon = text.indexOf(':');
  if (colon < 1) throw fail("write user and password as 'kafkas://user:password@host:port'");
  try {
    return { username: decodeURIComponent(text.slice(0, colon)), password: decodeURIComponent(text.slice(colon + 1)) };
  } catch {
    throw fail('user and password must be percent-encoded');
  }
}

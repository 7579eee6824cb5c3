// client/net/address.ts - where servers are: parsing and printing of addresses.
import { MillraceError } from '../../base/mod.ts';

/** A place to dial. */
export interface Address { readonly host: string; readonly port: number }

const portDefault = 9092;
const schemes = ['kafka://', 'millrace://'];

/**
 * Reads 'host:port', 'kafka://host:port' or 'millrace://host', several parted by commas or as a list; port 9092 when none is named.
 * Throws 'invalid-argument'. @example parseAddresses('kafka://a:9092,b') // [{ host: 'a', port: 9092 }, { host: 'b', port: 9092 }]
 */
export function parseAddresses(url: string | readonly string[]): Address[] {
  const texts = (typeof url === 'string' ? [url] : [...url]).flatMap((text) => text.split(',')).map((text) => text.trim()).filter((text) => text !== '');
  if (texts.length === 0) throw new MillraceError('invalid-argument', `Cannot connect to '${String(url)}': give at least one 'host:port'`, { url });
  return texts.map(parseAddress);
}

/** 'host:port', with brackets around IPv6. */
export function printAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseAddress(text: string): Address {
  const scheme = schemes.find((one) => text.startsWith(one)) ?? '';
  const match = /^(?:\[([^\]]+)\]|([^:/[\]\s]+))(?::(\d+))?\/?$/.exec(text.slice(scheme.length));
  const port = match?.[3] === undefined ? portDefault : Number(match[3]);
  if (!match || port < 1 || port > 65535) throw new MillraceError('invalid-argument', `Cannot connect to '${text}': write it as 'host:port' or 'kafka://host:port'`, { url: text });
  return { host: match[1] ?? match[2]!, port };
}

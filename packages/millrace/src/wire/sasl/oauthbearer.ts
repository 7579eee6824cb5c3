// wire/sasl/oauthbearer.ts - OAUTHBEARER: one message with a token; a refusal is JSON that the client acknowledges. Source: RFC 7628, KIP-255, KIP-768.
import { MillraceError } from '../../base/mod.ts';

/** What a client says. */
export interface BearerMessage { readonly authorizationId: string; readonly token: string; readonly extensions: ReadonlyMap<string, string> }

const separator = '\x01';
const saslName = '(?:[\\x02-\\x2b\\x2d-\\x3c\\x3e-\\x7f]|=2C|=3D)+';
const pair = `[A-Za-z]+=[\\x21-\\x7e \\t\\r\\n]+${separator}`;
const form = new RegExp(`^n,(?:a=(?<authzid>${saslName}))?,${separator}(?<pairs>(?:${pair})*)${separator}$`);
const bearer = /^(?<scheme>\w+) +(?<token>[-_.~+/=a-zA-Z0-9]+)$/;

/** What a client sends to say that it has read a refusal. */
export const refusalRead = Uint8Array.of(1);

/** Reads a client's message. Throws 'invalid-bytes', without a word of what came. */
export function readBearer(bytes: Uint8Array): BearerMessage {
  const groups = form.exec(new TextDecoder().decode(bytes))?.groups;
  const malformed = (why: string) => new MillraceError('invalid-bytes', `Invalid OAUTHBEARER client first message: ${why}`);
  if (groups === undefined) throw malformed('it is not of its form');
  const extensions = new Map(groups['pairs']!.split(separator).filter((one) => one !== '').map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]));
  const auth = extensions.get('auth');
  extensions.delete('auth');
  const found = bearer.exec(auth ?? '')?.groups;
  if (found === undefined) throw malformed("'auth' not specified");
  if (found['scheme']!.toLowerCase() !== 'bearer') throw malformed(`Invalid scheme in OAUTHBEARER client first message`);
  return { authorizationId: (groups['authzid'] ?? '').replaceAll('=2C', ',').replaceAll('=3D', '='), token: found['token']!, extensions };
}

/** Writes it. Throws 'invalid-argument' for a token or an extension that it cannot carry. */
export function bearerMessage(token: string, extensions: Readonly<Record<string, string>> = {}): Uint8Array {
  const pairs = Object.entries(extensions).map(([name, value]) => `${name}=${value}${separator}`).join('');
  const message = new TextEncoder().encode(`n,,${separator}auth=Bearer ${token}${separator}${pairs}${separator}`);
  try {
    readBearer(message);
  } catch {
    throw new MillraceError('invalid-argument', 'Cannot send the token: it or an extension holds characters that OAUTHBEARER does not carry');
  }
  return message;
}

/** A refusal. */
export function bearerRefusal(status: string, scope: string | null = null): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ status, ...(scope === null ? {} : { scope }) }));
}

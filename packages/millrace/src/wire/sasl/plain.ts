// wire/sasl/plain.ts - PLAIN: one message with a name and a password. Source: RFC 4616.
import { MillraceError } from '../../base/mod.ts';

/** What a client says. */
export interface PlainMessage { readonly authorizationId: string; readonly username: string; readonly password: string }

/** Reads it. Throws 'invalid-bytes', without a word of what came. */
export function readPlain(bytes: Uint8Array): PlainMessage {
  const parts = new TextDecoder().decode(bytes).split('\0');
  if (parts.length !== 3) throw new MillraceError('invalid-bytes', `Invalid SASL/PLAIN response: expected 3 tokens, got ${parts.length}`);
  const [authorizationId, username, password] = parts as [string, string, string];
  return { authorizationId, username, password };
}

/** Writes it. */
export function plainMessage(username: string, password: string): Uint8Array {
  return new TextEncoder().encode(`\0${username}\0${password}`);
}

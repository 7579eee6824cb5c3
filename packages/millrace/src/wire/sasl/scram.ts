// wire/sasl/scram.ts - SCRAM: its four messages, and the keys that prove a password to somebody who does not have it.
// Owns: the form of messages, the arithmetic. Never: who is asked, where credentials are kept.
// Source: RFC 5802, RFC 7677, without channel binding and without SASLprep, as Kafka has them.
// S1 A message that is not of the form is refused whole: nothing is guessed. S2 Extensions are taken and passed over; one that must be understood is refused.
import { MillraceError } from '../../base/mod.ts';
import { digest, hmac, pbkdf2 } from '../../os/mod.ts';
import { hashOf, type ScramMechanism } from './mechanism.ts';

/** What a server keeps of a password. */
export interface ScramCredential {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** The first message of a client. `bare` and `gs2Header` are its text as it came: proofs are made over them. */
export interface ClientFirst { readonly authorizationId: string; readonly username: string; readonly nonce: string; readonly bare: string; readonly gs2Header: string }
/** The first message of a server. */
export interface ServerFirst { readonly nonce: string; readonly salt: Uint8Array; readonly iterations: number }
/** The last message of a client; `withoutProof` is what its proof is made over. */
export interface ClientFinal { readonly channelBinding: string; readonly nonce: string; readonly proof: Uint8Array; readonly withoutProof: string }

const saslName = '(?:[\\x01-\\x2b\\x2d-\\x3c\\x3e-\\x7f]|=2C|=3D|[\\u0080-\\uffff])+';
const value = '[^\\x00,]+';
const printable = '[\\x21-\\x2b\\x2d-\\x7e]+';
const base64 = '(?:[a-zA-Z0-9/+]{4})*(?:[a-zA-Z0-9/+]{3}=|[a-zA-Z0-9/+]{2}==)?';
const extensions = `(?:,[A-Za-ln-z]=${value})*`;

const clientFirstForm = new RegExp(`^(?<gs2>n,(?:a=(?<authzid>${saslName}))?,)(?<bare>n=(?<name>${saslName}),r=(?<nonce>${printable})${extensions})$`);
const serverFirstForm = new RegExp(`^r=(?<nonce>${printable}),s=(?<salt>${base64}),i=(?<iterations>[1-9][0-9]{0,8})${extensions}$`);
const clientFinalForm = new RegExp(`^(?<without>c=(?<binding>${base64}),r=(?<nonce>${printable})${extensions}),p=(?<proof>${base64})$`);
const serverFinalForm = new RegExp(`^(?:e=(?<error>${value})|v=(?<signature>${base64}))${extensions}$`);

const utf8 = new TextEncoder();
const text = (bytes: Uint8Array, what: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(what);
  }
};
const malformed = (what: string): MillraceError => new MillraceError('invalid-bytes', `Cannot read the ${what} of SCRAM: it is not of its form`);
const fromBase64 = (given: string): Uint8Array => new Uint8Array(Buffer.from(given, 'base64'));
const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A name as SCRAM writes it. */
export const quoteName = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C');
const unquoteName = (name: string): string => name.replaceAll('=2C', ',').replaceAll('=3D', '=');

function matched(form: RegExp, bytes: Uint8Array, what: string): Record<string, string | undefined> {
  const groups = form.exec(text(bytes, what))?.groups;
  if (groups === undefined) throw malformed(what);
  return groups;
}

/** Reads a client's first message. Throws 'invalid-bytes'. */
export function readClientFirst(bytes: Uint8Array): ClientFirst {
  const { gs2, authzid = '', bare, name, nonce } = matched(clientFirstForm, bytes, "client's first message");
  return { authorizationId: unquoteName(authzid), username: unquoteName(name!), nonce: nonce!, bare: bare!, gs2Header: gs2! };
}

/** Reads a server's first message. Throws 'invalid-bytes'. */
export function readServerFirst(bytes: Uint8Array): ServerFirst {
  const { nonce, salt, iterations } = matched(serverFirstForm, bytes, "server's first message");
  return { nonce: nonce!, salt: fromBase64(salt!), iterations: Number(iterations) };
}

/** Reads a client's last message. Throws 'invalid-bytes'. */
export function readClientFinal(bytes: Uint8Array): ClientFinal {
  const { binding, nonce, proof, without } = matched(clientFinalForm, bytes, "client's last message");
  return { channelBinding: Buffer.from(binding!, 'base64').toString('latin1'), nonce: nonce!, proof: fromBase64(proof!), withoutProof: without! };
}

/** Reads a server's last message. Throws 'invalid-bytes'. */
export function readServerFinal(bytes: Uint8Array): { readonly error: string | null; readonly signature: Uint8Array } {
  const { error, signature } = matched(serverFinalForm, bytes, "server's last message");
  return { error: error ?? null, signature: fromBase64(signature ?? '') };
}

/** A client's first message without its header, and with it. */
export function clientFirst(username: string, nonce: string): { readonly bare: string; readonly bytes: Uint8Array } {
  const bare = `n=${quoteName(username)},r=${nonce}`;
  return { bare, bytes: utf8.encode(`n,,${bare}`) };
}

/** A server's first message. */
export const serverFirst = (nonce: string, salt: Uint8Array, iterations: number): string => `r=${nonce},s=${toBase64(salt)},i=${iterations}`;

/** A client's last message without its proof: `gs2Header` as in its first one. */
export const clientFinalWithoutProof = (gs2Header: string, nonce: string): string => `c=${toBase64(utf8.encode(gs2Header))},r=${nonce}`;

/** A client's last message. */
export const clientFinal = (withoutProof: string, proof: Uint8Array): Uint8Array => utf8.encode(`${withoutProof},p=${toBase64(proof)}`);

/** A server's last message. */
export const serverFinal = (signature: Uint8Array): Uint8Array => utf8.encode(`v=${toBase64(signature)}`);

/** What both sides sign: the three messages before. */
export const authMessage = (clientFirstBare: string, serverFirstText: string, withoutProof: string): Uint8Array => utf8.encode(`${clientFirstBare},${serverFirstText},${withoutProof}`);

/** The password, slowed down by `iterations`. Kafka takes it as it is, without SASLprep. */
export const saltedPassword = (mechanism: ScramMechanism, password: string, salt: Uint8Array, iterations: number): Uint8Array => pbkdf2(hashOf(mechanism), utf8.encode(password), salt, iterations);

/** What a server keeps, from the salted password. */
export function credentialOf(mechanism: ScramMechanism, salted: Uint8Array, salt: Uint8Array, iterations: number): ScramCredential {
  const hash = hashOf(mechanism);
  return { salt, iterations, storedKey: digest(hash, hmac(hash, salted, utf8.encode('Client Key'))), serverKey: hmac(hash, salted, utf8.encode('Server Key')) };
}

/** A client's proof that it has the salted password. */
export function clientProof(mechanism: ScramMechanism, salted: Uint8Array, message: Uint8Array): Uint8Array {
  const hash = hashOf(mechanism);
  const clientKey = hmac(hash, salted, utf8.encode('Client Key'));
  return xor(clientKey, hmac(hash, digest(hash, clientKey), message));
}

/** The stored key of whoever made this proof: theirs, if it equals the one that is kept. Null for a proof of another length. */
export function storedKeyOfProof(mechanism: ScramMechanism, proof: Uint8Array, storedKey: Uint8Array, message: Uint8Array): Uint8Array | null {
  const hash = hashOf(mechanism);
  const signature = hmac(hash, storedKey, message);
  return proof.byteLength === signature.byteLength ? digest(hash, xor(proof, signature)) : null;
}

/** A server's proof that it has the credential. */
export const serverSignature = (mechanism: ScramMechanism, serverKey: Uint8Array, message: Uint8Array): Uint8Array => hmac(hashOf(mechanism), serverKey, message);

/** The server's key, from the salted password. */
export const serverKeyOf = (mechanism: ScramMechanism, salted: Uint8Array): Uint8Array => hmac(hashOf(mechanism), salted, utf8.encode('Server Key'));

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  const result = new Uint8Array(a.byteLength);
  for (let i = 0; i < result.byteLength; i++) result[i] = a[i]! ^ b[i]!;
  return result;
}

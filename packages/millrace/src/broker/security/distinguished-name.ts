// broker/security/distinguished-name.ts - the subject of a certificate, written as Kafka writes it.
// Owns: as much of DER as leads to the subject, and the text form of RFC 2253 with Java's choices. Never: whether the certificate counts.
// D1 Bytes that are no certificate are refused: a name is never made of what was guessed.
// Java names a few kinds of attribute and writes all others as their number and '#' with the DER in hex; the principal, and so the rules, depend on it.
import { MillraceError } from '../../base/mod.ts';

const names: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN', '2.5.4.6': 'C', '2.5.4.7': 'L', '2.5.4.8': 'ST', '2.5.4.9': 'STREET', '2.5.4.10': 'O', '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID', '0.9.2342.19200300.100.1.25': 'DC',
};

/** A piece of DER: its tag, all its bytes, and what they hold. */
interface Piece { readonly tag: number; readonly whole: Uint8Array; readonly content: Uint8Array }

/** The subject of a certificate in DER. Throws 'invalid-bytes'. @example subjectOf(der) // 'CN=alice,OU=bus,O=Example' */
export function subjectOf(certificate: Uint8Array): string {
  const [outer] = pieces(certificate);
  const [body] = pieces(outer?.content ?? new Uint8Array());
  const fields = pieces(body?.content ?? new Uint8Array()).filter(({ tag }) => tag !== 0xa0); // the version may be left out
  const subject = fields[4]; // after serial number, algorithm, issuer, validity
  if (subject === undefined || subject.tag !== 0x30) throw malformed();
  return pieces(subject.content).reverse().map(({ content }) => pieces(content).map(attributeText).join('+')).join(',');
}

function attributeText({ content }: Piece): string {
  const [kind, value] = pieces(content);
  if (kind === undefined || value === undefined || kind.tag !== 0x06) throw malformed();
  const oid = oidText(kind.content);
  const text = textOf(value);
  const name = names[oid];
  if (name !== undefined && text !== null) return `${name}=${escaped(text)}`;
  return `${name ?? oid}=#${Buffer.from(value.whole).toString('hex')}`;
}

function textOf({ tag, content }: Piece): string | null {
  switch (tag) {
    case 0x0c: return new TextDecoder().decode(content); // UTF8String
    case 0x13: case 0x16: return Buffer.from(content).toString('latin1'); // PrintableString, IA5String
    case 0x14: return Buffer.from(content).toString('latin1'); // T61String
    case 0x1e: return new TextDecoder('utf-16be').decode(content); // BMPString
    default: return null;
  }
}

function escaped(text: string): string {
  const quoted = text.replaceAll(/[,=+<>#;"\\]/g, (one) => `\\${one}`).replaceAll('\0', '\\00');
  return quoted.replace(/^ +/, (blanks) => '\\ '.repeat(blanks.length)).replace(/(?<!\\) +$/, (blanks) => '\\ '.repeat(blanks.length));
}

function oidText(bytes: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f);
    if (byte < 0x80) { numbers.push(number); number = 0; }
  }
  const [first = 0, ...rest] = numbers;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}

function pieces(bytes: Uint8Array): Piece[] {
  const found: Piece[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const tag = bytes[at]!;
    let length = bytes[at + 1] ?? -1;
    let start = at + 2;
    if (length > 0x80) {
      const count = length & 0x7f;
      if (count > 4) throw malformed();
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] ?? 0);
      start += count;
    }
    if (length < 0 || length === 0x80 || start + length > bytes.byteLength) throw malformed();
    found.push({ tag, whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

const malformed = (): MillraceError => new MillraceError('invalid-bytes', 'Cannot read the subject of a certificate: its bytes are not of their form');

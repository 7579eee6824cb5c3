// wire/uuid.ts - 16 bytes as the 22 characters of unpadded base64url, Kafka's way of printing them, and back.
import { MillraceError } from '../base/mod.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const sextets = new Int16Array(128).fill(-1);
for (let i = 0; i < 64; i++) sextets[alphabet.charCodeAt(i)] = i;

/** The uuid of sixteen zero bytes: "none". */
export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA';

/** Prints the 16 bytes at `at`. @example uuidText(new Uint8Array(16), 0) === zeroUuid */
export function uuidText(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let i = 0; i < 15; i += 3) {
    const three = (bytes[at + i]! << 16) | (bytes[at + i + 1]! << 8) | bytes[at + i + 2]!;
    text += alphabet[three >> 18]! + alphabet[(three >> 12) & 63]! + alphabet[(three >> 6) & 63]! + alphabet[three & 63]!;
  }
  const last = bytes[at + 15]!;
  return text + alphabet[last >> 2]! + alphabet[(last & 3) << 4]!;
}

/** True for 22 characters that stand for 16 bytes. */
export function isUuid(text: string): boolean {
  if (typeof text !== 'string' || text.length !== 22) return false;
  for (let i = 0; i < 22; i++) if (!((sextets[text.charCodeAt(i)] ?? -1) >= 0)) return false;
  return (sextets[text.charCodeAt(21)]! & 15) === 0;
}

/** The 16 bytes that `text` prints. Throws 'invalid-argument' for anything but 22 characters of base64url. */
export function uuidBytes(text: string): Uint8Array {
  if (!isUuid(text)) throw new MillraceError('invalid-argument', `Cannot read uuid '${text}': not 22 characters of base64url`);
  const out = new Uint8Array(16);
  let pending = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < 22; i++) {
    pending = ((pending << 6) | sextets[text.charCodeAt(i)]!) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    if (at < 16) out[at++] = (pending >> bits) & 0xff;
  }
  return out;
}

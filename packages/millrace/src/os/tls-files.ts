// os/tls-files.ts - certificates and keys as users give them, in the form that node:tls takes.
// Owns: telling PEM from paths, reading. Never: what they are good for, and never a word of a key in an error.
import { readFile } from 'node:fs/promises';
import type { SecureContextOptions } from 'node:tls';
import { MillraceError } from '../base/mod.ts';
import type { Pem, TlsIdentity } from './ports.ts';

const pathLengthMax = 4096;

/** Reads what is named. Rejects 'invalid-argument' for a file that cannot be read or holds no PEM. */
export async function identityOf(given: TlsIdentity & { readonly ca?: Pem }): Promise<SecureContextOptions> {
  const { cert, pfx, passphrase } = given;
  if (cert !== undefined && pfx !== undefined) throw new MillraceError('invalid-argument', "Cannot use both 'cert' and 'pfx': give one of them");
  const [chain, key, ca] = await Promise.all([pem('cert', cert), pem('key', given.key ?? cert), pem('ca', given.ca)]); // one file may hold both
  return {
    ...(chain === undefined ? {} : { cert: chain, key: key! }),
    ...(ca === undefined ? {} : { ca }),
    ...(pfx === undefined ? {} : { pfx: await read('pfx', pfx) }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

/** True when nothing has changed. */
export function sameIdentity(a: SecureContextOptions, b: SecureContextOptions): boolean {
  const parts = (one: SecureContextOptions) => [one.cert, one.key, one.ca, one.pfx].map((part) => (part === undefined ? '' : Buffer.from(part as string | Buffer).toString('latin1')));
  return parts(a).every((part, i) => part === parts(b)[i]);
}

async function pem(what: string, given: Pem | undefined): Promise<string | undefined> {
  if (given === undefined) return undefined;
  const isText = given.includes('-----BEGIN');
  if (!isText && (given.length > pathLengthMax || given.includes('\n') || given.includes('\0'))) throw new MillraceError('invalid-argument', `Cannot use '${what}': it is neither PEM nor the path of a file`);
  const text = isText ? given : (await read(what, given)).toString('utf8');
  if (!text.includes('-----BEGIN')) throw new MillraceError('invalid-argument', `Cannot use '${given}' as '${what}': the file holds no PEM`, { path: given });
  return text;
}

async function read(what: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new MillraceError('invalid-argument', `Cannot read '${path}', which is named as '${what}': ${(error as NodeJS.ErrnoException).code}`, { path });
  }
}

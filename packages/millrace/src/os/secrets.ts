// os/secrets.ts - hashes and comparisons for passwords, by node:crypto.
// Owns: the only calls of it for authentication. Never: what is hashed, and never a secret longer than the call.
// The module is loaded at the first use: most starts of a node need none of it.

/** Hashes that SCRAM is defined with. */
export type HashName = 'sha256' | 'sha512';

let crypto: typeof import('node:crypto') | undefined;
const loaded = (): typeof import('node:crypto') => (crypto ??= process.getBuiltinModule('node:crypto'));

/** The hash of some bytes. */
export function digest(hash: HashName, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(loaded().createHash(hash).update(bytes).digest());
}

/** The keyed hash of some bytes. */
export function hmac(hash: HashName, key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(loaded().createHmac(hash, key).update(bytes).digest());
}

/** The slow hash of a password, as long as the hash is. Takes 1 ms (SHA-256) to 7 ms (SHA-512) for 4096 iterations, on the caller's thread. */
export function pbkdf2(hash: HashName, password: Uint8Array, salt: Uint8Array, iterations: number): Uint8Array {
  return new Uint8Array(loaded().pbkdf2Sync(password, salt, iterations, hash === 'sha256' ? 32 : 64, hash));
}

/** Whether two secrets are the same, in a time that does not tell where they differ. */
export function compareSecrets(a: Uint8Array, b: Uint8Array): boolean {
  // Hashed first: the comparison wants equal lengths, and the length is a secret, too.
  return loaded().timingSafeEqual(digest('sha256', a), digest('sha256', b));
}

// os/web-tokens.ts - tokens (JWT) checked against the keys of whoever signs them: a JWKS in a file or behind a URL.
// Owns: fetching and keeping the keys, the check by the library jose, which is loaded with the first key set. Never: who a token lets in.
// W1 Only signatures with a public key count: never 'none', never a shared secret. W2 Keys are fetched when they are needed, kept for
// `refreshMs`, and asked for again when a token names one that is not there, at most every `retryMs`.
// W3 Nothing that is told of a failure holds the token.
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { MillraceError } from '../base/mod.ts';

/** What a token must say. */
export interface TokenRules {
  readonly audience?: readonly string[];
  readonly issuer?: string;
  /** How far clocks may be apart, in seconds. */
  readonly clockSkewSeconds: number;
}

/** What a good token says. Times are in seconds since 1970. */
export type TokenClaims = Readonly<Record<string, unknown>> & { readonly exp: number; readonly iat: number };

/** Checks tokens. */
export interface TokenKeys {
  /** The claims of a token that is good at `nowMs`. Rejects 'authentication-failed' for one that is not, 'unavailable' when the keys cannot be had. */
  verify(token: string, rules: TokenRules, nowMs: number): Promise<TokenClaims>;
}

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
const fetchMsMax = 10_000;

/** How long keys are kept, and the pause between two looks for an unknown one, in ms. */
export interface KeyTimes { readonly refreshMs: number; readonly retryMs: number }

/**
 * Tokens signed by the keys at `source`: an http(s) or file URL, or a path. Nothing is read before the first token.
 * @example const claims = await openTokenKeys('https://issuer.example/jwks', { refreshMs: 3_600_000, retryMs: 100 }).verify(token, { clockSkewSeconds: 30 }, Date.now());
 */
export function openTokenKeys(source: string, times: KeyTimes): TokenKeys {
  let keys: Promise<JWTVerifyGetKey> | null = null;
  return {
    async verify(token, rules, nowMs) {
      const jose = await import('jose');
      const getKey = await (keys ??= keySet(source, times));
      try {
        const { payload } = await jose.jwtVerify(token, getKey, {
          algorithms, currentDate: new Date(nowMs), clockTolerance: rules.clockSkewSeconds, requiredClaims: ['exp', 'iat'],
          ...(rules.audience === undefined ? {} : { audience: [...rules.audience] }), ...(rules.issuer === undefined ? {} : { issuer: rules.issuer }),
        });
        return payload as JWTPayload & TokenClaims;
      } catch (error) {
        throw refusal(error);
      }
    },
  };
}

async function keySet(source: string, times: KeyTimes): Promise<JWTVerifyGetKey> {
  const jose = await import('jose');
  if (!/^https?:/.test(source)) return keysOfFile(source.startsWith('file:') ? fileURLToPath(source) : source);
  return jose.createRemoteJWKSet(new URL(source), { cacheMaxAge: times.refreshMs, cooldownDuration: times.retryMs, timeoutDuration: fetchMsMax });
}

/** Keys of a file, read again when it has changed. */
function keysOfFile(path: string): JWTVerifyGetKey {
  let read: { changedMs: number; keys: JWTVerifyGetKey } | null = null;
  return async (header, token) => {
    try {
      const { mtimeMs } = await stat(path);
      if (read?.changedMs !== mtimeMs) {
        const { createLocalJWKSet } = await import('jose');
        read = { changedMs: mtimeMs, keys: createLocalJWKSet(JSON.parse(await readFile(path, 'utf8'))) as JWTVerifyGetKey };
      }
    } catch (error) {
      throw new MillraceError('unavailable', `Cannot read the keys of tokens in '${path}': ${(error as Error).message}`, { path });
    }
    return read.keys(header, token);
  };
}

/** Codes of the library that mean: the keys could not be had; all others are about the token. */
const keyTrouble = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);

function refusal(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  const { code, message } = error as { code?: string; message: string };
  if (code === undefined || keyTrouble.has(code)) return new MillraceError('unavailable', `Cannot get the keys of tokens: ${message}`);
  return new MillraceError('authentication-failed', `Cannot accept the token: ${message}`);
}

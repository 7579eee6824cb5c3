// broker/security/bearer-exchange.ts - OAUTHBEARER: a token (JWT) against the keys of whoever signs them.
// B1 A refused token is answered with JSON that says so (RFC 7628); the client says that it has read it, and only then the talk has failed.
// B2 A session ends with its token at the latest. Source: KIP-255, KIP-768.
import { isMillraceError } from '../../base/mod.ts';
import type { TokenClaims, TokenKeys } from '../../os/mod.ts';
import { bearerRefusal, readBearer } from '../../wire/mod.ts';
import { type Exchange, shown, type Step } from './exchange.ts';
import type { BearerOptions } from './options.ts';

const skewSecondsDefault = 30;

/** The talk with one client. */
export function bearerExchange(options: BearerOptions, keys: TokenKeys, nowMs: () => number): Exchange {
  let refusal: { readonly json: string; readonly why: string } | null = null;
  const { audience, issuer, clockSkewSeconds = skewSecondsDefault, subClaim = 'sub', scopeClaim = 'scope' } = options;
  const rules = { clockSkewSeconds, ...(issuer === undefined ? {} : { issuer }), ...(audience === undefined ? {} : { audience: typeof audience === 'string' ? [audience] : audience }) };
  const refuse = (why: string): Step => {
    const bytes = bearerRefusal('invalid_token');
    refusal = { json: new TextDecoder().decode(bytes), why };
    return { kind: 'challenge', bytes };
  };
  return {
    mechanism: 'OAUTHBEARER',
    async step(token): Promise<Step> {
      if (refusal !== null) return { kind: 'refused', toClient: refusal.json, why: refusal.why };
      const message = readBearer(token);
      let claims: TokenClaims;
      try {
        claims = await keys.verify(message.token, rules, nowMs());
      } catch (error) {
        if (!isMillraceError(error)) throw error;
        return refuse(error.message);
      }
      const user = claims[subClaim];
      if (typeof user !== 'string' || user.trim() === '') return refuse(`the token has no claim '${subClaim}' that names a user`);
      if (!isScope(claims[scopeClaim])) return refuse(`the claim '${scopeClaim}' of the token is neither text nor a list of texts`);
      if (message.authorizationId !== '' && message.authorizationId !== user) {
        return { kind: 'refused', toClient: `Authentication failed: Client requested an authorization id (${message.authorizationId}) that is different from the token's principal name (${user})`, why: `user ${shown(user)} asked to act as ${shown(message.authorizationId)}` };
      }
      return { kind: 'done', bytes: new Uint8Array(), user, expiresAtMs: claims.exp * 1000 };
    },
  };
}

const isScope = (claim: unknown): boolean => claim === undefined || typeof claim === 'string' || (Array.isArray(claim) && claim.every((one) => typeof one === 'string'));

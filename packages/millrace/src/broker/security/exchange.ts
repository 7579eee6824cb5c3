// broker/security/exchange.ts - one mechanism's talk with one client: tokens in, tokens out, until it is clear who the client is.
// Owns: the contract that plain-, scram- and bearer-exchange.ts keep.
import type { SaslMechanism } from '../../wire/mod.ts';

/** What became of a token. */
export type Step =
  | { readonly kind: 'challenge'; readonly bytes: Uint8Array }
  /** `expiresAtMs`: wall time at which the client's word ends by itself. */
  | { readonly kind: 'done'; readonly bytes: Uint8Array; readonly user: string; readonly expiresAtMs: number | null }
  /** `toClient`: what it is told; null for words that say no more than that it failed. `why`: for the operator, never a secret. */
  | { readonly kind: 'refused'; readonly toClient: string | null; readonly why: string };

/** A talk under way. */
export interface Exchange {
  readonly mechanism: SaslMechanism;
  /** Takes the client's next token. Throws 'invalid-bytes' for one that cannot be read. Is not called again after 'done' or 'refused'. */
  step(token: Uint8Array): Step | Promise<Step>;
}

/** A name from outside, fit for a line of the report. */
export const shown = (name: string): string => JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}...` : name);

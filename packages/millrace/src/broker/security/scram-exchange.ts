// broker/security/scram-exchange.ts - SCRAM: the server's side of RFC 5802, without channel binding.
// S1 The client's proof is checked against the stored key; no password is ever seen. S2 A user that there is not is challenged like one that there is,
// with a salt that stays the same for the name, and fails at the proof: who asks learns nothing (Apache Kafka tells the two apart).
// S3 A nonce is fresh for each talk, so that nothing heard before can be said again.
import { compareSecrets } from '../../os/mod.ts';
import {
  authMessage, type ClientFirst, readClientFinal, readClientFirst, type ScramCredential, type ScramMechanism, serverFinal, serverFirst, serverSignature, storedKeyOfProof,
} from '../../wire/mod.ts';
import { type Exchange, shown, type Step } from './exchange.ts';

/** Where credentials come from. */
export interface ScramSource {
  find(mechanism: ScramMechanism, user: string): ScramCredential | undefined;
  /** What a user that there is not is challenged with: always the same for the name. */
  decoy(mechanism: ScramMechanism, user: string): ScramCredential;
}

type State = { readonly kind: 'first' } | { readonly kind: 'final'; readonly first: ClientFirst; readonly nonce: string; readonly challenge: string; readonly credential: ScramCredential; readonly isKnown: boolean };

const encoder = new TextEncoder();
const nonceBytes = 24;

/** The talk with one client; `random` makes the nonce. */
export function scramExchange(mechanism: ScramMechanism, source: ScramSource, random: (bytes: number) => Uint8Array): Exchange {
  let state: State = { kind: 'first' };
  const start = (token: Uint8Array): Step => {
    const first = readClientFirst(token);
    const found = source.find(mechanism, first.username);
    if (first.authorizationId !== '' && first.authorizationId !== first.username) {
      return { kind: 'refused', toClient: 'Authentication failed: Client requested an authorization id that is different from username', why: `user ${shown(first.username)} asked to act as ${shown(first.authorizationId)}` };
    }
    const credential = found ?? source.decoy(mechanism, first.username);
    const nonce = first.nonce + Buffer.from(random(nonceBytes)).toString('base64url');
    const challenge = serverFirst(nonce, credential.salt, credential.iterations);
    state = { kind: 'final', first, nonce, challenge, credential, isKnown: found !== undefined };
    return { kind: 'challenge', bytes: encoder.encode(challenge) };
  };
  const finish = (token: Uint8Array, { first, nonce, challenge, credential, isKnown }: State & { kind: 'final' }): Step => {
    const final = readClientFinal(token);
    const refused = (why: string): Step => ({ kind: 'refused', toClient: null, why: `user ${shown(first.username)}: ${why}` });
    if (final.nonce !== nonce) return refused('the nonce is not the one that was given');
    if (final.channelBinding !== first.gs2Header) return refused('the channel binding is not the one that was announced');
    const message = authMessage(first.bare, challenge, final.withoutProof);
    const storedKey = storedKeyOfProof(mechanism, final.proof, credential.storedKey, message);
    const isRight = compareSecrets(storedKey ?? new Uint8Array(), credential.storedKey);
    if (!isRight || !isKnown) return refused('unknown, or the password is wrong');
    return { kind: 'done', bytes: serverFinal(serverSignature(mechanism, credential.serverKey, message)), user: first.username, expiresAtMs: null };
  };
  return {
    mechanism,
    step: (token) => (state.kind === 'first' ? start(token) : finish(token, state)),
  };
}

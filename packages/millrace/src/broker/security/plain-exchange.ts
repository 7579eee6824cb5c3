// broker/security/plain-exchange.ts - PLAIN: a name and a password against those that the listener was given.
// P1 A wrong password and an unknown user are told alike, and take alike long. Words to clients are those of Apache Kafka.
import { compareSecrets } from '../../os/mod.ts';
import { readPlain } from '../../wire/mod.ts';
import { type Exchange, shown, type Step } from './exchange.ts';

const encoder = new TextEncoder();
const nobody = '\0'; // no password: none holds this character

/** The talk with one client. */
export function plainExchange(users: ReadonlyMap<string, string>): Exchange {
  return {
    mechanism: 'PLAIN',
    step(token): Step {
      const { authorizationId, username, password } = readPlain(token);
      if (username === '') return { kind: 'refused', toClient: null, why: 'no user was named' };
      if (password === '') return { kind: 'refused', toClient: null, why: `no password for user ${shown(username)}` };
      const isRight = compareSecrets(encoder.encode(password), encoder.encode(users.get(username) ?? nobody));
      if (!isRight || !users.has(username)) return { kind: 'refused', toClient: 'Authentication failed: Invalid username or password', why: `user ${shown(username)} is unknown or the password is wrong` };
      if (authorizationId !== '' && authorizationId !== username) {
        return { kind: 'refused', toClient: 'Authentication failed: Client requested an authorization id that is different from username', why: `user ${shown(username)} asked to act as ${shown(authorizationId)}` };
      }
      return { kind: 'done', bytes: new Uint8Array(), user: username, expiresAtMs: null };
    },
  };
}

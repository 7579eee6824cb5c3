// broker/security/scram-users.ts - the users of SCRAM: what a node keeps of their passwords, and the changes of it.
// Owns: reading it back at start, the rules of a change, writing it durably. Never: passwords; connections.
// U1 A change is in force once it is durable, and only then. U2 Changes are made one after the other, so that each is checked against all before it.
// Records: docs/formats/metadata-topic.md, keys 'user-scram/MECHANISM/NAME'.
import { limits } from '../../base/mod.ts';
import { hmac, type Random } from '../../os/mod.ts';
import { errorCodes, hashOf, type ScramCredential, type ScramMechanism } from '../../wire/mod.ts';
import type { KeyedLog, KeyedRecord } from '../keyed-log.ts';
import type { ScramSource } from './scram-exchange.ts';

/** Fewest and most iterations that a credential may have, as in Kafka. */
export const scramIterations = { min: 4096, max: 16_384 } as const;

/** A change of one credential; an unknown mechanism is `undefined`. */
export type ScramChange =
  | { readonly kind: 'remove'; readonly user: string; readonly mechanism: ScramMechanism | undefined }
  | { readonly kind: 'set'; readonly user: string; readonly mechanism: ScramMechanism | undefined; readonly credential: ScramCredential };

/** What became of the changes of one user. */
export interface ScramOutcome { readonly user: string; readonly errorCode: number; readonly message: string | null }

const keyPrefix = 'user-scram/';
const saltBytes = 16;
const none = { errorCode: errorCodes.NONE, message: null } as const;
const keyOf = (mechanism: ScramMechanism, user: string): string => `${keyPrefix}${mechanism}/${user}`;

/** The users of a node. */
export class ScramUsers implements ScramSource {
  readonly #metadata: KeyedLog;
  /** By key. */
  readonly #credentials = new Map<string, ScramCredential>();
  /** Makes decoys that differ from node to node; the same after a restart, because a change of it would tell that they are none. */
  readonly #decoySecret: Uint8Array;
  #last: Promise<unknown> = Promise.resolve();

  /** The users that the metadata know; makes the node's secret the first time. */
  static async open(metadata: KeyedLog, random: Random): Promise<ScramUsers> {
    return new ScramUsers(metadata, await nodeSecret(metadata, random));
  }

  private constructor(metadata: KeyedLog, nodeSecret: Uint8Array) {
    this.#metadata = metadata;
    this.#decoySecret = nodeSecret;
    for (const [key, value] of metadata.values) if (key.startsWith(keyPrefix)) this.#credentials.set(key, credentialOfText(value));
  }

  find(mechanism: ScramMechanism, user: string): ScramCredential | undefined {
    return this.#credentials.get(keyOf(mechanism, user));
  }

  decoy(mechanism: ScramMechanism, user: string): ScramCredential {
    const hash = hashOf(mechanism);
    const made = (what: string) => hmac(hash, this.#decoySecret, new TextEncoder().encode(`${what} ${mechanism} ${user}`));
    return { salt: made('salt').subarray(0, saltBytes), iterations: scramIterations.min, storedKey: made('stored'), serverKey: made('server') };
  }

  /** Mechanisms and iterations by user, sorted by name. */
  list(): Map<string, { readonly mechanism: ScramMechanism; readonly iterations: number }[]> {
    const users = new Map<string, { mechanism: ScramMechanism; iterations: number }[]>();
    for (const key of [...this.#credentials.keys()].sort()) {
      const [mechanism, user] = splitKey(key);
      users.set(user, [...(users.get(user) ?? []), { mechanism, iterations: this.#credentials.get(key)!.iterations }]);
    }
    return new Map([...users].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Makes the changes that can be made, all in one write; the others are told why not. Rejects with what the log says: then none was made. */
  alter(changes: readonly ScramChange[]): Promise<ScramOutcome[]> {
    const altered = this.#last.then(() => this.#alter(changes));
    this.#last = altered.catch(() => {});
    return altered;
  }

  async #alter(changes: readonly ScramChange[]): Promise<ScramOutcome[]> {
    const outcomes = new Map<string, ScramOutcome>();
    const taken = new Map<string, ScramChange>();
    for (const change of changes) {
      const { user } = change;
      const refusal = outcomes.has(user) ? twice : this.#refusal(change, taken.size);
      outcomes.set(user, { user, ...(refusal ?? none) });
      if (refusal === null) taken.set(user, change);
      else taken.delete(user);
    }
    const records = [...taken.values()].map((change): KeyedRecord => ({ key: keyOf(change.mechanism!, change.user), value: change.kind === 'set' ? textOf(change.credential) : null }));
    if (records.length > 0) await this.#metadata.write(records);
    for (const change of taken.values()) {
      if (change.kind === 'set') this.#credentials.set(keyOf(change.mechanism!, change.user), change.credential);
      else this.#credentials.delete(keyOf(change.mechanism!, change.user));
    }
    return [...outcomes.values()];
  }

  /** Why a change cannot be made, in the order and words of Kafka. */
  #refusal(change: ScramChange, added: number): { errorCode: number; message: string } | null {
    const { user, mechanism } = change;
    if (user === '') return { errorCode: errorCodes.UNACCEPTABLE_CREDENTIAL, message: 'Username must not be empty' };
    if (mechanism === undefined) return { errorCode: errorCodes.UNSUPPORTED_SASL_MECHANISM, message: 'Unknown SCRAM mechanism' };
    const isThere = this.find(mechanism, user) !== undefined;
    if (change.kind === 'remove') return isThere ? null : { errorCode: errorCodes.RESOURCE_NOT_FOUND, message: 'Attempt to delete a user credential that does not exist' };
    const { iterations, salt } = change.credential;
    if (iterations < scramIterations.min) return { errorCode: errorCodes.UNACCEPTABLE_CREDENTIAL, message: 'Too few iterations' };
    if (iterations > scramIterations.max) return { errorCode: errorCodes.UNACCEPTABLE_CREDENTIAL, message: 'Too many iterations' };
    if (user.length > limits.security.userNameLengthMax || salt.byteLength > limits.security.saltBytesMax) return { errorCode: errorCodes.UNACCEPTABLE_CREDENTIAL, message: 'The name or the salt is too long' };
    if (!isThere && this.#credentials.size + added >= limits.security.scramUsersMax) return { errorCode: errorCodes.UNACCEPTABLE_CREDENTIAL, message: `There are ${limits.security.scramUsersMax} credentials already` };
    return null;
  }
}

const twice = { errorCode: errorCodes.DUPLICATE_RESOURCE, message: 'A user credential cannot be altered twice in the same request' } as const;

function splitKey(key: string): [ScramMechanism, string] {
  const at = key.indexOf('/', keyPrefix.length);
  return [key.slice(keyPrefix.length, at) as ScramMechanism, key.slice(at + 1)];
}

const text64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytes64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

function textOf({ salt, iterations, storedKey, serverKey }: ScramCredential): string {
  return JSON.stringify({ version: 1, salt: text64(salt), iterations, storedKey: text64(storedKey), serverKey: text64(serverKey) });
}

function credentialOfText(text: string): ScramCredential {
  const { salt, iterations, storedKey, serverKey } = JSON.parse(text) as Record<'salt' | 'storedKey' | 'serverKey', string> & { iterations: number };
  return { salt: bytes64(salt), iterations, storedKey: bytes64(storedKey), serverKey: bytes64(serverKey) };
}

/** The secret of a node, made at its first start: salts of users that there are not are made from it. */
async function nodeSecret(metadata: KeyedLog, random: Random): Promise<Uint8Array> {
  const known = metadata.values.get(secretKey);
  if (known !== undefined) return bytes64((JSON.parse(known) as { secret: string }).secret);
  const secret = random.bytes(secretBytes);
  await metadata.write([{ key: secretKey, value: JSON.stringify({ version: 1, secret: text64(secret) }) }]);
  return secret;
}

const secretKey = 'security';
const secretBytes = 32;

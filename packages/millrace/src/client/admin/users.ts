// client/admin/users.ts - users of SCRAM: who there is, setting and removing their credentials.
// Owns: the exchanges, and turning a password into what a server keeps. A password never leaves this process.
import { MillraceError, type Deadline } from '../../base/mod.ts';
import { AlterUserScramCredentials, DescribeUserScramCredentials, errorCodes, saltedPassword, scramMechanismNumbers, scramMechanismOf, type ScramMechanism } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';

/** A user's credential, as a server tells it. */
export interface UserCredential { readonly mechanism: ScramMechanism; readonly iterations: number }
/** A user and the credentials that it has. */
export interface ScramUser { readonly user: string; readonly credentials: readonly UserCredential[] }
/** A credential to set: a new user, or a new password of one. */
export interface NewCredential {
  readonly user: string;
  readonly password: string;
  /** Default 'SCRAM-SHA-512'. */
  readonly mechanism?: ScramMechanism;
  /** Default 4096, the fewest; servers take at most 16384. */
  readonly iterations?: number;
}
/** A credential to remove. */
export interface OldCredential { readonly user: string; readonly mechanism: ScramMechanism }

const saltBytes = 16;
const iterationsDefault = 4096;

/** Users, all or those named. */
export async function describeUsers(cluster: Cluster, names: readonly string[] | null, deadline: Deadline): Promise<ScramUser[]> {
  const users = names === null ? null : names.map((name) => ({ name }));
  return await cluster.call({ kind: 'controller' }, DescribeUserScramCredentials, { users }, { what: 'list users', deadline, idempotent: true }, (answer) => {
    if (answer.errorCode !== errorCodes.NONE) throw kafkaError(answer.errorCode, 'list users', { retry: false }, answer.errorMessage);
    return answer.results.map(({ user, errorCode, errorMessage, credentialInfos }) => {
      if (errorCode === errorCodes.RESOURCE_NOT_FOUND) throw new MillraceError('not-found', `Cannot find user '${user}': there is none`, { user });
      if (errorCode !== errorCodes.NONE) throw kafkaError(errorCode, `describe user '${user}'`, { user, retry: false }, errorMessage);
      return { user, credentials: credentialInfos.map((info) => ({ mechanism: scramMechanismOf(info.mechanism) ?? 'SCRAM-SHA-256', iterations: info.iterations })) };
    });
  });
}

/** Sets and removes credentials. Throws the first failure. */
export async function alterUsers(cluster: Cluster, set: readonly NewCredential[], remove: readonly OldCredential[], deadline: Deadline): Promise<void> {
  const upsertions = set.map(({ user, password, mechanism = 'SCRAM-SHA-512', iterations = iterationsDefault }) => {
    if (user === '' || password === '') throw new MillraceError('invalid-argument', `Cannot set a user: a name and a password are needed`);
    const salt = cluster.ports.random.bytes(saltBytes);
    return { name: user, mechanism: scramMechanismNumbers[mechanism], iterations, salt, saltedPassword: saltedPassword(mechanism, password, salt, Math.min(Math.max(1, iterations), iterationsMax)) };
  });
  const deletions = remove.map(({ user, mechanism }) => ({ name: user, mechanism: scramMechanismNumbers[mechanism] }));
  await cluster.call({ kind: 'controller' }, AlterUserScramCredentials, { deletions, upsertions }, { what: 'alter users', deadline, idempotent: false }, (answer) => {
    for (const { user, errorCode, errorMessage } of answer.results) {
      if (errorCode !== errorCodes.NONE) throw kafkaError(errorCode, `alter user '${user}'`, { user, retry: false }, errorMessage);
    }
  });
}

/** What servers take; more is not calculated for nothing. */
const iterationsMax = 16_384;

// node/users.ts - the users of SCRAM of a node, for the program or the operator that owns it: no login is needed for that.
// Owns: turning passwords into what is kept. Never: keeping it (broker/), and never a password in an error.
import { MillraceError } from '../base/mod.ts';
import { openUsers, type ScramChange, type ScramUsers } from '../broker/mod.ts';
import { openLog } from '../log/mod.ts';
import { nodeMachine, type Random } from '../os/mod.ts';
import { credentialOf, errorName, saltedPassword, type ScramMechanism } from '../wire/mod.ts';

/** A user and how it may log in. */
export interface NodeUser { readonly user: string; readonly credentials: readonly { readonly mechanism: ScramMechanism; readonly iterations: number }[] }

/** Credentials to set and to remove; all of it is durable or nothing. */
export interface UsersChange {
  /** New users, or new passwords; by default for SCRAM-SHA-512 with 4096 iterations. */
  readonly set?: readonly { readonly user: string; readonly password: string; readonly mechanism?: ScramMechanism; readonly iterations?: number }[];
  readonly remove?: readonly { readonly user: string; readonly mechanism: ScramMechanism }[];
}

const saltBytes = 16;
const iterations = { min: 4096, max: 16_384 };

/** Makes the changes and tells all users. Rejects 'invalid-argument', 'not-found', or what the log says. */
export async function changeUsers(users: ScramUsers, random: Random, { set = [], remove = [] }: UsersChange): Promise<NodeUser[]> {
  const changes: ScramChange[] = [
    ...remove.map(({ user, mechanism }) => ({ kind: 'remove' as const, user, mechanism })),
    ...set.map((one) => ({ kind: 'set' as const, user: one.user, mechanism: one.mechanism ?? 'SCRAM-SHA-512' as const, credential: storedOf(one, random) })),
  ];
  const refused = (await users.alter(changes)).find(({ errorCode }) => errorCode !== 0);
  if (refused !== undefined) {
    const isMissing = errorName(refused.errorCode) === 'RESOURCE_NOT_FOUND';
    throw new MillraceError(isMissing ? 'not-found' : 'invalid-argument', `Cannot change user '${refused.user}': ${refused.message} (${errorName(refused.errorCode)})`, { user: refused.user });
  }
  return [...users.list()].map(([user, credentials]) => ({ user, credentials }));
}

function storedOf({ user, password, mechanism = 'SCRAM-SHA-512', iterations: count = iterations.min }: NonNullable<UsersChange['set']>[number], random: Random): ReturnType<typeof credentialOf> {
  if (password === '') throw new MillraceError('invalid-argument', `Cannot set user '${user}': its password is empty`, { user });
  if (!Number.isInteger(count) || count < iterations.min || count > iterations.max) throw new MillraceError('invalid-argument', `Cannot set user '${user}': iterations must be from ${iterations.min} to ${iterations.max}`, { user });
  const salt = random.bytes(saltBytes);
  return credentialOf(mechanism, saltedPassword(mechanism, password, salt, count), salt, count);
}

/** The same in a data folder that no node runs on; it is made when it is not there, so that a node's first start knows its users. */
export async function changeUsersIn(data: string, change: UsersChange): Promise<NodeUser[]> {
  const machine = nodeMachine(data);
  const log = await openLog({ disk: machine.disk, clock: machine.clock, random: machine.random });
  try {
    return await changeUsers(await openUsers(log, machine), machine.random, change);
  } finally {
    await log.close();
  }
}

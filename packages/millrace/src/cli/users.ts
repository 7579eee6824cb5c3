// cli/users.ts - `millrace users`: who may log in to a node by SCRAM.
// Owns: its flags, where the change is made: over the network, by the node that runs on a data folder, or in the folder itself. Never: what is kept.
// U1 A password comes from a file or from stdin, never from a flag, which others on the machine can read.
import type { Command } from 'commander';
import { isMillraceError } from '../base/mod.ts';
import type { NodeUser, UsersChange } from '../node/mod.ts';
import type { Admin } from '../client/mod.ts';
import { addSubcommand, newCommand } from './command.ts';
import { addClientFlags, type ClientFlags, firstLine, withAdmin } from './connection.ts';
import { askNode } from './control.ts';
import { settings } from './settings.ts';
import type { Shell } from './shell.ts';
import { table } from './table.ts';
import { parseChoice, parseWhole, usageError } from './values.ts';
import { resolve } from 'node:path';

const mechanisms = ['SCRAM-SHA-512', 'SCRAM-SHA-256'] as const;
type Mechanism = (typeof mechanisms)[number];

interface UserFlags extends ClientFlags { readonly data?: string; readonly for?: string }
interface AddFlags extends UserFlags { readonly newPasswordFile?: string; readonly iterations?: string }

/** Defines the command. */
export function usersCommand(shell: Shell): Command {
  const command = newCommand(shell, 'users', 'Lists, adds and removes users who log in with SCRAM, where a node asks for it (start --sasl).', [
    { says: 'the first user, before the node is started', line: 'millrace users add alice --data ./millrace-data < password.txt' },
    { says: 'another one, of a node that runs on this machine', line: 'millrace users add bob --data ./millrace-data --new-password-file bob.txt' },
  ]);
  addAdd(command, shell);
  addRemove(command, shell);
  addList(command, shell);
  return command;
}

function withPlace(command: Command): Command {
  return addClientFlags(command).option('--data <folder>', `folder of the node, instead of --server: no login is needed then, and the node need not run [${settings.data.env} is not read here]`);
}

function addAdd(parent: Command, shell: Shell): void {
  withPlace(addSubcommand(parent, shell, 'add <user>', 'Adds a user, or sets the password of one. The password is the first line of stdin or of a file.', [
    { says: 'from a password manager', line: 'pass show bus/alice | millrace users add alice --data /var/lib/millrace' },
  ]))
    .option('--for <mechanism>', 'scram-sha-512 or scram-sha-256', 'scram-sha-512')
    .option('--iterations <number>', 'how slow guessing is made: 4096 to 16384', '4096')
    .option('--new-password-file <file>', 'file whose first line is the password (default: stdin)')
    .action(async (user: string, flags: AddFlags) => {
      const mechanism = mechanismOf(flags.for!);
      const iterations = parseWhole('--iterations', flags.iterations!, 4096, 16_384);
      const password = await newPassword(shell, user, flags.newPasswordFile);
      await change(shell, flags, { set: [{ user, password, mechanism, iterations }] });
      if (flags.json === true) shell.out.line(JSON.stringify({ user, mechanism, iterations }));
      else shell.out.line(`User ${shell.out.style('bold', user)} can log in with ${mechanism}.`);
    });
}

function addRemove(parent: Command, shell: Shell): void {
  withPlace(addSubcommand(parent, shell, 'remove <user>', 'Removes a user: no new connection can log in as it. Those that are open stay until they end, or have to log in again.'))
    .option('--for <mechanism>', 'only this mechanism: scram-sha-512 or scram-sha-256 (default: all)')
    .action(async (user: string, flags: UserFlags) => {
      const wanted = flags.for === undefined ? null : mechanismOf(flags.for);
      const found = (await change(shell, flags, {})).find((one) => one.user === user);
      const remove = (found?.credentials ?? []).map(({ mechanism }) => ({ user, mechanism })).filter(({ mechanism }) => wanted === null || mechanism === wanted);
      if (remove.length === 0) throw usageError(`Cannot remove '${user}': there is no such user${wanted === null ? '' : ` with ${wanted}`}`);
      for (const one of remove) await change(shell, flags, { remove: [one] }); // a request changes a user once
      if (flags.json === true) shell.out.line(JSON.stringify({ user, removed: remove.map(({ mechanism }) => mechanism) }));
      else shell.out.line(`User ${shell.out.style('bold', user)} can no longer log in with ${remove.map(({ mechanism }) => mechanism).join(' and ')}.`);
    });
}

function addList(parent: Command, shell: Shell): void {
  withPlace(addSubcommand(parent, shell, 'list', 'Lists users and how they log in.'))
    .action(async (flags: UserFlags) => {
      const users = await change(shell, flags, {});
      if (flags.json === true) return shell.out.line(JSON.stringify(users));
      if (users.length === 0) return shell.err.line('No users yet. Add one with: millrace users add NAME');
      for (const line of table(['user', 'mechanism', { title: 'iterations', right: true }], users.flatMap(({ user, credentials }) => credentials.map((one) => [user, one.mechanism, one.iterations])))) shell.out.line(line);
    });
}

/** Makes a change where the flags say, and tells who there is. */
async function change(shell: Shell, flags: UserFlags, wanted: UsersChange): Promise<NodeUser[]> {
  if (flags.data === undefined) return withAdmin(shell, flags, (admin) => changeBy(admin, wanted));
  if (flags.server !== undefined || flags.bootstrapServer !== undefined) throw usageError('Cannot use both --data and --server: one names a folder, the other a node somewhere');
  const data = resolve(shell.folder, flags.data);
  const answered = await askNode(data, { do: 'users', change: wanted });
  if (answered !== undefined) return answered;
  const { changeUsersIn } = await import('../node/mod.ts');
  return changeUsersIn(data, wanted);
}

async function changeBy(admin: Admin, { set = [], remove = [] }: UsersChange): Promise<NodeUser[]> {
  for (const one of set) await admin.setUser(one);
  for (const one of remove) await admin.removeUser(one);
  try {
    return await admin.listUsers();
  } catch (error) {
    // Whoever may change users may not be allowed to list them.
    if (set.length + remove.length > 0 && isMillraceError(error, 'not-authorized')) return [];
    throw error;
  }
}

function mechanismOf(text: string): Mechanism {
  return parseChoice('--for', text.toUpperCase(), mechanisms);
}

async function newPassword(shell: Shell, user: string, file: string | undefined): Promise<string> {
  const password = file === undefined ? await lineOfStdin(shell, user) : await firstLine('--new-password-file', resolve(shell.folder, file));
  if (password === '') throw usageError(`Cannot add '${user}': the password is empty; it is the first line of stdin, or of --new-password-file`);
  return password;
}

async function lineOfStdin(shell: Shell, user: string): Promise<string> {
  if (shell.stdinIsTerminal) shell.err.line(`Password of ${user}, then Enter (it is shown as you type):`);
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of shell.stdin) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('\n') || text.length > 4096) break;
  }
  return text.split(/\r?\n/, 1)[0]!;
}

// cli/quotas.ts - `millrace quotas`: list, set and remove quotas of users, client ids and addresses.
// Owns: their flags and how quotas are shown. Never: the exchanges (client/admin).
import type { Command } from 'commander';
import type { EntityQuotas, QuotaEntity, QuotaFilter, QuotaKey } from '../client/mod.ts';
import { addSubcommand, newCommand } from './command.ts';
import { addFlagsWithoutUser, type ClientFlags, withAdmin, withoutUser } from './connection.ts';
import type { Shell } from './shell.ts';
import { table } from './table.ts';
import { parseChoice, parsePair, parsePositive, usageError } from './values.ts';

const keys = ['producer_byte_rate', 'consumer_byte_rate', 'request_percentage', 'controller_mutation_rate', 'connection_creation_rate'] as const satisfies readonly QuotaKey[];

/** Defines the command. */
export function quotasCommand(shell: Shell): Command {
  const command = newCommand(shell, 'quotas', `Lists, sets and removes quotas: ${keys.join(', ')}. Who is over one is told to pause, and not read until he has.`, [
    { says: 'alice writes 1 MB/s at most, over all her clients', line: 'millrace quotas set producer_byte_rate=1000000 --user alice' },
    { says: 'every client id that has no quota of its own', line: 'millrace quotas set consumer_byte_rate=5000000 --client-id-default' },
  ]);
  addList(command, shell);
  addSet(command, shell);
  addRemove(command, shell);
  return command;
}

interface EntityFlags extends Omit<ClientFlags, 'user'> {
  readonly user?: string; readonly userDefault?: boolean; readonly clientId?: string; readonly clientIdDefault?: boolean; readonly ip?: string; readonly ipDefault?: boolean;
}

function addEntityFlags(command: Command): Command {
  return command
    .option('--user <name>', 'of a user (without User:)')
    .option('--user-default', 'of users without a quota of their own')
    .option('--client-id <id>', "of a client id; with --user, of that user's")
    .option('--client-id-default', 'of client ids without a quota of their own')
    .option('--ip <address>', 'of an address')
    .option('--ip-default', 'of addresses without a quota of their own');
}

function addList(parent: Command, shell: Shell): void {
  addEntityFlags(addFlagsWithoutUser(addSubcommand(parent, shell, 'list', 'Lists quotas, all or those whose entity has the parts that the flags name.', [
    { says: 'what is set for alice, alone and with client ids?', line: 'millrace quotas list --user alice' },
  ]))).action((flags: EntityFlags) => {
    const filter: QuotaFilter = entityOf(flags);
    return withAdmin(shell, withoutUser(flags), async (admin) => show(shell, flags, await admin.describeQuotas(filter)));
  });
}

function addSet(parent: Command, shell: Shell): void {
  addEntityFlags(addFlagsWithoutUser(addSubcommand(parent, shell, 'set <key=value...>', 'Sets quotas of one entity; others that it has stay.', [
    { says: 'five new connections a second from one address', line: 'millrace quotas set connection_creation_rate=5 --ip 10.0.0.7' },
    { says: "a tenth of the node's thread for an application of bob's", line: 'millrace quotas set request_percentage=10 --user bob --client-id importer' },
  ]))).action((pairs: string[], flags: EntityFlags) => {
    const entity = required(flags);
    const set = Object.fromEntries(pairs.map((pair) => {
      const [key, value] = parsePair('a quota', pair);
      return [parseChoice('a quota', key, keys), parsePositive(key, value)];
    }));
    return withAdmin(shell, withoutUser(flags), async (admin) => {
      await admin.alterQuotas([{ entity, set }]);
      if (flags.json === true) shell.out.line(JSON.stringify({ entity, set }));
      else shell.out.line(`Set for ${entityText(entity)}: ${Object.entries(set).map(([key, value]) => `${key}=${value}`).join(', ')}.`);
    });
  });
}

function addRemove(parent: Command, shell: Shell): void {
  addEntityFlags(addFlagsWithoutUser(addSubcommand(parent, shell, 'remove [key...]', 'Removes quotas of one entity: those named, or all that it has.', [
    { says: 'alice writes as fast as she likes again', line: 'millrace quotas remove producer_byte_rate --user alice' },
  ]))).action((named: string[], flags: EntityFlags) => {
    const entity = required(flags);
    const wanted = named.map((key) => parseChoice('a quota', key, keys));
    return withAdmin(shell, withoutUser(flags), async (admin) => {
      const [present] = await admin.describeQuotas({ ...entity, exact: true });
      const unset = Object.keys(present?.quotas ?? {}).filter((key) => wanted.length === 0 || wanted.includes(key as QuotaKey)) as QuotaKey[];
      if (unset.length > 0) await admin.alterQuotas([{ entity, unset }]);
      if (flags.json === true) shell.out.line(JSON.stringify({ entity, removed: unset }));
      else if (unset.length === 0) shell.err.line(`There was no such quota for ${entityText(entity)}.`);
      else shell.out.line(`Removed for ${entityText(entity)}: ${unset.join(', ')}.`);
    });
  });
}

function entityOf(flags: EntityFlags): QuotaEntity {
  const part = (name: string, given: string | undefined, isDefault: boolean | undefined): string | null | undefined => {
    if (given !== undefined && isDefault === true) throw usageError(`Cannot use --${name} and --${name}-default together`);
    if (given === '') throw usageError(`Cannot use an empty --${name}`);
    return isDefault === true ? null : given;
  };
  const [user, clientId, ip] = [part('user', flags.user, flags.userDefault), part('client-id', flags.clientId, flags.clientIdDefault), part('ip', flags.ip, flags.ipDefault)];
  if (ip !== undefined && (user !== undefined || clientId !== undefined)) throw usageError('Cannot use --ip with --user or --client-id: quotas of addresses stand alone');
  return { ...(user === undefined ? {} : { user }), ...(clientId === undefined ? {} : { clientId }), ...(ip === undefined ? {} : { ip }) };
}

function required(flags: EntityFlags): QuotaEntity {
  const entity = entityOf(flags);
  if (Object.keys(entity).length === 0) throw usageError('Say whose quota: --user, --client-id, both, or --ip, or one of them with -default');
  return entity;
}

const partNames = { user: 'user', clientId: 'client id', ip: 'address' } as const;

function entityText(entity: QuotaEntity): string {
  return (Object.keys(partNames) as (keyof typeof partNames)[]).flatMap((part) => {
    const name = entity[part];
    return name === undefined ? [] : [name === null ? `any ${partNames[part]}` : `${partNames[part]} ${name}`];
  }).join(', ');
}

function show(shell: Shell, flags: Pick<ClientFlags, 'json'>, found: readonly EntityQuotas[]): void {
  if (flags.json === true) return shell.out.line(JSON.stringify(found));
  if (found.length === 0) return shell.err.line('No quotas.');
  const rows = found.flatMap(({ entity, quotas }) => Object.entries(quotas).map(([key, value]): [string, string, string] => [entityText(entity), key, String(value)])).sort((a, b) => (a[0] === b[0] ? (a[1] < b[1] ? -1 : 1) : a[0] < b[0] ? -1 : 1));
  for (const line of table(['whose', 'quota', { title: 'limit', right: true }], rows)) shell.out.line(line);
}

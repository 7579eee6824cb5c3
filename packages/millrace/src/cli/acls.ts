// cli/acls.ts - `millrace acls`: list, add and remove access rules.
// Owns: their flags and how rules are shown. Never: the exchanges (client/admin), nor what rules mean: the server decides.
import type { Command } from 'commander';
import type { AccessOperation, AccessResource, AccessRule, AccessRuleFilter, Admin } from '../client/mod.ts';
import { addSubcommand, newCommand } from './command.ts';
import { addFlagsWithoutUser, type ClientFlags, withAdmin, withoutUser } from './connection.ts';
import type { Shell } from './shell.ts';
import { table } from './table.ts';
import { collect, parseChoice, usageError } from './values.ts';

/** Defines the command. */
export function aclsCommand(shell: Shell): Command {
  const command = newCommand(shell, 'acls', 'Lists, adds and removes access rules of a node that was started with authorizer.class.name=acls.', [
    { says: 'alice may write to orders', line: 'millrace acls add --principal alice --operation write --topic orders' },
    { says: 'what speaks of orders, also by prefix or for all topics?', line: 'millrace acls list --topic orders --pattern match' },
  ]);
  addList(command, shell);
  addAdd(command, shell);
  addRemove(command, shell);
  return command;
}

const resourceFlags = { topic: 'topic', group: 'group', transactionalId: 'transactional_id', delegationToken: 'delegation_token', user: 'user' } as const satisfies Record<string, AccessResource>;
const operations = ['all', 'read', 'write', 'create', 'delete', 'alter', 'describe', 'cluster_action', 'describe_configs', 'alter_configs', 'idempotent_write', 'create_tokens', 'describe_tokens', 'two_phase_commit'] as const satisfies readonly AccessOperation[];
const patterns = ['literal', 'prefixed', 'match', 'any'] as const;

interface RuleFlags extends Omit<ClientFlags, 'user'> {
  readonly principal?: string[]; readonly operation?: string[]; readonly host?: string[]; readonly deny?: boolean; readonly allow?: boolean; readonly pattern?: string; readonly cluster?: boolean; readonly all?: boolean;
  readonly topic?: string[]; readonly group?: string[]; readonly transactionalId?: string[]; readonly delegationToken?: string[]; readonly user?: string[];
}

function addRuleFlags(command: Command): Command {
  return command
    .option('--principal <name>', "who: alice or User:alice; User:* is everybody; may be repeated", collect)
    .option('--operation <name>', `what: ${operations.join(', ')}; several are separated by commas`, collect)
    .option('--topic <name>', 'on a topic; * is every topic; may be repeated, as the others', collect)
    .option('--group <name>', 'on a consumer group', collect)
    .option('--transactional-id <id>', 'on a transactional id', collect)
    .option('--cluster', 'on the cluster')
    .option('--delegation-token <id>', 'on a delegation token', collect)
    .option('--user <principal>', 'on a user, for tokens of his', collect)
    .option('--host <address>', 'from an address, or from a range such as 10.0.0.0/8; may be repeated (default: from everywhere)', collect);
}

function addList(parent: Command, shell: Shell): void {
  addRuleFlags(addFlagsWithoutUser(addSubcommand(parent, shell, 'list', 'Lists access rules, all or those that the flags name.', [
    { says: 'what may alice do?', line: 'millrace acls list --principal alice' },
  ])))
    .option('--pattern <kind>', 'literal, prefixed, any, or match: every rule that speaks of a resource of that name (default: any)')
    .option('--deny', 'only rules that deny')
    .option('--allow', 'only rules that allow')
    .action((flags: RuleFlags) => {
      const filters = filtersOf(flags);
      return withAdmin(shell, withoutUser(flags), async (admin) => show(shell, flags, sorted(await found(admin, filters)), 'No access rules.'));
    });
}

function addAdd(parent: Command, shell: Shell): void {
  addRuleFlags(addFlagsWithoutUser(addSubcommand(parent, shell, 'add', 'Adds access rules: one for each principal, operation, resource and host that is named.', [
    { says: 'alice may read every topic of the shop, in any group of the shop', line: 'millrace acls add --principal alice --operation read --topic shop- --group shop- --prefixed' },
    { says: 'nobody may delete orders, whatever else is allowed', line: "millrace acls add --deny --principal 'User:*' --operation delete --topic orders" },
  ])))
    .option('--prefixed', 'the names are prefixes')
    .option('--deny', 'deny it: outweighs every rule that allows')
    .action((flags: RuleFlags & { readonly prefixed?: boolean }) => {
      const rules = rulesOf(flags, flags.prefixed === true ? 'prefixed' : 'literal');
      return withAdmin(shell, withoutUser(flags), async (admin) => {
        await admin.createAcls(rules);
        if (flags.json === true) return shell.out.line(JSON.stringify({ added: rules }));
        shell.out.line(rules.length === 1 ? 'Added 1 rule.' : `Added ${rules.length} rules.`);
      });
    });
}

function addRemove(parent: Command, shell: Shell): void {
  addRuleFlags(addFlagsWithoutUser(addSubcommand(parent, shell, 'remove', 'Removes the access rules that the flags name, and shows them.', [
    { says: 'all rules of alice', line: 'millrace acls remove --principal alice' },
    { says: 'one rule', line: 'millrace acls remove --principal alice --operation write --topic orders --pattern literal' },
  ])))
    .option('--pattern <kind>', 'literal, prefixed, any or match (default: any)')
    .option('--deny', 'only rules that deny')
    .option('--allow', 'only rules that allow')
    .option('--all', 'every rule: needed when nothing else is named')
    .action((flags: RuleFlags) => {
      const filters = filtersOf(flags);
      if (flags.all !== true && filters.length === 1 && Object.values(filters[0]!).every((value) => value === undefined)) throw usageError('Cannot remove: name what to remove, or give --all');
      return withAdmin(shell, withoutUser(flags), async (admin) => show(shell, flags, sorted(await admin.deleteAcls(filters)), 'There was no such rule.', 'removed'));
    });
}

/** 'alice' is 'User:alice'. */
const principalOf = (name: string): string => (name.includes(':') ? name : `User:${name}`);

function operationsOf(flags: RuleFlags): AccessOperation[] {
  return (flags.operation ?? []).flatMap((text) => text.split(',')).map((word) => parseChoice('--operation', word.trim().toLowerCase().replaceAll('-', '_'), operations));
}

interface Resource { readonly resource: AccessResource; readonly name?: string }

function resourcesOf(flags: RuleFlags): Resource[] {
  const named = (Object.keys(resourceFlags) as (keyof typeof resourceFlags)[]).flatMap((flag) => (flags[flag] ?? []).map((name): Resource => ({ resource: resourceFlags[flag], name })));
  return flags.cluster === true ? [...named, { resource: 'cluster' }] : named;
}

function rulesOf(flags: RuleFlags, pattern: 'literal' | 'prefixed'): AccessRule[] {
  const principals = (flags.principal ?? []).map(principalOf);
  const resources = resourcesOf(flags);
  const wanted = operationsOf(flags);
  if (principals.length === 0) throw usageError('Cannot add: say for whom, with --principal');
  if (wanted.length === 0) throw usageError('Cannot add: say what, with --operation');
  if (resources.length === 0) throw usageError('Cannot add: say on what, with --topic, --group, --transactional-id, --cluster, --delegation-token or --user');
  const permission = flags.deny === true ? 'deny' : 'allow';
  return principals.flatMap((principal) => resources.flatMap(({ resource, name }) => wanted.flatMap((operation) => (flags.host ?? ['*']).map((host): AccessRule => ({
    permission, principal, operation, resource, ...(name === undefined ? {} : { name }), pattern: resource === 'cluster' ? 'literal' : pattern, host,
  })))));
}

function filtersOf(flags: RuleFlags): AccessRuleFilter[] {
  if (flags.allow === true && flags.deny === true) throw usageError('Cannot use --allow and --deny together: leave both out for all rules');
  const pattern = flags.pattern === undefined ? undefined : parseChoice('--pattern', flags.pattern, patterns);
  const permission = flags.deny === true ? 'deny' as const : flags.allow === true ? 'allow' as const : undefined;
  const one = <T>(list: readonly T[]): (T | undefined)[] => (list.length === 0 ? [undefined] : [...list]);
  return one((flags.principal ?? []).map(principalOf)).flatMap((principal) => one<Resource>(resourcesOf(flags)).flatMap((resource) => one(operationsOf(flags)).flatMap((operation) => one(flags.host ?? []).map((host) => ({
    ...(principal === undefined ? {} : { principal }), ...(resource ?? {}), ...(operation === undefined ? {} : { operation }), ...(host === undefined ? {} : { host }),
    ...(pattern === undefined ? {} : { pattern }), ...(permission === undefined ? {} : { permission }),
  })))));
}

async function found(admin: Admin, filters: readonly AccessRuleFilter[]): Promise<Required<AccessRule>[]> {
  return (await Promise.all(filters.map((filter) => admin.describeAcls(filter)))).flat();
}

/** Each rule once, by resource and principal. */
function sorted(rules: readonly Required<AccessRule>[]): Required<AccessRule>[] {
  const keyOf = (rule: Required<AccessRule>) => JSON.stringify([rule.resource, rule.name, rule.pattern, rule.principal, rule.operation, rule.permission, rule.host]);
  return [...new Map(rules.map((rule) => [keyOf(rule), rule]))].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule);
}

function show(shell: Shell, flags: Pick<ClientFlags, 'json'>, rules: readonly Required<AccessRule>[], none: string, key?: string): void {
  if (flags.json === true) return shell.out.line(JSON.stringify(key === undefined ? rules : { [key]: rules }));
  if (rules.length === 0) return shell.err.line(none);
  const rows = rules.map(({ resource, name, pattern, permission, principal, operation, host }) => [resource, name, pattern, permission, principal, operation, host]);
  for (const line of table(['resource', 'name', 'pattern', 'rule', 'principal', 'operation', 'from'], rows)) shell.out.line(line);
  if (key !== undefined) shell.err.line(`${rules.length === 1 ? '1 rule was' : `${rules.length} rules were`} ${key}.`);
}

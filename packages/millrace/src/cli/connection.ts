// cli/connection.ts - how a command reaches the node that it talks to.
// Owns: the client's options from the common flags, and closing it. Never: what is asked.
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { type Admin, type Client, type ClientOptions, connect } from '../client/mod.ts';
import { addSettings } from './command.ts';
import { type Resolved, resolveSettings } from './settings.ts';
import type { Shell } from './shell.ts';
import { usageError } from './values.ts';

/** What commander parses for the common flags of commands that talk to a node. */
export interface ClientFlags {
  readonly server?: string; readonly bootstrapServer?: string; readonly timeoutMs?: string; readonly settings?: string; readonly json?: boolean;
  readonly tls?: boolean; readonly ca?: string; readonly clientCert?: string; readonly clientKey?: string;
  readonly user?: string; readonly passwordFile?: string; readonly mechanism?: string; readonly tokenFile?: string;
}

const names = ['server', 'timeoutMs', 'tls', 'ca', 'clientCert', 'clientKey', 'user', 'passwordFile', 'mechanism', 'tokenFile'] as const;
const passwordVariable = 'MILLRACE_PASSWORD';

/** Adds `--server`, those about TLS and logging in, `--timeout-ms`, `--settings` and `--json`; and `--bootstrap-server`, which hands used to Kafka's tools type for the first. */
export function addClientFlags(command: Command): Command {
  command.option('--json', 'print JSON for programs').addOption(new Option('--bootstrap-server <address>').hideHelp());
  return addSettings(command, 'Connection:', ...names);
}

/** The same for commands whose own `--user` is somebody else: who logs in stands in MILLRACE_USER or in the settings file. */
export function addFlagsWithoutUser(command: Command): Command {
  command.option('--json', 'print JSON for programs').addOption(new Option('--bootstrap-server <address>').hideHelp());
  return addSettings(command, 'Connection (who logs in: MILLRACE_USER):', ...names.filter((name) => name !== 'user'));
}

/** Their flags, without the one that is not about the connection. */
export const withoutUser = <F extends Omit<ClientFlags, 'user'> & { readonly user?: unknown }>(flags: F): ClientFlags => ({ ...flags, user: undefined }) as ClientFlags;

/** Connects, acts, closes. Rejects 'disconnected' or 'timeout' when nobody answers. */
export async function withClient<T>(shell: Shell, flags: ClientFlags, act: (client: Client) => Promise<T>, options: ClientOptions = {}): Promise<T> {
  const { values } = await resolveSettings(shell, { ...flags, server: flags.server ?? flags.bootstrapServer }, names);
  await using client = await connect(values.server, {
    ...tlsOf(values), ...await saslOf(shell, values),
    clientId: 'millrace-cli', callTimeoutMs: values.timeoutMs, connectTimeoutMs: Math.min(values.timeoutMs, 5000), waitForServer: false, autoCreateTopics: false, ...options,
  });
  return await act(client);
}

/** The same for commands that only administer. */
export async function withAdmin<T>(shell: Shell, flags: ClientFlags, act: (admin: Admin) => Promise<T>): Promise<T> {
  return withClient(shell, flags, (client) => act(client.admin()));
}

type Values = Resolved<(typeof names)[number]>['values'];

function tlsOf({ tls, ca, clientCert: cert, clientKey: key }: Values): Pick<ClientOptions, 'tls'> {
  if (key !== undefined && cert === undefined) throw usageError('Cannot use --client-key alone: its certificate is missing (--client-cert)');
  if (ca === undefined && cert === undefined) return { tls };
  return { tls: { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) } };
}

async function saslOf(shell: Shell, { user, passwordFile, mechanism, tokenFile }: Values): Promise<Pick<ClientOptions, 'sasl'>> {
  if (tokenFile !== undefined) {
    if (user !== undefined) throw usageError('Cannot log in as --user and with --token-file at once');
    return { sasl: { mechanism: 'OAUTHBEARER', token: () => firstLine('--token-file', tokenFile) } };
  }
  if (user === undefined) {
    if (passwordFile !== undefined || mechanism !== undefined) throw usageError('Cannot log in without a name: add --user NAME');
    return {};
  }
  const password = passwordFile === undefined ? shell.env[passwordVariable] : await firstLine('--password-file', passwordFile);
  if (password === undefined || password === '') throw usageError(`Cannot log in as '${user}' without a password: name its file with --password-file, or set ${passwordVariable}`);
  return { sasl: { username: user, password, ...(mechanism === undefined ? {} : { mechanism }) } };
}

/** A secret in a file, without the end of its line. */
export async function firstLine(flag: string, path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).split(/\r?\n/, 1)[0]!;
  } catch (error) {
    throw usageError(`Cannot read ${flag} '${path}': ${(error as NodeJS.ErrnoException).code}`);
  }
}

// cli/connection.ts - how a command reaches the node that it talks to.
// Owns: the client's options from the common flags, and closing it. Never: what is asked.
import { type Command, Option } from 'commander';
import { type Admin, type Client, type ClientOptions, connect } from '../client/mod.ts';
import { addSettings } from './command.ts';
import { resolveSettings } from './settings.ts';
import type { Shell } from './shell.ts';

/** What commander parses for the common flags of commands that talk to a node. */
export interface ClientFlags { readonly server?: string; readonly bootstrapServer?: string; readonly timeoutMs?: string; readonly settings?: string; readonly json?: boolean }

/** Adds `--server`, `--timeout-ms`, `--settings` and `--json`; and `--bootstrap-server`, which hands used to Kafka's tools type for the first. */
export function addClientFlags(command: Command): Command {
  command.option('--json', 'print JSON for programs').addOption(new Option('--bootstrap-server <address>').hideHelp());
  return addSettings(command, 'Connection:', 'server', 'timeoutMs');
}

/** Connects, acts, closes. Rejects 'disconnected' or 'timeout' when nobody answers. */
export async function withClient<T>(shell: Shell, flags: ClientFlags, act: (client: Client) => Promise<T>, options: ClientOptions = {}): Promise<T> {
  const { values } = await resolveSettings(shell, { ...flags, server: flags.server ?? flags.bootstrapServer }, ['server', 'timeoutMs']);
  await using client = await connect(values.server, {
    clientId: 'millrace-cli', callTimeoutMs: values.timeoutMs, connectTimeoutMs: Math.min(values.timeoutMs, 5000), waitForServer: false, autoCreateTopics: false, ...options,
  });
  return await act(client);
}

/** The same for commands that only administer. */
export async function withAdmin<T>(shell: Shell, flags: ClientFlags, act: (admin: Admin) => Promise<T>): Promise<T> {
  return withClient(shell, flags, (client) => act(client.admin()));
}

// test/peers/millrace.ts - Millrace as a user runs it: a process of the command line `start`.
// Owns: its flags. Never: the life of the process (broker.ts), and never a node inside the test's own process.

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, type Broker } from './broker.ts';
import { rootFolder } from './places.ts';

const main = join(rootFolder, 'packages/millrace/src/cli/main.ts');

/** What may be chosen; everything has a default. */
export type MillraceOptions = {
  /** More flags for `start`. */
  flags?: readonly string[];
  /** More environment for the process. */
  env?: NodeJS.ProcessEnv;
  /** Flags for Node itself, such as `--cpu-prof`. */
  nodeFlags?: readonly string[];
  /** As by a user of a checkout: the script `millrace`, which sets Node's flags itself. Default: the program below it, from its sources. */
  script?: boolean;
  /** Says by itself where it listens, in `flags`; `port` must be among it. */
  ownListeners?: boolean;
  /** A folder to use and to keep. Default: a temporary one, deleted in the end. */
  dataFolder?: string;
  /** The port for clients. Default: a free one. */
  port?: number;
};

/** What the first line of main.ts gives to Node; a test of the script `millrace` sees that it gives the same. */
export function mainFlags(): string[] {
  const [line = ''] = readFileSync(main, 'utf8').split('\n', 1);
  const flags = /^#!\/usr\/bin\/env -S node (.+)$/.exec(line)?.[1];
  if (flags === undefined) throw new Error(`Cannot read the flags of '${main}': its first line is '${line}'`);
  return flags.split(' ');
}

/**
 * Starts a Millrace node and waits until it serves.
 * @example await using node = await startMillrace();
 */
export async function startMillrace(options: MillraceOptions = {}): Promise<Broker> {
  return launch({
    kind: 'millrace', portsCount: 1, readyMs: 30_000, dataFolder: options.dataFolder, port: options.port,
    prepare(folder) { mkdirSync(join(folder, 'data'), { recursive: true }); },
    command(folder, ports) {
      const args = ['start', '--data', join(folder, 'data'), ...(options.ownListeners === true ? [] : ['--port', String(ports[0])]), ...(options.flags ?? [])];
      const env = { ...process.env, ...options.env };
      if (options.script === true) return { path: join(rootFolder, 'millrace'), args, env };
      return { path: process.execPath, args: [...mainFlags(), ...(options.nodeFlags ?? []), entry(), ...args], env };
    },
  });
}

/** The program: the checkout's, or the module named by MILLRACE_ENTRY, such as that of an installed package. */
const entry = (): string => process.env['MILLRACE_ENTRY'] ?? main;

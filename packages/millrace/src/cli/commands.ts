// cli/commands.ts - the table of commands: name, one line, and how to load it. Nothing is loaded but what is called.
import type { Command } from 'commander';
import { nearest } from './nearest.ts';
import type { Shell } from './shell.ts';

/** One entry of the table. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Heading under which `--help` shows it. */
  readonly group: 'Start here' | 'Run a node' | 'Work with topics' | 'Prove and measure (in a checkout of the repository)';
  readonly load: () => Promise<(shell: Shell) => Command>;
}

/** Every command, in the order of `--help`. */
export const commands: readonly CommandEntry[] = [
  { name: 'demo', summary: 'three million real events through a node, watched live', group: 'Start here', load: async () => (await import('./demo.ts')).demoCommand },
  { name: 'start', summary: 'run a node in the foreground', group: 'Run a node', load: async () => (await import('./start.ts')).startCommand },
  { name: 'top', summary: 'watch live what goes through a node', group: 'Run a node', load: async () => (await import('./top.ts')).topCommand },
  { name: 'check', summary: 'walk every file of a data folder and say what is there', group: 'Run a node', load: async () => (await import('./check.ts')).checkCommand },
  { name: 'backup', summary: 'copy a data folder, also of a running node, also only what is new', group: 'Run a node', load: async () => (await import('./backup.ts')).backupCommand },
  { name: 'restore', summary: 'make a data folder from a backup', group: 'Run a node', load: async () => (await import('./restore.ts')).restoreCommand },
  { name: 'users', summary: 'list, add and remove the users of a node', group: 'Run a node', load: async () => (await import('./users.ts')).usersCommand },
  { name: 'faults', summary: 'make a running node fail on purpose, for tests of its clients', group: 'Run a node', load: async () => (await import('./faults.ts')).faultsCommand },
  { name: 'topics', summary: 'list, create, describe, alter and delete topics', group: 'Work with topics', load: async () => (await import('./topics.ts')).topicsCommand },
  { name: 'produce', summary: 'write lines or JSON from stdin to a topic', group: 'Work with topics', load: async () => (await import('./produce.ts')).produceCommand },
  { name: 'consume', summary: 'read a topic', group: 'Work with topics', load: async () => (await import('./consume.ts')).consumeCommand },
  { name: 'groups', summary: 'list consumer groups, show their lag, move their offsets', group: 'Work with topics', load: async () => (await import('./groups.ts')).groupsCommand },
  { name: 'move', summary: 'move topics, records, settings and group positions from one cluster to another', group: 'Work with topics', load: async () => (await import('./move.ts')).moveCommand },
  { name: 'acls', summary: 'list, add and remove access rules', group: 'Run a node', load: async () => (await import('./acls.ts')).aclsCommand },
  { name: 'quotas', summary: 'list, set and remove quotas', group: 'Run a node', load: async () => (await import('./quotas.ts')).quotasCommand },
  { name: 'test', summary: 'run every check of the repository', group: 'Prove and measure (in a checkout of the repository)', load: async () => (await import('./test.ts')).testCommand },
  { name: 'sim', summary: 'simulate whole nodes with faults, from seeds', group: 'Prove and measure (in a checkout of the repository)', load: async () => (await import('./sim.ts')).simCommand },
  { name: 'bench', summary: 'measure, side by side with Apache Kafka', group: 'Prove and measure (in a checkout of the repository)', load: async () => (await import('./bench.ts')).benchCommand },
];

/** The command whose name is nearest to a mistyped one, when it is near. */
export function nearestCommand(typed: string): string | undefined {
  return nearest(typed, commands.map((command) => command.name));
}

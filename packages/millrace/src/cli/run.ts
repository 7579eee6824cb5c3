// cli/run.ts - one call of the command line: finds the command, runs it, says what went wrong.
// Owns: `--help` and `--version` of the whole, the form of errors, exit codes. Never: a command's own flags.
import { isMillraceError, type MillraceError } from '../base/mod.ts';
import { type CommandEntry, commands, nearestCommand } from './commands.ts';
import { Exit, exitCodeOf, exitCodes } from './exit-codes.ts';
import type { Shell } from './shell.ts';
import { usageError } from './values.ts';
import { version } from './version.ts';

/** Runs one command with its arguments (without program and script) to its end; resolves to the exit code, never rejects. */
export async function run(args: readonly string[], shell: Shell): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) return help(shell);
    if (name === '--version' || name === '-V') return print(shell, version);
    if (name === 'help') return await runCommand(rest[0]!, ['--help'], shell);
    return await runCommand(name, rest, shell);
  } catch (error) {
    return fail(error, shell, args);
  }
}

async function runCommand(name: string, args: readonly string[], shell: Shell): Promise<number> {
  const entry = commands.find((command) => command.name === name);
  if (entry === undefined) throw unknownCommand(name);
  const define = await entry.load();
  await define(shell).parseAsync(args, { from: 'user' });
  return exitCodes.done.code;
}

function unknownCommand(name: string): MillraceError {
  const near = nearestCommand(name);
  return usageError(`Cannot run '${name}': no such command${near === undefined ? '' : `; did you mean '${near}'?`} All commands: millrace --help`);
}

function print(shell: Shell, text: string): number {
  shell.out.line(text);
  return exitCodes.done.code;
}

function help(shell: Shell): number {
  const { out } = shell;
  out.line(`${out.style('bold', 'millrace')}: one durable, partitioned log that speaks Kafka's protocol (version ${version})`);
  out.line();
  out.line('Usage: millrace <command> [flags]');
  const groups = new Map<string, CommandEntry[]>();
  for (const command of commands) groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  for (const [group, entries] of groups) {
    out.line();
    out.line(out.style('bold', group));
    for (const entry of entries) out.line(`  ${out.style('cyan', entry.name.padEnd(9))} ${entry.summary}`);
  }
  out.line();
  out.line('Flags and examples of a command: millrace <command> --help');
  return exitCodes.done.code;
}

/** Says what went wrong, as JSON when the command was asked for JSON; returns the exit code. */
function fail(error: unknown, shell: Shell, args: readonly string[]): number {
  if (error instanceof Exit) return error.code;
  if (isHelpOrUsage(error)) return error.exitCode === 0 ? exitCodes.done.code : exitCodes.usage.code;
  const code = exitCodeOf(error);
  if (args.includes('--json')) shell.err.line(JSON.stringify({ error: errorJson(error) }));
  else for (const line of errorLines(error, shell)) shell.err.line(line);
  return code;
}

/** Commander has already printed its help or its complaint when it throws this. */
function isHelpOrUsage(error: unknown): error is { exitCode: number } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('commander.');
}

function errorJson(error: unknown): Record<string, unknown> {
  if (isMillraceError(error)) return { code: error.code, message: error.message, retry: error.retry, ...error.data };
  return { code: 'bug', message: error instanceof Error ? error.message : String(error) };
}

function errorLines(error: unknown, shell: Shell): string[] {
  const label = shell.err.style('red', 'error:');
  if (!isMillraceError(error)) {
    return [`${label} a bug in Millrace stopped the command; please report it with these lines`, error instanceof Error ? error.stack ?? error.message : String(error)];
  }
  const hint = hintFor(error);
  return [`${label} ${error.message}`, ...(hint === undefined ? [] : [shell.err.style('dim', `       ${hint}`)])];
}

/** What to do next, where the message alone does not say it. */
function hintFor(error: MillraceError): string | undefined {
  switch (error.code) {
    case 'disconnected': return 'Is a node running there? Start one with: millrace start    Name another with: --server HOST:PORT';
    case 'topic-not-found': return 'Topics there are: millrace topics list    Make one with: millrace topics create NAME';
    case 'authentication-failed': return 'Log in with: --user NAME --password-file FILE (or --token-file, --client-cert)    Users of a node: millrace users list --data DIR';
    case 'group-not-found': return 'Groups there are: millrace groups list';
    case 'data-folder-locked': return 'Stop the other node, or name another folder with: --data DIR';
    default: return undefined;
  }
}

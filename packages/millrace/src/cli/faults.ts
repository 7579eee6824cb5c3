// cli/faults.ts - `millrace faults`: what goes wrong on purpose in the node that runs on a data folder, for tests of its clients.
// Owns: its flags, reading a plan, how counts are shown. Never: the faults (broker/world), which check the plan.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { NodeFaults } from '../node/mod.ts';
import { addSettings, addSubcommand, newCommand } from './command.ts';
import { askNode, type FaultCommand } from './control.ts';
import { resolveSettings } from './settings.ts';
import type { Shell } from './shell.ts';
import { table } from './table.ts';
import { parseWhole, usageError } from './values.ts';

type FaultPlan = Parameters<NodeFaults['set']>[0];
type FaultReport = Awaited<ReturnType<NodeFaults['report']>>;
interface FaultFlags { readonly data?: string; readonly json?: boolean; readonly to?: string; readonly settings?: string }

/** Defines the command. */
export function faultsCommand(shell: Shell): Command {
  const command = newCommand(shell, 'faults', 'Makes the node that runs on a data folder fail on purpose: errors, slow and lost answers, cut connections, leaders and coordinators that move. For tests of its clients; the guide page on testing lists the rules.', [
    { says: 'what goes wrong is in a file', line: 'millrace faults set faults.json' },
    { says: 'every tenth produce is done, and its answer lost', line: `echo '{"rules":[{"kind":"lose-reply","apis":["Produce"],"probability":0.1}]}' | millrace faults set -` },
    { says: 'how often did it happen?', line: 'millrace faults show' },
  ]);
  addFlags(addSubcommand(command, shell, 'show', 'Shows the rules and how often each was met.')).action((flags: FaultFlags) => tell(shell, flags, { kind: 'report' }));
  addFlags(addSubcommand(command, shell, 'set <file>', 'Replaces all rules by those of a JSON file, or of stdin for -.'))
    .action(async (file: string, flags: FaultFlags) => tell(shell, flags, { kind: 'set', plan: await readPlan(shell, file) }));
  addFlags(addSubcommand(command, shell, 'clear', 'Ends all faults.')).action((flags: FaultFlags) => tell(shell, flags, { kind: 'clear' }));
  addFlags(addSubcommand(command, shell, 'move-leader <topic> <partition>', 'Gives a partition another leader, with a higher epoch.'))
    .option('--to <broker>', 'id of the new leader (default: the next one)')
    .action((topic: string, partition: string, flags: FaultFlags) => tell(shell, flags, { kind: 'move-leader', topic, partition: parseWhole('the partition', partition, 0), ...target(flags) }));
  addFlags(addSubcommand(command, shell, 'move-coordinator <kind> <name>', 'Gives a group, or a transactional id, another coordinator.'))
    .option('--to <broker>', 'id of the new coordinator (default: the next one)')
    .action((of: string, name: string, flags: FaultFlags) => {
      if (of !== 'group' && of !== 'transaction') throw usageError(`Cannot move '${of}': it must be group or transaction`);
      return tell(shell, flags, { kind: 'move-coordinator', of, name, ...target(flags) });
    });
  return command;
}

/** Reads a plan. Rejects with `usage` for a file that cannot be read or is no JSON; the node judges the rest. */
export async function readPlan(shell: Shell, file: string): Promise<FaultPlan> {
  const text = await (file === '-' ? wholeStdin(shell) : readFile(resolve(shell.folder, file), 'utf8')).catch((error: unknown) => { throw usageError(`Cannot read '${file}': ${(error as Error).message}`); });
  try {
    return JSON.parse(text) as FaultPlan;
  } catch (error) {
    throw usageError(`Cannot read '${file}': not JSON: ${(error as Error).message}`);
  }
}

async function wholeStdin(shell: Shell): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of shell.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const addFlags = (command: Command): Command => addSettings(command.option('--json', 'print JSON for programs'), 'Settings:', 'data');
const target = ({ to }: FaultFlags): { to?: number } => (to === undefined ? {} : { to: parseWhole('--to', to, 0) });

async function tell(shell: Shell, flags: FaultFlags, command: FaultCommand): Promise<void> {
  const { values: { data } } = await resolveSettings(shell, { ...flags }, ['data']);
  const report = await askNode(data, { do: 'faults', command });
  if (report === undefined) throw usageError(`Cannot reach a node: none runs on '${data}'`);
  if (flags.json === true) return shell.out.line(JSON.stringify(report));
  show(shell, report);
}

function show(shell: Shell, { seed, injected, rules }: FaultReport): void {
  if (rules.length === 0) return shell.out.line('No faults.');
  shell.out.line(`Seed ${seed}, ${injected} fault${injected === 1 ? '' : 's'} so far.`);
  const rows = rules.map(({ rule, matched, injected: times }) => {
    const { kind, apis, topics, groups, clientIds, ...how } = rule;
    return [kind, apis?.join(' ') ?? 'all', [...topics ?? [], ...groups ?? [], ...clientIds ?? []].join(' ') || 'all', Object.entries(how).map(([name, value]) => `${name}=${value}`).join(' '), matched, times];
  });
  for (const line of table(['fault', 'requests', 'about', 'how', { title: 'matched', right: true }, { title: 'injected', right: true }], rows)) shell.out.line(line);
}

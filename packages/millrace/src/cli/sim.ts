// cli/sim.ts - `millrace sim`: simulations from seeds (tools/sim.ts).
import type { Command } from 'commander';
import { newCommand } from './command.ts';
import { inRepository, runRepositoryProgram } from './repository.ts';
import type { Shell } from './shell.ts';
import { collect, parseChoice, parseWhole } from './values.ts';

interface SimFlags { readonly level?: string[]; readonly seeds?: string; readonly from?: string; readonly seed?: string; readonly verbose?: boolean }

/** Defines the command. */
export function simCommand(shell: Shell): Command {
  return newCommand(shell, 'sim', 'Runs the log and whole nodes with clients on fake disks, clocks and networks with faults, each run from one seed, and checks that every promise held: nothing acknowledged is lost or doubled, order stays, offsets only rise. A failure prints its seed, which replays it.', [
    { says: 'fifty seeds of each level', line: './millrace sim' },
    { says: 'five hundred of the log', line: './millrace sim --level log --seeds 500' },
    { says: 'one seed again, with every event', line: './millrace sim --level node --seed 4711 --verbose' },
  ])
    .option('--level <level>', 'log; node: whole nodes with clients; or transactions: nodes with transactional clients, judged by their whole history; may be repeated (default: all)', collect)
    .option('--seeds <number>', 'how many seeds (default: 50)')
    .option('--from <number>', 'the first seed (default: 1)')
    .option('--seed <number>', 'only this seed')
    .option('--verbose', 'with --seed: print every event')
    .action((flags: SimFlags) => {
      for (const level of flags.level ?? []) parseChoice('--level', level, ['log', 'node']);
      for (const [name, text] of [['--seeds', flags.seeds], ['--from', flags.from], ['--seed', flags.seed]] as const) if (text !== undefined) parseWhole(name, text, 0, 2 ** 31);
      const given = Object.entries(flags).flatMap(([name, value]) => (value === true ? [`--${name}`] : [value].flat().flatMap((one) => [`--${name}`, String(one)])));
      return runRepositoryProgram(shell, inRepository('simulations', 'tools/sim.ts'), given);
    });
}

// cli/sim.ts - `millrace sim`: seeded simulations of the log and of whole nodes (tools/sim.ts).
import type { Command } from 'commander';
import { newCommand } from './command.ts';
import { inRepository, runRepositoryProgram } from './repository.ts';
import type { Shell } from './shell.ts';

/** Defines the command. */
export function simCommand(shell: Shell): Command {
  return newCommand(shell, 'sim', 'Runs whole nodes and clients on simulated disks, clocks and networks that fail, from seeds, and checks that no promise is broken. A failure prints its seed; the same seed ends the same way again.', [
    { says: 'fifty seeds, as a push does', line: './millrace sim' },
    { says: 'the full run; also fails when a listed fault was never met', line: './millrace sim --seeds 500' },
    { says: 'one seed again, with everything that happened', line: './millrace sim --seed 17 --verbose' },
    { says: 'the log alone: faster, and nearer to the disk', line: './millrace sim --level log --seeds 500' },
  ])
    .option('--seeds <count>', 'how many seeds (default: 50)')
    .option('--from <seed>', 'the first of them (default: 1)')
    .option('--seed <seed>', 'only this one')
    .option('--level <level>', 'node or log (default: node)')
    .option('--processes <count>', 'processes side by side (default: 2)')
    .option('--verbose', 'with --seed: print all that happens')
    .action((flags: Record<string, string | boolean>) => {
      const args = Object.entries(flags).flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, String(value)]));
      return runRepositoryProgram(shell, inRepository('the simulator', 'tools/sim.ts'), args);
    });
}

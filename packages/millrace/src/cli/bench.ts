// cli/bench.ts - `millrace bench NAME`: measurements of the repository (bench/).
import type { Command } from 'commander';
import { newCommand } from './command.ts';
import { inRepository, runRepositoryProgram } from './repository.ts';
import type { Shell } from './shell.ts';
import { parseChoice } from './values.ts';

/** The benches there are, each a program bench/NAME.ts with flags of its own. */
const benches = ['bus', 'life', 'groups'] as const;

/** Defines the command. */
export function benchCommand(shell: Shell): Command {
  return newCommand(shell, 'bench', `Measures Millrace beside what a user would otherwise pick, in one run, alternating. Benches: ${benches.join(', ')}. Flags after the name go to the bench.`, [
    { says: 'the bus beside Apache Kafka (installs Kafka from Maven; takes an hour)', line: './millrace bench bus' },
    { says: 'the same in minutes, one workload', line: './millrace bench bus --quick --only produce-100B-4p' },
    { says: 'start, memory, restart after kill -9, soak', line: './millrace bench life --only start,memory' },
  ])
    .argument('<name>', `which bench: ${benches.join(' or ')}`)
    .argument('[flags...]', 'flags of the bench')
    .allowUnknownOption()
    .passThroughOptions()
    .action((name: string, flags: string[]) => {
      const bench = parseChoice('the bench', name, benches);
      return runRepositoryProgram(shell, inRepository('a bench', `bench/${bench}.ts`), flags);
    });
}

// cli/bench.ts - `millrace bench NAME`: measurements of the repository, each a program bench/NAME.ts with flags of its own.
import { join } from 'node:path';
import type { Command } from 'commander';
import { newCommand } from './command.ts';
import { benchPrograms, inRepository, runRepositoryProgram } from './repository.ts';
import type { Shell } from './shell.ts';
import { parseChoice } from './values.ts';

/** Defines the command. */
export function benchCommand(shell: Shell): Command {
  const benches = benchPrograms();
  const command = newCommand(shell, 'bench', 'Measures Millrace beside what a user would otherwise pick, in one run, alternating. Flags after the name go to the bench.', [
    { says: 'the bus beside Apache Kafka (installs Kafka from Maven; takes an hour)', line: './millrace bench bus' },
    { says: 'the same in minutes, one workload', line: './millrace bench bus --quick --only produce-100B-4p' },
    { says: 'start, memory, restart after kill -9, soak', line: './millrace bench life --only start,memory' },
  ])
    .argument('<name>', `which bench: ${benches.map(({ name }) => name).join(', ')}`)
    .argument('[flags...]', 'flags of the bench')
    .allowUnknownOption()
    .passThroughOptions();
  command.addHelpText('after', () => ['', '', 'Benches:', ...benches.map(({ name, says }) => `  ${name.padEnd(10)} ${says}`)].join('\n'));
  return command.action((name: string, flags: string[]) => {
    const path = inRepository('a bench', 'bench');
    const bench = parseChoice('the bench', name, benches.map((one) => one.name));
    return runRepositoryProgram(shell, join(path, `${bench}.ts`), flags);
  });
}

// cli/test.ts - `millrace test`: every check of the repository (tools/test/).
import type { Command } from 'commander';
import { newCommand } from './command.ts';
import { inRepository, runRepositoryProgram } from './repository.ts';
import type { Shell } from './shell.ts';
import { collect } from './values.ts';

/** Defines the command. */
export function testCommand(shell: Shell): Command {
  return newCommand(shell, 'test', 'Runs every check of the repository and ends with the line "N passed, N failed, N skipped". Exit code 0 only when nothing failed. Logs: .millrace/test/.', [
    { says: 'what a push must pass (under 25 minutes on 2 cores)', line: './millrace test' },
    { says: 'everything: all seeds, all crashes', line: './millrace test --full' },
    { says: 'one part', line: './millrace test --only unit' },
  ])
    .option('--full', 'all seeds and crashes instead of a tenth')
    .option('--only <part>', 'only this part; may be repeated', collect)
    .option('--list', 'name the parts')
    .action((flags: { full?: boolean; only?: string[]; list?: boolean }) => runRepositoryProgram(shell, inRepository('the tests', 'tools/test/main.ts'), [
      ...(flags.full === true ? ['--full'] : []), ...(flags.only ?? []).flatMap((part) => ['--only', part]), ...(flags.list === true ? ['--list'] : []),
    ]));
}

// cli/check.ts - `millrace check`: walks every file of a data folder and says what it found.
// Owns: the words and the exit code. Never: what counts as damage (log/check.ts).
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { newCommand } from './command.ts';
import { Exit } from './exit-codes.ts';
import type { Shell } from './shell.ts';
import { bytesText, durationText, grouped } from './table.ts';
import { usageError } from './values.ts';

/** Defines the command. */
export function checkCommand(shell: Shell): Command {
  return newCommand(shell, 'check', 'Walks every file of a data folder or a backup: the journal, every batch and record of every segment, every index entry. It changes nothing. No node may run on the folder meanwhile. Exit code 4 when there is damage.', [
    { says: 'after a crash, or before a backup is trusted', line: 'millrace check ./millrace-data' },
    { says: 'findings for a program', line: 'millrace check ./millrace-data --json | jq .findings' },
  ])
    .argument('<folder>', 'a data folder')
    .option('--json', 'print JSON for programs')
    .action(async (folder: string, flags: { json?: boolean }) => {
      const path = resolve(shell.folder, folder);
      if (!existsSync(path)) throw usageError(`Cannot check '${path}': no such folder`);
      const [{ checkFolder }, { NodeDisk }] = await Promise.all([import('../log/mod.ts'), import('../os/mod.ts')]);
      const startedMs = performance.now();
      const findings: { kind: 'damage' | 'note'; path: string; position: number; what: string }[] = [];
      const summary = await checkFolder(new NodeDisk(path), (finding) => {
        findings.push(finding);
        if (flags.json === true) return;
        const label = finding.kind === 'damage' ? shell.out.style('red', 'damage') : shell.out.style('dim', 'note  ');
        shell.out.line(`${label}  ${finding.path}${finding.position > 0 ? ` at byte ${grouped(finding.position)}` : ''}: ${finding.what}`);
      });
      if (flags.json === true) shell.out.line(JSON.stringify({ ...summary, findings }));
      else {
        shell.out.line(`Looked at ${grouped(summary.files)} files, ${bytesText(summary.bytes)}: ${grouped(summary.partitions)} partitions, ${grouped(summary.batches)} batches, ${grouped(summary.records)} records (${durationText(performance.now() - startedMs)}).`);
        shell.out.line(summary.damage === 0 ? shell.out.style('green', `No damage.${summary.notes > 0 ? ` ${grouped(summary.notes)} notes: nothing is lost.` : ''}`) : shell.out.style('red', `${grouped(summary.damage)} damaged place${summary.damage === 1 ? '' : 's'}.`));
      }
      if (summary.damage > 0) throw new Exit('damaged');
    });
}

// cli/restore.ts - `millrace restore`: a data folder made from a backup, every byte checked on its way.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { addSettings, newCommand } from './command.ts';
import { sayCopied } from './copied.ts';
import { resolveSettings } from './settings.ts';
import type { Shell } from './shell.ts';

/** Defines the command. */
export function restoreCommand(shell: Shell): Command {
  return addSettings(newCommand(shell, 'restore', 'Makes a data folder from a backup. The data folder must be new or empty; every file is checked against the backup. The backup stays as it is.', [
    { says: 'bring it back and start on it', line: 'millrace restore /mnt/backup/bus --data ./restored && millrace start --data ./restored' },
  ])
    .argument('<folder>', 'the backup'), 'Settings:', 'data')
    .option('--json', 'print JSON for programs')
    .action(async (source: string, flags: { json?: boolean }) => {
      const { values: { data } } = await resolveSettings(shell, { ...flags }, ['data']);
      const [{ restore }, { NodeDisk }] = await Promise.all([import('../log/mod.ts'), import('../os/mod.ts')]);
      const folder = resolve(shell.folder, source);
      sayCopied(shell, flags.json === true, `Restored ${data} from ${folder}`, await restore(new NodeDisk(folder), new NodeDisk(data)));
    });
}

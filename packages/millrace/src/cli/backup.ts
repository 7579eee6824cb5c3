// cli/backup.ts - `millrace backup`: a copy of a data folder, of a running node or a stopped one.
// Owns: who makes the copy: the node that runs on the folder, or this process when none does. Never: the copying (log/).
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { addSettings, newCommand } from './command.ts';
import { askNode } from './control.ts';
import { sayCopied } from './copied.ts';
import { resolveSettings } from './settings.ts';
import type { Shell } from './shell.ts';
import { usageError } from './values.ts';

/** Defines the command. */
export function backupCommand(shell: Shell): Command {
  return addSettings(newCommand(shell, 'backup', 'Copies a data folder to another folder: consistent over all topics, also while a node runs on it, and only what is new when the other folder holds an earlier backup of it.', [
    { says: 'every night, of the running node', line: 'millrace backup /mnt/backup/bus --data /var/lib/millrace/data' },
  ])
    .argument('<folder>', 'where to; a new folder, or an earlier backup of the same data'), 'Settings:', 'data')
    .option('--json', 'print JSON for programs')
    .action(async (target: string, flags: { json?: boolean }) => {
      const { values: { data } } = await resolveSettings(shell, { ...flags }, ['data']);
      if (!existsSync(data)) throw usageError(`Cannot back up '${data}': no such folder`);
      const folder = resolve(shell.folder, target);
      const summary = await askNode(data, { do: 'backup', folder }) ?? await copyStopped(data, folder);
      sayCopied(shell, flags.json === true, `Backed up ${data} to ${folder}`, summary);
    });
}

/** No node runs: this process opens the log for as long as it takes. */
async function copyStopped(data: string, folder: string) {
  const [{ openLog }, { NodeDisk, nodeClock, nodeRandom }] = await Promise.all([import('../log/mod.ts'), import('../os/mod.ts')]);
  const log = await openLog({ disk: new NodeDisk(data), clock: nodeClock(), random: nodeRandom() });
  try {
    return await log.backup(new NodeDisk(folder));
  } finally {
    await log.close();
  }
}

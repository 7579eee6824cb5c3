// A data folder and processes that are gone: killed, and not even reaped.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { lockFolder } from './folder-lock.ts';

test('a node that was killed, and that nobody has reaped, holds its folder no more', { skip: process.platform !== 'linux' && 'zombies are told by /proc' }, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
  const program = `import(${JSON.stringify(new URL('./folder-lock.ts', import.meta.url).href)}).then(({ lockFolder }) => lockFolder(${JSON.stringify(root)})).then(() => { console.log(process.pid); setInterval(() => {}, 1000); });`;
  // The shell becomes a program that never asks how its child ended.
  const parent = spawn('sh', ['-c', '"$0" --disable-warning=ExperimentalWarning -e "$1" & exec sleep 60', process.execPath, program], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => { parent.kill('SIGKILL'); rmSync(root, { recursive: true, force: true }); });
  const [line] = await once(createInterface({ input: parent.stdout }), 'line') as [string];
  const pid = Number(line);
  await assert.rejects(lockFolder(root), (error) => isMillraceError(error, 'data-folder-locked'));
  process.kill(pid, 'SIGKILL');
  // Its first thread ends before the others have: only when it is the last one is the process gone.
  while (!/\) Z (\S+ ){16}[01] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await new Promise((resolve) => { setTimeout(resolve, 10); });
  const lock = await lockFolder(root);
  await lock.release();
});

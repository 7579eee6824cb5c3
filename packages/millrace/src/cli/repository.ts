// cli/repository.ts - programs that only a checkout of the repository has: the tests, the benches.
// Owns: finding them and running them as child processes with our streams. Never: what they do.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Exit } from './exit-codes.ts';
import type { Shell } from './shell.ts';
import { usageError } from './values.ts';

/** Root of the checkout, when this package lies in one. */
const root = resolve(import.meta.dirname, '../../../..');

/** Path of something in the checkout that this package lies in; throws with `usage` when this is an installed package. */
export function inRepository(what: string, path: string): string {
  const found = join(root, path);
  if (!existsSync(join(root, 'packages/millrace')) || !existsSync(found)) throw usageError(`Cannot run ${what} here: '${path}' is part of a checkout of the repository, not of the installed package`);
  return found;
}

/** Runs a TypeScript program of the repository to its end; throws Exit when it failed. */
export async function runRepositoryProgram(shell: Shell, path: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [path, ...args], { stdio: 'inherit', cwd: shell.folder, env: { ...shell.env } });
  const forward = () => child.kill('SIGTERM');
  shell.stop.addEventListener('abort', forward);
  try {
    const code = await new Promise<number | null>((done, reject) => { child.on('error', reject); child.on('close', done); });
    if (code !== 0) throw new Exit(shell.stop.aborted ? 'interrupted' : code === 2 ? 'usage' : 'failed');
  } finally {
    shell.stop.removeEventListener('abort', forward);
  }
}

/** The benches of the checkout: programs bench/NAME.ts whose second line says how they are called; none in an installed package. */
export function benchPrograms(): { name: string; says: string }[] {
  const folder = join(root, 'bench');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((file) => file.endsWith('.ts')).sort().flatMap((file) => {
    const name = file.slice(0, -'.ts'.length);
    const [title = '', usage = ''] = readFileSync(join(folder, file), 'utf8').split('\n');
    return usage.startsWith('// Usage: ') ? [{ name, says: title.replace(/^\/\/ \S+ - /, '') }] : [];
  });
}

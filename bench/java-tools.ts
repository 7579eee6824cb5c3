// bench/java-tools.ts - where the Java tools are, with our own load compiled against the Java client.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { classPath, peersFolder, rootFolder } from '../test/peers/places.ts';
import { run } from '../test/peers/processes.ts';
import type { JavaTools } from './workloads.ts';

/** Compiles bench/java; the peers must be installed. @throws Error with the compiler's words. */
export async function compileLoad(): Promise<JavaTools> {
  const out = join(peersFolder, 'bench-classes');
  mkdirSync(out, { recursive: true });
  const done = await run('javac', ['-cp', classPath('4.3'), '-d', out, ...['Load', 'Transactions'].map((name) => join(rootFolder, 'bench/java', `${name}.java`))]);
  if (done.code !== 0) throw new Error(`Cannot compile bench/java: ${done.stderr}`);
  return { java: 'java', classpath: `${out}:${classPath('4.3')}` };
}

// test/outside/install.ts - brings other people's programs that talk to a broker: jars by Maven, our few lines in Java, Go and Rust compiled against them.
// Owns: where they lie (.millrace/outside, ignored by git), and when they are built anew. Never: running them. Versions are pinned in each program's folder.
// I1 a program counts as installed only once its stamp is written, after everything else.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../peers/places.ts';
import { run } from '../peers/processes.ts';

const here = import.meta.dirname;
const minutes = 60_000;

/** Where a program is built. */
export const builtFolder = (program: string): string => join(rootFolder, '.millrace/outside', program);

/** Quiet, small, quick to start. */
const javaFlags = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-XX:-UsePerfData', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];

/** Fetches a program's jars and compiles what is ours of it. Resolves to its command, up to the main class's arguments. */
export async function installJavaProgram(program: string, mainClass: string, flags: readonly string[] = []): Promise<readonly string[]> {
  const built = builtFolder(program);
  const sources = filesOf(program, '.java');
  await once(program, ['pom.xml', ...sources], async () => {
    await must('mvn', ['-q', '-B', '-f', join(here, program, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${join(built, 'jars')}`, '-DincludeScope=runtime'], {}, 15 * minutes);
    mkdirSync(join(built, 'classes'), { recursive: true });
    // Spring finds parameters by their names.
    if (sources.length > 0) await must('javac', ['-nowarn', '-parameters', '--release', '17', '-cp', join(built, 'jars/*'), '-d', join(built, 'classes'), ...sources.map((name) => join(here, program, name))]);
  });
  return ['java', ...javaFlags, ...flags, '-cp', `${join(built, 'classes')}:${join(built, 'jars/*')}`, mainClass];
}

/** Builds a program in Go against the modules of its go.sum. Resolves to its command. */
export async function installGoProgram(program: string): Promise<readonly string[]> {
  const path = join(builtFolder(program), 'program');
  await once(program, ['go.mod', 'go.sum', 'main.go'], async () => { await must('go', ['build', '-mod=readonly', '-o', path, '.'], { cwd: join(here, program) }, 15 * minutes); });
  return [path];
}

/** Builds a program in Rust against the crates of its Cargo.lock. Resolves to its command. */
export async function installRustProgram(program: string): Promise<readonly string[]> {
  const target = `${builtFolder(program)}-target`; // cargo knows what of it can stay; librdkafka takes minutes
  await once(program, ['Cargo.toml', 'Cargo.lock', 'src/main.rs'], async () => { await must('cargo', ['build', '--quiet', '--locked', '--target-dir', target], { cwd: join(here, program) }, 20 * minutes); });
  return [join(target, 'debug', `${program}-pipe`)];
}

/** Whether a command is on the path: Go and Rust are not on every machine. */
export async function hasCommand(name: string): Promise<boolean> {
  return (await run('sh', ['-c', `command -v ${name}`])).code === 0;
}

const filesOf = (program: string, ending: string): string[] => readdirSync(join(here, program)).filter((name) => name.endsWith(ending)).sort();

async function once(program: string, files: readonly string[], build: () => Promise<void>): Promise<void> {
  const hash = createHash('sha256');
  for (const name of files) hash.update(name).update('\0').update(readFileSync(join(here, program, name))).update('\0');
  const mark = hash.digest('hex');
  const stamp = join(builtFolder(program), 'stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === mark) return;
  process.stderr.write(`outside: building ${program}\n`);
  rmSync(builtFolder(program), { recursive: true, force: true });
  mkdirSync(builtFolder(program), { recursive: true });
  await build();
  writeFileSync(stamp, mark);
}

async function must(command: string, args: readonly string[], options: { cwd?: string } = {}, timeoutMs = 3 * minutes): Promise<void> {
  const done = await run(command, args, { ...options, timeoutMs });
  if (done.code !== 0) throw new Error(`Cannot run '${command} ${args.join(' ')}': exit code ${done.code}\n${done.stdout.slice(-3000)}${done.stderr.slice(-3000)}`);
}

// test/peers/install.ts - `node test/peers/install.ts`: brings every peer that the conformance tests and the benches run against.
// Owns: Apache Kafka's jars (Maven), our Java classes compiled against them, kcat (apt), confluent-kafka (pip). Idempotent: what is there
// at the pinned version is left alone, so a second run takes milliseconds. Never: npm peers, which `npm install` at the root brings.
// I1 a peer counts as installed only once its stamp is written, after everything else.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { classesFolder, classPath, confluentVersion, formattedFolder, jarsFolder, jvmBaseFlags, peersFolder, pythonPath, type JavaGeneration } from './places.ts';
import { run } from './processes.ts';

const here = import.meta.dirname;
const say = (line: string): void => { process.stderr.write(`peers: ${line}\n`); };
const minutes = 60_000;

/** Installs the jars and classes of one generation of Java peers, and for the newest one a formatted data folder. */
export async function installJava(generation: JavaGeneration): Promise<void> {
  const sources = readdirSync(join(here, 'java')).filter((name) => name.endsWith('.java')).sort().map((name) => join(here, 'java', name));
  const pom = join(here, `java-${generation}`, 'pom.xml');
  const jarsMark = digest([pom]);
  const classesMark = digest([pom, ...sources]);
  const jarsStamp = join(peersFolder, `java-${generation}`, 'jars.stamp');
  const classesStamp = join(peersFolder, `java-${generation}`, 'classes.stamp');
  if (!isStamped(jarsStamp, jarsMark)) {
    await ensureCommands(['java', 'javac', 'mvn'], ['openjdk-17-jdk-headless', 'maven']);
    say(`fetching Apache Kafka ${generation} with Maven`);
    rmSync(jarsFolder(generation), { recursive: true, force: true });
    await must('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${jarsFolder(generation)}`, '-DincludeScope=runtime'], 10 * minutes);
    stamp(jarsStamp, jarsMark);
  }
  if (!isStamped(classesStamp, classesMark)) {
    say(`compiling the Java runner against ${generation}`);
    rmSync(classesFolder(generation), { recursive: true, force: true });
    mkdirSync(classesFolder(generation), { recursive: true });
    await must('javac', ['-nowarn', '--release', '17', '-cp', join(jarsFolder(generation), '*'), '-d', classesFolder(generation), ...sources], 2 * minutes);
    stamp(classesStamp, classesMark);
  }
  if (generation === '4.3') await formatOnce(jarsMark);
}

/** Installs confluent-kafka for Python into an environment of its own. Needs python3 with venv. */
export async function installPython(): Promise<void> {
  const mark = join(peersFolder, 'python.stamp');
  if (isStamped(mark, confluentVersion)) return;
  await ensureCommands(['python3'], ['python3', 'python3-venv']);
  say(`fetching confluent-kafka ${confluentVersion} with pip`);
  rmSync(join(peersFolder, 'python'), { recursive: true, force: true });
  const venv = (): ReturnType<typeof run> => run('python3', ['-m', 'venv', join(peersFolder, 'python')], { timeoutMs: 2 * minutes });
  if ((await venv()).code !== 0) {
    await aptInstall(['python3-venv']);
    const again = await venv();
    if (again.code !== 0) throw new Error(`Cannot make a Python environment: ${again.stderr}${again.stdout}`);
  }
  await must(pythonPath, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', `confluent-kafka==${confluentVersion}`], 5 * minutes);
  stamp(mark, confluentVersion);
}

/** Installs kcat from the system's packages; resolves to the reason when that cannot be done here, else to undefined. */
export async function installKcat(): Promise<string | undefined> {
  if (await hasCommand('kcat')) return undefined;
  if (process.getuid?.() !== 0) return 'kcat is not installed, and installing it with apt needs root';
  if (!await hasCommand('apt-get')) return 'kcat is not installed, and there is no apt to install it with';
  try {
    await aptInstall(['kcat']);
  } catch (error) {
    return `kcat cannot be installed: ${String(error)}`;
  }
  return await hasCommand('kcat') ? undefined : 'kcat was installed but is not on the path';
}

/** Installs everything. Resolves to the peers that are missing, with their reasons. */
export async function installPeers(): Promise<{ peer: string; reason: string }[]> {
  mkdirSync(peersFolder, { recursive: true });
  await installJava('4.3');
  await installJava('3.9');
  await installPython();
  const reason = await installKcat();
  return reason === undefined ? [] : [{ peer: 'kcat', reason }];
}

async function formatOnce(mark: string): Promise<void> {
  const stampPath = join(peersFolder, 'kafka-formatted.stamp');
  if (isStamped(stampPath, mark)) return;
  say('formatting an empty KRaft data folder');
  rmSync(formattedFolder, { recursive: true, force: true });
  const work = join(peersFolder, 'formatting');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const properties = join(work, 'server.properties');
  writeFileSync(properties, ['process.roles=broker,controller', 'node.id=1', 'controller.quorum.voters=1@127.0.0.1:9093', 'listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
    'controller.listener.names=CONTROLLER', `log.dirs=${join(work, 'data')}`].join('\n'));
  await must('java', [...jvmBaseFlags, '-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', classPath('4.3'), 'kafka.tools.StorageTool', 'format', '-t', 'MillracePeersMillraceA', '-c', properties], minutes);
  cpSync(join(work, 'data'), formattedFolder, { recursive: true });
  rmSync(work, { recursive: true, force: true });
  stamp(stampPath, mark);
}

async function ensureCommands(commands: readonly string[], packages: readonly string[]): Promise<void> {
  for (const command of commands) {
    if (await hasCommand(command)) continue;
    if (process.getuid?.() !== 0 || !await hasCommand('apt-get')) throw new Error(`Cannot install the peers: '${command}' is not on the path (packages: ${packages.join(' ')})`);
    await aptInstall(packages);
    return;
  }
}

async function hasCommand(name: string): Promise<boolean> {
  return (await run('sh', ['-c', `command -v ${name}`])).code === 0;
}

async function aptInstall(packages: readonly string[]): Promise<void> {
  say(`apt-get install ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): ReturnType<typeof run> => run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env, timeoutMs: 5 * minutes });
  if ((await install()).code === 0) return;
  await run('apt-get', ['update', '-qq'], { env, timeoutMs: 3 * minutes });
  const again = await install();
  if (again.code !== 0) throw new Error(`apt-get install ${packages.join(' ')} failed: ${again.stderr.slice(-2000)}`);
}

async function must(command: string, args: readonly string[], timeoutMs: number): Promise<void> {
  const done = await run(command, args, { timeoutMs });
  if (done.code !== 0) throw new Error(`Cannot run '${command} ${args.join(' ')}': exit code ${done.code}\n${done.stdout.slice(-4000)}${done.stderr.slice(-4000)}`);
}

function digest(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(path.slice(here.length)).update('\0').update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

const isStamped = (path: string, mark: string): boolean => existsSync(path) && readFileSync(path, 'utf8') === mark;

function stamp(path: string, mark: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, mark);
}

if (process.argv[1] === import.meta.filename) {
  const missing = await installPeers();
  for (const { peer, reason } of missing) say(`without ${peer}: ${reason}`);
  say('ready');
}

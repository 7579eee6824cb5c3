// test/differential/java.ts - runs Differential.java on Kafka's own classes and answers commands through it.
// Owns: fetching the jars once (Maven, into .millrace/differential) and the process. Needs Java 17 and Maven on the path.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const here = import.meta.dirname;
const cache = join(here, '../../.millrace/differential');

/** An answer of the Java side; `error` when a command failed there. */
export type Answer = Record<string, any>;

/** The Java side. */
export class Java {
  readonly #process: ChildProcess;
  readonly #waiting: ((answer: Answer) => void)[] = [];

  private constructor(process: ChildProcess) {
    this.#process = process;
    const lines = createInterface({ input: process.stdout! });
    lines.on('line', (line) => this.#waiting.shift()!(JSON.parse(line) as Answer));
  }

  /** Fetches what is missing and starts it. */
  static start(): Java {
    const classPath = join(jars(), '*');
    const child = spawn('java', ['-XX:+UseSerialGC', '-Xmx512m', '-cp', classPath, join(here, 'Differential.java')], { stdio: ['pipe', 'pipe', 'inherit'] });
    return new Java(child);
  }

  /** Sends one command; answers come in the order of the commands. */
  ask(command: object): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#process.stdin!.write(`${JSON.stringify(command)}\n`);
    });
  }

  /** Ends the process and waits for it. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.stdin!.end();
    await ended;
  }
}

/** The folder with the jars that pom.xml names. */
function jars(): string {
  const pom = join(here, 'pom.xml');
  const folder = join(cache, createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  const fetching = `${folder}.${process.pid}`;
  mkdirSync(fetching, { recursive: true });
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
  execFileSync('mvn', ['-q', '-B', '-f', pom, goal, `-DoutputDirectory=${fetching}`], { stdio: 'inherit' });
  // Another test file may have fetched the same meanwhile: the first one stays.
  if (existsSync(folder)) rmSync(fetching, { recursive: true });
  else renameSync(fetching, folder);
  return folder;
}

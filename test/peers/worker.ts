// test/peers/worker.ts - other languages' clients in one long-lived process each, asked by lines of JSON.
// Owns: the process and the matching of answers to requests. Never: what the operations mean (java/, python/worker.py).

import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { installJava, installPython } from './install.ts';
import { classPath, jvmBaseFlags, pythonPath, type JavaGeneration } from './places.ts';
import { start, type Running } from './processes.ts';

/** A failure told by a client: `code` is Kafka's name of the error (`TOPIC_ALREADY_EXISTS`), or the client's own when it is not Kafka's. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: string;
  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

/** What one of Kafka's command line tools did. `exit` is null when it had to be stopped. */
export type ToolRun = { exit: number | null; out: string; err: string };

/** A worker process. Operations run at the same time, each on a thread of its own. */
export class Worker implements AsyncDisposable {
  readonly #running: Running;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #next = 0;

  constructor(running: Running) {
    this.#running = running;
    createInterface({ input: running.child.stdout! }).on('line', (line) => this.#take(line));
    void running.ended.then((code) => {
      for (const { reject } of this.#waiting.values()) reject(new ClientError('WORKER_ENDED', `exit code ${code}\n${running.output()}`));
      this.#waiting.clear();
    });
  }

  /** Runs one operation. Rejects with a ClientError. */
  ask<T>(op: string, args: object): Promise<T> {
    if (this.#running.hasEnded()) return Promise.reject(new ClientError('WORKER_ENDED', this.#running.output()));
    const id = ++this.#next;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#running.child.stdin!.write(JSON.stringify({ id, op, args }) + '\n');
    });
  }

  /** Runs the main class of one of Kafka's tools to its end (Java workers only). */
  tool(main: string, args: readonly string[], options: { stdin?: string; timeoutMs?: number } = {}): Promise<ToolRun> {
    return this.ask<ToolRun>('tool.run', { main, args, ...options });
  }

  /** The tail of the process's standard error stream. */
  output(): string { return this.#running.output(); }

  /** Ends the process. */
  async dispose(): Promise<void> { await this.#running.end('SIGKILL'); }

  [Symbol.asyncDispose](): Promise<void> { return this.dispose(); }

  #take(line: string): void {
    const answer = JSON.parse(line) as { id: number; ok?: unknown; error?: string; message?: string };
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.error !== undefined) waiting?.reject(new ClientError(answer.error, answer.message ?? ''));
    else waiting?.resolve(answer.ok);
  }
}

/** Starts a JVM with the clients and tools of one generation, installing them first when needed. */
export async function startJavaWorker(generation: JavaGeneration, jvm: readonly string[] = []): Promise<Worker> {
  await installJava(generation);
  return new Worker(start('java', ['-Xmx384m', '-Xss512k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...jvmBaseFlags, ...jvm,
    '--add-opens', 'java.base/java.lang=ALL-UNNAMED', // Tools.java finds shutdown hooks there
    '-cp', classPath(generation), 'Worker'], { keepStdout: false }));
}

/** Starts Python with confluent-kafka, installing it first when needed. */
export async function startPythonWorker(): Promise<Worker> {
  await installPython();
  return new Worker(start(pythonPath, ['-u', join(import.meta.dirname, 'python/worker.py')], { keepStdout: false }));
}

/** Starts a program of this repository that speaks the workers' protocol. */
export function startNodeWorker(modulePath: string, args: readonly string[]): Worker {
  return new Worker(start(process.execPath, [modulePath, ...args], { keepStdout: false }));
}

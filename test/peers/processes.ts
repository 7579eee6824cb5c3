// test/peers/processes.ts - child processes that never outlive the test that started them.
// Owns: spawning, waiting, ending by pid, output kept for failure messages, free ports. Never: what the processes are.
// P1 every process started here is ended when this process ends, whichever way it ends short of SIGKILL; each is addressed by its own pid.

import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';

/** What `run` resolves to. */
export type Finished = { code: number | null; stdout: string; stderr: string };

/** A started process with the tail of what it printed. */
export type Running = {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the exit code (or null after a signal); never rejects. */
  readonly ended: Promise<number | null>;
  hasEnded(): boolean;
  /** The last 64 KB of both output streams, for failure messages. */
  output(): string;
  /** Sends the signal and waits for the end; SIGKILL follows if it is not gone after `graceMs`. */
  end(signal: NodeJS.Signals, graceMs?: number): Promise<void>;
};

const alive = new Set<ChildProcess>();
const outputTailChars = 64 * 1024;
let hooked = false;

/** Starts a process. Its standard input is a pipe that closes when this process dies. */
export function start(command: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string; keepStdout?: boolean } = {}): Running {
  hookExits();
  const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: ['pipe', 'pipe', 'pipe'] });
  alive.add(child);
  let tail = '';
  const keep = (chunk: Buffer): void => { tail = (tail + chunk.toString()).slice(-outputTailChars); };
  if (options.keepStdout !== false) child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.stdin.on('error', () => {}); // the process went away first; its exit code tells
  let endedFlag = false;
  const ended = new Promise<number | null>((resolve) => {
    const done = (code: number | null): void => { endedFlag = true; alive.delete(child); resolve(code); };
    child.on('exit', done);
    child.on('error', (error) => { tail += String(error); done(127); });
  });
  const end = async (signal: NodeJS.Signals, graceMs = 20_000): Promise<void> => {
    if (endedFlag) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(timer);
  };
  return { child, pid: child.pid ?? -1, ended, hasEnded: () => endedFlag, output: () => tail, end };
}

/** Runs a command to its end and returns what it printed; input is given on standard input. The process is killed after `timeoutMs`, and code is then null. */
export async function run(command: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string | Buffer; timeoutMs?: number } = {}): Promise<Finished> {
  const running = start(command, args, { ...options, keepStdout: false });
  const chunks: Buffer[] = [];
  running.child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
  running.child.stdin!.end(options.input ?? '');
  const timer = setTimeout(() => running.child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
  const closed = new Promise<void>((resolve) => running.child.on('close', () => resolve()));
  const code = await running.ended;
  clearTimeout(timer);
  if (code !== 127) await closed;
  return { code, stdout: Buffer.concat(chunks).toString(), stderr: running.output() };
}

/** Ports that are free now on the loopback address. Another process may take one before its use: callers start again on a failure to bind. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise<import('node:net').Server>((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Asks again every `everyMs` until the answer is not undefined; throws what `describe` says when `timeoutMs` has passed. */
export async function eventually<T>(ask: () => Promise<T | undefined> | T | undefined, describe: () => string, timeoutMs = 30_000, everyMs = 25): Promise<T> {
  const untilMs = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > untilMs) throw new Error(`Cannot wait longer than ${timeoutMs} ms: ${describe()}`);
    await sleep(everyMs);
  }
}

/** Resolves after so many milliseconds. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function hookExits(): void {
  if (hooked) return;
  hooked = true;
  const endAll = (): void => { for (const child of alive) child.kill('SIGKILL'); };
  process.on('exit', endAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => { endAll(); process.exit(1); });
  }
}

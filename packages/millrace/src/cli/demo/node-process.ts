// cli/demo/node-process.ts - the demo's node: a process of its own, as a user would run it, on a temporary folder and a free port.
// Owns: the process and the folder. D1 Unless kept, neither is left behind, however the demo ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '../../base/mod.ts';

/** A node that runs beside this process. */
export interface NodeProcess {
  /** 'host:port' for clients. */
  readonly server: string;
  readonly processId: number;
  /** Holds the data and the node's log. */
  readonly folder: string;
  readonly readyMs: number;
  /** Stops the node cleanly and deletes the folder; for a kept node, lets go of it. */
  end(keep: boolean): Promise<void>;
}

const readyMsMax = 30_000;
const stopMsMax = 30_000;
const pollMs = 5;

/** Starts a node and waits until it serves. Rejects with what it said when it does not. */
export async function startNodeProcess(): Promise<NodeProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'));
  const logPath = join(folder, 'node.log');
  const startedMs = performance.now();
  const child = spawnNode(folder, logPath);
  const ended = new Promise<void>((resolve) => { child.once('exit', () => resolve()); child.once('error', () => resolve()); });
  const end = async (keep: boolean): Promise<void> => {
    if (keep) return child.unref();
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await ended;
    clearTimeout(force);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { host, port } = await untilReady(child, logPath);
    return { server: `${host}:${port}`, processId: child.pid!, folder, readyMs: performance.now() - startedMs, end };
  } catch (error) {
    await end(false);
    throw error;
  }
}

/** The node writes to a file, not to a pipe: it may outlive us. */
function spawnNode(folder: string, logPath: string): ChildProcess {
  const log = openSync(logPath, 'a');
  try {
    return spawn(process.execPath, [join(import.meta.dirname, `../main${import.meta.filename.endsWith('.ts') ? '.ts' : '.js'}`), 'start', '--data', join(folder, 'data'), '--host', '127.0.0.1', '--port', '0', '--log-format', 'json'], {
      stdio: ['ignore', log, log], detached: true, cwd: folder,
    });
  } finally {
    closeSync(log);
  }
}

async function untilReady(child: ChildProcess, logPath: string): Promise<{ host: string; port: number }> {
  for (const giveUpMs = performance.now() + readyMsMax; performance.now() < giveUpMs && child.exitCode === null && child.signalCode === null; await sleep(pollMs)) {
    const ready = readFileSync(logPath, 'utf8').split('\n').find((line) => line.includes('"event":"ready"') && line.endsWith('}'));
    if (ready !== undefined) return JSON.parse(ready) as { host: string; port: number };
  }
  throw new MillraceError('unavailable', `Cannot start the demo's node: it said\n${readFileSync(logPath, 'utf8').trim()}`);
}

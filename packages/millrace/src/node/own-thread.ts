// node/own-thread.ts - a node with a data folder on a worker thread, so that nothing the program does delays the log.
// Owns: the thread's life and the messages with it. Never: the node's data: clients reach it over the loopback.
import { Worker } from 'node:worker_threads';
import { MillraceError, type ErrorCode, type ReportFacts, type ReportLevel } from '../base/mod.ts';
import type { FaultReport, WorldCommand } from '../broker/mod.ts';
import type { CopySummary } from '../log/mod.ts';
import { nodeClock, nodeNet, nodeRandom } from '../os/mod.ts';
import { nodeOn } from './face.ts';
import type { MetricsOptions, Node, NodeOptions, NodeStatus } from './options.ts';
import type { NodeUser, UsersChange } from './users.ts';

/** What the thread is told to start. */
export type ThreadOptions = Omit<NodeOptions, 'machine' | 'onReport' | 'onFatal' | 'thread'> & { readonly data: string };

/** What the thread says. */
export type FromThread =
  | { readonly kind: 'started'; readonly host: string; readonly port: number; readonly speaksTls: boolean; readonly metricsUrl: string | null }
  | { readonly kind: 'refused'; readonly code: ErrorCode | null; readonly message: string }
  | { readonly kind: 'report'; readonly line: string; readonly level: ReportLevel; readonly facts: ReportFacts }
  | { readonly kind: 'answered'; readonly call: number; readonly answer: ThreadAnswer }
  | { readonly kind: 'failed'; readonly call: number; readonly code: ErrorCode | null; readonly message: string }
  | { readonly kind: 'closed' };

/** What the thread can be asked. */
export type ThreadQuestion =
  | { readonly kind: 'backup'; readonly folder: string }
  | { readonly kind: 'users'; readonly change: UsersChange }
  | { readonly kind: 'status' }
  | { readonly kind: 'metrics'; readonly options: MetricsOptions }
  | { readonly kind: 'play'; readonly command: WorldCommand };

/** What it answers. */
export type ThreadAnswer = CopySummary | NodeUser[] | NodeStatus | FaultReport | string;

/** What the thread is told: to stop cleanly, or to answer. */
export type ToThread = { readonly kind: 'close' } | { readonly kind: 'ask'; readonly call: number; readonly question: ThreadQuestion };

/** Starts a node on a thread of its own. */
export function startOnThread(options: NodeOptions & { readonly data: string }): Promise<Node> {
  const { machine: _machine, onReport, onFatal, thread: _thread, ...workerData } = options;
  const worker = new Worker(new URL('./thread-main.ts', import.meta.url), { workerData });
  const closed = new Promise<void>((resolve) => { worker.once('exit', () => resolve()); });
  return new Promise((resolve, reject) => {
    let started = false;
    worker.on('message', (message: FromThread) => {
      if (message.kind === 'report') onReport?.(message.line, message.level, message.facts);
      else if (message.kind === 'refused') reject(refusal(message));
      else if (message.kind === 'started') {
        started = true;
        const close = async (): Promise<void> => {
          worker.postMessage({ kind: 'close' } satisfies ToThread);
          await closed;
        };
        const ask = askThrough(worker, closed);
        resolve(nodeOn({ net: nodeNet(), clock: nodeClock(), random: nodeRandom() }, {
          host: message.host, port: message.port, speaksTls: message.speaksTls, metricsUrl: message.metricsUrl, close,
          backup: (folder) => ask({ kind: 'backup', folder }) as Promise<CopySummary>,
          users: (change = {}) => ask({ kind: 'users', change }) as Promise<NodeUser[]>,
          play: (command) => ask({ kind: 'play', command }) as Promise<FaultReport>,
          status: () => ask({ kind: 'status' }) as Promise<NodeStatus>,
          metrics: (metricsOptions = {}) => ask({ kind: 'metrics', options: metricsOptions }) as Promise<string>,
        }));
      }
    });
    worker.on('error', (error) => {
      if (!started) reject(error);
      else if (onFatal) onFatal(error);
      else throw error;
    });
  });
}

/** Questions to the thread, each answered under its own number. */
function askThrough(worker: Worker, closed: Promise<void>): (question: ThreadQuestion) => Promise<ThreadAnswer> {
  const waiting = new Map<number, { resolve: (answer: ThreadAnswer) => void; reject: (error: Error) => void }>();
  let calls = 0;
  worker.on('message', (message: FromThread) => {
    if (message.kind !== 'answered' && message.kind !== 'failed') return;
    const asker = waiting.get(message.call);
    waiting.delete(message.call);
    if (message.kind === 'answered') asker?.resolve(message.answer);
    else asker?.reject(refusal(message));
  });
  void closed.then(() => { for (const asker of waiting.values()) asker.reject(new MillraceError('closed', 'Cannot ask the node: it was closed')); });
  return (question) => new Promise((resolve, reject) => {
    waiting.set(++calls, { resolve, reject });
    worker.postMessage({ kind: 'ask', call: calls, question } satisfies ToThread);
  });
}

function refusal({ code, message }: { code: ErrorCode | null; message: string }): Error {
  return code === null ? new Error(message) : new MillraceError(code, message);
}

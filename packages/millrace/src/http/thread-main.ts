// http/thread-main.ts - the entry of the HTTP thread: serves what workerData says until it is told to stop.
// Owns: the messages with the node's thread. Never: requests (observe-server.ts).
// T1 Where processors are scarce, the node's threads come first: packing a text of megabytes waits (Linux; elsewhere threads have no priority of their own).
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { DoorData, FromDoor, ReadyAnswer, ScrapeKind, ToDoor, ToNode } from './messages.ts';
import { type NodeQuestions, serveObservations } from './observe-server.ts';

const parent = parentPort!;
const say = (message: FromDoor): void => parent.postMessage(message);

interface Waiting { readonly pieces: string[]; readonly done: (answer: ToDoor) => void }
type Ask = ToNode extends infer Q ? Q extends ToNode ? Omit<Q, 'call'> : never : never;

const waiting = new Map<number, Waiting>();
let calls = 0;

function ask(question: Ask): Promise<{ answer: ToDoor; pieces: string[] }> {
  const call = ++calls;
  return new Promise((resolve) => {
    const pieces: string[] = [];
    waiting.set(call, { pieces, done: (answer) => resolve({ answer, pieces }) });
    say({ ...question, call } as ToNode);
  });
}

const questions: NodeQuestions = {
  pulse: async () => { await ask({ kind: 'pulse' }); },
  ready: async (): Promise<ReadyAnswer> => {
    const { answer } = await ask({ kind: 'ready' });
    return answer.kind === 'ready' ? answer.answer : { ready: false };
  },
  scrape: async (scrape: ScrapeKind): Promise<string[] | { readonly failure: string }> => {
    const { answer, pieces } = await ask({ kind: 'scrape', scrape });
    return answer.kind === 'end' && answer.failure !== null ? { failure: answer.failure } : pieces;
  },
};

/** T1. */
function stepBack(): void {
  try {
    const thread = Number(/\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1]);
    if (thread > 0 && thread !== process.pid) setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch { /* not a Linux, or it may not: it goes on as it is */ }
}

const data = workerData as DoorData;
serveObservations(data, questions).then(({ host, port, close }) => {
  parent.on('message', (message: ToDoor) => {
    if (message.kind === 'close') return void close().then(() => { say({ kind: 'closed' }); parent.close(); });
    const waiter = waiting.get(message.call);
    if (message.kind === 'piece') return void waiter?.pieces.push(message.text);
    waiting.delete(message.call);
    waiter?.done(message);
  });
  stepBack(); // not before: threads that it may have started for the whole process (to look up a host) would inherit it
  say({ kind: 'listening', host, port });
}, (error: Error) => {
  say({ kind: 'refused', message: error.message });
  parent.close();
});

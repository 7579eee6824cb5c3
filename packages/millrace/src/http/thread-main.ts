// http/thread-main.ts - the entry of the HTTP thread: serves what workerData says until it is told to stop.
// Owns: the messages with the node's thread. Never: requests (observe-server.ts).
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

const data = workerData as DoorData;
serveObservations(data, questions).then(({ host, port, close }) => {
  parent.on('message', (message: ToDoor) => {
    if (message.kind === 'close') return void close().then(() => { say({ kind: 'closed' }); parent.close(); });
    const waiter = waiting.get(message.call);
    if (message.kind === 'piece') return void waiter?.pieces.push(message.text);
    waiting.delete(message.call);
    waiter?.done(message);
  });
  say({ kind: 'listening', host, port });
}, (error: Error) => {
  say({ kind: 'refused', message: error.message });
  parent.close();
});

// os/node-threads.ts - the Threads port on worker threads.
// Owns: the messages with a helper's thread (serve-calls.ts is their other end), what is told when it ends. Never: what is computed.
// Cost: a thread with its own heap (10 MB or more, 30 ms) from `open` on; two messages a call (75 us); memory is moved, never copied.
import { Worker } from 'node:worker_threads';
import { MillraceError, type ErrorCode } from '../base/mod.ts';
import type { Helper, Threads } from './ports.ts';
import type { CallAnswer, CallMessage } from './serve-calls.ts';

/** The Threads port of this machine. */
export function nodeThreads(): Threads {
  return { open: (entry) => new NodeHelper(entry) };
}

interface Waiting { resolve(answer: unknown): void; reject(error: Error): void }

class NodeHelper implements Helper {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #calls = 0;
  #ended: Error | null = null;

  constructor(entry: URL) {
    this.#worker = new Worker(entry, { name: 'millrace-helper', stdin: false });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => {
      this.#end(new MillraceError('closed', 'Cannot compute: the thread has ended'));
      resolve();
    }));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('message', (answer: CallAnswer) => this.#answered(answer));
  }

  call(message: unknown, moved: readonly ArrayBufferLike[] = []): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(this.#ended);
      this.#waiting.set(++this.#calls, { resolve, reject });
      this.#worker.postMessage({ call: this.#calls, message } satisfies CallMessage, moved as ArrayBuffer[]);
    });
  }

  async close(): Promise<void> {
    this.#end(new MillraceError('closed', 'Cannot compute: the thread was closed'));
    await this.#worker.terminate();
    await this.#exited;
  }

  #answered(answer: CallAnswer): void {
    const waiting = this.#waiting.get(answer.call);
    this.#waiting.delete(answer.call);
    if (answer.error === undefined) waiting?.resolve(answer.answer);
    else waiting?.reject(errorOf(answer.error));
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}

function errorOf({ code, message, data }: NonNullable<CallAnswer['error']>): Error {
  return code === null ? new Error(message) : new MillraceError(code as ErrorCode, message, { ...data });
}

// http/metrics-door.ts - metrics and health over HTTP, from a thread of its own.
// Owns: the thread's life, and answering its questions. Never: requests (observe-server.ts), what a scrape says (node/metrics).
// D1 The node's thread is asked for at most one scrape at a time, whatever the number of those who want one (observe-server.ts); a scrape works in
// small turns. So nobody who scrapes, often or slowly, delays a record. D2 A thread that dies is told of and started again.
// Cost: a thread (about 10 MB) when it is asked for, nothing else.
import { Worker } from 'node:worker_threads';
import { limits, MillraceError, type Report } from '../base/mod.ts';
import type { DoorData, FromDoor, ReadyAnswer, ScrapeKind, ToDoor, ToNode } from './messages.ts';

/** What the door asks a node; called on the node's thread. */
export interface MetricsSource {
  readiness(): ReadyAnswer;
  /** Hands out the text in pieces; null while there is nothing to tell yet. */
  readonly scrape: ((kind: ScrapeKind, onPiece: (text: string) => void) => Promise<void>) | null;
}

/** Where to listen, and who answers. */
export interface MetricsDoorOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Asked at each question, so it may change. */
  readonly source: () => MetricsSource;
  readonly report: Report;
  /** What the thread runs, for tests. */
  readonly thread?: URL;
}

/** An open door. */
export interface MetricsDoor {
  readonly host: string;
  readonly port: number;
  /** Such as 'http://127.0.0.1:9464'. */
  readonly url: string;
  close(): Promise<void>;
}

const againMs = 1_000;

/** Opens the door. Rejects 'invalid-argument' when the address cannot be taken. */
export async function openMetricsDoor(options: MetricsDoorOptions): Promise<MetricsDoor> {
  const door = new Door(options);
  const { host, port } = await door.open(options.port);
  return { host, port, url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, close: () => door.close() };
}

class Door {
  readonly #options: MetricsDoorOptions;
  #worker: Worker | null = null;
  #closing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: MetricsDoorOptions) {
    this.#options = options;
  }

  open(port: number): Promise<{ host: string; port: number }> {
    const { host } = this.#options;
    const { connectionsMax, answerMsMax, answerBytesMax, pulseMsMax } = limits.metrics;
    const worker = new Worker(this.#options.thread ?? new URL('./thread-main.ts', import.meta.url), { name: 'metrics', workerData: { host, port, connectionsMax, answerMsMax, answerBytesMax, pulseMsMax } satisfies DoorData });
    this.#worker = worker;
    return new Promise((resolve, reject) => {
      let opened: number | null = null;
      worker.on('message', (message: FromDoor) => {
        if (message.kind === 'listening') {
          opened = message.port;
          worker.unref();
          resolve({ host: message.host, port: message.port });
        } else if (message.kind === 'refused') reject(new MillraceError('invalid-argument', `Cannot serve metrics on '${host}:${port}': ${message.message}`, { host, port }));
        else if (message.kind !== 'closed') void this.#answer(worker, message);
      });
      worker.on('error', (error) => {
        if (opened === null) reject(error);
        else this.#options.report(`the thread that serves metrics has failed: ${error instanceof Error ? error.message : String(error)}`, 'error');
      });
      worker.on('exit', () => { if (opened !== null) this.#again(opened); });
    });
  }

  close(): Promise<void> {
    return this.#closing ??= new Promise((resolve) => {
      if (this.#timer !== null) clearTimeout(this.#timer);
      const worker = this.#worker;
      if (worker === null) return resolve();
      worker.ref();
      worker.once('exit', () => resolve());
      worker.postMessage({ kind: 'close' } satisfies ToDoor);
    });
  }

  /** D2. */
  #again(port: number): void {
    this.#worker = null;
    if (this.#closing !== null) return;
    this.#timer = setTimeout(() => {
      this.open(port).catch((error: Error) => {
        this.#options.report(error.message, 'error');
        this.#again(port);
      });
    }, againMs).unref();
  }

  async #answer(worker: Worker, question: ToNode): Promise<void> {
    const say = (message: ToDoor): void => worker.postMessage(message);
    const { call } = question;
    const source = this.#options.source();
    if (question.kind === 'pulse') return say({ kind: 'pulse', call });
    if (question.kind === 'ready') return say({ kind: 'ready', call, answer: source.readiness() });
    if (source.scrape === null) return say({ kind: 'end', call, failure: source.readiness().message ?? 'not now' });
    try {
      await source.scrape(question.scrape, (text) => say({ kind: 'piece', call, text }));
      say({ kind: 'end', call, failure: null });
    } catch (error) {
      this.#options.report(`a scrape has failed: ${error instanceof Error ? error.stack : String(error)}`, 'error');
      say({ kind: 'end', call, failure: 'the scrape has failed; the log of the node says why' });
    }
  }
}

// node/check-thread.ts - a thread that judges records by schemas, so that no schema and no record delays the log.
// Owns: the thread's life, the deadline of each question. Never: judging (check-thread-main.ts).
// K1 A question that takes longer than its deadline ends the thread: it counts as refused, and those behind it are asked anew. K2 Bytes cross in shared memory,
// one question at a time lies with the thread beyond the one it works on. K3 The thread starts with the first question and never keeps the process alive.
import { Worker } from 'node:worker_threads';
import { limits, MillraceError } from '../base/mod.ts';
import type { Validator } from '../broker/mod.ts';
import type { Clock, Timer } from '../os/mod.ts';
import type { RecordFault } from '../schema/mod.ts';

type Schemas = Parameters<Validator['judge']>[0];

/** What the thread is asked: to judge the batch in `bytes`, or only the schemas. */
export interface CheckQuestion { readonly id: number; readonly schemas: Schemas; readonly bytes: SharedArrayBuffer | null }

/** What it says. */
export type CheckAnswer =
  | { readonly id: number; readonly kind: 'begun' }
  | { readonly id: number; readonly kind: 'judged'; readonly faults: RecordFault[] }
  | { readonly id: number; readonly kind: 'refused'; readonly why: string };

interface Asked { readonly question: CheckQuestion; readonly settle: (answer: CheckAnswer) => void }

/** One thread; its users are the nodes of this process, or of this thread of it. */
export class CheckThread implements Validator {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  #worker: Worker | null = null;
  /** In order; the first is with the thread. */
  readonly #asked: Asked[] = [];
  #timer: Timer | null = null;
  #idNext = 1;

  constructor(clock: Clock, deadlineMs: number = limits.schema.checkMsMax) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
  }

  async check(schemas: Schemas): Promise<void> {
    const answer = await this.#ask(schemas, null);
    if (answer.kind === 'refused') throw new MillraceError('invalid-argument', answer.why);
  }

  async judge(schemas: Schemas, bytes: Uint8Array): Promise<readonly RecordFault[]> {
    const shared = new SharedArrayBuffer(bytes.byteLength);
    new Uint8Array(shared).set(bytes);
    const answer = await this.#ask(schemas, shared);
    return answer.kind === 'judged' ? answer.faults : [{ batchIndex: 0, batchIndexErrorMessage: answer.kind === 'refused' ? answer.why : '' }];
  }

  /** Ends the thread; what is asked counts as refused. */
  close(): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#timer?.cancel();
    void worker?.terminate();
    for (const { question, settle } of this.#asked.splice(0)) settle({ id: question.id, kind: 'refused', why: 'the node is closing' });
  }

  #ask(schemas: Schemas, bytes: SharedArrayBuffer | null): Promise<CheckAnswer> {
    return new Promise((settle) => {
      this.#asked.push({ question: { id: this.#idNext++, schemas, bytes }, settle });
      if (this.#asked.length === 1) this.#next();
    });
  }

  #next(): void {
    const [first] = this.#asked;
    if (first === undefined) return;
    this.#worker ??= this.#start();
    this.#worker.postMessage(first.question);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./check-thread-main.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: limits.schema.threadMemoryMiB } });
    worker.unref();
    worker.on('message', (answer: CheckAnswer) => { if (worker === this.#worker) this.#heard(answer); });
    worker.on('error', (error) => { if (worker === this.#worker) this.#gaveUp(`the check failed: ${error.message}`); });
    return worker;
  }

  #heard(answer: CheckAnswer): void {
    if (answer.kind === 'begun') {
      this.#timer = this.#clock.after(this.#deadlineMs, () => this.#gaveUp(`the check took longer than ${this.#deadlineMs} ms`));
      return;
    }
    this.#timer?.cancel();
    this.#asked.shift()?.settle(answer);
    this.#next();
  }

  /** K1. */
  #gaveUp(why: string): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#timer?.cancel();
    void worker?.terminate();
    const first = this.#asked.shift();
    first?.settle({ id: first.question.id, kind: 'refused', why });
    this.#next();
  }
}

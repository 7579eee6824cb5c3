// test/outside/supervised.ts - a program that is started again when it ends, as an operator's supervisor would.
// Owns: the process of one program. Never: what it does.
import { start, sleep, type Running } from '../peers/processes.ts';

const startsMax = 60;

/** A program under supervision. `await using` ends it. */
export class Supervised implements AsyncDisposable {
  readonly #command: readonly string[];
  readonly #cwd: string | undefined;
  #running: Running;
  #starts = 0;
  #ending = false;
  #said = '';

  constructor(command: readonly string[], cwd?: string) {
    this.#command = command;
    this.#cwd = cwd;
    this.#running = this.#start();
  }

  /** Ends the program with SIGKILL; it is started again. */
  async kill(): Promise<void> { await this.#running.end('SIGKILL'); }

  /** What it said last, over all its starts, for messages of failures. */
  output(): string { return `(started ${this.#starts} times) ${(this.#said + this.#running.output()).slice(-6000)}`; }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    await this.#running.end('SIGTERM', 3_000);
  }

  #start(): Running {
    this.#starts++;
    const running = start(this.#command[0]!, this.#command.slice(1), { cwd: this.#cwd });
    void running.ended.then(async () => {
      this.#said = (this.#said + running.output()).slice(-3000);
      await sleep(200);
      if (!this.#ending && this.#starts < startsMax) this.#running = this.#start();
    });
    return running;
  }
}

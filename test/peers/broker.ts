// test/peers/broker.ts - a broker as a real process, whichever kind it is.
// Owns: the life of that process: start, readiness, clean stop, kill -9, start again on the same data and port. Never: which program it is
// (kafka.ts, millrace.ts), and never anything that a client does.
// B1 `dispose` always ends the process by its pid and deletes the data, also when the process is already gone.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePorts, start, type Running } from './processes.ts';
import { isReady } from './raw.ts';

/** Which program serves. */
export type BrokerKind = 'kafka' | 'millrace' | 'sink';

/** One broker process and what can be done to it. */
export interface Broker extends AsyncDisposable {
  readonly kind: BrokerKind;
  readonly host: string;
  readonly port: number;
  /** `host:port`, as clients want it. */
  readonly bootstrap: string;
  /** Of the present process; changes with `restart`. */
  readonly pid: number;
  /** Where the broker keeps its data. */
  readonly dataFolder: string;
  /** Ends the process cleanly (SIGTERM) and waits for it. */
  stop(): Promise<void>;
  /** Ends the process with SIGKILL and waits for it. */
  kill(): Promise<void>;
  /** Starts the process again on the same data and port (stopping it first when it runs) and waits until it serves. */
  restart(): Promise<void>;
  /** Starts the stopped process again and waits for nothing: for who measures how long it takes. */
  begin(): void;
  /** The tail of what the present process printed. */
  output(): string;
  /** Ends the process and deletes its data, unless the data folder was given by the caller. */
  dispose(): Promise<void>;
}

/** How one kind of broker is started. `ports[0]` is where clients connect. */
export type Launch = {
  kind: BrokerKind;
  portsCount: number;
  /** Prepares an empty folder once. */
  prepare(dataFolder: string, ports: readonly number[]): void;
  command(dataFolder: string, ports: readonly number[]): { path: string; args: readonly string[]; env?: NodeJS.ProcessEnv };
  /** Longest time from start until it serves. */
  readyMs: number;
  /** A folder to use and to keep; a temporary one otherwise. */
  dataFolder?: string;
  /** The port for clients; a free one otherwise. */
  port?: number;
};

/** Starts a broker and waits until it serves. Throws with the output of the process when it does not. */
export async function launch(plan: Launch): Promise<Broker> {
  for (let attempt = 1; ; attempt++) {
    const ports = await freePorts(plan.portsCount);
    if (plan.port !== undefined) ports[0] = plan.port;
    const dataFolder = plan.dataFolder ?? mkdtempSync(join(tmpdir(), `millrace-${plan.kind}-`));
    plan.prepare(dataFolder, ports);
    const broker = new BrokerProcess(plan, dataFolder, ports);
    try {
      await broker.restart();
      return broker;
    } catch (error) {
      await broker.dispose();
      // Somebody may have taken the port between its choice and its use.
      if (attempt === 3 || plan.port !== undefined || !/in use|EADDRINUSE|bind/i.test(String(error))) throw error;
    }
  }
}

class BrokerProcess implements Broker {
  readonly host = '127.0.0.1';
  readonly dataFolder: string;
  readonly #plan: Launch;
  readonly #ports: readonly number[];
  #running: Running | undefined;

  constructor(plan: Launch, dataFolder: string, ports: readonly number[]) {
    this.#plan = plan;
    this.dataFolder = dataFolder;
    this.#ports = ports;
  }

  get kind(): BrokerKind { return this.#plan.kind; }
  get port(): number { return this.#ports[0]!; }
  get bootstrap(): string { return `${this.host}:${this.port}`; }
  get pid(): number { return this.#running?.pid ?? -1; }

  async stop(): Promise<void> { await this.#running?.end('SIGTERM', 30_000); }

  async kill(): Promise<void> { await this.#running?.end('SIGKILL'); }

  begin(): Running {
    const { path, args, env } = this.#plan.command(this.dataFolder, this.#ports);
    return (this.#running = start(path, args, { env: { ...process.env, ...env } }));
  }

  async restart(): Promise<void> {
    await this.stop();
    const running = this.begin();
    await eventually(async () => {
      if (running.hasEnded()) throw new Error(`Cannot start ${this.kind}: it ended with code ${await running.ended}\n${running.output()}`);
      return await isReady(this.host, this.port) ? true : undefined;
    }, () => `${this.kind} does not serve on ${this.bootstrap}\n${running.output()}`, this.#plan.readyMs);
  }

  output(): string { return this.#running?.output() ?? ''; }

  async dispose(): Promise<void> {
    await this.kill();
    if (this.#plan.dataFolder === undefined) rmSync(this.dataFolder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> { return this.dispose(); }
}

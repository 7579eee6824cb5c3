// cli/node-log.ts - what a running node says: lines for people, or one JSON object a line for programs.
// Owns: the form. Never: what is worth saying.
import type { Terminal } from './terminal.ts';

/** How much a line matters. */
export type Level = 'info' | 'warn' | 'error';

/** The log of a node in the foreground. */
export class NodeLog {
  readonly #out: Terminal;
  readonly #format: 'text' | 'json';

  constructor(out: Terminal, format: 'text' | 'json') {
    this.#out = out;
    this.#format = format;
  }

  /** One line; `facts` are for programs and appear in JSON only. */
  say(level: Level, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    const time = new Date().toISOString();
    if (this.#format === 'json') return this.#out.line(JSON.stringify({ time, level, message, ...facts }));
    const label = level === 'info' ? 'info ' : this.#out.style(level === 'warn' ? 'yellow' : 'red', level.padEnd(5));
    this.#out.line(`${this.#out.style('dim', time)} ${label} ${message}`);
  }
}

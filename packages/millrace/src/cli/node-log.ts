// cli/node-log.ts - what a running node says: lines for people, or one JSON object a line for programs.
// Owns: the form, which levels are shown, the bound on lines that repeat (repeats.ts). Never: what is worth saying.
// N1 Each event is one line (a stack may follow, indented), whatever it holds: control characters of names that clients chose are shown as '?'. N2 JSON has `time`, `level`, `component`
// and `message` first, then the facts of the line.
import type { ReportFacts, ReportLevel } from '../base/mod.ts';
import { Repeats } from './repeats.ts';
import type { Terminal } from './terminal.ts';

/** How a node log is told. */
export interface NodeLogOptions {
  readonly format: 'text' | 'json';
  /** The least that a line must matter (default: 'info', everything). */
  readonly level?: ReportLevel;
  /** Wall time in ms, for tests. */
  readonly nowMs?: () => number;
}

const ranks: Readonly<Record<ReportLevel, number>> = { info: 0, warn: 1, error: 2 };

/** The log of a node in the foreground. */
export class NodeLog {
  readonly #out: Terminal;
  readonly #format: 'text' | 'json';
  readonly #rankMin: number;
  readonly #nowMs: () => number;
  readonly #repeats: Repeats;

  constructor(out: Terminal, { format, level = 'info', nowMs = Date.now }: NodeLogOptions) {
    this.#out = out;
    this.#format = format;
    this.#rankMin = ranks[level];
    this.#nowMs = nowMs;
    this.#repeats = new Repeats((levelOf, message, facts) => this.#write(levelOf, message, facts), nowMs);
  }

  /** One line; `facts` are for programs and appear in JSON only, except for the component. Lines that repeat too often are told of together. */
  say(level: ReportLevel, message: string, facts: ReportFacts = {}): void {
    if (ranks[level] < this.#rankMin) return;
    if (this.#repeats.admit(level, message, facts)) this.#write(level, message, facts);
  }

  /** A line that programs wait for: told whatever level was asked for. */
  announce(message: string, facts: ReportFacts): void {
    this.#write('info', message, facts);
  }

  /** Says what was held back. */
  close(): void {
    this.#repeats.close();
  }

  #write(level: ReportLevel, message: string, { component = 'node', ...facts }: ReportFacts): void {
    const time = new Date(this.#nowMs()).toISOString();
    if (this.#format === 'json') return this.#out.line(JSON.stringify({ time, level, component, message, ...facts }));
    const label = level === 'info' ? 'info ' : this.#out.style(level === 'warn' ? 'yellow' : 'red', level.padEnd(5));
    this.#out.line(`${this.#out.style('dim', time)} ${label} ${this.#out.style('dim', component.padEnd(componentWidth))} ${plain(message)}`);
  }
}

const componentWidth = 11;

/** N1: the further lines of a stack are indented, so that none looks like an event of its own. */
function plain(message: string): string {
  return message.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?').replaceAll('\n', '\n    ');
}

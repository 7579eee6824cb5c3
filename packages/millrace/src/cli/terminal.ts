// cli/terminal.ts - where text goes: a terminal, a pipe or a log file.
// Owns: colours (only on a terminal, never with NO_COLOR), the live region that is redrawn in place. Never: what is said.
// T1 What is not a terminal gets whole lines without a control character.
import { styleText } from 'node:util';

/** What a Terminal writes to; `process.stdout` fits. */
export interface Sink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  /** True while the reader at the other end is behind. */
  readonly writableNeedDrain?: boolean;
  once?(event: 'drain', listener: () => void): unknown;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** Styles by meaning. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** One stream of text to a person or a file. */
export class Terminal {
  readonly #sink: Sink;
  readonly #colours: boolean;
  #liveLines = 0;

  /** `colours` overrules what the sink and the environment say. */
  constructor(sink: Sink, env: Readonly<Record<string, string | undefined>> = {}, colours?: boolean) {
    this.#sink = sink;
    this.#colours = colours ?? (sink.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb');
  }

  /** True when a person watches and lines may be redrawn. */
  get interactive(): boolean {
    return this.#sink.isTTY === true;
  }

  /** Width to keep to; unbounded in a pipe. */
  get columns(): number {
    return this.interactive ? this.#sink.columns ?? 80 : Number.MAX_SAFE_INTEGER;
  }

  /** Height to keep to; unbounded in a pipe. */
  get rows(): number {
    return this.interactive ? this.#sink.rows ?? 24 : Number.MAX_SAFE_INTEGER;
  }

  /** Calls back whenever the size changes, until the returned function is called. */
  onResize(callback: () => void): () => void {
    this.#sink.on?.('resize', callback);
    return () => { this.#sink.off?.('resize', callback); };
  }

  /** Goes to the terminal's other screen, where what stood before is kept out of sight, and hides the cursor. */
  openScreen(): void {
    this.#sink.write('\x1b[?1049h\x1b[?25l');
  }

  /** Fills the other screen with these lines, cut to its size (in the last column, clearing the rest of a line would clear its end). Nothing flickers: lines are overwritten in place, and terminals that can show all of it at once. */
  frame(lines: readonly string[]): void {
    const fitting = lines.slice(0, Math.max(1, this.rows));
    const shown = fitting.map((line) => `${clip(line, this.columns - 1)}\x1b[0m\x1b[K`).join('\r\n');
    this.#sink.write(`\x1b[?2026h\x1b[H${shown}\x1b[J\x1b[?2026l`);
  }

  /** Brings back the cursor and what stood before. */
  closeScreen(): void {
    this.#sink.write('\x1b[?25h\x1b[?1049l');
  }

  /** The text in a style, or as it is where colours are off. */
  style(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Writes the text as it is. */
  write(text: string): void {
    this.#clearLive();
    this.#sink.write(text);
  }

  /** Resolves once the reader has taken enough of what was written: whoever writes much waits for it now and then. */
  async drained(): Promise<void> {
    if (this.#sink.writableNeedDrain === true) await new Promise<void>((resolve) => { this.#sink.once?.('drain', resolve); });
  }

  /** Writes one line. */
  line(text = ''): void {
    this.write(`${text}\n`);
  }

  /** Shows lines that the next call replaces. Nothing appears where no person watches. */
  live(lines: readonly string[]): void {
    if (!this.interactive) return;
    const fitting = lines.slice(0, Math.max(1, (this.#sink.rows ?? 24) - 1)); // what has scrolled away cannot be redrawn
    const shown = fitting.map((line) => `${clip(line, this.columns - 1)}\n`).join('');
    this.#sink.write(`${this.#upToLive()}${shown}`);
    this.#liveLines = fitting.length;
  }

  #clearLive(): void {
    if (this.#liveLines > 0) this.#sink.write(this.#upToLive());
    this.#liveLines = 0;
  }

  #upToLive(): string {
    return this.#liveLines > 0 ? `\x1b[${this.#liveLines}A\x1b[0J` : '';
  }
}

/** Cuts a line to a number of columns; escape sequences take none. */
export function clip(line: string, columns: number): string {
  let shown = 0;
  let cut = '';
  for (const piece of line.split(/(\x1b\[[\d;]*m)/)) {
    if (piece.startsWith('\x1b[')) { cut += piece; continue; }
    cut += piece.slice(0, Math.max(0, columns - shown));
    shown += piece.length;
  }
  return cut;
}

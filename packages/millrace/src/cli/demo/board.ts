// cli/demo/board.ts - how the demo shows what happens: a board redrawn in place on a terminal, a line every second in a log file.
// Owns: rates and layout. Never: the numbers.
import { grouped } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import type { Airports } from './airports.ts';

/** What is shown. */
export interface BoardState { readonly total: number; readonly written: number; readonly read: number; readonly airports: Airports }

const redrawMs = 100;
const lineMs = 1000;
/** Rates are of this stretch of time. */
const rateWindowMs = 2000;
const barColumns = 30;

/** Watches the demo until stop(). */
export class Board {
  readonly #out: Terminal;
  readonly #look: () => BoardState;
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #samples = [{ atMs: performance.now(), written: 0, read: 0 }];

  constructor(out: Terminal, look: () => BoardState) {
    this.#out = out;
    this.#look = look;
    this.#timer = setInterval(() => this.#show(), out.interactive ? redrawMs : lineMs);
  }

  /** Shows the last state and takes the board away. */
  stop(): void {
    clearInterval(this.#timer);
    this.#out.live([]);
  }

  #show(): void {
    const state = this.#look();
    const rates = this.#rates(state);
    if (this.#out.interactive) this.#out.live(this.#board(state, rates));
    else this.#out.line(this.#line(state, rates));
  }

  #rates({ written, read }: BoardState): { written: number; read: number } {
    const now = { atMs: performance.now(), written, read };
    this.#samples = [...this.#samples.filter((sample) => now.atMs - sample.atMs <= rateWindowMs), now];
    const first = this.#samples[0]!;
    const seconds = Math.max(0.001, (now.atMs - first.atMs) / 1000);
    return { written: (written - first.written) / seconds, read: (read - first.read) / seconds };
  }

  #board({ total, written, read, airports }: BoardState, rates: { written: number; read: number }): string[] {
    const out = this.#out;
    const row = (name: string, count: number, rate: number, note: string) =>
      `  ${name.padEnd(8)} ${this.#bar(count / total)} ${grouped(count).padStart(9)}  ${String(Math.floor((100 * count) / total)).padStart(3)} %  ${grouped(rate).padStart(9)}/s  ${note}`;
    return [
      row('written', written, rates.written, `${((performance.now() - this.#startedMs) / 1000).toFixed(1)} s`),
      row('read', read, rates.read, `${grouped(Math.max(0, written - read))} behind`),
      '', out.style('bold', '  worst airports to leave from, so far'), ...airports.worstTable(8).map((line, i) => `  ${i === 0 ? out.style('dim', line) : line}`),
    ];
  }

  #bar(part: number): string {
    const full = Math.round(Math.min(1, part) * barColumns);
    return this.#out.style('cyan', '█'.repeat(full)) + this.#out.style('dim', '░'.repeat(barColumns - full));
  }

  #line({ total, written, read, airports }: BoardState, rates: { written: number; read: number }): string {
    const [worst] = airports.worst(1);
    const note = worst === undefined ? '' : `; worst so far: ${worst.code}, ${(worst.delayMinutes / worst.flights).toFixed(1)} min late on average`;
    return `${((performance.now() - this.#startedMs) / 1000).toFixed(0).padStart(4)} s  written ${grouped(written)} of ${grouped(total)} (${grouped(rates.written)}/s), read ${grouped(read)} (${grouped(rates.read)}/s)${note}`;
  }
}

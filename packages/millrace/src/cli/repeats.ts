// cli/repeats.ts - lines that come again and again are told a few times, then counted and told of together.
// Owns: the judgement and the counts. Never: the form of a line.
// R1 Lines are alike when they are the same but for their numbers, level and component included: a port that is scanned is one story. R2 Of lines that are
// alike at most `linesMax` are told in a window; what more there was is told as one line when the window ends, so nothing is dropped without a word.
// R3 At most `shapesMax` kinds are watched; the one that began first gives way, and says what it held back.
import type { ReportFacts, ReportLevel } from '../base/mod.ts';

/** How many alike lines are told in a window, how long that is, and how many kinds of lines are watched. */
export const repeatBounds = { linesMax: 10, windowMs: 10_000, shapesMax: 500 } as const;

type Say = (level: ReportLevel, message: string, facts: ReportFacts) => void;

interface Shape { readonly level: ReportLevel; readonly component: string | undefined; fromMs: number; told: number; heldBack: number; last: string; timer: NodeJS.Timeout | null }

/** The watch over repeated lines. */
export class Repeats {
  readonly #say: Say;
  readonly #nowMs: () => number;
  readonly #shapes = new Map<string, Shape>();

  constructor(say: Say, nowMs: () => number = Date.now) {
    this.#say = say;
    this.#nowMs = nowMs;
  }

  /** Whether the line is to be told now; else it is counted. */
  admit(level: ReportLevel, message: string, facts: ReportFacts): boolean {
    const key = `${level} ${facts.component ?? ''} ${message.replace(/\d+/g, '#')}`;
    const nowMs = this.#nowMs();
    let shape = this.#shapes.get(key);
    if (shape !== undefined && nowMs - shape.fromMs >= repeatBounds.windowMs) { this.#end(key, shape); shape = undefined; }
    if (shape === undefined) {
      if (this.#shapes.size >= repeatBounds.shapesMax) this.#end(...this.#shapes.entries().next().value!);
      this.#shapes.set(key, shape = { level, component: facts.component, fromMs: nowMs, told: 0, heldBack: 0, last: message, timer: null });
    }
    if (shape.told < repeatBounds.linesMax) { shape.told++; return true; }
    shape.heldBack++;
    shape.last = message;
    const open = shape;
    shape.timer ??= setTimeout(() => this.#end(key, open), Math.max(1, repeatBounds.windowMs - (nowMs - shape.fromMs))).unref();
    return false;
  }

  /** Tells of everything that was held back. */
  close(): void {
    for (const [key, shape] of [...this.#shapes]) this.#end(key, shape);
  }

  #end(key: string, { level, component, heldBack, last, timer }: Shape): void {
    this.#shapes.delete(key);
    if (timer !== null) clearTimeout(timer);
    if (heldBack === 0) return;
    this.#say(level, `${heldBack} more like this: ${last}`, { ...(component === undefined ? {} : { component }), event: 'repeated', count: heldBack });
  }
}

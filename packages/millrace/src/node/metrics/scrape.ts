// node/metrics/scrape.ts - one scrape: the text of all metrics, made in turns so that the log's thread goes on serving.
// Owns: the turns. Never: what is told (collect.ts).
// S1 A turn takes about limits.metrics.turnMsMax and at most turnLinesMax lines; between turns the thread belongs to others for turnPauseMs.
// S2 Pieces come in order, and joined they are the whole text. Cost: about a microsecond a line.
import { limits } from '../../base/mod.ts';
import { findLagTimes } from '../../broker/mod.ts';
import { collect, type CollectOptions } from './collect.ts';
import { Exposition, type TextFormat } from './exposition.ts';
import type { Observed } from './observed.ts';

/** What a scrape asks for; all of it has a default. */
export interface ScrapeOptions {
  readonly detail?: 'topic' | 'partition';
  readonly format?: TextFormat;
}

/** Hands out the text piece by piece; resolves when it is whole. Rejects only for what is a bug. */
export async function scrape(observed: Observed, options: ScrapeOptions, onPiece: (text: string) => void): Promise<void> {
  const { broker, clock, startedMs } = observed;
  const pause = (): Promise<void> => new Promise((resolve) => { clock.after(limits.metrics.turnPauseMs, resolve); });
  const [process, diskFreeBytes] = await Promise.all([
    observed.processFigures(),
    broker.services.freeBytes().catch(() => null), // a figure less, not a failed scrape
    findLagTimes(broker.groups.all(), broker.services.topics, startedMs, pause),
  ]);
  const out = new Exposition(options.format ?? 'prometheus');
  const steps = collect(observed, { process, diskFreeBytes }, { perPartition: options.detail === 'partition' } satisfies CollectOptions, out);
  for (;;) {
    const done = turn(steps, out, clock.monotonicMs() + limits.metrics.turnMsMax, () => clock.monotonicMs());
    onPiece(out.take());
    if (done) return;
    await pause();
  }
}

/** The same as one text. */
export async function scrapeText(observed: Observed, options: ScrapeOptions = {}): Promise<string> {
  const pieces: string[] = [];
  await scrape(observed, options, (piece) => pieces.push(piece));
  return pieces.join('');
}

/** S1; true when there is nothing left to write. */
function turn(steps: Generator<void, void, void>, out: Exposition, untilMs: number, nowMs: () => number): boolean {
  do if (steps.next().done === true) return true;
  while (out.lines < limits.metrics.turnLinesMax && nowMs() < untilMs);
  return false;
}

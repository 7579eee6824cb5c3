// testing/sim/run-seeds.ts - many seeds over a few processes.
// Owns: handing out seeds, the double run of every hundredth, adding up coverage. Never: printing.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Coverage } from './coverage.ts';
import type { SeedResult, SimLevel } from './run-seed.ts';

/** What to run. */
export interface SeedsOptions {
  readonly level: SimLevel;
  /** First seed and how many after it. */
  readonly from: number;
  readonly count: number;
  /** Processes side by side (default 2). */
  readonly processes?: number;
  /** Told after each seed. */
  readonly onResult?: (result: SeedResult, done: number) => void;
}

/** What came out. */
export interface SeedsResult { readonly failures: readonly SeedResult[]; readonly coverage: Coverage; readonly done: number; readonly virtualMs: number; readonly events: number }

/** One seed in so many runs twice and must leave the same trace. */
const doubleRunEvery = 100;
/** Enough to see a pattern; more only costs time. */
const failuresMax = 10;

/** Asked of a worker process. */
export interface SeedTask { readonly level: SimLevel; readonly seed: number; readonly twice: boolean }

/** Runs the seeds; ends early after ten failures. */
export async function runSeeds(options: SeedsOptions): Promise<SeedsResult> {
  const { level, from, count, processes = 2, onResult } = options;
  const coverage = new Coverage();
  const failures: SeedResult[] = [];
  let next = from;
  let done = 0;
  let virtualMs = 0;
  let events = 0;
  const take = (): SeedTask | null => {
    if (next >= from + count || failures.length >= failuresMax) return null;
    const seed = next++;
    return { level, seed, twice: seed % doubleRunEvery === 0 };
  };
  const record = (result: SeedResult) => {
    done++;
    virtualMs += result.virtualMs;
    events += result.events;
    coverage.add(result.coverage);
    if (result.failure !== null) failures.push(result);
    onResult?.(result, done);
  };
  await Promise.all(Array.from({ length: Math.min(processes, count) }, () => work(take, record)));
  return { failures: failures.sort((a, b) => a.seed - b.seed), coverage, done, virtualMs, events };
}

/** One worker process, from its first task to its end. A process that dies is a failure of the seed it had. */
async function work(take: () => SeedTask | null, record: (result: SeedResult) => void): Promise<void> {
  for (let task = take(); task !== null;) {
    const child = fork(new URL('./sim-worker.ts', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    while (task !== null) {
      const result = await ask(child, task);
      record(result ?? died(task));
      task = take();
      if (result === null) break;
    }
    child.kill();
  }
}

function ask(child: ChildProcess, task: SeedTask): Promise<SeedResult | null> {
  return new Promise((resolve) => {
    const answer = (result: SeedResult) => { child.off('exit', exit); resolve(result); };
    const exit = () => { child.off('message', answer); resolve(null); };
    child.once('message', answer);
    child.once('exit', exit);
    child.send(task);
  });
}

function died(task: SeedTask): SeedResult {
  const failure = { message: 'the process of the simulation ended', stack: '', trace: [] };
  return { seed: task.seed, level: task.level, failure, traceHash: '', virtualMs: 0, events: 0, coverage: {} };
}

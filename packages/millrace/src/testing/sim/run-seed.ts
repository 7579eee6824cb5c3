// testing/sim/run-seed.ts - one seed from start to verdict.
// Owns: catching what a simulation finds, also what nobody awaited. Never: which seeds (run-seeds.ts), printing (cli).
import { World } from '../world.ts';
import { Coverage } from './coverage.ts';
import type { CoverageCounts } from './coverage.ts';
import { simulateLog } from './log-sim.ts';
import { simulateNode } from './node/node-sim.ts';

/** What is simulated: the log alone, whole nodes with clients of every kind, or whole nodes with clients of transactions. */
export type SimLevel = 'log' | 'node' | 'transactions';

/** The verdict of a seed, as data that crosses processes. */
export interface SeedResult {
  readonly seed: number;
  readonly level: SimLevel;
  /** Null when every promise held. */
  readonly failure: { readonly message: string; readonly stack: string; readonly trace: readonly string[] } | null;
  readonly traceHash: string;
  readonly virtualMs: number;
  readonly events: number;
  readonly coverage: CoverageCounts;
}

const simulations: Record<SimLevel, (world: World, coverage: Coverage) => Promise<void>> = {
  log: simulateLog,
  node: simulateNode,
  transactions: (world, coverage) => simulateNode(world, coverage, 'transactions'),
};

/** Runs one seed. `onTrace` sees each line of what happens. Only one seed at a time may run in a process. */
export async function runSeed(level: SimLevel, seed: number, onTrace: (line: string) => void = () => {}): Promise<SeedResult> {
  const world = new World(seed);
  const coverage = new Coverage();
  world.onTrace = onTrace;
  const failure = await failureOf(() => simulations[level](world, coverage));
  return {
    seed, level, traceHash: world.traceHash, virtualMs: Math.round(world.time.nowMs), events: world.time.eventsRun, coverage: coverage.counts,
    failure: failure && { message: failure.message, stack: failure.stack ?? '', trace: world.lastTrace(40) },
  };
}

/** The first error of the run: thrown, or rejected where nobody listened (a bug too, and it must not end the process). */
async function failureOf(run: () => Promise<void>): Promise<Error | null> {
  let unheard: Error | null = null;
  const hear = (reason: unknown) => { unheard ??= reason instanceof Error ? reason : new Error(String(reason)); };
  process.on('unhandledRejection', hear);
  try {
    await run();
    return unheard;
  } catch (error) {
    return unheard ?? (error instanceof Error ? error : new Error(String(error)));
  } finally {
    process.off('unhandledRejection', hear);
  }
}

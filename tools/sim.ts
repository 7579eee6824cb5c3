// tools/sim.ts - `millrace sim`: runs seeds of the simulator and says what they found.
// Owns: flags, progress, the report. Never: what a simulation does (packages/millrace/src/testing/sim).
import { parseArgs } from 'node:util';
import { requiredCoverage } from '../packages/millrace/src/testing/sim/required-coverage.ts';
import { runSeed } from '../packages/millrace/src/testing/sim/run-seed.ts';
import type { SeedResult, SimLevel } from '../packages/millrace/src/testing/sim/run-seed.ts';
import { runSeeds } from '../packages/millrace/src/testing/sim/run-seeds.ts';

/** Seeds of a full run; from here on a listed fault that was never met is a failure. */
const fullSeeds = 500;

const { values } = parseArgs({
  options: {
    level: { type: 'string', default: 'node' },
    seeds: { type: 'string', default: '50' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    processes: { type: 'string', default: '2' },
    verbose: { type: 'boolean', default: false },
  },
});

const level = values.level as SimLevel;
if (level !== 'log' && level !== 'node') usage(`--level is 'log' or 'node', not '${values.level}'`);
const failed = values.seed !== undefined ? await runOne(whole('--seed', values.seed)) : await runMany();
process.exitCode = failed ? 1 : 0;

/** One seed, with its trace. */
async function runOne(seed: number): Promise<boolean> {
  const result = await runSeed(level, seed, values.verbose ? (line) => console.log(line) : undefined);
  if (result.failure !== null) showFailure(result);
  console.log(`seed ${seed}: ${result.failure === null ? 'all promises held' : 'FAILED'}; ${result.events} events in ${result.virtualMs} ms of virtual time; trace ${result.traceHash}`);
  return result.failure !== null;
}

async function runMany(): Promise<boolean> {
  const count = whole('--seeds', values.seeds);
  const startMs = performance.now();
  let lastShownMs = startMs;
  const result = await runSeeds({
    level, from: whole('--from', values.from), count, processes: whole('--processes', values.processes),
    onResult: (each, done) => {
      if (each.failure !== null) showFailure(each);
      if (performance.now() - lastShownMs < 5000) return;
      lastShownMs = performance.now();
      console.log(`${done} of ${count} seeds, ${seconds(startMs)} s`);
    },
  });
  console.log(`\nFaults met, and where:\n${result.coverage.table(requiredCoverage[level])}\n`);
  const missing = count >= fullSeeds ? result.coverage.missing(requiredCoverage[level]) : [];
  for (const name of missing) console.log(`FAILED: never met in ${count} seeds: ${name}`);
  console.log(`${result.done} seeds, ${result.events} events, ${Math.round(result.virtualMs / 1000)} s of virtual time in ${seconds(startMs)} s`);
  console.log(`${result.done - result.failures.length} passed, ${result.failures.length + missing.length} failed`);
  return result.failures.length + missing.length > 0;
}

function showFailure({ seed, failure }: SeedResult): void {
  console.log(`\nFAILED seed ${seed}: ${failure!.message}`);
  console.log(failure!.stack.split('\n').slice(1, 8).join('\n'));
  console.log(failure!.trace.slice(-12).map((line) => `    ${line}`).join('\n'));
  console.log(`Again: ./millrace sim --level ${level} --seed ${seed} --verbose\n`);
}

function seconds(startMs: number): string {
  return ((performance.now() - startMs) / 1000).toFixed(0);
}

function whole(flag: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) usage(`${flag} wants a whole number, not '${text}'`);
  return value;
}

function usage(message: string): never {
  console.error(`error: ${message}`);
  process.exit(2);
}

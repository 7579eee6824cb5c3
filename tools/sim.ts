// tools/sim.ts - `./millrace sim`: simulations of the log, of whole nodes or of transactions from seeds, and the replay of one seed.
// Owns: flags and words. Never: the simulation (packages/millrace/src/testing/sim). Exit code 1 when a promise was broken.
import { parseArgs } from 'node:util';
import { requiredCoverage } from '../packages/millrace/src/testing/sim/required-coverage.ts';
import { runSeed, type SeedResult, type SimLevel } from '../packages/millrace/src/testing/sim/run-seed.ts';
import { runSeeds } from '../packages/millrace/src/testing/sim/run-seeds.ts';

/** Seeds of a full run: from here on a listed fault that was never met is a failure. */
const fullSeeds = 500;

const { values } = parseArgs({
  options: { level: { type: 'string', multiple: true }, seeds: { type: 'string', default: '50' }, from: { type: 'string', default: '1' }, seed: { type: 'string' }, verbose: { type: 'boolean' } },
});
const known: readonly SimLevel[] = ['log', 'node', 'transactions'];
const levels = (values.level ?? known) as SimLevel[];
const unknown = levels.find((level) => !known.includes(level));
if (unknown !== undefined) {
  console.error(`Cannot simulate '${unknown}': no such level. Levels: ${known.join(', ')}`);
  process.exit(2);
}
const failed = values.seed === undefined ? await many(Number(values.seeds), Number(values.from)) : await one(Number(values.seed));
process.exit(failed ? 1 : 0);

/** Replays one seed at each level; true when it failed. */
async function one(seed: number): Promise<boolean> {
  let failed = false;
  for (const level of levels) {
    const result = await runSeed(level, seed, values.verbose === true ? (line) => console.log(line) : undefined);
    say(result);
    failed ||= result.failure !== null;
  }
  return failed;
}

/** Runs many seeds at each level; true when one failed. */
async function many(count: number, from: number): Promise<boolean> {
  let [passed, failed] = [0, 0];
  for (const level of levels) {
    console.log(`${count} seeds of the ${level} from ${from}`);
    const startedMs = performance.now();
    const result = await runSeeds({ level, from, count, onResult: (seed, done) => {
      if (seed.failure !== null) say(seed);
      else if (done % 25 === 0) console.log(`  ${done} done`);
    } });
    console.log(`${result.done} seeds, ${result.events} events, ${Math.round(result.virtualMs / 1000)} s of virtual time in ${((performance.now() - startedMs) / 1000).toFixed(1)} s. Faults met, and where:`);
    console.log(result.coverage.table(requiredCoverage[level]).replace(/^/gm, '  '));
    const missing = count >= fullSeeds ? result.coverage.missing(requiredCoverage[level]) : [];
    for (const name of missing) console.log(`FAILED: never met in ${count} seeds: ${name}`);
    failed += result.failures.length + missing.length;
    passed += result.done - result.failures.length;
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0;
}

function say({ level, seed, failure, traceHash, events, virtualMs }: SeedResult): void {
  if (failure === null) return console.log(`seed ${seed} of the ${level}: every promise held (${events} events, ${virtualMs} ms of virtual time, trace ${traceHash})`);
  console.log(`seed ${seed} of the ${level} FAILED: ${failure.message}`);
  if (failure.stack !== '') console.log(failure.stack.replace(/^/gm, '  '));
  for (const line of failure.trace) console.log(`  ${line}`);
  console.log(`  again: ./millrace sim --level ${level} --seed ${seed} --verbose`);
}

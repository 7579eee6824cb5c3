// Simulations of the log, of whole nodes, and of nodes under transactions: fifty seeds of each on a push, five hundred in the full run, and of
// transactions four times as many. The full run must also have met every listed fault in every listed place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requiredCoverage } from '../../packages/millrace/src/testing/sim/required-coverage.ts';
import { runSeeds } from '../../packages/millrace/src/testing/sim/run-seeds.ts';
import type { SimLevel } from '../../packages/millrace/src/testing/sim/run-seed.ts';

const full = process.env['MILLRACE_TEST_FULL'] === '1';
const counts: Record<SimLevel, number> = full ? { log: 500, node: 500, transactions: 2000 } : { log: 50, node: 50, transactions: 200 };

for (const [level, count] of Object.entries(counts) as [SimLevel, number][]) {
  test(`${count} seeds at the level of the ${level}`, { timeout: 90 * 60_000 }, async (t) => {
    const result = await runSeeds({ level, from: 100, count });
    t.diagnostic(`${result.done} seeds, ${result.events} events, ${Math.round(result.virtualMs / 1000)} s of virtual time`);
    t.diagnostic(`faults met, and where:\n${result.coverage.table(requiredCoverage[level])}`);
    const found = result.failures.map(({ seed, failure }) => `seed ${seed}: ${failure!.message}\n  again: ./millrace sim --level ${level} --seed ${seed} --verbose`);
    assert.equal(found.join('\n'), '');
    assert.equal(result.done, count);
    if (full) assert.deepEqual(result.coverage.missing(requiredCoverage[level]), [], 'faults that were never met');
  });
}

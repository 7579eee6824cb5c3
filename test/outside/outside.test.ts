// Programs of other people on a Millrace node that is killed with kill -9 in the middle of their work: a few on a push, all in the full run.
import { test } from 'node:test';
import { startMillrace } from '../peers/millrace.ts';
import { runScenario, scenarios } from './scenarios.ts';

const full = process.env['MILLRACE_TEST_FULL'] === '1';
const only = process.env['OUTSIDE_ONLY'];

for (const scenario of scenarios.filter(({ onPush, name }) => (only === undefined ? full || onPush : name.includes(only)))) {
  test(scenario.name, { timeout: 10 * 60_000 }, async (t) => {
    await using node = await startMillrace();
    const missing = await runScenario(scenario, node);
    if (missing !== null) t.skip(missing);
  });
}

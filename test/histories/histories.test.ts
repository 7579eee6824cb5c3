// Histories of real transactional clients on a real node that is killed and paused under them: nothing is lost, doubled, torn, or seen too early.
// Three kills and two pauses on a push; in the full run fifty of each, with pauses longer than the clients wait.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, describeAnomalies } from '../../packages/millrace/src/testing/histories/mod.ts';
import { startMillrace } from '../peers/millrace.ts';
import { recordHistory } from './record.ts';

const full = process.env['MILLRACE_TEST_FULL'] === '1';
const faults = full ? { kills: 50, pauses: 50, pauseMsMax: 7_000 } : { kills: 3, pauses: 2, pauseMsMax: 1_500 };

test(`transactions of three clients, ${faults.kills} kills and ${faults.pauses} pauses`, { timeout: 40 * 60_000 }, async (t) => {
  await using node = await startMillrace();
  const { history, counts, faults: met } = await recordHistory(node, { clients: ['own', 'java', 'librdkafka'], ...faults, commitsBetween: 10, seed: 7 });
  t.diagnostic(counts);
  assert.deepEqual(met, { kills: faults.kills, pauses: faults.pauses });
  for (const kind of ['own', 'java', 'librdkafka']) {
    for (const part of ['append', 'pipe']) {
      const ended = (outcome: string): number => history.transactions.filter(({ client, outcome: of }) => client === `${kind}-${part}` && of === outcome).length;
      assert.ok(ended('committed') > 10, `${kind}-${part} committed ${ended('committed')}`);
    }
    assert.ok(history.polls.some(({ reader }) => reader === `${kind}-watch`), `${kind} read`);
  }
  assert.equal(describeAnomalies(checkHistory(history)), '');
});

// Named mistakes that cost data, each made in a copy of the tree: the simulations must notice every one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { repository } from '../../tools/source.ts';

test('the simulations notice every dangerous mistake', { timeout: 15 * 60_000 }, (t) => {
  const env = { ...process.env };
  delete env['NODE_TEST_CONTEXT'];
  const ended = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'tools/mutants.ts', '--dangerous', '--log-seeds', '130', '--cpu-s', '200', '--node-seeds', '8', '--transaction-seeds', '40', '--processes', '1'], { cwd: repository, encoding: 'utf8', env });
  t.diagnostic(ended.stdout.split('\n').filter((line) => /killed|SURVIVED/.test(line)).join('\n'));
  assert.equal(ended.status, 0, ended.stdout.slice(-3000) + ended.stderr.slice(-2000));
});

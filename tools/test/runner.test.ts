// tools/test/runner.test.ts - the test command counts what really happened: it cannot pass on nothing.
import assert from 'node:assert/strict';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram, tallyErrors, tallySummary } from './program.ts';
import { closingLine } from './tally.ts';
import { repository } from '../source.ts';

/** Runs the runner on files with this content, in a process of its own: Node's runner does not nest. */
async function tallyOf(t: { after: (fn: () => void) => void }, ...texts: string[]): Promise<{ passed: number; failed: number; skipped: number; failures: string[]; skips: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-runner-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = texts.map((text, i) => {
    writeFileSync(join(folder, `${i}.test.ts`), `import { test } from 'node:test';\n${text}`);
    return join(folder, `${i}.test.ts`);
  });
  writeFileSync(join(folder, 'run.ts'), `
    import { createWriteStream } from 'node:fs';
    import { runNodeTests } from ${JSON.stringify(join(repository, 'tools/test/node-tests.ts'))};
    delete process.env.NODE_TEST_CONTEXT;
    const tally = await runNodeTests({ files: ${JSON.stringify(files)}, cwd: ${JSON.stringify(folder)}, concurrency: 2, endsWithTests: true, timeoutMs: 60000, testTimeoutMs: 2000,
      log: createWriteStream('/dev/null'), onProgress: () => {} });
    console.log('TALLY' + JSON.stringify(tally));`);
  const { output } = await program([process.execPath, join(folder, 'run.ts')]);
  return JSON.parse(output.slice(output.indexOf('TALLY') + 5));
}

const program = (command: string[], timeoutMs = 60_000) => runProgram({ command, cwd: tmpdir(), timeoutMs, log: createWriteStream('/dev/null') });

test('passes, failures and skips are counted over files and subtests', async (t) => {
  const tally = await tallyOf(t,
    `test('a', () => {}); test('b', async (t) => { await t.test('b1', () => {}); });`,
    `test('c', () => { throw new Error('broken on purpose'); }); test('d', { skip: 'no printer' }, () => {});`);
  assert.deepEqual([tally.passed, tally.failed, tally.skipped], [3, 1, 1]);
  assert.match(tally.failures.join(), /1.test.ts c: Error: broken on purpose/);
  assert.deepEqual(tally.skips, ['d: no printer']);
});

test('a file that cannot load, one that exits early and one that waits for ever do not pass unseen', async (t) => {
  assert.equal((await tallyOf(t, `throw new Error('cannot load');`)).failed, 1);
  assert.ok((await tallyOf(t, `test('a', () => {}); process.exit(3);`)).failed >= 1);
  assert.ok((await tallyOf(t, `test('hangs', () => new Promise(() => {}));`)).failed >= 1);
});

test('a file that leaves something open ends with its last test where that is asked for', async (t) => {
  const tally = await tallyOf(t, `test('a', () => { setInterval(() => {}, 1000); }); test('b', () => {});`);
  assert.deepEqual([tally.passed, tally.failed], [2, 0]);
});

test('no file is a failure', async (t) => {
  assert.equal((await tallyOf(t)).failed, 1);
});

test('a program is believed only with a closing line that agrees with its exit code', async () => {
  const tally = async (script: string) => tallySummary(await program(['sh', '-c', script]));
  assert.equal((await tally('echo 5 passed, 0 failed')).passed, 5);
  assert.equal((await tally('echo 5 passed, 0 failed; exit 1')).failed, 1);
  assert.equal((await tally('echo 5 passed, 2 failed, 1 skipped; exit 1')).failed, 2);
  assert.equal((await tally('echo fine')).failed, 1);
  assert.equal((await tally('echo 0 passed, 0 failed')).failed, 1);
  assert.equal(tallySummary(await program(['sleep', '30'], 50)).failed, 1);
  assert.equal(tallySummary(await program(['no-such-program-here'])).failed, 1);
});

test('type errors are counted, and a checker that does not start has failed', async () => {
  assert.equal(tallyErrors(await program(['true'])).passed, 1);
  assert.equal(tallyErrors(await program(['sh', '-c', 'echo "a.ts(1,2): error TS1: x"; echo "b.ts(1,2): error TS2: y"; exit 2'])).failed, 2);
  assert.equal(tallyErrors(await program(['false'])).failed, 1);
});

test('the closing line is the sum', () => {
  const tally = { passed: 2, failed: 1, skipped: 3, failures: [], skips: [] };
  assert.equal(closingLine([tally, tally]), '4 passed, 2 failed, 6 skipped');
});

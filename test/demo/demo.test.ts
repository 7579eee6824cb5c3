// test/demo/demo.test.ts - `./millrace demo` as a newcomer runs it: into a log file, kept, and interrupted.
// A tenth of the flights on a push, all of them in the full run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../../packages/millrace/src/client/mod.ts';
import { repository } from '../../tools/source.ts';

const full = process.env['MILLRACE_TEST_FULL'] === '1';
const flights = full ? [] : ['--flights', '300000'];
const total = full ? '3,000,000' : '300,000';

interface Ended { readonly code: number | null; readonly out: string; readonly err: string }

/** Runs the script from another folder; `watch` sees what was printed so far. */
function demo(args: string[], watch: (out: string, kill: (signal: NodeJS.Signals) => void) => void = () => {}): Promise<Ended> {
  const child = spawn(join(repository, 'millrace'), ['demo', ...flights, ...args], { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_TEST_CONTEXT: undefined } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString(); watch(out, (signal) => child.kill(signal)); });
  child.stderr.on('data', (chunk: Buffer) => { err += chunk.toString(); });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

const folderIn = (out: string): string => /data in (\S+)/.exec(out)![1]!;

test('into a log file: plain lines, true totals, nothing left behind', async () => {
  const { code, out, err } = await demo([]);
  assert.deepEqual([code, err], [0, ''], out);
  assert.doesNotMatch(out, /\x1b/);
  assert.match(out, new RegExp(`written {2}${total} in .* a second`));
  assert.match(out, new RegExp(`checked {2}${total} in = ${total} out, the same values in the same order at each of \\d{3} airports`));
  assert.match(out, /# {2}airport {2}flights {2}mean delay/);
  assert.equal(existsSync(folderIn(out)), false);
});

test('--keep: the node serves on, as the last lines say', async () => {
  const { code, out } = await demo(['--keep']);
  assert.equal(code, 0, out);
  const processId = Number(/Stop it and delete its data: kill (\d+); rm -r (\S+)/.exec(out)![1]);
  try {
    await using client = await connect(/kcat -b (\S+)/.exec(out)![1]!);
    const lag = await client.admin().groupLag('delays');
    assert.deepEqual([lag.length, lag.reduce((sum, one) => sum + one.endOffset, 0).toLocaleString('en'), lag.reduce((sum, one) => sum + one.lag, 0)], [4, total, 0]);
    for await (const record of client.consumer({ topics: ['flights'] })) {
      const event = record.json<{ origin: string; date: string }>()!;
      assert.equal(event.origin, record.keyText());
      assert.equal(Date.parse(event.date), record.timestampMs);
      break;
    }
  } finally {
    process.kill(processId, 'SIGTERM');
    await untilGone(processId);
    rmSync(folderIn(out), { recursive: true, force: true });
  }
});

test('interrupted half way it stops the node, deletes the data and says so by its exit code', async () => {
  const { code, out } = await demo(['--flights', '3000000'], (printed, kill) => { if (/written [1-9][\d,]* of/.test(printed)) kill('SIGINT'); });
  assert.equal(code, 130, out);
  assert.equal(existsSync(folderIn(out)), false);
});

async function untilGone(processId: number): Promise<void> {
  for (;;) {
    try { process.kill(processId, 0); } catch { return; }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

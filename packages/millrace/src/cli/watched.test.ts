// cli/watched.test.ts - a node in the foreground that is watched: its metrics, its health from start to end, its log.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from '../client/mod.ts';
import { exitCodes } from './exit-codes.ts';

type Line = Record<string, unknown> & { event?: string };

/** Runs `millrace start` until the test ends; tells its lines as they come, and its end. */
function start(t: TestContext, ...flags: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-watched-'));
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'start', '--data', folder, '--port', '0', '--log-format', 'json', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout!.on('data', (chunk: Buffer) => { out += chunk.toString(); });
  child.stderr!.on('data', (chunk: Buffer) => { err += chunk.toString(); });
  const ended = new Promise<{ code: number | null; err: string }>((resolve) => child.on('close', (code) => resolve({ code, err })));
  t.after(async () => { child.kill('SIGKILL'); await ended; rmSync(folder, { recursive: true, force: true }); });
  const lines = (): Line[] => out.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Line);
  return {
    child, ended, lines,
    /** The line of an event, once it is there. */
    async line(event: string): Promise<Line> {
      for (;;) {
        const found = lines().find((line) => line.event === event);
        if (found !== undefined) return found;
        if (child.exitCode !== null) throw new Error(`it ended before it said '${event}': ${err}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

test('--metrics-port: the address is told before the node is ready, and again with it; the log names its parts', async (t) => {
  const node = start(t, '--metrics-port', '0');
  const { url } = await node.line('metrics') as { url: string };
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const ready = await node.line('ready');
  assert.equal(ready['metricsUrl'], url);
  assert.equal(await (await fetch(`${url}/readyz`)).text(), '{"ready":true}\n');
  await using client = await connect(`${ready['host']}:${ready['port']}`);
  await client.producer().send({ topic: 'ledger', value: 'x' });
  const made = await node.line('topic-created');
  assert.deepEqual([made['component'], made['topic'], made['partitions'], made['level']], ['broker', 'ledger', 1, 'info']);
  await client.close();
  node.child.kill('SIGTERM');
  assert.deepEqual(await node.ended, { code: 0, err: '' });
  await assert.rejects(fetch(`${url}/readyz`), 'the port is free');
  for (const line of node.lines()) assert.deepEqual(Object.keys(line).slice(0, 4), ['time', 'level', 'component', 'message']);
});

test('an address beyond the loopback is warned about; one that is given twice or cannot be is refused', async (t) => {
  const open = start(t, '--metrics-host', '0.0.0.0', '--metrics-port', '0', '--log-level', 'warn');
  const warned = await open.line('open-address');
  assert.match(String(warned['message']), /^metrics at http:\/\/0\.0\.0\.0:\d+, which is not loopback/);
  open.child.kill('SIGTERM');
  await open.ended;
  assert.deepEqual(open.lines().filter((line) => line['level'] === 'info').map((line) => line.event), ['ready', 'stopping', 'stopped'], 'what is as it should be is left out, but for what programs wait for');
  const twice = await start(t, '--metrics-port', '1', '--set', 'millrace.metrics.listener=127.0.0.1:2').ended;
  assert.equal(twice.code, exitCodes.usage.code);
  assert.match(twice.err, /both at --metrics-port 1 and at millrace\.metrics\.listener=127\.0\.0\.1:2/);
  const wrong = await start(t, '--set', 'millrace.metrics.listener=9464').ended;
  assert.match(wrong.err, /Cannot serve metrics on '9464': it must be an address such as 127\.0\.0\.1:9464/);
});

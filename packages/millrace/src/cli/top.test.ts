// `millrace top` against real nodes: once for a script, live for a person, of a node that tells all and of a server that tells what the protocol gives.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, type Client } from '../client/mod.ts';
import { type Node, startNode } from '../node/mod.ts';
import { serveControl } from './control.ts';
import { exitCodes } from './exit-codes.ts';
import { screenOf } from './test-screen.ts';
import { call, type CallOptions } from './test-shell.ts';

let folder: string;
let node: Node;
let client: Client;
let closeControl: () => Promise<void>;

const notHere = async (): Promise<never> => { throw new Error('not here'); };

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-top-'));
  node = await startNode({ data: folder, config: { 'millrace.metrics.listener': '127.0.0.1:0' } });
  closeControl = await serveControl(folder, { backup: notHere, faults: notHere, users: () => node.users(), status: () => node.status(), metrics: async () => ({ text: await node.metrics() }) });
  client = await connect(node);
  await client.admin().createTopics([{ topic: 'orders', partitions: 3 }, { topic: 'quiet' }]);
  await client.producer().send({ topic: 'orders', value: 'x' });
  await client.admin().setGroupOffsets('billing', [{ topic: 'orders', partition: 0, offset: 0 }, { topic: 'orders', partition: 1, offset: 0 }, { topic: 'orders', partition: 2, offset: 0 }]);
});
after(async () => {
  await client.close();
  await closeControl();
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Produces until told to stop. */
function load(): { stop(): Promise<void> } {
  let going = true;
  const producer = client.producer();
  const running = (async () => { while (going) await producer.send({ topic: 'orders', value: 'x'.repeat(100) }); })();
  return { async stop() { going = false; await running; } };
}

const run = (line: string, options: CallOptions = {}) => call(['top', ...line.split(' ').filter((word) => word !== '')], { ...options, env: { MILLRACE_SERVER: node.bootstrap } });

test('for a script: rates of the node, of topics and of groups, without being told where the node is', async () => {
  const producing = load();
  const { code, json, err } = await run('--json --every 0.3');
  await producing.stop();
  assert.equal(code, 0, err);
  const told = json as { node: { ready: boolean; requests: { api: string; p99: number }[]; journal: { p99: number } }; topics: { topic: string; recordsIn: number; bytesIn: number }[]; groups: { group: string; lag: number; lagRate: number; lagSeconds: number }[]; total: { recordsIn: number } };
  assert.equal(told.node.ready, true);
  const [orders] = told.topics.filter(({ topic }) => topic === 'orders');
  assert.ok(orders!.recordsIn > 0 && orders!.bytesIn > orders!.recordsIn * 100, JSON.stringify(orders));
  assert.ok(told.node.requests.some(({ api, p99 }) => api === 'Produce' && p99 > 0) && told.node.journal.p99 > 0);
  const [billing] = told.groups;
  assert.ok(billing!.group === 'billing' && billing!.lag > 0 && billing!.lagRate > 0 && billing!.lagSeconds > 0, JSON.stringify(billing));
});

test('without a terminal: whole lines, once, without a control character', async () => {
  const { code, out } = await run('--every 0.1');
  assert.equal(code, 0);
  assert.doesNotMatch(out, /\x1b/);
  assert.match(out, /^millrace top .* ready, Millrace /);
  assert.match(out, /\nTOPIC +partitions +records in +bytes in/);
  assert.match(out, /\norders +3 /);
  assert.match(out, /\nbilling +Empty +0 /);
  assert.doesNotMatch(out, /__/, "the node's own topics are left out");
});

test('over HTTP, for a node of another machine; and by the protocol alone, for any other Kafka', async () => {
  const http = await run(`--metrics-url ${node.metricsUrl} --json --every 0.1`);
  assert.ok((http.json as { node: object | null }).node !== null);
  await closeControl();
  const producing = load();
  const plain = await run('--json --every 0.3');
  await producing.stop();
  closeControl = await serveControl(folder, { backup: notHere, faults: notHere, users: () => node.users(), status: () => node.status(), metrics: async () => ({ text: await node.metrics() }) });
  const told = plain.json as { node: null; topics: { topic: string; recordsIn: number; bytesIn: null }[]; groups: { group: string; lag: number; lagSeconds: null }[] };
  assert.equal(told.node, null);
  const [orders] = told.topics.filter(({ topic }) => topic === 'orders');
  assert.ok(orders!.recordsIn > 0 && orders!.bytesIn === null);
  assert.deepEqual(told.groups.map(({ group, lagSeconds }) => [group, lagSeconds]), [['billing', null]]);
});

test('live: the other screen, keys, a new size, and everything given back at the end', async () => {
  const terminal: NonNullable<CallOptions['terminal']> = { columns: 100, rows: 24 };
  const typed = keyboard();
  let written = '';
  const frames = (): string[] => written.split('\x1b[?2026h').slice(1);
  const until = async (seen: () => boolean): Promise<void> => { while (!seen()) await new Promise((resolve) => setTimeout(resolve, 10)); };
  const screen = (): string[] => screenOf(written, terminal);
  const watching = run('--every 0.1', { terminal, stdin: typed.bytes, onOutput: (text) => { written += text; } });
  await until(() => screen().some((line) => line.startsWith('orders')));
  assert.match(screen().at(-1) ?? '', /q quit .* order: records/);
  assert.ok(screen().length <= 24 && screen().every((line) => line.length <= 100));
  typed.press('s');
  await until(() => screen().some((line) => line.includes('order: bytes')));
  typed.press('p');
  await until(() => screen().some((line) => line.includes('PAUSED')));
  terminal.columns = 40;
  terminal.rows = 10;
  const before = frames().length;
  terminal.onResize!();
  assert.equal(frames().length, before + 1, 'it is drawn anew at once');
  assert.ok(screenOf(frames().at(-1)!, terminal).every((line) => line.length <= 40));
  typed.press('q');
  const { code, raw } = await watching;
  assert.deepEqual([code, raw], [0, [true, false]]);
  assert.ok(written.startsWith('\x1b[?1049h') && written.endsWith('\x1b[?25h\x1b[?1049l'), 'the screen is given back');
  assert.equal(terminal.onResize, undefined);
});

test('wrong flags and servers that are not there', async () => {
  for (const flags of ['--every 0', '--sort nothing', '--once --count 2', '--count 0', '--metrics-url nonsense']) assert.equal((await run(flags)).code, exitCodes.usage.code, flags);
  assert.equal((await run('--server 127.0.0.1:1 --timeout-ms 2000')).code, exitCodes.unreachable.code);
  const gone = await run('--metrics-url http://127.0.0.1:1 --once');
  assert.equal(gone.code, exitCodes.unreachable.code);
  assert.match(gone.err, /Cannot read metrics from 'http:\/\/127.0.0.1:1\/metrics'/);
});

/** Keys that a person presses, one after the other. */
function keyboard(): { press(key: string): void; bytes: AsyncIterable<Uint8Array> } {
  const pressed: string[] = [];
  let wake = (): void => {};
  const bytes = (async function* () {
    for (;;) {
      while (pressed.length > 0) yield new TextEncoder().encode(pressed.shift());
      await new Promise<void>((resolve) => { wake = resolve; });
    }
  })();
  return { bytes, press(key) { pressed.push(key); wake(); } };
}

// The door by itself: a thread that asks whoever opened it.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openMetricsDoor, type MetricsSource } from './mod.ts';

async function get(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

test('the door answers from its own thread; what it asks is answered by the source of now', async (t: TestContext) => {
  let source: MetricsSource = { readiness: () => ({ ready: false, reason: 'starting', message: 'the node is starting' }), scrape: null };
  const lines: string[] = [];
  const door = await openMetricsDoor({ host: '127.0.0.1', port: 0, source: () => source, report: (line) => lines.push(line) });
  t.after(() => door.close());
  assert.deepEqual(await get(`${door.url}/readyz`), { status: 503, text: '{"ready":false,"reason":"starting","message":"the node is starting"}\n' });
  assert.deepEqual(await get(`${door.url}/metrics`), { status: 503, text: 'the node is starting\n' });
  assert.equal((await get(`${door.url}/healthz`)).status, 200);
  source = { readiness: () => ({ ready: true }), scrape: async (_kind, onPiece) => { onPiece('a 1\n'); await Promise.resolve(); onPiece('b 2\n'); } };
  assert.deepEqual(await get(`${door.url}/metrics`), { status: 200, text: 'a 1\nb 2\n' });
  source = { ...source, scrape: async () => { throw new Error('a bug'); } };
  assert.equal((await get(`${door.url}/metrics`)).status, 503);
  assert.match(lines[0]!, /a scrape has failed: Error: a bug/);
});

test('an address that is taken is refused with its name', async (t) => {
  const source = (): MetricsSource => ({ readiness: () => ({ ready: true }), scrape: null });
  const door = await openMetricsDoor({ host: '127.0.0.1', port: 0, source, report: () => {} });
  t.after(() => door.close());
  await assert.rejects(openMetricsDoor({ host: '127.0.0.1', port: door.port, source, report: () => {} }), new RegExp(`Cannot serve metrics on '127.0.0.1:${door.port}'`));
  await door.close();
  await assert.rejects(fetch(door.url));
});

test('a thread that dies is told of and started again, at the same port', async (t) => {
  const fragile = `data:text/javascript,${encodeURIComponent(`
    import { createServer } from 'node:http';
    import { parentPort, workerData } from 'node:worker_threads';
    const server = createServer((request, response) => { response.end('alive'); if (request.url === '/die') setTimeout(() => { throw new Error('a bug of the thread'); }); });
    server.listen(workerData.port, workerData.host, () => parentPort.postMessage({ kind: 'listening', host: workerData.host, port: server.address().port }));
    parentPort.on('message', () => process.exit());`)}`;
  const lines: string[] = [];
  const door = await openMetricsDoor({ host: '127.0.0.1', port: 0, source: () => ({ readiness: () => ({ ready: true }), scrape: null }), report: (line, level) => lines.push(`${level}: ${line}`), thread: new URL(fragile) });
  t.after(() => door.close());
  await get(`${door.url}/die`);
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(lines, ['error: the thread that serves metrics has failed: a bug of the thread']);
  for (;;) {
    const again = await get(door.url).catch(() => null);
    if (again !== null) { assert.equal(again.text, 'alive'); break; }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

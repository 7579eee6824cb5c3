// The server beside the node: what it answers, whom it refuses, and how little it asks of the node whoever asks of it.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect as dial } from 'node:net';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { ReadyAnswer, ScrapeKind } from './messages.ts';
import { serveObservations } from './observe-server.ts';

interface Answer { readonly status: number; readonly headers: NodeJS.Dict<string | string[]>; readonly body: Buffer }

async function scene(t: TestContext, bounds: { answerMsMax?: number; answerBytesMax?: number; pulseMsMax?: number; connectionsMax?: number } = {}) {
  const node = { alive: true, ready: { ready: true } as ReadyAnswer, text: 'a 1\n', scrapes: [] as ScrapeKind[], hold: null as Promise<void> | null, failure: null as string | null };
  const never = new Promise<never>(() => {});
  const server = await serveObservations({ host: '127.0.0.1', port: 0, connectionsMax: 64, answerMsMax: 30_000, answerBytesMax: 1 << 26, pulseMsMax: 5_000, ...bounds }, {
    pulse: async () => { if (!node.alive) await never; },
    ready: async () => (node.alive ? node.ready : await never),
    scrape: async (kind) => {
      node.scrapes.push(kind);
      await node.hold;
      return node.failure === null ? [node.text.slice(0, 1), node.text.slice(1)] : { failure: node.failure };
    },
  });
  t.after(() => server.close());
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') => new Promise<Answer>((resolve, reject) => {
    request({ host: '127.0.0.1', port: server.port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
        .on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }));
    }).on('error', reject).end();
  });
  return { node, ask, port: server.port };
}

test('metrics in both forms, packed for who takes that, with a detail for who asks', async (t) => {
  const { node, ask } = await scene(t);
  const plain = await ask('/metrics');
  assert.deepEqual([plain.status, plain.headers['content-type'], plain.body.toString()], [200, 'text/plain; version=0.0.4; charset=utf-8', 'a 1\n']);
  const open = await ask('/metrics?detail=partition', { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' });
  assert.equal(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  node.text = 'a 1\n'.repeat(10_000);
  const packed = await ask('/metrics', { 'accept-encoding': 'gzip, deflate' });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(packed.body).toString(), node.text);
  assert.equal((await ask('/metrics', { 'accept-encoding': 'gzip;q=0' })).headers['content-encoding'], undefined);
  const head = await ask('/metrics', {}, 'HEAD');
  assert.deepEqual([head.status, head.body.length, head.headers['content-length']], [200, 0, String(node.text.length)]);
  assert.deepEqual(node.scrapes.slice(0, 2), [{ detail: 'topic', format: 'prometheus' }, { detail: 'partition', format: 'openmetrics' }]);
});

test('wrong paths, methods, parameters and hosts are refused, and the node hears nothing of them', async (t) => {
  const { node, ask } = await scene(t);
  const cases: [string, string, Record<string, string>, number][] = [
    ['GET', '/', {}, 404], ['GET', '/metrics/', {}, 404], ['GET', '/..%2f..%2fetc/passwd', {}, 404], ['POST', '/metrics', {}, 405], ['DELETE', '/healthz', {}, 405], ['OPTIONS', '*', {}, 405],
    ['GET', '/metrics?detail=everything', {}, 400], ['GET', '/metrics?name=x', {}, 400],
    ['GET', '/metrics', { host: 'evil.example' }, 403], ['GET', '/metrics', { host: '127.0.0.1.evil.example' }, 403], ['GET', '/readyz', { host: 'evil.example:80' }, 403], ['GET', '/metrics', { host: '[::2]' }, 403],
  ];
  for (const [method, path, headers, status] of cases) assert.equal((await ask(path, headers, method)).status, status, `${method} ${path} ${JSON.stringify(headers)}`);
  for (const host of ['localhost', 'localhost:1', '127.0.0.1', '[::1]:80']) assert.equal((await ask('/healthz', { host })).status, 200, host);
  assert.deepEqual(node.scrapes, []);
  const tooLong = await ask('/metrics', { 'x-long': 'x'.repeat(10_000) });
  assert.equal(tooLong.status, 431);
});

test('ready or not, with the reason; alive or not, told by this thread when the node does not answer', async (t) => {
  const { node, ask } = await scene(t, { pulseMsMax: 30 });
  const json = async (path: string) => { const { status, body } = await ask(path); return [status, JSON.parse(body.toString())] as const; };
  assert.deepEqual(await json('/readyz'), [200, { ready: true }]);
  assert.equal((await json('/healthz'))[0], 200);
  node.ready = { ready: false, reason: 'log-full', message: 'no room' };
  assert.deepEqual(await json('/readyz'), [503, { ready: false, reason: 'log-full', message: 'no room' }]);
  assert.equal((await json('/healthz'))[0], 200, 'a node without room is alive');
  node.alive = false;
  for (const path of ['/readyz', '/healthz']) {
    const [status, body] = await json(path);
    assert.deepEqual([status, body.reason], [503, 'not-answering'], path);
  }
  node.failure = 'the node is starting';
  const refused = await ask('/metrics');
  assert.deepEqual([refused.status, refused.body.toString()], [503, 'the node is starting\n']);
});

test('a storm of scrapes costs the node one at a time: all who come meanwhile share the next', async (t) => {
  const { node, ask } = await scene(t);
  let release!: () => void;
  node.hold = new Promise((resolve) => { release = resolve; });
  const first = ask('/metrics');
  while (node.scrapes.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const storm = Array.from({ length: 40 }, () => ask('/metrics'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(node.scrapes.length, 1, 'nothing is asked while one is under way');
  node.text = 'a 2\n';
  release();
  assert.equal((await first).status, 200);
  for (const answer of await Promise.all(storm)) assert.equal(answer.body.toString(), 'a 2\n');
  assert.equal(node.scrapes.length, 2);
});

test('who takes no answer loses its connection, and too much that nobody takes is not made', async (t) => {
  const { node, ask, port } = await scene(t, { answerMsMax: 300, answerBytesMax: 40 << 20 });
  node.text = `a 1\n`.repeat(8 << 20); // 32 MiB: more than the system's buffers take
  const slow = dial(port, '127.0.0.1');
  slow.on('error', () => {});
  slow.write('GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n');
  slow.pause();
  while (node.scrapes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 150));
  const refused = await ask('/metrics').catch(() => null);
  assert.ok(refused === null || refused.status === 503);
  slow.resume();
  await new Promise((resolve) => { slow.on('close', resolve); });
});

test('half a request is not waited for without end', async (t) => {
  const { port } = await scene(t, { connectionsMax: 2 });
  const sockets = [1, 2, 3].map(() => dial(port, '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => {}).write('GET /metrics HTT');
  // The third is more than there may be: it is closed at once.
  await Promise.race(sockets.map((socket) => new Promise((resolve) => { socket.on('close', resolve); })));
  for (const socket of sockets) socket.destroy();
});

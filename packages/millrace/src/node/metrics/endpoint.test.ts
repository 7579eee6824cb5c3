// The endpoint of a real node: wherever the node runs, while records go through it, and when it cannot be had.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import { connect } from '../../client/mod.ts';
import { World } from '../../testing/mod.ts';
import { startNode, type NodeOptions } from '../mod.ts';
import { readStrictly, valueOf } from './strict-text.ts';

const listener = { 'millrace.metrics.listener': '127.0.0.1:0' };
const messagesIn = 'kafka_server_brokertopicmetrics_messagesin_total';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-metrics-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function get(url: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { headers });
  return { status: response.status, text: await response.text() };
}

for (const where of ['on a thread of its own', "on the caller's thread", 'in memory'] as const) {
  test(`a node ${where}: its figures, its health, and the same figures in the program`, async (t) => {
    const options: NodeOptions = where === 'in memory' ? {} : { data: await folder(t), thread: where === 'on a thread of its own' ? 'own' : 'caller' };
    await using node = await startNode({ ...options, config: listener });
    await using client = await connect(node);
    for (let number = 0; number < 25; number++) await client.producer().send({ topic: 'orders', value: 'x' });
    const over = readStrictly((await get(`${node.metricsUrl}/metrics`)).text);
    assert.equal(valueOf(over, messagesIn, { topic: 'orders' }), 25);
    assert.equal(over.has('millrace_event_loop_delay_seconds'), where !== 'in memory');
    assert.ok(valueOf(over, 'millrace_journal_sync_seconds', {}, '_count') > 0);
    assert.ok(valueOf(over, 'process_resident_memory_bytes') > 1 << 20);
    const open = await get(`${node.metricsUrl}/metrics`, { accept: 'application/openmetrics-text; version=1.0.0' });
    assert.ok(readStrictly(open.text, 'openmetrics').has('process_cpu_seconds'));
    assert.deepEqual(await get(`${node.metricsUrl}/readyz`), { status: 200, text: '{"ready":true}\n' });
    assert.equal((await get(`${node.metricsUrl}/healthz`)).status, 200);
    assert.equal(valueOf(readStrictly(await node.metrics()), messagesIn, { topic: 'orders' }), 25);
  });
}

test('scraped without a pause while records go through: every text is whole, and counts never fall', async (t) => {
  await using node = await startNode({ data: await folder(t), config: listener });
  await using client = await connect(node);
  await client.admin().createTopics([{ topic: 'orders', partitions: 50 }]);
  let producing = true;
  const seen: number[] = [];
  const scraping = Promise.all([1, 2, 3].map(async (scraper) => {
    while (producing) {
      const told = readStrictly((await get(`${node.metricsUrl}/metrics?detail=partition`)).text);
      if (scraper === 1) seen.push(valueOf(told, messagesIn, { topic: 'orders' }));
    }
  }));
  const producer = client.producer();
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 200 }, (_, number) => producer.send({ topic: 'orders', key: `${number}`, value: 'x' })));
  producing = false;
  await scraping;
  assert.ok(seen.length > 0 && seen.every((count, i) => i === 0 || count >= seen[i - 1]!), String(seen));
  assert.equal(valueOf(readStrictly((await get(`${node.metricsUrl}/metrics`)).text), messagesIn, { topic: 'orders' }), 4_000);
});

test('without being asked for there is no endpoint; one that cannot be had is refused before anything else', async (t) => {
  await using plain = await startNode();
  assert.equal(plain.metricsUrl, null);
  await using first = await startNode({ config: listener });
  const taken = first.metricsUrl!.slice('http://'.length);
  const data = await folder(t);
  for (const address of [taken, '127.0.0.1', '127.0.0.1:99999', 'nonsense:x']) {
    await assert.rejects(startNode({ data, config: { 'millrace.metrics.listener': address } }), (error) => isMillraceError(error, 'invalid-argument'), address);
  }
  await using after = await startNode({ data });
  assert.ok(after.port > 0, 'and the folder is free');
  const { machine } = new World(1).start('node', 'host');
  await assert.rejects(startNode({ machine, config: listener }), (error) => isMillraceError(error, 'invalid-argument'));
});

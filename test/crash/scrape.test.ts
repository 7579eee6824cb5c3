// Metrics of a real node that is killed under load while it is scraped: every text is whole, and what it says is what clients saw.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../packages/millrace/src/client/mod.ts';
import { readStrictly, valueOf } from '../../packages/millrace/src/node/metrics/strict-text.ts';
import { startMillrace } from '../peers/millrace.ts';
import { freePorts } from '../peers/processes.ts';
import { startOwnLoad } from './own-load.ts';

const messagesIn = 'kafka_server_brokertopicmetrics_messagesin_total';
const lives = 3;

test('kill -9 while records go in and somebody scrapes', { timeout: 120_000 }, async (t) => {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  await using node = await startMillrace({ flags: ['--metrics-port', String(port)] });
  await using client = await connect(node.bootstrap);
  await client.admin().createTopics([{ topic: 'orders', partitions: 2 }]);
  const load = await startOwnLoad(node.bootstrap, { topic: 'orders', keys: 4, rate: 500, idempotent: true });
  t.after(() => { void load.stop(); });
  let scrapes = 0;
  let scraping = true;
  const scraper = (async () => {
    while (scraping) {
      const text = await get(`${url}/metrics?detail=partition`);
      if (text !== null) { readStrictly(text); scrapes++; }
    }
  })();
  for (let life = 0; life < lives; life++) {
    const acked = await load.ackedCount();
    const seen = scrapes;
    while (await load.ackedCount() < acked + 200 || scrapes < seen + 5) await new Promise((resolve) => setTimeout(resolve, 20));
    await node.kill();
    assert.equal(await get(`${url}/readyz`), null, 'a killed node answers nothing');
    await node.restart();
    assert.equal(await get(`${url}/readyz`), '{"ready":true}\n');
  }
  const before = await client.admin().listOffsets([0, 1].map((partition) => ({ topic: 'orders', partition, at: 'latest' as const })));
  const { acked } = await load.stop();
  scraping = false;
  await scraper;
  const ends = await client.admin().listOffsets([0, 1].map((partition) => ({ topic: 'orders', partition, at: 'latest' as const })));
  const told = readStrictly((await get(`${url}/metrics?detail=partition`))!);
  for (const { partition, offset } of ends) assert.equal(valueOf(told, 'kafka_log_log_highwatermark', { topic: 'orders', partition: String(partition) }), offset);
  const stored = ends.reduce((sum, { offset }) => sum + offset, 0);
  assert.ok(stored >= acked.length, 'the ends count every acknowledged record of all lives');
  const counted = valueOf(told, messagesIn, { topic: 'orders' });
  assert.ok(counted <= stored && counted >= stored - before.reduce((sum, { offset }) => sum + offset, 0), `${counted} since the last start, of ${stored}`);
  t.diagnostic(`${scrapes} scrapes, ${acked.length} records acknowledged`);
});

/** The body of an answer; null when there is none. */
async function get(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    return response.ok ? text : null;
  } catch {
    return null; // nobody is there
  }
}

// What a node says of its troubles: how much each line matters, and what it answers when asked how it is.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ReportFacts, ReportLevel } from '../base/mod.ts';
import { connect } from '../client/mod.ts';
import { World } from '../testing/mod.ts';
import { startNode } from './mod.ts';

function listener() {
  const lines: [ReportLevel, string, ReportFacts][] = [];
  const find = (part: string) => lines.find(([, line]) => line.includes(part));
  return {
    onReport: (line: string, level: ReportLevel, facts: ReportFacts) => { lines.push([level, line, facts]); },
    levelOf: (part: string) => find(part)?.[0], factsOf: (part: string) => find(part)?.[2],
  };
}

test('a failed sync is an error, a new topic is not', async () => {
  const world = new World(7);
  const device = world.device('drive');
  const { machine } = world.start('node', 'host', device);
  const { onReport, levelOf } = listener();
  await world.time.settle((async () => {
    const node = await startNode({ machine, data: 'data', port: 9092, tailBytes: 1 << 20, journalFileBytes: 256 << 10, onReport });
    const client = await connect(node);
    const producer = client.producer();
    await producer.send({ topic: 'ledger', value: 'kept' });
    device.faults.syncsToFail = 1;
    await assert.rejects(producer.send({ topic: 'ledger', value: 'lost' }));
    await client.close();
    await node.close();
  })());
  assert.equal(levelOf('topic ledger created'), 'info');
  assert.equal(levelOf('the log has failed'), 'error');
});

for (const thread of ['own', 'caller'] as const) {
  test(`on the ${thread} thread: levels arrive, and a node says how it is`, async (t) => {
    const data = await mkdtemp(join(tmpdir(), 'millrace-reports-'));
    t.after(() => rm(data, { recursive: true, force: true }));
    const { onReport, levelOf, factsOf } = listener();
    await using node = await startNode({ data, thread, onReport });
    await using client = await connect(node);
    await client.producer().send({ topic: 'ledger', value: 'x' });
    const refused = await node.dial();
    refused.write([new TextEncoder().encode('GET / HTTP/1.1')]);
    refused.onData(() => {});
    await new Promise<void>((resolve) => { refused.onClose(() => resolve()); });
    assert.equal(levelOf('topic ledger created'), 'info');
    assert.equal(levelOf('closed: Cannot read a request'), 'warn');
    assert.deepEqual(factsOf('topic ledger created'), { component: 'broker', event: 'topic-created', topic: 'ledger', partitions: 1 });
    assert.equal(factsOf('closed: Cannot read')?.component, 'connection');
    const { stalls, connections } = await node.status();
    assert.ok(connections.open >= 1 && connections.evicted === 0);
    assert.ok(stalls.longestMs <= stalls.totalMs && stalls.busyMs <= stalls.totalMs && (stalls.count > 0) === (stalls.longestMs > 20), JSON.stringify(stalls));
  });
}

// test/conformance/top.test.ts - `millrace top` beside Apache Kafka: what the protocol alone gives is the same of both.
// Owns: that comparison. Never: what only a node of ours tells (cli/top.test.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call } from '../../packages/millrace/src/cli/test-shell.ts';
import { connect } from '../../packages/millrace/src/client/mod.ts';
import { targets } from './matrix.ts';
import { startTarget } from './targets.ts';

interface Told { readonly topics: { readonly topic: string; readonly partitions: number; readonly recordsIn: number | null }[]; readonly groups: { readonly group: string; readonly lag: number; readonly lagRate: number | null }[] }

for (const target of targets) {
  test(`top: records in and lag, of ${target}`, { timeout: 120_000 }, async () => {
    await using broker = await startTarget(target);
    await using client = await connect(broker.bootstrap);
    await client.admin().createTopics([{ topic: 'orders', partitions: 3 }]);
    const producer = client.producer();
    for (let number = 0; number < 7; number++) await producer.send({ topic: 'orders', key: String(number), value: 'x' });
    await client.admin().setGroupOffsets('billing', [0, 1, 2].map((partition) => ({ topic: 'orders', partition, offset: 0 })));
    let producing = true;
    let sent = 7;
    const load = (async () => { while (producing) { await producer.send({ topic: 'orders', value: 'x' }); sent++; await new Promise((resolve) => setTimeout(resolve, 5)); } })();
    const { code, json, err } = await call(['top', '--json', '--every', '1', '--server', broker.bootstrap]);
    producing = false;
    await load;
    assert.equal(code, 0, err);
    const { topics, groups } = json as Told;
    const [orders] = topics;
    assert.deepEqual([topics.length, orders!.topic, orders!.partitions], [1, 'orders', 3]);
    assert.ok(orders!.recordsIn! > 0);
    const [billing] = groups.filter(({ group }) => group === 'billing');
    assert.ok(billing!.lag > 7 && billing!.lag <= sent && billing!.lagRate! > 0, JSON.stringify([billing, sent]));
  });
}

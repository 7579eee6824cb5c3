// A closed node and a closed client leave nothing behind that would keep a process: no timer, no event.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../client/mod.ts';
import { World } from '../testing/mod.ts';
import { startNode } from './mod.ts';

test('after a node and its clients were closed no timer is left', async () => {
  const world = new World(5);
  const { machine } = world.start('node', 'host');
  const visitor = world.start('client', 'elsewhere').machine;
  await world.time.settle((async () => {
    const node = await startNode({ machine, data: 'data', host: 'host', port: 9092, tailBytes: 1 << 20, journalFileBytes: 256 << 10 });
    const client = await connect({ bootstrap: node.bootstrap, machine: visitor });
    const producer = client.producer();
    for (let number = 0; number < 30; number++) await producer.send({ topic: 'ledger', key: `${number}`, value: 'x' });
    for (const group of [undefined, 'readers']) {
      const consumer = client.consumer({ topics: ['ledger'], ...(group === undefined ? {} : { group }) });
      let read = 0;
      for await (const _record of consumer) if (++read === 30) break;
    }
    const waiting = client.consumer({ topics: ['ledger'], group: 'waiting' });
    const waited = (async () => { for await (const _record of waiting); })();
    await new Promise<void>((resolve) => { machine.clock.after(2_000, resolve); });
    await client.close();
    await waited.catch(() => {});
    await producer.close();
    await node.close();
  })());
  const fromMs = world.time.nowMs;
  const eventsRun = world.time.eventsRun;
  assert.deepEqual(await world.time.run(), { kind: 'idle' });
  assert.ok(world.time.nowMs - fromMs < 100, `an event was left that came ${world.time.nowMs - fromMs} ms after the end (${world.time.eventsRun - eventsRun} events)`);
});

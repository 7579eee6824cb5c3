// Transactions by our client, in the newer protocol and the older one: all is seen, or nothing.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import { startNode } from '../../node/mod.ts';
import { connect, type Client } from '../mod.ts';
import { BrokerConnection } from '../net/connection.ts';

async function scene(t: TestContext, protocol: 'newer' | 'older'): Promise<{ client: Client; values: (topic: string) => Promise<string[]> }> {
  if (protocol === 'older') t.mock.method(BrokerConnection.prototype, 'featureLevel', () => 0);
  const node = await startNode();
  const client = await connect(node);
  t.after(async () => { await client.close(); await node.close(); });
  await client.admin().createTopics([{ topic: 'in', partitions: 1 }, { topic: 'out', partitions: 3 }]);
  /** All that a reader of committed data finds until nothing more comes for a while. */
  const values = async (topic: string): Promise<string[]> => {
    const found: string[] = [];
    const consumer = client.consumer({ topics: [topic] });
    const batches = consumer.batches();
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const quiet = new Promise<null>((resolve) => { timer = setTimeout(resolve, 150, null); });
      const next = await Promise.race([batches.next(), quiet]);
      clearTimeout(timer);
      if (next === null || next.value === undefined) break;
      for (const record of next.value) found.push(record.text() ?? '');
    }
    await consumer.close();
    return found.sort();
  };
  return { client, values };
}

for (const protocol of ['newer', 'older'] as const) {
  test(`what is sent is seen with the commit; what threw is never seen (${protocol} protocol)`, async (t) => {
    const { client, values } = await scene(t, protocol);
    await using producer = client.transactionalProducer({ transactionalId: 'shop' });
    const answer = await producer.transact(async (transaction) => {
      for (let i = 0; i < 3; i++) await transaction.send({ topic: 'out', partition: i, value: `a${i}` });
      await transaction.send({ topic: 'in', value: 'b' });
      return 7;
    });
    assert.equal(answer, 7);
    assert.deepEqual([await values('out'), await values('in')], [['a0', 'a1', 'a2'], ['b']]);
    await assert.rejects(producer.transact(async (transaction) => {
      await transaction.send({ topic: 'out', partition: 0, value: 'never' });
      throw new Error('changed my mind');
    }), /changed my mind/);
    await producer.transact((transaction) => { void transaction.send({ topic: 'out', partition: 0, value: 'a3' }); });
    assert.deepEqual(await values('out'), ['a0', 'a1', 'a2', 'a3']);
    assert.equal(await producer.transact(() => 'nothing'), 'nothing');
    await Promise.all([0, 1, 2].map(async (round) => { if (round === 0) await producer.transact(async (transaction) => { await transaction.sendBatch(Array.from({ length: 2_000 }, (_, i) => ({ topic: 'out', value: `c${i}` }))); }); }));
    assert.equal((await values('out')).length, 2_004);
  });

  test(`a record that is not stored takes the transaction with it, also when its error was caught (${protocol} protocol)`, async (t) => {
    const { client, values } = await scene(t, protocol);
    await using producer = client.transactionalProducer({ transactionalId: 'shop' });
    await assert.rejects(producer.transact(async (transaction) => {
      await transaction.send({ topic: 'out', partition: 0, value: 'good' });
      await transaction.send({ topic: 'out', partition: 1, value: new Uint8Array(2_000_000) }).catch(() => {});
    }), (error) => isMillraceError(error, 'message-too-large'));
    await producer.transact(async (transaction) => { await transaction.send({ topic: 'out', partition: 0, value: 'next' }); });
    assert.deepEqual(await values('out'), ['next']);
  });

  test(`read, change, write back, exactly once (${protocol} protocol)`, async (t) => {
    const { client, values } = await scene(t, protocol);
    await client.producer().sendBatch(Array.from({ length: 100 }, (_, i) => ({ topic: 'in', value: `${i}` })));
    await using producer = client.transactionalProducer({ transactionalId: 'changer' });
    let tries = 0;
    for (let done = 0; done < 100;) {
      const consumer = client.consumer({ topics: ['in'], group: 'changers', commit: 'manual' });
      try {
        for await (const batch of consumer.batches()) {
          const records = [...batch].slice(0, 30);
          await producer.transact(async (transaction) => {
            await transaction.sendBatch(records.map((record) => ({ topic: 'out', value: `changed ${record.text()}` })));
            await transaction.commitOffsets(consumer, [{ topic: 'in', partition: 0, offset: records.at(-1)!.offset + 1 }]);
            if (++tries % 2 === 1) throw new Error('half way');
          });
          done += records.length;
          break;
        }
      } catch (error) {
        assert.match(String(error), /half way/);
      }
      await consumer.close();
    }
    assert.deepEqual(await values('out'), Array.from({ length: 100 }, (_, i) => `changed ${i}`).sort());
    assert.equal((await client.admin().groupOffsets('changers'))[0]?.offset, 100);
  });

  test(`a newer producer of the same name ends what the older one has open, and the older one is told (${protocol} protocol)`, async (t) => {
    const { client, values } = await scene(t, protocol);
    await using old = client.transactionalProducer({ transactionalId: 'shop' });
    await using fresh = client.transactionalProducer({ transactionalId: 'shop' });
    await assert.rejects(old.transact(async (transaction) => {
      await transaction.send({ topic: 'out', partition: 0, value: 'old' });
      await fresh.transact(async (other) => { await other.send({ topic: 'out', partition: 0, value: 'fresh' }); });
      await transaction.send({ topic: 'out', partition: 0, value: 'late' });
    }), (error) => isMillraceError(error, 'fenced'));
    await assert.rejects(old.transact(() => {}), (error) => isMillraceError(error, 'fenced'));
    await using third = client.transactionalProducer({ transactionalId: 'shop' });
    await assert.rejects(fresh.transact(async (transaction) => {
      await third.transact(() => {});
      await transaction.send({ topic: 'out', partition: 2, value: 'late' }); // to a partition that it has not used before
    }), (error) => isMillraceError(error, 'fenced'));
    await third.transact(async (other) => { await other.send({ topic: 'out', partition: 0, value: 'again' }); });
    assert.deepEqual(await values('out'), ['again', 'fresh']);
  });
}

test('one transaction at a time, and none after its end', async (t) => {
  const { client } = await scene(t, 'newer');
  const producer = client.transactionalProducer({ transactionalId: 'shop' });
  let kept: { send(record: { topic: string; value: string }): Promise<unknown> } | null = null;
  const first = producer.transact(async (transaction) => { kept = transaction; await transaction.send({ topic: 'out', value: 'x' }); });
  await assert.rejects(producer.transact(() => {}), (error) => isMillraceError(error, 'invalid-argument'));
  await first;
  assert.throws(() => kept!.send({ topic: 'out', value: 'late' }), (error) => isMillraceError(error, 'closed'));
  await producer.close();
  await assert.rejects(producer.transact(() => {}), (error) => isMillraceError(error, 'closed'));
  assert.throws(() => client.transactionalProducer({ transactionalId: '' }), /transactionalId/);
  await assert.rejects(client.producer().send({ value: 'x' } as never), (error) => isMillraceError(error, 'invalid-argument') && /topic/.test(error.message));
});

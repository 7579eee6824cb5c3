// testMillrace(): what users' tests can do with a node on virtual time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultPlans } from './fault-plans.ts';
import { testMillrace } from './mod.ts';

test('a record is produced and its place told', async () => {
  await using millrace = await testMillrace();
  const { offset } = await millrace.run(() => millrace.client.producer().send({ topic: 'orders', value: 'one' }));
  assert.equal(offset, 0);
});

test('an hour of virtual time takes no real one', async () => {
  await using millrace = await testMillrace();
  await millrace.advance(3_600_000);
  assert.ok(millrace.nowMs >= 3_600_000);
});

test('what was acknowledged survives a power cut', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    await using millrace = await testMillrace({ seed });
    const producer = millrace.client.producer();
    await millrace.run(() => producer.send({ topic: 'orders', key: 'a', value: 'one' }));
    await millrace.restart('cut');
    const { offset } = await millrace.run(() => producer.send({ topic: 'orders', key: 'a', value: 'two' }));
    assert.equal(offset, 1, `seed ${seed}`);
  }
});

test('the client waits out a partition', async () => {
  await using millrace = await testMillrace({ seed: 3 });
  const producer = millrace.client.producer();
  await millrace.run(() => producer.send({ topic: 'orders', value: 'before' }));
  millrace.net.partition('client', 'millrace');
  const sending = producer.send({ topic: 'orders', value: 'after' });
  await millrace.advance(5_000);
  millrace.net.heal('client', 'millrace');
  const { offset } = await millrace.run(() => sending);
  assert.ok(offset >= 0);
});

test('the same seed takes the same virtual time', async () => {
  const elapsed = async () => {
    await using millrace = await testMillrace({ seed: 11 });
    for (let i = 0; i < 10; i++) await millrace.run(() => millrace.client.producer().send({ topic: 'orders', key: `${i}`, value: 'x' }));
    return millrace.nowMs;
  };
  assert.equal(await elapsed(), await elapsed());
});

test('several brokers and faults on virtual time: the same seed meets the same faults', async () => {
  const live = async (): Promise<string> => {
    await using millrace = await testMillrace({ seed: 3, world: { brokers: 3, asKafkaVersion: '4.0', faults: faultPlans['answers that are lost'] } });
    const producer = millrace.client.producer();
    await millrace.run(() => millrace.client.admin().createTopics([{ topic: 'work', partitions: 3 }]));
    for (let i = 0; i < 60; i++) await millrace.run(() => producer.send({ topic: 'work', partition: i % 3, value: String(i) }));
    await millrace.restart('cut');
    const ends = await millrace.run(() => millrace.client.admin().listOffsets([0, 1, 2].map((partition) => ({ topic: 'work', partition, at: 'latest' as const }))));
    assert.deepEqual(ends.map(({ offset }) => offset), [20, 20, 20]);
    return JSON.stringify((await millrace.run(() => millrace.faults.report())).rules.map(({ matched, injected }) => [matched, injected]));
  };
  assert.equal(await live(), await live());
});

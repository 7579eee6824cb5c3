// test/client/cases-share.ts - share consumers: what many members make of one partition, on Millrace and on Apache Kafka alike.
import assert from 'node:assert/strict';
import type { AcknowledgeResult, Client, ShareConsumer, ShareConsumerOptions, ShareRecord } from '../../packages/millrace/src/mod.ts';
import { numbers, until, type Case, type Scene } from './case.ts';

/** A topic with records 0 to count-1, a group that begins at its start, and a way to make members. */
async function sceneOf({ client, unique }: Scene, count: number, settings: Record<string, string | number> = {}) {
  const topic = unique('jobs');
  const group = unique('workers');
  await client.admin().createTopics([{ topic, partitions: 1 }]);
  await client.admin().alterConfigs([{ kind: 'group', name: group, set: { 'share.auto.offset.reset': 'earliest', ...settings } }]);
  await send(client, topic, numbers(count));
  const member = (options: Partial<ShareConsumerOptions> = {}): ShareConsumer => client.shareConsumer({ group, topics: [topic], ...options });
  return { topic, group, member };
}

async function send(client: Client, topic: string, values: readonly string[]): Promise<void> {
  const producer = client.producer();
  for (const value of values) await producer.send({ topic, value }); // a batch each
}

/** The next `count` records, in explicit mode. */
async function take(consumer: ShareConsumer, count: number): Promise<ShareRecord[]> {
  const records: ShareRecord[] = [];
  const iterator = consumer[Symbol.asyncIterator]();
  while (records.length < count) records.push((await iterator.next()).value as ShareRecord);
  return records;
}

const textOf = (records: readonly ShareRecord[]): string => records.map((record) => `${record.text()}${record.deliveryCount > 1 ? `#${record.deliveryCount}` : ''}`).join(' ');
const codesOf = (results: readonly AcknowledgeResult[]): (string | null)[] => results.map(({ error }) => error?.code ?? null);

/** Cases of share consumers. */
export const shareCases: readonly Case[] = [
  {
    name: 'share consumers divide the records of one partition; each record is done once',
    async run(scene) {
      const { member } = await sceneOf(scene, 60);
      const seen: string[] = [];
      const members = [member({ recordsMax: 5, acquire: 'exact' }), member({ recordsMax: 5, acquire: 'exact' }), member({ recordsMax: 5, acquire: 'exact' })];
      const read = async (consumer: ShareConsumer) => { for await (const record of consumer) seen.push(record.text()!); };
      const reading = members.map(read);
      await until('all records were seen', () => seen.length >= 60);
      await Promise.all(members.map((consumer) => consumer.close()));
      await Promise.all(reading);
      assert.deepEqual([...seen].sort((a, b) => Number(a) - Number(b)), numbers(60));
    },
  },
  {
    name: 'a share record is accepted, released or rejected; what was released comes again, with its count',
    async run(scene) {
      const { member } = await sceneOf(scene, 4);
      await using consumer = member({ acknowledgement: 'explicit' });
      const [first, second, third, fourth] = await take(consumer, 4);
      assert.equal(textOf([first!, second!, third!, fourth!]), '0 1 2 3');
      assert.ok(first!.lockedUntilMs > 0);
      first!.accept();
      second!.release();
      third!.reject();
      assert.throws(() => third!.accept(), { code: 'invalid-argument' });
      assert.deepEqual(codesOf(await consumer.commit()), [null]);
      const [again] = await take(consumer, 1);
      assert.equal(textOf([again!]), '1#2');
      again!.accept();
      fourth!.accept();
      const results = await consumer.commit();
      assert.deepEqual([codesOf(results), results.flatMap(({ offsets }) => offsets).sort()], [[null], [1, 3]]);
    },
  },
  {
    name: 'leaving the loop of a share consumer releases the record in hand; closing gives the rest to others',
    async run(scene) {
      const { member } = await sceneOf(scene, 3);
      const one = member();
      for await (const record of one) if (record.text() === '1') break;
      await one.close();
      await using two = member({ acknowledgement: 'explicit' });
      assert.deepEqual((await take(two, 2)).map((record) => `${record.text()}#${record.deliveryCount}`), ['1#2', '2#2']);
    },
  },
  {
    name: 'batches of a share consumer are accepted as a whole, but for what was said of single records',
    async run(scene) {
      const { member } = await sceneOf(scene, 20);
      const one = member();
      let count = 0;
      for await (const records of one.batches()) {
        count += records.length;
        for (const record of records) if (record.text() === '7' && record.deliveryCount === 1) record.release();
        if (count >= 21) break; // the released one came again, and leaving the loop releases it once more
      }
      await one.close();
      await using two = member({ acknowledgement: 'explicit' });
      assert.equal(textOf(await take(two, 1)), '7#3');
    },
  },
  {
    name: 'share consumers wait for records; topics may come later',
    async run({ client, unique }) {
      const topic = unique('later');
      const group = unique('workers');
      await client.admin().alterConfigs([{ kind: 'group', name: group, set: { 'share.auto.offset.reset': 'earliest' } }]);
      await using consumer = client.shareConsumer({ group, topics: [topic], acknowledgement: 'explicit' });
      const taking = take(consumer, 2);
      await client.admin().createTopics([{ topic, partitions: 2 }]).catch((error: { code?: string }) => assert.equal(error.code, 'topic-exists'));
      await send(client, topic, ['a', 'b']);
      assert.deepEqual((await taking).map((record) => record.text()).sort(), ['a', 'b']);
    },
  },
  {
    name: 'a lock of a share record expires unless it is renewed; who is late is told',
    async run(scene) {
      const { member } = await sceneOf(scene, 2, { 'share.record.lock.duration.ms': 1_000 });
      await using one = member({ acknowledgement: 'explicit' });
      const [kept, late] = await take(one, 2);
      await using two = member({ acknowledgement: 'explicit' });
      const taking = take(two, 1);
      const renewing = setInterval(() => kept!.renew(), 300);
      const [taken] = await taking;
      clearInterval(renewing);
      assert.equal(textOf([taken!]), '1#2');
      await one.commit();
      kept!.accept();
      assert.deepEqual(codesOf(await one.commit()), [null]);
      late!.accept();
      assert.deepEqual(codesOf(await one.commit()), ['fenced']);
      taken!.accept();
      assert.deepEqual(codesOf(await two.commit()), [null]);
    },
  },
  {
    name: 'what a share group has accepted stays accepted when the server is killed; the rest comes again',
    needsRestart: true,
    async run(scene) {
      const { member } = await sceneOf(scene, 10);
      const one = member({ acknowledgement: 'explicit' });
      const records = await take(one, 10);
      for (const record of records.slice(0, 6)) record.accept();
      records[6]!.release();
      assert.deepEqual(codesOf(await one.commit()), [null]);
      await scene.target.killAndRestart!();
      await one.close(1_000);
      await using two = member({ acknowledgement: 'explicit' });
      assert.deepEqual((await take(two, 4)).map((record) => record.text()), ['6', '7', '8', '9']);
    },
  },
];

// test/client/cases-groups.ts - what consumers of a group promise each other: every record to somebody, in order, nothing done twice without cause.
import assert from 'node:assert/strict';
import type { AssignorName, Client, ConsumedRecord, Consumer, ConsumerOptions, TopicPartition } from '../../packages/millrace/src/mod.ts';
import { filled } from './cases-consume.ts';
import { numbers, pause, readAll, take, until, type Case } from './case.ts';

const quick = { heartbeatIntervalMs: 100, sessionTimeoutMs: 6_000, commitIntervalMs: 50 } as const;

/** Cases of groups. */
export const groupCases: readonly Case[] = [
  {
    name: 'a group goes on where it was: closing commits what is done and no more',
    async run({ client, unique }) {
      const topic = await filled(client, unique('resume'), 1, 100);
      const group = unique('g');
      const first = await readAll(client, { topics: [topic], group }, 30);
      assert.deepEqual(first.map((record) => record.text()), numbers(30));
      const second = await readAll(client, { topics: [topic], group }, 71); // the thirtieth was in hand when the loop was left
      assert.deepEqual(second.map((record) => record.text()), numbers(71, 29));
    },
  },
  {
    name: 'manual commits: a record, a batch, offsets with metadata',
    async run({ client, unique }) {
      const topic = await filled(client, unique('manual'), 1, 20);
      const group = unique('g');
      await using consumer = client.consumer({ topics: [topic], group, commit: 'manual' });
      const [, , third] = await take(consumer, 3);
      await consumer.commit(third);
      assert.deepEqual((await consumer.committed()).map(({ offset }) => offset), [3]);
      await consumer.commit([{ topic, partition: 0, offset: 11, metadata: 'up to ten' }]);
      assert.deepEqual((await consumer.committed()).map(({ offset, metadata }) => [offset, metadata]), [[11, 'up to ten']]);
      await consumer.close();
      assert.equal((await readAll(client, { topics: [topic], group }, 1))[0]!.text(), '11');
    },
  },
  ...(['cooperative-sticky', 'range', 'roundrobin', 'sticky'] as const).map((assignor): Case => ({
    name: `members come and go (${assignor}): every record is handled, each partition in order`,
    run: ({ client, unique }) => comeAndGo(client, unique('churn'), unique('g'), assignor),
  })),
  {
    name: 'a member that is at work when partitions are called back finishes and commits first: nothing is done twice',
    async run({ client, unique }) {
      const topic = await filled(client, unique('graceful'), 2, 20);
      const group = unique('g');
      const done: string[] = [];
      const handle = async (name: string, ms: number, record: { partition: number; text(): string | null }) => { await pause(ms); done.push(`${record.partition}/${record.text()}`); };
      await using a = client.consumer({ topics: [topic], group, ...quick });
      const runA = a.run({ concurrency: 2, eachRecord: (record) => handle('a', 30, record) });
      await until('some are done', () => done.length >= 4);
      await using b = client.consumer({ topics: [topic], group, ...quick });
      const runB = b.run({ eachRecord: (record) => handle('b', 1, record) });
      await until('all are done', () => done.length >= 40);
      await pause(200);
      await Promise.all([a.close(), b.close(), runA, runB]);
      assert.equal(done.length, 40);
      assert.equal(new Set(done).size, 40, 'each once');
    },
  },
  {
    name: 'a handler slower than the session keeps its member in the group',
    async run({ client, unique }) {
      const topic = await filled(client, unique('slow'), 1, 3);
      const group = unique('g');
      let lost = 0;
      await using consumer = client.consumer({ topics: [topic], group, ...quick, onLost: () => { lost++; } });
      const records: (string | null)[] = [];
      for await (const record of consumer) {
        records.push(record.text());
        if (records.length === 1) await pause(7_000);
        if (records.length === 3) break;
      }
      assert.deepEqual(records, numbers(3));
      assert.equal(lost, 0);
    },
  },
  {
    name: 'a handler beyond maxPollIntervalMs gives its partitions to others, and its member comes back',
    async run({ client, unique }) {
      const topic = await filled(client, unique('stuck'), 1, 5);
      const group = unique('g');
      await using stuck = client.consumer({ topics: [topic], group, ...quick, maxPollIntervalMs: 400 });
      const inHand = stuck[Symbol.asyncIterator]();
      assert.equal((await inHand.next()).value!.text(), '0');
      const others = await readAll(client, { topics: [topic], group, ...quick }, 5);
      assert.deepEqual(others.map((record) => record.text()), numbers(5));
      await client.producer().send({ topic, value: 'later' });
      for (;;) {
        const next = await inHand.next();
        if (next.value!.text() === 'later') break;
      }
    },
  },
  {
    name: 'a static member restarts without disturbing the others',
    async run({ client, unique }) {
      const topic = await filled(client, unique('static'), 4, 10);
      const group = unique('g');
      let disturbed = 0;
      const options = (instanceId: string): ConsumerOptions => ({ topics: [topic], group, instanceId, ...quick });
      await using a = client.consumer({ ...options('a'), onRevoked: () => { disturbed++; } });
      const b = client.consumer(options('b'));
      a.start(); b.start();
      await until('they share', () => a.assignment.length === 2 && b.assignment.length === 2);
      disturbed = 0;
      const held = keys(b);
      await b.close();
      await using again = client.consumer(options('b'));
      again.start();
      await until('it is back', () => again.assignment.length === 2);
      assert.deepEqual(keys(again), held);
      assert.equal(disturbed, 0);
    },
  },
  {
    name: 'two members with the same instance id: the older is told that it was fenced',
    async run({ client, unique }) {
      const topic = await filled(client, unique('fence'), 1, 1);
      const options: ConsumerOptions = { topics: [topic], group: unique('g'), instanceId: 'same', ...quick };
      await using older = client.consumer(options);
      assert.equal((await take(older, 1)).length, 1);
      await using newer = client.consumer(options);
      newer.start();
      await assert.rejects(take(older, 1), { code: 'fenced' });
      await until('the newer holds it', () => newer.assignment.length === 1);
    },
  },
  {
    name: 'a static member that is told to leave, or that an admin removes, gives its partitions to others at once',
    async run({ client, unique }) {
      const topic = await filled(client, unique('leave'), 2, 1);
      const group = unique('g');
      const options = (instanceId: string): ConsumerOptions => ({ topics: [topic], group, instanceId, heartbeatIntervalMs: 100, sessionTimeoutMs: 60_000 });
      await using a = client.consumer(options('a'));
      const [b, c] = [client.consumer(options('b')), client.consumer(options('c'))];
      a.start(); b.start();
      await until('they share', () => a.assignment.length === 1 && b.assignment.length === 1, 30_000);
      await b.close({ leave: true });
      await until('a has both', () => a.assignment.length === 2, 30_000);
      c.start();
      await until('they share again', () => a.assignment.length === 1 && c.assignment.length === 1, 30_000);
      await c.close();
      assert.equal((await client.admin().describeGroup(group)).members.length, 2, 'it stays, to come back');
      await client.admin().removeMembers(group, [{ instanceId: 'c' }]);
      await until('a has both again', () => a.assignment.length === 2, 30_000);
      await assert.rejects(client.admin().removeMembers(group, [{ instanceId: 'c' }]), { code: 'unknown-member', retry: false });
    },
  },
  {
    name: 'a pattern takes up topics that match, as they come and go, with a group and without',
    async run({ target, unique }) {
      const prefix = unique('pattern');
      await using client = await target.connect({ metadataMaxAgeMs: 100 });
      const admin = client.admin();
      await filled(client, `${prefix}-a`, 2, 1);
      await filled(client, `other-${prefix}-a`, 1, 1);
      await using producer = client.producer();
      const lost: string[] = [];
      const onGone = (partitions: readonly TopicPartition[]) => { lost.push(...partitions.map(({ topic }) => topic)); };
      const topics = new RegExp(`^${prefix}-`, 'g');
      const group = unique('g');
      await using first = client.consumer({ topics, group, ...quick, onRevoked: onGone, onLost: onGone });
      await using second = client.consumer({ topics, group, ...quick });
      await using alone = client.consumer({ topics, offsetReset: 'latest' });
      for (const consumer of [first, second, alone]) consumer.start();
      const all = (...names: string[]) => until(`${names.join()} are held`, () => {
        const shared = [...keys(first), ...keys(second)].sort();
        return shared.join() === names.join() && keys(alone).join() === names.join() && first.assignment.length > 0 && second.assignment.length > 0;
      });
      await all(`${prefix}-a-0`, `${prefix}-a-1`);
      await admin.createTopics([{ topic: `${prefix}-b`, partitions: 2 }, { topic: `other-${prefix}-b`, partitions: 1 }]);
      await producer.send({ topic: `${prefix}-b`, partition: 1, value: 'first of all' });
      await all(`${prefix}-a-0`, `${prefix}-a-1`, `${prefix}-b-0`, `${prefix}-b-1`);
      assert.equal((await take(alone, 1))[0]!.text(), 'first of all', 'all that is in a topic that came later is new');
      await admin.deleteTopics([`${prefix}-a`]);
      await all(`${prefix}-b-0`, `${prefix}-b-1`);
      assert.ok(lost.includes(`${prefix}-a`));
    },
  },
  {
    name: 'a topic that is created anew is begun anew, and what was read of the old one cannot be committed to it',
    async run({ client, target, unique }) {
      const topic = await filled(client, unique('anew'), 1, 20);
      const group = unique('g');
      await using other = await target.connect();
      await using consumer = client.consumer({ topics: [topic], group, ...quick, commit: 'manual' });
      const old = (await take(consumer, 10)).at(-1)!;
      await consumer.commit(old);
      const admin = other.admin();
      await admin.deleteTopics([topic]);
      await until('it is gone', async () => !(await admin.listTopics()).includes(topic));
      await admin.createTopics([{ topic, partitions: 1 }]);
      await assert.rejects(consumer.commit(old), (error: { code: string }) => error.code === 'topic-not-found' || error.code === 'unknown-member' || error.code === 'rebalance');
      await other.producer().send({ topic, value: 'new' });
      const after = await firstOf(consumer, 'new');
      assert.equal(after.offset, 0);
      await assert.rejects(consumer.commit(old), { code: 'topic-not-found' });
      const offsets = async () => (await admin.groupOffsets(group)).filter((one) => one.topic === topic).map(({ offset }) => offset);
      assert.deepEqual(await offsets(), []);
      await consumer.commit(after);
      assert.deepEqual(await offsets(), [1]);
    },
  },
  {
    name: 'partitions added later are shared out, and read from their start',
    async run({ client, unique }) {
      const topic = await filled(client, unique('wider'), 1, 1);
      await using consumer = client.consumer({ topics: [topic], group: unique('g'), ...quick });
      assert.equal((await take(consumer, 1)).length, 1);
      await client.admin().createPartitions(topic, 3);
      await client.producer().send({ topic, partition: 2, value: 'in the new one' });
      assert.equal((await take(consumer, 1))[0]!.text(), 'in the new one');
    },
  },
  {
    name: "with 'latest' nothing is missed of partitions that came after the consumer",
    async run({ client, unique }) {
      const topic = await filled(client, unique('young'), 1, 5);
      await using consumer = client.consumer({ topics: [topic], group: unique('g'), ...quick, offsetReset: 'latest' });
      consumer.start();
      await until('it is at the end', () => consumer.assignment.length === 1 && consumer.position({ topic, partition: 0 }) === 5);
      await client.admin().createPartitions(topic, 3);
      await client.producer().send({ topic, partition: 2, value: 'in the new one' });
      assert.equal((await take(consumer, 1))[0]!.text(), 'in the new one');
    },
  },
  {
    name: 'reading by hand with a group commits to it',
    async run({ client, unique }) {
      const topic = await filled(client, unique('hand'), 1, 10);
      const group = unique('g');
      const options: ConsumerOptions = { partitions: [{ topic, partition: 0 }], group };
      assert.equal((await readAll(client, options, 4)).length, 4);
      assert.equal((await readAll(client, options, 1))[0]!.text(), '3');
    },
  },
];

/** Three members join one after the other and two leave while records flow. */
async function comeAndGo(client: Client, topic: string, group: string, assignor: AssignorName): Promise<void> {
  await client.admin().createTopics([{ topic, partitions: 6 }]);
  await using producer = client.producer();
  const seen = new Map<number, number[]>();
  const runs: Promise<void>[] = [];
  const join = (): Consumer => {
    const consumer = client.consumer({ topics: [topic], group, assignors: [assignor], ...quick });
    runs.push(consumer.run({ concurrency: 3, eachRecord(record) {
      const list = seen.get(record.partition);
      if (list) list.push(Number(record.text()));
      else seen.set(record.partition, [Number(record.text())]);
    } }));
    return consumer;
  };
  const members = [join()];
  const total = 1_200;
  for (let i = 0; i < total; i++) {
    await producer.send({ topic, partition: i % 6, value: String(Math.floor(i / 6)) });
    if (i === 200 || i === 400) members.push(join());
    if (i === 700) await members.shift()!.close();
    if (i === 900) await members.shift()!.close();
  }
  const count = () => [...seen.values()].reduce((sum, list) => sum + new Set(list).size, 0);
  await until(`${total} records are handled`, () => count() >= total);
  await Promise.all(members.map((member) => member.close()));
  await Promise.all(runs);
  for (const [partition, values] of seen) assert.deepEqual(values, numbers(200).map(Number), `partition ${partition}: each once, in order`);
}

/** Reads on to a record of this text: from a topic that was created anew, what was fetched of the old one may come first. */
async function firstOf(consumer: Consumer, text: string): Promise<ConsumedRecord> {
  for (;;) {
    const [record] = await take(consumer, 1);
    if (record!.text() === text) return record!;
  }
}

function keys(consumer: Consumer): string[] {
  return consumer.assignment.map(({ topic, partition }) => `${topic}-${partition}`).sort();
}

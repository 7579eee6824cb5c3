// test/client/cases-consumer-protocol.ts - members of the consumer protocol (KIP-848), on every target alike.
import assert from 'node:assert/strict';
import type { Client, ConsumedRecord, Consumer, ConsumerOptions } from '../../packages/millrace/src/mod.ts';
import { filled } from './cases-consume.ts';
import { numbers, pause, readAll, until, type Case } from './case.ts';

const consumer = { groupProtocol: 'consumer', commitIntervalMs: 50 } as const;

/** Cases of consumer groups. */
export const consumerProtocolCases: readonly Case[] = [
  {
    name: 'consumer protocol: a group goes on where it was',
    async run({ client, unique }) {
      const topic = await filled(client, unique('resume'), 1, 100);
      const group = unique('g');
      assert.deepEqual((await readAll(client, { topics: [topic], group, ...consumer }, 30)).map((record) => record.text()), numbers(30));
      assert.deepEqual((await readAll(client, { topics: [topic], group, ...consumer }, 71)).map((record) => record.text()), numbers(71, 29));
      assert.equal((await client.admin().listGroups()).find((one) => one.group === group)?.type.toLowerCase(), 'consumer');
    },
  },
  {
    name: 'consumer protocol: members come and go, every record is handled, each partition in order',
    run: ({ client, unique }) => comeAndGo(client, unique('churn'), unique('g')),
  },
  {
    name: 'consumer protocol: a member at work finishes and commits before it says that it gave up: nothing is done twice',
    async run({ client, unique }) {
      const topic = await filled(client, unique('graceful'), 2, 20);
      const group = unique('g');
      const done: string[] = [];
      const handle = async (ms: number, record: ConsumedRecord) => { await pause(ms); done.push(`${record.partition}/${record.text()}`); };
      await using a = client.consumer({ topics: [topic], group, ...consumer });
      const runA = a.run({ concurrency: 2, eachRecord: (record) => handle(60, record) });
      await until('some are done', () => done.length >= 4);
      await using b = client.consumer({ topics: [topic], group, ...consumer });
      const runB = b.run({ eachRecord: (record) => handle(1, record) });
      await until('they share', () => a.assignment.length === 1 && b.assignment.length === 1);
      await until('all are done', () => done.length >= 40);
      await pause(200);
      await Promise.all([a.close(), b.close(), runA, runB]);
      assert.equal(done.length, 40);
      assert.equal(new Set(done).size, 40, 'each once');
    },
  },
  {
    name: 'consumer protocol: a pattern is matched by the server, and takes up what comes later',
    async run({ client, unique }) {
      const word = unique('pattern');
      await filled(client, `${word}.a`, 1, 3);
      const seen: string[] = [];
      await using member = client.consumer({ topics: new RegExp(`^${word}\\.`), group: unique('g'), ...consumer });
      const running = member.run({ eachRecord: (record) => { seen.push(`${record.topic}/${record.text()}`); } });
      await until('the first topic is read', () => seen.length === 3);
      await filled(client, `${word}.b`, 2, 3);
      await until('the second topic is read', () => seen.length === 9);
      await member.close();
      await running;
      await assert.rejects(readAll(client, { topics: /(?=a)b/, group: unique('g'), ...consumer }, 1), /RE2/);
    },
  },
  {
    name: 'consumer protocol: a static member restarts without disturbing the others',
    async run({ client, unique }) {
      const topic = await filled(client, unique('static'), 4, 10);
      const group = unique('g');
      let disturbed = 0;
      const options = (instanceId: string): ConsumerOptions => ({ topics: [topic], group, instanceId, ...consumer });
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
      await again.close({ leave: true });
      await until('the other takes over', () => a.assignment.length === 4);
    },
  },
  {
    name: 'consumer protocol: a handler beyond maxPollIntervalMs gives its partitions to others, and its member comes back',
    async run({ client, unique }) {
      const topic = await filled(client, unique('stuck'), 1, 5);
      const group = unique('g');
      await using stuck = client.consumer({ topics: [topic], group, ...consumer, maxPollIntervalMs: 400 });
      const inHand = stuck[Symbol.asyncIterator]();
      assert.equal((await inHand.next()).value!.text(), '0');
      assert.deepEqual((await readAll(client, { topics: [topic], group, ...consumer }, 5)).map((record) => record.text()), numbers(5));
      await client.producer().send({ topic, value: 'later' });
      for (;;) if ((await inHand.next()).value!.text() === 'later') break;
    },
  },
  {
    name: "consumer protocol: with offsetReset 'latest' nothing is missed over many changes of epoch",
    async run({ client, unique }) {
      const topic = await filled(client, unique('latest'), 4, 5);
      const group = unique('g');
      const seen = new Set<string>();
      const options: ConsumerOptions = { topics: [topic], group, ...consumer, offsetReset: 'latest' };
      const eachRecord = (record: ConsumedRecord) => { seen.add(`${record.partition}/${record.text()}`); };
      await using steady = client.consumer(options);
      void steady.run({ eachRecord });
      await until('it holds all', () => steady.assignment.length === 4);
      const producer = client.producer();
      let sent = 0;
      for (let round = 0; round < 4; round++) {
        const guest = client.consumer(options);
        const running = guest.run({ eachRecord });
        for (let i = 0; i < 40; i++) { await producer.send({ topic, partition: sent % 4, value: `new${sent++}` }); await pause(5); }
        await guest.close();
        await running;
      }
      await until('everything new was read', () => [...seen].filter((one) => one.includes('new')).length === sent);
    },
  },
  {
    name: 'consumer protocol: a group goes from the classic protocol to the other and back while members run',
    async run({ client, unique }) {
      const topic = await filled(client, unique('move'), 4, 1);
      const group = unique('g');
      const classic: ConsumerOptions = { topics: [topic], group, heartbeatIntervalMs: 100, sessionTimeoutMs: 6_000, commitIntervalMs: 50 };
      const seen = new Set<string>();
      const eachRecord = (record: ConsumedRecord) => { seen.add(`${record.partition}/${record.text()}`); };
      const join = (options: ConsumerOptions): Consumer => { const one = client.consumer(options); void one.run({ eachRecord }); return one; };
      const shares = (...members: Consumer[]) => () => new Set(members.flatMap(keys)).size === 4 && members.every((one) => one.assignment.length === 4 / members.length);
      await using old = join(classic);
      await until('the classic member holds all', shares(old));
      await using young = join({ topics: [topic], group, ...consumer });
      await until('both share', shares(old, young));
      await old.close();
      await until('the new member holds all', shares(young));
      await using again = join(classic);
      await until('both share again', shares(young, again));
      await young.close();
      await until('the classic member holds all again', shares(again));
      for (let i = 0; i < 8; i++) await client.producer().send({ topic, partition: i % 4, value: `end${i}` });
      await until('all is read', () => [...seen].filter((one) => one.includes('end')).length === 8);
    },
  },
  {
    name: 'consumer protocol: options that do not fit are refused in words',
    async run({ client }) {
      assert.throws(() => client.consumer({ topics: ['t'], group: 'g', ...consumer, sessionTimeoutMs: 10_000 }), /consumer\.session\.timeout\.ms/);
      assert.throws(() => client.consumer({ topics: ['t'], groupProtocol: 'consumer' }), /needs `group`/);
      assert.throws(() => client.consumer({ topics: ['t'], group: 'g', serverAssignor: 'range' }), /groupProtocol 'consumer'/);
      await assert.rejects(readAll(client, { topics: ['t'], group: 'odd-assignor', ...consumer, serverAssignor: 'mine' }, 1), /UNSUPPORTED_ASSIGNOR/);
    },
  },
];

function keys(one: Consumer): string[] {
  return one.assignment.map(({ topic, partition }) => `${topic}-${partition}`).sort();
}

/** Members join and leave while records are written; nothing is missed, and within a member each partition is in order. */
async function comeAndGo(client: Client, name: string, group: string): Promise<void> {
  const topic = await filled(client, name, 6, 0);
  const producer = client.producer();
  const seen = new Set<string>();
  const member = () => {
    const last = new Map<number, number>();
    const one = client.consumer({ topics: [topic], group, ...consumer, onAssigned: (partitions) => { for (const { partition } of partitions) last.delete(partition); } });
    const running = one.run({ eachRecord: (record) => {
      assert.ok(record.offset > (last.get(record.partition) ?? -1), 'in order');
      last.set(record.partition, record.offset);
      seen.add(`${record.partition}/${record.offset}`);
    } });
    return { close: async () => { await one.close(); await running; } };
  };
  const members = [member()];
  let sent = 0;
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 60; i++) await producer.send({ topic, partition: sent % 6, value: String(sent++) });
    if (round % 3 === 2) await members.shift()!.close();
    else members.push(member());
    await pause(150);
  }
  await until('every record is handled', () => seen.size === sent);
  for (const one of members) await one.close();
}


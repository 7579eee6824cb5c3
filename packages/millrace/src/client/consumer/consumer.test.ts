// The consumer on virtual time, with a real node on a simulated machine: what is committed, and who is a member when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../../node/mod.ts';
import { World } from '../../testing/mod.ts';
import { connect } from '../mod.ts';
import type { ConsumerOptions } from './options.ts';

const address = { host: 'server', port: 9092 };

/** A node with topic 't' of one partition that holds ten records, and a client. */
async function scene() {
  const world = new World(5);
  const { time } = world;
  const server = world.start('node', address.host);
  await time.settle(startNode({ machine: server.machine, ...address, tailBytes: 1 << 20, journalFileBytes: 1 << 20 }));
  const app = world.start('app', 'app');
  const client = await time.settle(connect('server:9092', { machine: app.machine, requestTimeoutMs: 1_000, connectTimeoutMs: 500 }));
  const admin = client.admin();
  await time.settle(admin.createTopics([{ topic: 't', partitions: 1 }]));
  await time.settle(client.producer().sendBatch(Array.from({ length: 10 }, (_unused, index) => ({ topic: 't', value: `v${index}` }))));
  const member = (options: Partial<ConsumerOptions> = {}) => client.consumer({ topics: ['t'], group: 'g', heartbeatIntervalMs: 100, sessionTimeoutMs: 6_000, maxWaitMs: 100, ...options });
  const committed = async () => (await time.settle(admin.groupOffsets('g'))).find((one) => one.topic === 't')?.offset;
  return { world, time, client, admin, member, committed };
}

test('a record committed by hand stays committed when the loop is left and the consumer closes', async () => {
  const { time, member, committed } = await scene();
  const consumer = member({ commitIntervalMs: 50 });
  await time.settle((async () => {
    for await (const record of consumer) {
      if (record.offset < 4) continue;
      await consumer.commit(record);
      break;
    }
  })());
  assert.equal(await committed(), 5);
  await time.advance(200); // the automatic commit comes by
  assert.equal(await committed(), 5);
  await time.settle(consumer.close());
  assert.equal(await committed(), 5);
});

test('after a seek the automatic commit goes back as well', async () => {
  const { time, member, committed } = await scene();
  const consumer = member({ commitIntervalMs: 50 });
  await time.settle((async () => {
    for await (const record of consumer) {
      if (record.offset < 4) continue;
      await consumer.commit(record);
      break;
    }
    await consumer.seek({ topic: 't', partition: 0 }, 2);
  })());
  await time.settle(consumer.close());
  assert.equal(await committed(), 2);
});

test('a consumer that fails for good leaves its group at once, and others go on', async () => {
  const { time, member, admin } = await scene();
  await time.settle(admin.setGroupOffsets('g', [{ topic: 't', partition: 0, offset: 1_000 }])); // beyond the end
  const failing = member({ offsetReset: 'error' });
  await assert.rejects(time.settle(failing[Symbol.asyncIterator]().next()), { code: 'offset-out-of-range' });
  assert.equal(failing.phase, 'failed');
  const next = member({ offsetReset: 'earliest' });
  const startMs = time.nowMs;
  const { value } = await time.settle(next[Symbol.asyncIterator]().next());
  assert.equal(value!.offset, 0);
  assert.ok(time.nowMs - startMs < 3_000, 'it did not wait for the end of a session'); // virtual time
  const { members } = await time.settle(admin.describeGroup('g'));
  assert.deepEqual(members.map((one) => one.memberId), [next.memberId]);
  await time.settle(failing.close());
  assert.equal(failing.phase, 'closed');
  await time.settle(next.close());
});

test('after a failed handler the consumer may run again; a member that nobody reads from leaves after maxPollIntervalMs, and comes back when asked', async () => {
  const { time, member, admin } = await scene();
  const consumer = member({ maxPollIntervalMs: 2_000 });
  const memberCount = async () => (await time.settle(admin.describeGroup('g'))).members.length;
  const failOnce = consumer.run({ eachRecord(record) { if (record.offset === 4) throw new Error('no'); } });
  await assert.rejects(time.settle(failOnce), /no/);
  await time.advance(1_000);
  assert.equal(await memberCount(), 1, 'it is given time to go on');
  await time.advance(2_000);
  assert.equal(await memberCount(), 0, 'its partitions are for others');
  const { value } = await time.settle(consumer[Symbol.asyncIterator]().next());
  assert.equal(value!.offset, 4);
  assert.equal(await memberCount(), 1);
  await time.settle(consumer.close());
});

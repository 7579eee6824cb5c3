// test/client/cases-admin.ts - what the admin promises.
import assert from 'node:assert/strict';
import { filled } from './cases-consume.ts';
import { take, until, type Case } from './case.ts';

/** Cases of the admin. */
export const adminCases: readonly Case[] = [
  {
    name: 'topics are created, listed, described, widened and deleted',
    async run({ client, unique }) {
      const admin = client.admin();
      const topic = unique('topic');
      const [created] = await admin.createTopics([{ topic, partitions: 2, configs: { 'retention.ms': 3_600_000 } }]);
      assert.deepEqual({ ...created, topicId: created!.topicId.length }, { topic, topicId: 22, partitions: 2 });
      await assert.rejects(admin.createTopics([{ topic }]), { code: 'topic-exists', retry: false });
      await assert.rejects(admin.createTopics([{ topic: 'not/valid' }]), { code: 'invalid-argument' });
      assert.ok((await admin.listTopics()).includes(topic));
      await admin.createPartitions(topic, 4);
      await assert.rejects(admin.createPartitions(topic, 3), { code: 'invalid-argument' });
      const [described] = await admin.describeTopics([topic]);
      assert.deepEqual([described!.topicId, described!.partitions.map(({ partition }) => partition)], [created!.topicId, [0, 1, 2, 3]]);
      await admin.deleteTopics([topic]);
      await until('it is gone', async () => !(await admin.listTopics()).includes(topic));
      await assert.rejects(admin.describeTopics([topic]), { code: 'topic-not-found' });
      await assert.rejects(admin.deleteTopics([topic]), { code: 'topic-not-found' });
    },
  },
  {
    name: 'settings are read, set and unset one by one',
    async run({ client, unique }) {
      const admin = client.admin();
      const topic = unique('configs');
      await admin.createTopics([{ topic, configs: { 'cleanup.policy': 'delete' } }]);
      const read = async () => {
        const [description] = await admin.describeConfigs([{ kind: 'topic', name: topic }], { names: ['retention.ms', 'cleanup.policy'] });
        return Object.fromEntries(description!.configs.map(({ name, value, source }) => [name, [value, source]]));
      };
      await admin.alterConfigs([{ kind: 'topic', name: topic, set: { 'retention.ms': 60_000 } }]);
      await until('the new value is told', async () => (await read())['retention.ms']!.join() === '60000,topic'); // a broker of Kafka hears of it a little later than its controller
      await admin.alterConfigs([{ kind: 'topic', name: topic, unset: ['retention.ms'] }]);
      await until('the default is told', async () => (await read())['retention.ms']![1] === 'default');
      await assert.rejects(admin.alterConfigs([{ kind: 'topic', name: topic, set: { 'retention.ms': 'soon' } }]), { code: 'invalid-argument' });
    },
  },
  {
    name: 'offsets by place and time, several of one partition; deleted records move the start',
    async run({ client, unique }) {
      const admin = client.admin();
      const topic = unique('offsets');
      await admin.createTopics([{ topic, partitions: 1 }]);
      await using producer = client.producer();
      await producer.sendBatch([10, 20, 30, 25].map((at) => ({ topic, value: 'v', timestampMs: at * 1_000 })));
      const at = { topic, partition: 0 };
      const offsets = async () => (await admin.listOffsets([{ ...at, at: 'earliest' }, { ...at, at: 'latest' }, { ...at, at: { timestampMs: 15_000 } }, { ...at, at: { timestampMs: 99_000 } }, { ...at, at: 'max-timestamp' }])).map(({ offset }) => offset);
      assert.deepEqual(await offsets(), [0, 4, 1, -1, 2]);
      assert.deepEqual(await admin.deleteRecords([{ ...at, beforeOffset: 2 }]), [{ ...at, logStartOffset: 2 }]);
      assert.equal((await offsets())[0], 2);
      await assert.rejects(admin.deleteRecords([{ ...at, beforeOffset: 99 }]), { code: 'offset-out-of-range' });
    },
  },
  {
    name: 'groups are listed, described, moved and deleted; members protect them',
    async run({ client, unique }) {
      const admin = client.admin();
      const topic = await filled(client, unique('moved'), 2, 10);
      const group = unique('g');
      const consumer = client.consumer({ topics: [topic], group, heartbeatIntervalMs: 100, sessionTimeoutMs: 6_000 });
      assert.equal((await take(consumer, 20)).length, 20);
      const described = await admin.describeGroup(group);
      assert.deepEqual([described.state, described.protocolType, described.assignor, described.members.length], ['Stable', 'consumer', 'cooperative-sticky', 1]);
      assert.deepEqual([described.members[0]!.topics, described.members[0]!.assignment.length], [[topic], 2]);
      await assert.rejects(admin.setGroupOffsets(group, [{ topic, partition: 0, offset: 0 }]), { code: 'unknown-member' });
      await assert.rejects(admin.deleteGroup(group), { code: 'group-not-empty' });
      await consumer.close();
      assert.ok((await admin.listGroups()).some((one) => one.group === group));
      await admin.setGroupOffsets(group, [{ topic, partition: 0, offset: 3, metadata: 'm' }, { topic, partition: 1, at: 'earliest' }]);
      const lag = (await admin.groupLag(group)).sort((a, b) => a.partition - b.partition);
      assert.deepEqual(lag.map((one) => [one.committedOffset, one.endOffset, one.lag, one.metadata]), [[3, 10, 7, 'm'], [0, 10, 10, '']]);
      await admin.deleteGroupOffsets(group, [{ topic, partition: 0 }]);
      assert.deepEqual((await admin.groupOffsets(group)).map(({ partition }) => partition), [1]);
      await admin.deleteGroup(group);
      await assert.rejects(admin.deleteGroup(group), { code: 'group-not-found' });
      assert.equal((await admin.describeGroup(group)).state, 'Dead');
    },
  },
  {
    name: 'the cluster and its folders are described',
    async run({ client, unique }) {
      const admin = client.admin();
      const topic = await filled(client, unique('dirs'), 1, 100);
      const cluster = await admin.describeCluster();
      assert.ok(cluster.clusterId && cluster.brokers.length === 1 && cluster.brokers[0]!.port > 0);
      const dirs = await admin.describeLogDirs();
      const mine = dirs.flatMap((dir) => dir.partitions).filter((one) => one.topic === topic);
      assert.equal(mine.length, 1);
      assert.ok(mine[0]!.bytes > 100);
    },
  },
];

// Committed offsets on virtual time, with a real node on a simulated machine: topics are named by id where both sides can.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../node/mod.ts';
import { World } from '../testing/mod.ts';
import { OffsetCommit, OffsetFetch } from '../wire/mod.ts';
import { connect } from './mod.ts';
import { Cluster } from './net/cluster.ts';
import { chooseVersion } from './net/versions.ts';
import { commitOffsets } from './offsets.ts';

const address = { host: 'server', port: 9092 };

async function scene() {
  const world = new World(11);
  const { time } = world;
  const server = world.start('node', address.host);
  await time.settle(startNode({ machine: server.machine, ...address, tailBytes: 1 << 20, journalFileBytes: 1 << 20 }));
  const open = async (name: string) => await time.settle(connect('server:9092', { machine: world.start(name, name).machine, autoCreateTopics: false }));
  const [client, other] = [await open('app'), await open('other')];
  await time.settle(client.admin().createTopics([{ topic: 't', partitions: 1 }]));
  await time.settle(client.producer().sendBatch(Array.from({ length: 5 }, () => ({ topic: 't', value: 'v' }))));
  const recreate = async () => {
    await time.settle(other.admin().deleteTopics(['t']));
    await time.settle(other.admin().createTopics([{ topic: 't', partitions: 1 }]));
  };
  return { time, world, client, other, recreate };
}

test('the newest versions are used, which name topics by id', () => {
  for (const api of [OffsetCommit, OffsetFetch]) assert.equal(chooseVersion(api, new Map([[api.key, { min: 2, max: 10 }]]), 'b:1'), 10);
});

test('what one consumer commits the next one finds', async () => {
  const { time, client } = await scene();
  const partitions = [{ topic: 't', partition: 0 }];
  const first = client.consumer({ partitions, group: 'g', commit: 'manual' });
  await time.settle(first[Symbol.asyncIterator]().next());
  await time.settle(first.commit([{ topic: 't', partition: 0, offset: 3, metadata: 'm' }]));
  assert.deepEqual((await time.settle(first.committed())).map((one) => [one.topic, one.offset, one.metadata]), [['t', 3, 'm']]);
  assert.deepEqual((await time.settle(client.admin().groupOffsets('g'))).map((one) => [one.topic, one.offset]), [['t', 3]]);
  const next = client.consumer({ partitions, group: 'g' });
  assert.equal((await time.settle(next[Symbol.asyncIterator]().next())).value!.offset, 3);
  await time.settle(client.close());
});

test('an offset of a topic that was deleted and created anew is not committed for the new one', async () => {
  const { time, world, client, other, recreate } = await scene();
  const cluster = new Cluster(world.start('third', 'third').machine, { bootstrap: [address], clientId: 'c', requestTimeoutMs: 1_000, connectTimeoutMs: 500, metadataMaxAgeMs: 3_600_000, autoCreateTopics: false });
  await time.settle(cluster.start(500, false));
  await time.settle(cluster.topic('t', cluster.deadline(500)));
  await recreate();
  const commit = (byName: boolean) => time.settle(commitOffsets(cluster, { group: 'g', memberId: '', generation: -1, instanceId: null }, [{ topic: 't', partition: 0, offset: 4 }], { deadline: cluster.deadline(5_000), byName }));
  await assert.rejects(commit(false), { code: 'topic-not-found', retry: false });
  assert.deepEqual(await time.settle(other.admin().groupOffsets('g')), []);
  await commit(true); // an admin means whichever has the name now
  assert.equal((await time.settle(other.admin().groupOffsets('g')))[0]!.offset, 4);
  cluster.close();
  await time.settle(client.close());
});

test('a client that still knows the id of a deleted topic reads the offsets of the new one', async () => {
  const { time, client, other, recreate } = await scene();
  const lookFirst = client.consumer({ partitions: [{ topic: 't', partition: 0 }], group: 'g', commit: 'manual' });
  await time.settle(lookFirst[Symbol.asyncIterator]().next());
  lookFirst.pause([{ topic: 't', partition: 0 }]);
  await recreate();
  await time.settle(other.admin().setGroupOffsets('g', [{ topic: 't', partition: 0, offset: 2 }]));
  assert.deepEqual((await time.settle(lookFirst.committed())).map((one) => one.offset), [2]);
  await time.settle(client.close());
});

// test/conformance/cases/admin.ts - administration, and the names of the errors it ends in.

import assert from 'node:assert/strict';
import { eventually } from '../../peers/processes.ts';
import { codeOf, keptForEver, numbered, same, spread, story, until } from '../scene.ts';

/** Stories of administrators. */
export const adminCases = [
  story('admin, topics come and go', ['admin:createTopic', 'admin:listTopics', 'admin:describeTopic', 'admin:deleteTopic'], async (scene) => {
    const { admin } = scene.driver;
    const topic = scene.name('topic');
    await admin.createTopic(topic, 3, { 'retention.ms': '3600000' });
    await eventually(async () => (await admin.listTopics()).includes(topic) ? true : undefined, () => `'${topic}' is not listed`);
    await eventually(async () => (await admin.describeTopic(topic)).leaders === 3 ? true : undefined, () => 'three leaders');
    scene.fact('create again', await codeOf(admin.createTopic(topic, 3)));
    await admin.deleteTopic(topic);
    await eventually(async () => (await admin.listTopics()).includes(topic) ? undefined : true, () => `'${topic}' is still listed`);
    scene.fact('delete again', await codeOf(admin.deleteTopic(topic)));
    await admin.createTopic(topic, 1);
    await eventually(async () => (await admin.describeTopic(topic).catch(() => undefined))?.partitions === 1 ? true : undefined, () => 'the topic is new');
    assert.equal(await scene.reference.admin.listOffset(topic, 0, { kind: 'latest' }), 0, 'a topic of the same name begins anew');
  }),

  story('admin, topics that cannot be', ['admin:createTopic'], async (scene) => {
    const { admin } = scene.driver;
    scene.fact('a name with a slash', await codeOf(admin.createTopic('not/a/name', 1)));
    scene.fact('a name too long', await codeOf(admin.createTopic('x'.repeat(250), 1)));
    scene.fact('no partitions', await codeOf(admin.createTopic(scene.name('topic'), 0)));
    scene.fact('an unknown setting', await codeOf(admin.createTopic(scene.name('topic'), 1, { 'no.such.setting': '1' })));
    scene.fact('a bad value', await codeOf(admin.createTopic(scene.name('topic'), 1, { 'retention.ms': 'long' })));
  }),

  story('admin, partitions are added', ['admin:createPartitions'], async (scene) => {
    const { admin } = scene.driver;
    const topic = await scene.topic(2);
    await scene.reference.produce({ topic, messages: spread(10, 2) });
    await admin.createPartitions(topic, 4);
    await eventually(async () => (await admin.describeTopic(topic)).leaders === 4 ? true : undefined, () => 'four partitions');
    await scene.reference.produce({ topic, messages: spread(8, 4) });
    assert.equal(await scene.reference.admin.listOffset(topic, 3, { kind: 'latest' }), 2);
    assert.equal(await scene.reference.admin.listOffset(topic, 0, { kind: 'latest' }), 7);
    scene.fact('fewer', await codeOf(admin.createPartitions(topic, 3)));
    scene.fact('of no topic', await codeOf(admin.createPartitions(scene.name('missing'), 3)));
  }),

  story('admin, settings of a topic', ['admin:describeConfig', 'admin:alterConfig'], async (scene) => {
    const { admin } = scene.driver;
    const topic = await scene.topic(1);
    const before = await admin.describeConfig(topic);
    scene.fact('names', Object.keys(before).sort());
    scene.fact('defaults', Object.fromEntries(['cleanup.policy', 'compression.type', 'max.message.bytes', 'message.timestamp.type', 'message.timestamp.before.max.ms', 'message.timestamp.after.max.ms', 'retention.bytes', 'retention.ms', 'segment.bytes', 'segment.ms',
      'unclean.leader.election.enable'].map((name) => [name, before[name]])));
    await admin.alterConfig(topic, { set: { 'retention.ms': '123456' } });
    await eventually(async () => (await admin.describeConfig(topic))['retention.ms']?.[0] === '123456' ? true : undefined, () => 'the setting is set');
    assert.deepEqual((await admin.describeConfig(topic))['retention.ms'], ['123456', false]);
    await admin.alterConfig(topic, { unset: ['retention.ms'] });
    await eventually(async () => (await admin.describeConfig(topic))['retention.ms']?.[1] === true ? true : undefined, () => 'the setting is back at its default');
    assert.deepEqual((await admin.describeConfig(topic))['retention.ms'], before['retention.ms']);
    scene.fact('a bad value', await codeOf(admin.alterConfig(topic, { set: { 'retention.ms': 'long' } })));
    scene.fact('an unknown setting', await codeOf(admin.alterConfig(topic, { set: { 'no.such.setting': '1' } })));
    scene.fact('of no topic', await codeOf(admin.alterConfig(scene.name('missing'), { set: { 'retention.ms': '1' } })));
  }),

  story('admin, records are deleted', ['admin:deleteRecords', 'admin:listOffset'], async (scene) => {
    const { admin } = scene.driver;
    const topic = await scene.topic(1);
    const messages = numbered(20);
    await scene.reference.produce({ topic, messages });
    assert.equal(await admin.deleteRecords(topic, 0, 7), 7);
    assert.equal(await admin.listOffset(topic, 0, { kind: 'earliest' }), 7);
    assert.equal(await admin.listOffset(topic, 0, { kind: 'latest' }), 20);
    same(await scene.reference.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 13 }), messages.slice(7), 7);
    scene.fact('beyond the end', await codeOf(admin.deleteRecords(topic, 0, 21)));
    assert.equal(await admin.deleteRecords(topic, 0, 20), 20);
    assert.equal(await admin.listOffset(topic, 0, { kind: 'earliest' }), 20);
  }),

  story('admin, offsets by time', ['admin:listOffset'], async (scene) => {
    const { admin } = scene.driver;
    const topic = await scene.topic(1, keptForEver);
    const at = (i: number): number => 1_700_000_000_000 + i * 1000;
    // The largest time is not the last record's.
    const messages = numbered(10).map((message, i) => ({ ...message, timestampMs: at(i === 4 ? 100 : i) }));
    await scene.reference.produce({ topic, messages });
    scene.fact('offsets', [await admin.listOffset(topic, 0, { kind: 'earliest' }), await admin.listOffset(topic, 0, { kind: 'latest' }),
      await admin.listOffset(topic, 0, { kind: 'timestamp', timestampMs: at(3) }), await admin.listOffset(topic, 0, { kind: 'timestamp', timestampMs: at(3) + 1 })]);
    assert.deepEqual(scene.facts['offsets'], [0, 10, 3, 4]);
    if (scene.driver.name !== 'kafkajs') scene.fact('beyond the last', await admin.listOffset(topic, 0, { kind: 'timestamp', timestampMs: at(1000) }));
    if (scene.driver.name !== 'kafkajs' && scene.driver.name !== 'kcat') assert.equal(await admin.listOffset(topic, 0, { kind: 'max-timestamp' }), 4);
  }),

  story('admin, groups', ['admin:listGroups', 'admin:describeGroup', 'admin:deleteGroup', 'admin:groupOffsets'], async (scene) => {
    const { admin } = scene.driver;
    const topic = await scene.topic(2);
    const group = scene.name('group');
    await scene.reference.produce({ topic, messages: spread(10, 2) });
    const member = await scene.join({ group, topics: [topic] });
    await until([member], () => member.received.length === 10, 'ten records');
    await member.commit();
    assert.ok((await admin.listGroups()).includes(group), 'the group is listed');
    assert.deepEqual(await admin.describeGroup(group), { state: 'STABLE', members: 1 });
    assert.deepEqual(await admin.groupOffsets(group), { [`${topic}-0`]: [5, ''], [`${topic}-1`]: [5, ''] });
    scene.fact('delete in use', await codeOf(admin.deleteGroup(group)));
    await member.leave();
    await eventually(async () => (await admin.describeGroup(group)).state === 'EMPTY' ? true : undefined, () => 'the group is not empty');
    await admin.deleteGroup(group);
    assert.ok(!(await admin.listGroups()).includes(group), 'the group is gone');
    scene.fact('delete again', await codeOf(admin.deleteGroup(group)));
  }),

  story('admin, positions of a group', ['admin:alterGroupOffset', 'admin:groupOffsets'], async (scene) => {
    const { admin } = scene.driver;
    const topic = await scene.topic(2);
    const group = scene.name('group');
    await scene.reference.produce({ topic, messages: spread(10, 2) });
    const metadata = scene.driver.lacks['group-metadata'] === undefined ? 'a note' : '';
    await admin.alterGroupOffset(group, topic, 0, 3, metadata);
    await admin.alterGroupOffset(group, topic, 1, 4, metadata);
    assert.deepEqual(await admin.groupOffsets(group), { [`${topic}-0`]: [3, metadata], [`${topic}-1`]: [4, metadata] });
  }),

  story('admin, positions of a group are deleted', ['admin:alterGroupOffset', 'admin:groupOffsets', 'admin:deleteGroupOffset'], async (scene) => {
    const { admin } = scene.driver;
    const topic = await scene.topic(2);
    const group = scene.name('group');
    await admin.alterGroupOffset(group, topic, 0, 3);
    await admin.alterGroupOffset(group, topic, 1, 4);
    await admin.deleteGroupOffset(group, topic, 0);
    assert.deepEqual(await admin.groupOffsets(group), { [`${topic}-1`]: [4, ''] });
  }),

  story('admin, a topic that is not there', ['admin:describeTopic', 'error-names'], async (scene) => {
    // kafkajs asks again until all its retries are used up.
    if (scene.driver.name !== 'kafkajs') scene.fact('describe', await codeOf(scene.driver.admin.describeTopic(scene.name('missing'))));
    assert.ok(!(await scene.reference.admin.listTopics()).some((name) => name.startsWith('missing')), 'asking for a topic does not make it');
  }),

  story('admin, groups that are not there', ['missing-group', 'admin:describeGroup', 'admin:groupOffsets', 'admin:deleteGroup'], async (scene) => {
    const { admin } = scene.driver;
    const group = scene.name('missing');
    // Newer versions of the request fail, older ones tell of a dead group.
    scene.fact('describe', await admin.describeGroup(group).catch(({ code }: { code: string }) => code));
    scene.fact('offsets', await admin.groupOffsets(group).catch(({ code }: { code: string }) => code));
    scene.fact('delete', await codeOf(admin.deleteGroup(group)));
  }),

  story('admin, cluster', ['admin:describeCluster'], async (scene) => {
    scene.fact('cluster', await scene.driver.admin.describeCluster());
    assert.deepEqual(scene.facts['cluster'], { nodes: 1, hasClusterId: true, hasController: true });
  }),
];

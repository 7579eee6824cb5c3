// test/conformance/cases/consumer-groups.ts - groups of the consumer protocol (KIP-848), and groups on their way between the two protocols.

import assert from 'node:assert/strict';
import { eventually } from '../../peers/processes.ts';
import { staticMemberComesBack } from './groups.ts';
import { createReady, shares, spread, story, until, values, type Follower } from '../scene.ts';

const joinMs = 40_000;
const protocol = 'consumer';

/** Stories of consumer groups. */
export const consumerGroupCases = [
  story('consumer group, continues where it was', ['consumer-protocol'], async (scene) => {
    const topic = await scene.topic(2);
    const group = scene.name('group');
    await scene.reference.produce({ topic, messages: spread(40, 2, 'first') });
    const first = await scene.join({ group, topics: [topic], protocol });
    await until([first], () => first.received.length === 40, '40 records for the first member', joinMs);
    await first.commit();
    await first.leave();
    await scene.reference.produce({ topic, messages: spread(10, 2, 'second') });
    const second = await scene.join({ group, topics: [topic], protocol });
    await until([second], () => second.received.length >= 10, '10 records for the second member', joinMs);
    assert.deepEqual(values(second.received).sort(), values(spread(10, 2, 'second')).sort());
    scene.fact('committed', await scene.reference.admin.groupOffsets(group).then((offsets) => Object.values(offsets).map(([offset]) => offset)));
  }),

  story('consumer group, members share, one leaves', ['consumer-protocol'], async (scene) => {
    const topic = await scene.topic(6);
    const group = scene.name('group');
    const a = await scene.join({ group, topics: [topic], protocol });
    await until([a], () => shares([a], [6]), 'all partitions for one', joinMs);
    const b = await scene.join({ group, topics: [topic], protocol });
    const c = await scene.join({ group, topics: [topic], protocol });
    await until([a, b, c], () => shares([a, b, c], [2, 2, 2]), 'two partitions each', joinMs);
    await scene.reference.produce({ topic, messages: spread(60, 6) });
    await until([a, b, c], () => new Set(values([...a.received, ...b.received, ...c.received])).size === 60, '60 records', joinMs);
    scene.fact('members', (await scene.reference.admin.describeGroup(group)).members);
    for (const member of [a, b, c]) await member.commit();
    await b.leave();
    await until([a, c], () => shares([a, c], [3, 3]), 'three partitions each', joinMs);
    await scene.reference.produce({ topic, messages: spread(60, 6, 'more') });
    await until([a, c], () => new Set(values([...a.received, ...b.received, ...c.received])).size === 120, 'all records', joinMs);
    scene.fact('state', (await scene.reference.admin.describeGroup(group)).state);
  }),

  story('consumer group, the range assignor', ['consumer-protocol'], async (scene) => {
    const topics = [await scene.topic(4), await scene.topic(4)];
    const group = scene.name('group');
    const a = await scene.join({ group, topics, protocol, assignor: 'range' });
    const b = await scene.join({ group, topics, protocol, assignor: 'range' });
    await until([a, b], () => shares([a, b], [4, 4]), 'four partitions each', joinMs);
    const partitions = (member: Follower) => [...new Set(member.assigned.map((name) => name.slice(name.lastIndexOf('-') + 1)))].sort().join();
    scene.fact('shares', [partitions(a), partitions(b)].sort());
  }),

  story('consumer group, a topic that grows', ['consumer-protocol', 'consumer-growth'], async (scene) => {
    const topic = await scene.topic(2);
    const group = scene.name('group');
    const a = await scene.join({ group, topics: [topic], protocol });
    await until([a], () => shares([a], [2]), 'both partitions', joinMs);
    await scene.reference.admin.createPartitions(topic, 5);
    await until([a], () => shares([a], [5]), 'all five', joinMs);
    await scene.reference.produce({ topic, messages: spread(50, 5) });
    await until([a], () => a.received.length === 50, '50 records', joinMs);
  }),

  story('consumer group, a pattern', ['consumer-protocol', 'pattern'], async (scene) => {
    const word = scene.name('zebra');
    await createReady(scene.reference.admin, `${word}-a`, 2);
    const group = scene.name('group');
    const a = await scene.join({ group, topics: [], pattern: `${word.replaceAll('.', '\\.')}-.*`, protocol });
    await until([a], () => shares([a], [2]), 'the topic that is there', joinMs);
    await createReady(scene.reference.admin, `${word}-b`, 1);
    await until([a], () => shares([a], [3]), 'the topic that came', joinMs);
    await scene.reference.produce({ topic: `${word}-b`, messages: spread(5, 1) });
    await until([a], () => a.received.length === 5, 'its records', joinMs);
  }),

  story('consumer group, a static member comes back unnoticed', ['consumer-protocol', 'consumer-static'], (scene) => staticMemberComesBack(scene, { protocol })),

  story('consumer group, a member that vanished is missed', ['consumer-protocol'], async (scene) => {
    const topic = await scene.topic(2);
    const group = scene.name('group');
    const a = await scene.join({ group, topics: [topic], protocol });
    const b = await scene.join({ group, topics: [topic], protocol, ownProcess: true });
    await until([a, b], () => shares([a, b], [1, 1]), 'one partition each', joinMs);
    await b.vanish();
    await until([a], () => shares([a], [2]), 'both partitions for the one left', joinMs);
  }),

  story('consumer group, from the classic protocol and back while members run', ['consumer-protocol', 'migration'], async (scene) => {
    const topic = await scene.topic(4);
    const group = scene.name('group');
    const all: Follower[] = [];
    let sent = 0;
    const handsOn = async (members: readonly Follower[], sizes: readonly number[], type: string) => {
      all.push(...members.filter((member) => !all.includes(member)));
      await until(members, () => shares(members, sizes), `shares ${sizes.join()}`, joinMs);
      await scene.reference.produce({ topic, messages: spread(20, 4, `round${sent}`) });
      sent += 20;
      await until(members, () => new Set(values(all.flatMap(({ received }) => received))).size === sent, `${sent} records`, joinMs);
      for (const member of members) await eventually(() => member.commit().then(() => true, () => undefined), () => 'the commit is refused', joinMs);
      scene.fact(`${type} ${all.length}`, (await scene.reference.admin.describeGroup(group)).members);
    };
    const old = [await scene.join({ group, topics: [topic] }), await scene.join({ group, topics: [topic], cooperative: false })];
    await handsOn(old, [2, 2], 'classic');
    const young = await scene.join({ group, topics: [topic], protocol });
    await handsOn([...old, young], [1, 1, 2], 'mixed');
    await old[0]!.leave();
    await handsOn([old[1]!, young], [2, 2], 'mixed, one left');
    await old[1]!.leave();
    await handsOn([young], [4], 'consumer');
    const again = await scene.join({ group, topics: [topic] });
    await handsOn([young, again], [2, 2], 'mixed again');
    await young.leave();
    await handsOn([again], [4], 'classic again');
  }),
];

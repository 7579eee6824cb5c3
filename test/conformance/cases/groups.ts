// test/conformance/cases/groups.ts - consumer groups: sharing, rebalances, committed positions.

import assert from 'node:assert/strict';
import { eventually, sleep } from '../../peers/processes.ts';
import type { JoinRequest } from '../driver.ts';
import { shares, spread, story, until, values, type Follower, type Scene } from '../scene.ts';

const joinMs = 30_000;

/** Stories of groups. */
export const groupCases = [
  story('group, continues where it was', [], async (scene) => {
    const topic = await scene.topic(2);
    const group = scene.name('group');
    await scene.reference.produce({ topic, messages: spread(40, 2, 'first') });
    const first = await scene.join({ group, topics: [topic] });
    await until([first], () => first.received.length === 40, '40 records for the first member', joinMs);
    await first.commit();
    await first.leave();
    await scene.reference.produce({ topic, messages: spread(10, 2, 'second') });
    const second = await scene.join({ group, topics: [topic] });
    await until([second], () => second.received.length >= 10, '10 records for the second member', joinMs);
    assert.deepEqual(values(second.received).sort(), values(spread(10, 2, 'second')).sort());
    scene.fact('committed', await scene.reference.admin.groupOffsets(group).then((offsets) => Object.values(offsets).map(([offset]) => offset)));
  }),

  story('group, begins at the latest when told so', [], async (scene) => {
    const topic = await scene.topic(1);
    await scene.reference.produce({ topic, messages: spread(10, 1, 'old') });
    const member = await scene.join({ group: scene.name('group'), topics: [topic], resetTo: 'latest' });
    await until([member], () => member.assigned.length === 1, 'an assignment', joinMs);
    for (let i = 0; member.received.length < 3; i++) {
      await scene.reference.produce({ topic, messages: spread(1, 1, `new${i}`) });
      await sleep(50);
      await member.look();
      assert.ok(i < 400, 'new records come');
    }
    assert.ok(values(member.received).every((value) => value.startsWith('new')), values(member.received).join());
  }),

  story('group, two and three members share', [], async (scene) => {
    const topic = await scene.topic(6);
    const group = scene.name('group');
    const a = await scene.join({ group, topics: [topic] });
    await until([a], () => shares([a], [6]), 'all partitions for one', joinMs);
    const b = await scene.join({ group, topics: [topic] });
    await until([a, b], () => shares([a, b], [3, 3]), 'three partitions each', joinMs);
    const c = await scene.join({ group, topics: [topic] });
    await until([a, b, c], () => shares([a, b, c], [2, 2, 2]), 'two partitions each', joinMs);
    await scene.reference.produce({ topic, messages: spread(60, 6) });
    await until([a, b, c], () => new Set(values([...a.received, ...b.received, ...c.received])).size === 60, '60 records', joinMs);
    scene.fact('members', (await scene.reference.admin.describeGroup(group)).members);
    for (const member of [a, b, c]) await member.commit();
    await b.leave();
    await until([a, c], () => shares([a, c], [3, 3]), 'three partitions each again', joinMs);
    await scene.reference.produce({ topic, messages: spread(60, 6, 'more') });
    await until([a, c], () => new Set(values([...a.received, ...b.received, ...c.received])).size === 120, 'all records', joinMs);
    await a.leave();
    await until([c], () => shares([c], [6]), 'all partitions for the last', joinMs);
  }),

  story('group, members on two topics', [], async (scene) => {
    const topics = [await scene.topic(2), await scene.topic(3)];
    const group = scene.name('group');
    for (const [i, topic] of topics.entries()) await scene.reference.produce({ topic, messages: spread(12, i + 2, `topic${i}`) });
    const a = await scene.join({ group, topics });
    const b = await scene.join({ group, topics });
    await until([a, b], () => a.assigned.length + b.assigned.length === 5 && a.assigned.length > 0 && b.assigned.length > 0, 'five partitions', joinMs);
    await until([a, b], () => new Set(values([...a.received, ...b.received])).size === 24, '24 records', joinMs);
  }),

  story('group, cooperative members keep what they keep', ['cooperative'], async (scene) => {
    const topic = await scene.topic(6);
    const group = scene.name('group');
    const a = await scene.join({ group, topics: [topic], cooperative: true });
    await until([a], () => shares([a], [6]), 'all partitions for one', joinMs);
    const b = await scene.join({ group, topics: [topic], cooperative: true });
    await until([a, b], () => shares([a, b], [3, 3]), 'three partitions each', joinMs);
    const revoked = a.events.filter(({ kind }) => kind !== 'assigned').flatMap(({ partitions }) => partitions);
    assert.deepEqual(revoked.filter((name) => a.assigned.includes(name)), [], 'nothing that it keeps was taken away meanwhile');
    assert.equal(revoked.length, 3);
    await b.leave();
    await until([a], () => shares([a], [6]), 'all partitions for one again', joinMs);
    assert.equal(a.events.filter(({ kind }) => kind !== 'assigned').flatMap(({ partitions }) => partitions).length, 3, 'no more was taken away');
  }),

  story('group, a static member comes back unnoticed', ['static'], (scene) => staticMemberComesBack(scene, { sessionMs: 30_000 })),

  story('group, the second of a static name fences the first', ['static'], async (scene) => {
    const topic = await scene.topic(2);
    const group = scene.name('group');
    const first = await scene.join({ group, topics: [topic], instanceId: 'same' });
    await until([first], () => shares([first], [2]), 'both partitions for the first', joinMs);
    const second = await scene.join({ group, topics: [topic], instanceId: 'same' });
    await until([second], () => shares([second], [2]), 'both partitions for the second', joinMs);
    const failure = await eventually(() => first.look().then(() => undefined, (error: Error) => error.message), () => 'the first was not told', joinMs);
    assert.match(failure, /FENCED_INSTANCE_ID|fenced/i);
    await scene.reference.produce({ topic, messages: spread(10, 2) });
    await until([second], () => second.received.length === 10, 'ten records for the second', joinMs);
  }),

  story('group, a member that vanished is missed', [], async (scene) => {
    const topic = await scene.topic(2);
    const group = scene.name('group');
    const a = await scene.join({ group, topics: [topic], sessionMs: 6000 });
    const b = await scene.join({ group, topics: [topic], sessionMs: 6000, ownProcess: true });
    await until([a, b], () => shares([a, b], [1, 1]), 'one partition each', joinMs);
    await b.vanish();
    await until([a], () => shares([a], [2]), 'both partitions for the one left', joinMs);
  }),

  story('group, begins where it is told from outside', [], async (scene) => {
    const topic = await scene.topic(1);
    const group = scene.name('group');
    await scene.reference.produce({ topic, messages: spread(20, 1) });
    await scene.reference.admin.alterGroupOffset(group, topic, 0, 15);
    const member = await scene.join({ group, topics: [topic] });
    await until([member], () => member.received.length >= 5, 'five records', joinMs);
    assert.deepEqual(member.received.map(({ offset }) => offset), [15, 16, 17, 18, 19]);
    await member.leave();
    scene.fact('state after all left', await eventually(async () => {
      const { state } = await scene.reference.admin.describeGroup(group);
      return state === 'EMPTY' ? state : undefined;
    }, () => 'the group is not empty'));
  }),
];

/** A member with a name of its own goes and comes back: it has the same partitions again, and the other member saw nothing. */
export async function staticMemberComesBack(scene: Scene, how: Partial<JoinRequest>): Promise<void> {
  const topic = await scene.topic(4);
  const group = scene.name('group');
  const joinStatic = (instanceId: string): Promise<Follower> => scene.join({ group, topics: [topic], instanceId, ...how });
  const a = await joinStatic('one');
  const b = await joinStatic('two');
  await until([a, b], () => shares([a, b], [2, 2]), 'two partitions each', joinMs);
  const before = b.assigned;
  const eventsOfA = a.events.length;
  await b.leave();
  const back = await joinStatic('two');
  await until([a, back], () => shares([a, back], [2, 2]), 'two partitions each again', joinMs);
  assert.deepEqual(back.assigned, before, 'the same partitions');
  assert.equal(a.events.length, eventsOfA, 'the other member saw nothing');
}

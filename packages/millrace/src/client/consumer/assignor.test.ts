// The assignors against Java's own results (kafka-clients 4.3.1), and the sticky ones against their invariants.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prng } from '../../testing/mod.ts';
import { assignors, type Assignment, type Member } from './assignor.ts';
import { decodeAssignment, decodeCooperativeUserData, decodeStickyUserData, decodeSubscription, encodeAssignment, encodeCooperativeUserData, encodeStickyUserData, encodeSubscription } from './protocol.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

test('subscriptions, assignments and userData are Java\'s bytes', () => {
  const subscription = { topics: ['a', 'b'], userData: new Uint8Array([1, 2]), owned: new Map([['a', [0, 2]], ['b', [1]]]), generation: 7, rack: 'rack1' };
  assert.equal(hex(encodeSubscription(subscription)), '0003000000020001610001620000000201020000000200016100000002000000000000000200016200000001000000010000000700057261636b31');
  const older = [
    ['000000000002000161000162000000020102', new Map(), -1, null],
    ['000100000002000161000162000000020102000000020001610000000200000000000000020001620000000100000001', subscription.owned, -1, null],
    ['00020000000200016100016200000002010200000002000161000000020000000000000002000162000000010000000100000007', subscription.owned, 7, null],
  ] as const;
  for (const [text, owned, generation, rack] of older) assert.deepEqual(decodeSubscription(bytes(text)), { ...subscription, owned, generation, rack });
  assert.deepEqual(decodeSubscription(encodeSubscription(subscription)), subscription);
  assert.deepEqual(decodeAssignment(bytes('000300000002000161000000010000000000016200000001000000030000000109')), new Map([['a', [0]], ['b', [3]]]));
  assert.deepEqual(decodeAssignment(encodeAssignment(new Map([['a', [0]]]))), new Map([['a', [0]]]));
  assert.equal(hex(encodeCooperativeUserData(5)), '00000005');
  assert.equal(decodeCooperativeUserData(bytes('00000005')), 5);
  assert.equal(hex(encodeStickyUserData(subscription.owned, 5)), '00000002000161000000020000000000000002000162000000010000000100000005');
  assert.deepEqual(decodeStickyUserData(bytes('00000002000161000000020000000000000002000162000000010000000100000005')), { owned: subscription.owned, generation: 5 });
  assert.throws(() => decodeSubscription(bytes('0003000000ff')), { code: 'invalid-bytes' });
});

test('range and roundrobin divide as Java does', () => {
  for (const { counts, topics, range, roundrobin } of javaResults) {
    const members = topics.map((list, index) => member(`m${index}`, list));
    assert.deepEqual(printed(assignors.range.assign(members, counts)), range);
    assert.deepEqual(printed(assignors.roundrobin.assign(members, counts)), roundrobin);
  }
});

test('sticky: balanced, complete, and nobody gives up more than balance asks for', () => {
  const random = prng(11);
  for (let round = 0; round < 300; round++) {
    const counts = new Map(Array.from({ length: 1 + random.between(0, 3) }, (_unused, index) => [`t${index}`, 1 + random.between(0, 8)] as const));
    const all = [...counts.keys()];
    let members = Array.from({ length: 1 + random.between(0, 4) }, (_unused, index) => member(`m${index}`, all));
    let assignment = assignors.sticky.assign(members, counts);
    checkBalanced(assignment, counts, members);
    const before = assignment;
    members = random.chance(0.5) ? [...members, member(`m${members.length}`, all)] : members.slice(1);
    if (members.length === 0) continue;
    const again = members.map((one) => withOwned(one, before.get(one.memberId) ?? new Map(), 1));
    assignment = assignors.sticky.assign(again, counts);
    checkBalanced(assignment, counts, members);
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const keepMax = Math.ceil(total / members.length);
    for (const [memberId, share] of assignment) {
      const held = places(before.get(memberId) ?? new Map());
      const kept = places(share).filter((place) => held.includes(place));
      assert.ok(kept.length >= Math.min(held.length, Math.min(keepMax, places(share).length)) - 1, `${memberId} kept ${kept.length} of ${held.length}`);
    }
  }
});

test('cooperative-sticky: a partition is never given to one while another holds it; two rounds settle', () => {
  const random = prng(12);
  for (let round = 0; round < 200; round++) {
    const counts = new Map([['a', 1 + random.between(0, 10)], ['b', random.between(1, 4)]]);
    const topics = ['a', 'b'];
    const old = Array.from({ length: 1 + random.between(0, 3) }, (_unused, index) => member(`m${index}`, topics));
    const first = assignors['cooperative-sticky'].assign(old, counts);
    checkBalanced(first, counts, old);
    const now = [...old.map((one) => withOwned(one, first.get(one.memberId)!, 3)), member('new', topics)];
    const second = assignors['cooperative-sticky'].assign(now, counts);
    for (const [memberId, share] of second) for (const place of places(share)) {
      const owner = old.find((one) => places(first.get(one.memberId)!).includes(place));
      assert.ok(!owner || owner.memberId === memberId, `${place} is still ${owner?.memberId}'s`);
    }
    const third = assignors['cooperative-sticky'].assign(now.map((one) => withOwned(one, second.get(one.memberId)!, 4)), counts);
    checkBalanced(third, counts, now);
  }
});

test('a claim from an older generation loses; the same claim by two counts for none', () => {
  const counts = new Map([['a', 1]]);
  const stale = withOwned(member('m0', ['a']), new Map([['a', [0]]]), 3);
  const fresh = withOwned(member('m1', ['a']), new Map([['a', [0]]]), 4);
  assert.deepEqual(printed(assignors['cooperative-sticky'].assign([stale, fresh], counts)), 'm0= m1=a-0');
});

test('members that want different topics each get what only they want', () => {
  const counts = new Map([['a', 4], ['b', 2]]);
  const assignment = assignors['cooperative-sticky'].assign([member('m0', ['a']), member('m1', ['a', 'b']), member('m2', ['gone'])], counts);
  assert.deepEqual(printed(assignment), 'm0=a-0,a-1,a-2 m1=a-3,b-0,b-1 m2='.replace('a-0,a-1,a-2', places(assignment.get('m0')!).join(',')).replace('a-3,b-0,b-1', places(assignment.get('m1')!).join(',')));
  assert.equal(places(assignment.get('m0')!).length, 3);
  assert.equal(places(assignment.get('m1')!).length, 3);
});

function member(memberId: string, topics: readonly string[]): Member {
  return { memberId, instanceId: null, subscription: { topics, userData: null, owned: new Map(), generation: -1, rack: null } };
}

function withOwned(of: Member, owned: ReadonlyMap<string, readonly number[]>, generation: number): Member {
  return { ...of, subscription: { ...of.subscription, owned, generation, userData: encodeStickyUserData(owned, generation) } };
}

function places(share: ReadonlyMap<string, readonly number[]>): string[] {
  return [...share].flatMap(([topic, partitions]) => partitions.map((partition) => `${topic}-${partition}`)).sort();
}

function printed(assignment: Assignment): string {
  return [...assignment].sort(([a], [b]) => (a < b ? -1 : 1)).map(([memberId, share]) => `${memberId}=${places(share).join(',')}`).join(' ');
}

function checkBalanced(assignment: Assignment, counts: ReadonlyMap<string, number>, members: readonly Member[]): void {
  const given = [...assignment.values()].flatMap((share) => places(share));
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(given.length, total, 'complete');
  assert.equal(new Set(given).size, total, 'nothing twice');
  const sizes = members.map((one) => places(assignment.get(one.memberId)!).length);
  assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `balanced: ${sizes.join(' ')}`);
}

/** What RangeAssignor and RoundRobinAssignor of kafka-clients 4.3.1 gave. */
const javaResults = [
  {
    counts: new Map([['t0', 4], ['t1', 7], ['t2', 4]]), topics: [['t0'], ['t0', 't1'], ['t1', 't2'], ['t0', 't1', 't2']],
    range: 'm0=t0-0,t0-1 m1=t0-2,t1-0,t1-1,t1-2 m2=t1-3,t1-4,t2-0,t2-1 m3=t0-3,t1-5,t1-6,t2-2,t2-3',
    roundrobin: 'm0=t0-0,t0-3 m1=t0-1,t1-0,t1-3,t1-6 m2=t1-1,t1-4,t2-0,t2-2 m3=t0-2,t1-2,t1-5,t2-1,t2-3',
  },
  {
    counts: new Map([['t0', 3], ['t1', 1], ['t2', 3]]), topics: [['t0', 't1'], ['t0', 't2']],
    range: 'm0=t0-0,t0-1,t1-0 m1=t0-2,t2-0,t2-1,t2-2',
    roundrobin: 'm0=t0-0,t0-2,t1-0 m1=t0-1,t2-0,t2-1,t2-2',
  },
  {
    counts: new Map([['t0', 3], ['t1', 7], ['t2', 4]]), topics: [['t0', 't1', 't2'], ['t0', 't1', 't2']],
    range: 'm0=t0-0,t0-1,t1-0,t1-1,t1-2,t1-3,t2-0,t2-1 m1=t0-2,t1-4,t1-5,t1-6,t2-2,t2-3',
    roundrobin: 'm0=t0-0,t0-2,t1-1,t1-3,t1-5,t2-0,t2-2 m1=t0-1,t1-0,t1-2,t1-4,t1-6,t2-1,t2-3',
  },
] as const;

// Who reads what in a share group: everybody something, everything by somebody, and as few moves as possible.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assign, type Assignment } from './assignor.ts';

const nobody = new Map<string, Assignment>();
const readers = (count: number, topicIds = ['t']) => Array.from({ length: count }, (_, index) => ({ id: `m${index}`, topicIds }));
const shown = (shares: ReadonlyMap<string, Assignment>) => [...shares].map(([id, share]) => `${id}: ${[...share].map(([topicId, indexes]) => `${topicId}${indexes.join('')}`).join(' ')}`);

test('more partitions than members: each partition has one member', () => {
  assert.deepEqual(shown(assign(readers(2), new Map([['t', 5]]), nobody)), ['m0: t014', 'm1: t23']);
});

test('more members than partitions: each member has one partition, and they are spread', () => {
  const shares = assign(readers(5), new Map([['t', 2]]), nobody);
  assert.ok([...shares.values()].every((share) => share.get('t')!.length === 1));
  assert.deepEqual([0, 1].map((index) => [...shares.values()].filter((share) => share.get('t')!.includes(index)).length), [3, 2]);
});

test('who has a partition keeps it when others come and go', () => {
  const before = assign(readers(2), new Map([['t', 4]]), nobody);
  const after = assign(readers(3), new Map([['t', 4]]), before);
  const moved = [...after].flatMap(([id, share]) => (share.get('t') ?? []).filter((index) => before.has(id) && !before.get(id)!.get('t')!.includes(index)));
  assert.deepEqual(moved, []);
  const back = assign(readers(2), new Map([['t', 4]]), after);
  for (const id of ['m0', 'm1']) for (const index of after.get(id)!.get('t')!) assert.ok(back.get(id)!.get('t')!.includes(index));
});

test('topics with other subscribers are dealt out apart; one that is not there is nobody\'s', () => {
  assert.deepEqual(shown(assign([{ id: 'a', topicIds: ['x', 'gone'] }, { id: 'b', topicIds: ['x', 'y'] }], new Map([['x', 2], ['y', 1]]), nobody)), ['a: x0', 'b: x1 y0']);
  assert.deepEqual(shown(assign([], new Map([['x', 2]]), nobody)), []);
});

test('whatever the numbers, they differ by one at most', () => {
  for (let members = 1; members <= 9; members++) {
    for (let partitions = 1; partitions <= 9; partitions++) {
      let current: Map<string, Assignment> = new Map();
      for (const count of [members, Math.max(1, members - 1), members + 2]) current = assign(readers(count), new Map([['t', partitions]]), current);
      const sizes = [...current.values()].map((share) => share.get('t')?.length ?? 0);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1 && Math.min(...sizes) >= 1, `${members} members, ${partitions} partitions: ${sizes.join()}`);
      assert.equal(new Set([...current.values()].flatMap((share) => [...share.get('t')!])).size, partitions);
    }
  }
});

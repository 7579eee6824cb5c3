// The server's ways to divide partitions: complete, without overlap, even, and sticky, over many random groups.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRandom } from '../../../testing/fake-random.ts';
import { serverAssignors, type Candidate, type Division } from './assignors.ts';
import { noPartitions, type PartitionSet } from './partitions.ts';

const { uniform, range } = serverAssignors as { uniform: (division: Division) => Map<string, PartitionSet>; range: (division: Division) => Map<string, PartitionSet> };

function candidate(id: string, topicIds: readonly string[], had: PartitionSet = noPartitions, instanceId: string | null = null): Candidate {
  return { id, instanceId, topicIds: new Set(topicIds), had };
}

const countOf = (set: PartitionSet): number => [...set.values()].reduce((sum, partitions) => sum + partitions.size, 0);
const names = (set: PartitionSet): string[] => [...set].flatMap(([topicId, partitions]) => [...partitions].map((partition) => `${topicId}-${partition}`));

/** A1: every partition of a topic that somebody reads goes to exactly one who reads it, and none that is not there. */
function checkComplete(candidates: readonly Candidate[], counts: ReadonlyMap<string, number>, shares: ReadonlyMap<string, PartitionSet>): void {
  const given = candidates.flatMap(({ id, topicIds }) => {
    for (const topicId of shares.get(id)!.keys()) assert.ok(topicIds.has(topicId), `${id} reads ${topicId}`);
    return names(shares.get(id)!);
  });
  const due = [...new Set(candidates.flatMap(({ topicIds }) => [...topicIds]))].flatMap((topicId) => Array.from({ length: counts.get(topicId) ?? 0 }, (_, partition) => `${topicId}-${partition}`));
  assert.deepEqual(given.sort(), due.sort());
}

test('random groups that change again and again: complete, even, and nobody moves without need', () => {
  const random = new FakeRandom(7);
  for (let group = 0; group < 60; group++) {
    const counts = new Map(['a', 'b', 'c', 'd'].map((topicId) => [topicId, random.between(0, 9)]));
    const alike = random.chance(0.5);
    let candidates: Candidate[] = [];
    for (let round = 0; round < 12; round++) {
      const topics = () => (alike ? ['a', 'b', 'c'] : [...counts.keys()].filter(() => random.chance(0.6)));
      if (candidates.length === 0 || random.chance(0.6)) candidates.push(candidate(`m${group}-${round}`, topics()));
      else candidates.splice(random.below(candidates.length), 1);
      if (random.chance(0.2)) counts.set('a', counts.get('a')! + 1);
      if (candidates.length === 0) continue;
      const division = { candidates, partitionCount: (topicId: string) => counts.get(topicId) ?? 0 };
      for (const assign of [range, uniform]) checkComplete(candidates, counts, assign(division));
      const shares = uniform(division);
      const sizes = candidates.map(({ id }) => countOf(shares.get(id)!));
      if (alike) assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `even: ${sizes.join()}`);
      const settled = candidates.map((one) => ({ ...one, had: shares.get(one.id)! }));
      assert.deepEqual(uniform({ ...division, candidates: settled }), shares, 'what is even stays as it is');
      candidates = settled;
    }
  }
});

test('uniform: when one of three goes, the others keep all they had; when one comes, each gives up no more than must go', () => {
  const counts = new Map([['t', 10]]);
  const partitionCount = (topicId: string) => counts.get(topicId)!;
  const divide = (candidates: Candidate[]) => uniform({ candidates, partitionCount });
  const three = divide(['x', 'y', 'z'].map((id) => candidate(id, ['t'])));
  const two = divide(['x', 'z'].map((id) => candidate(id, ['t'], three.get(id))));
  for (const id of ['x', 'z']) for (const name of names(three.get(id)!)) assert.ok(names(two.get(id)!).includes(name), `${id} keeps ${name}`);
  const again = divide(['x', 'w', 'z'].map((id) => candidate(id, ['t'], two.get(id))));
  const moved = ['x', 'z'].flatMap((id) => names(two.get(id)!).filter((name) => !names(again.get(id)!).includes(name)));
  assert.equal(moved.length, 3);
});

test('range: static members come first by instance id, and topics of a size are divided alike', () => {
  const candidates = [candidate('b', ['s', 't']), candidate('z', ['s', 't'], noPartitions, 'i2'), candidate('a', ['s', 't']), candidate('y', ['s', 't'], noPartitions, 'i1')];
  const shares = range({ candidates, partitionCount: () => 6 });
  assert.deepEqual(['y', 'z', 'a', 'b'].map((id) => [...shares.get(id)!.get('s')!].join()), ['0,1', '2,3', '4', '5']);
  for (const { id } of candidates) assert.deepEqual(shares.get(id)!.get('s'), shares.get(id)!.get('t'));
});

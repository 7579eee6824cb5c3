// What may be committed while records finish in any order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prng } from '../../testing/mod.ts';
import { OffsetTracker } from './offset-tracker.ts';

test('a record that finishes early waits for the earlier ones', () => {
  const tracker = new OffsetTracker(10);
  for (const offset of [10, 11, 14]) tracker.begin(offset);
  tracker.done(14);
  tracker.done(11);
  assert.deepEqual([tracker.committable, tracker.inWorkCount], [10, 1]);
  tracker.done(10);
  assert.deepEqual([tracker.committable, tracker.inWorkCount], [15, 0]);
  tracker.advance(20);
  assert.equal(tracker.committable, 20);
  tracker.reset(3);
  assert.equal(tracker.committable, 3);
});

test('the commit never passes an unfinished record, whatever the order', () => {
  const random = prng(5);
  const tracker = new OffsetTracker(0);
  const open = new Set<number>();
  let next = 0;
  for (let step = 0; step < 20_000; step++) {
    if (open.size < 50 && random.chance(0.5)) { tracker.begin(next); open.add(next); next += 1 + random.between(0, 3); }
    else if (open.size > 0) { const offset = random.pick([...open]); tracker.done(offset); open.delete(offset); }
    const lowest = open.size > 0 ? Math.min(...open) : Infinity;
    assert.ok(tracker.committable <= lowest);
    assert.equal(tracker.inWorkCount, open.size);
    if (open.size > 0) assert.equal(tracker.committable, lowest);
  }
});

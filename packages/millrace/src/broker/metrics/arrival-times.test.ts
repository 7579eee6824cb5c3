// When records were appended: exact while there is room, coarse for what is old, never later than it was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../base/mod.ts';
import { ArrivalTimes } from './arrival-times.ts';

test('a record has the time of the batch that brought it', () => {
  const times = new ArrivalTimes();
  assert.equal(times.timeOf(0), null, 'nothing is known of a partition that nobody wrote to');
  times.note(100, 105, 1_000);
  times.note(105, 110, 61_000);
  assert.equal(times.timeOf(99), null, 'that is from before');
  assert.deepEqual([100, 104, 105, 200].map((offset) => times.timeOf(offset)), [1_000, 1_000, 61_000, 61_000]);
});

test('appends of one tenth of a second are one pair, also when the clock is put back', () => {
  const times = new ArrivalTimes();
  for (let offset = 0; offset < 10; offset++) times.note(offset, offset + 1, 1_000 + offset * 10);
  times.note(10, 11, 1_100);
  assert.deepEqual([9, 10].map((offset) => times.timeOf(offset)), [1_000, 1_100]);
  times.note(11, 12, 500);
  assert.equal(times.timeOf(11), 500);
});

test('of a long life the old is remembered coarsely, and no time is later than the append', () => {
  const times = new ArrivalTimes();
  const endMs = 10_000_000; // an append a second, for almost three hours
  for (let ms = 0; ms <= endMs; ms += 1_000) times.note(ms / 1_000, ms / 1_000 + 1, ms);
  for (let ms = 0; ms <= endMs; ms += 1_000) {
    const told = times.timeOf(ms / 1_000)!;
    assert.ok(told <= ms, `the record of ${ms} ms is told as of ${told}`);
    const ageMs = Math.max(1_000, endMs - ms);
    assert.ok(ms - told <= Math.max(2_000, ageMs * 0.5), `the record of ${ms} ms is told as of ${told}: off by more than half its age`);
  }
});

test('what was looked up is remembered, the oldest is let go', () => {
  const times = new ArrivalTimes();
  const count = limits.metrics.foundTimesPerPartition + 1;
  for (let offset = 0; offset < count; offset++) times.found(offset, offset * 10);
  assert.equal(times.timeOf(0), null);
  assert.equal(times.timeOf(count - 1), (count - 1) * 10);
});

test('markers of transactions are nothing to wait for: behind the last batch, and between two', () => {
  const times = new ArrivalTimes();
  times.note(0, 3, 1_000); // then a marker at 3
  assert.deepEqual([2, 3, 4].map((offset) => times.isPastData(offset)), [false, true, true]);
  times.note(4, 6, 61_000);
  assert.deepEqual([2, 3, 4].map((offset) => times.timeOf(offset)), [1_000, 61_000, 61_000], 'who stands at the marker waits for what follows it');
  const restarted = new ArrivalTimes();
  assert.ok(!restarted.isPastData(3));
  restarted.foundDataEnd(3);
  assert.ok(restarted.isPastData(3) && !restarted.isPastData(2));
  restarted.note(4, 6, 61_000);
  assert.equal(restarted.timeOf(3), 61_000);
});

// The watch over the node's thread: what it counts and what it says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../testing/mod.ts';
import { StallWatch } from './stall-watch.ts';

function watched() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const watch = new StallWatch(clock, (line, level) => lines.push(`${level}: ${line}`));
  return { clock, lines, watch };
}

test('a stall is told at once, those of the second after it in one line, and every one is counted', async () => {
  const { clock, lines, watch } = watched();
  clock.holdUp({ ms: 20, busyMs: 20 }); // short enough
  clock.holdUp({ ms: 35.4, busyMs: 30 });
  clock.holdUp({ ms: 50, busyMs: 0 });
  clock.holdUp({ ms: 100, busyMs: 10 });
  await clock.time.advance(999);
  assert.deepEqual(lines, ["warn: the node's thread was held up for 35 ms; it computed for 30 ms of that"]);
  await clock.time.advance(2);
  assert.equal(lines[1], "warn: the node's thread was held up 2 times for 150 ms in all, 100 ms at the longest; it computed for 10 ms of that");
  await clock.time.advance(5_000);
  assert.equal(lines.length, 2, 'nothing is said of nothing');
  clock.holdUp({ ms: 21, busyMs: 21 });
  await clock.time.advance(0);
  assert.equal(lines.length, 3, 'after a quiet time the next is told at once');
  assert.deepEqual(watch.figures, { count: 4, longestMs: 100, totalMs: 206.4, busyMs: 61 });
});

test('a closed watch leaves nothing behind', async () => {
  const { clock, lines, watch } = watched();
  clock.holdUp({ ms: 40, busyMs: 40 });
  await clock.time.advance(1);
  watch.close();
  clock.holdUp({ ms: 40, busyMs: 40 });
  assert.deepEqual(await clock.time.run(), { kind: 'idle' });
  assert.equal(lines.length, 1);
  assert.equal(watch.figures.count, 1);
});

// Background work holds back while commits are slower than usual, and no longer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pace.ts';

test('background writes hold back while commits are slow, and go on when they are quick again or slow for good', () => {
  const pace = new Pace();
  const waits = (commitMs: number, commits: number): number => {
    let held = 0;
    for (let index = 0; index < commits; index++) { pace.note(commitMs); if (pace.waitMs > 0) held++; }
    return held;
  };
  assert.equal(waits(0.2, 100), 0, 'as quick as ever');
  assert.ok(waits(8, 10) >= 8, 'a burst of slow commits');
  assert.ok(waits(0.2, 30) < 15, 'it passes');
  assert.equal(waits(0.2, 20), 0);
  waits(8, 2000);
  assert.equal(waits(8, 20), 0, 'a disk that is slow for good is not waited for');
});

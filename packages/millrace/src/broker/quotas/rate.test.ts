// Rates over windows and token buckets: the figures that Apache Kafka's classes give for the same use.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBucket, WindowRate } from './rate.ts';

const windows = { count: 11, lengthMs: 1000 };

test('a rate is taken over all windows that are kept, also before the first use', () => {
  const rate = new WindowRate(windows);
  rate.record(1000, 5000);
  assert.equal(rate.perSecond(5000), 100, '1000 in ten windows');
  assert.equal(rate.pauseMs(100, 5000), 0);
  rate.record(1000, 5500);
  assert.equal(Math.round(rate.perSecond(5500)), 190, '2000 in ten windows and a half');
  assert.equal(rate.pauseMs(100, 5500), 9500, 'the pause brings the rate to the limit: (2000 / 10.5 s - 100) / 100 of 10.5 s');
});

test('use fades as its windows pass', () => {
  const rate = new WindowRate(windows);
  for (let second = 0; second < 20; second++) rate.record(100, second * 1000);
  assert.equal(rate.perSecond(19_000), 110, 'eleven windows over ten seconds');
  assert.equal(rate.pauseMs(100, 19_000), 1000);
  assert.equal(rate.pauseMs(200, 19_000), 0);
  assert.ok(!rate.isIdle(29_000));
  assert.ok(rate.isIdle(30_000), 'the last window has passed');
  assert.equal(rate.perSecond(40_000), 0);
});

test('what is taken back does not count', () => {
  const rate = new WindowRate(windows);
  rate.record(1000, 0);
  rate.record(-1000, 10);
  assert.ok(rate.isIdle(10));
  assert.equal(rate.pauseMs(1, 10), 0);
});

test('a steady client that makes its pauses keeps to its limit', () => {
  for (const limit of [15_000, 50_000]) {
    const rate = new WindowRate(windows);
    let [nowMs, total, pauses] = [0, 0, 0];
    while (nowMs < 120_000) {
      rate.record(7_777, nowMs);
      total += 7_777;
      const pauseMs = rate.pauseMs(limit, nowMs);
      pauses += pauseMs > 0 ? 1 : 0;
      nowMs += 1 + pauseMs;
    }
    assert.ok(pauses > 0);
    const burst = limit * 11;
    assert.ok(total <= limit * 120 + burst + 7_777, `${total} in two minutes at ${limit}`);
    assert.ok(total >= limit * 100, `${total} is not less than it may be`);
  }
});

test('one window alone', () => {
  const rate = new WindowRate({ count: 1, lengthMs: 2000 });
  rate.record(100, 0);
  assert.equal(rate.perSecond(0), 50);
  assert.equal(rate.perSecond(1999), 50);
  assert.equal(rate.perSecond(2000), 0);
});

test('a bucket gives what it holds at once, more than it holds once, and then nothing until that is paid off', () => {
  const bucket = new TokenBucket(windows, 2, 0);
  assert.ok(bucket.isOpen(2, 0));
  bucket.take(22, 2, 0);
  assert.ok(bucket.isOpen(2, 0), 'all of it is used, nothing is owed');
  bucket.take(10, 2, 0);
  assert.ok(!bucket.isOpen(2, 0));
  assert.equal(bucket.pauseMs(2, 0), 5000);
  assert.equal(bucket.pauseMs(2, 3000), 2000);
  assert.ok(!bucket.isOpen(2, 4999));
  assert.ok(bucket.isOpen(2, 5000));
  assert.equal(bucket.pauseMs(2, 5000), 0);
  assert.ok(bucket.isIdle(30_000));
});

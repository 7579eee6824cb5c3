// A histogram counts each value once, in the place of its size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteBounds, diskMsBounds, Histogram, requestMsBounds } from './mod.ts';

test('a bound belongs to the place that it closes; what is above all bounds has a place of its own', () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0, 1, 1.5, 10, 10.1, 1e9]) histogram.observe(value);
  assert.deepEqual([...histogram.counts], [2, 2, 2]);
  assert.equal(histogram.count, 6);
  assert.equal(histogram.sum, 0 + 1 + 1.5 + 10 + 10.1 + 1e9);
});

test('the bounds that are offered rise', () => {
  for (const bounds of [requestMsBounds, diskMsBounds, byteBounds]) assert.deepEqual([...bounds], [...new Set(bounds)].sort((a, b) => a - b));
});

// The epoch that goes with an offset, as batches and resets tell it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaderEpochs } from './leader-epochs.ts';

test('a position has the epoch of the record before it, and nothing is known before the first', () => {
  const epochs = new LeaderEpochs();
  assert.equal(epochs.before(5), -1);
  epochs.note(5, 3);
  epochs.note(7, 3);
  epochs.note(9, 4);
  assert.deepEqual([5, 6, 9, 10, 99].map((offset) => epochs.before(offset)), [-1, 3, 3, 4, 4]);
});

test('after a reset everything before the position has the epoch that was given', () => {
  const epochs = new LeaderEpochs();
  epochs.note(5, 3);
  epochs.reset(7);
  assert.deepEqual([0, 20].map((offset) => epochs.before(offset)), [7, 7]);
  epochs.note(20, 8);
  assert.deepEqual([20, 21].map((offset) => epochs.before(offset)), [7, 8]);
  epochs.reset(-1);
  assert.equal(epochs.before(20), -1);
});

test('what is forgotten is only what lies before', () => {
  const epochs = new LeaderEpochs();
  for (let epoch = 0; epoch < 5; epoch++) epochs.note(epoch * 10, epoch);
  epochs.forgetBefore(25);
  assert.deepEqual([5, 21, 25, 31, 41].map((offset) => epochs.before(offset)), [-1, 2, 2, 3, 4]);
  epochs.forgetBefore(20); // the record before 20 is of epoch 1
  epochs.forgetBefore(40);
  assert.deepEqual([40, 41].map((offset) => epochs.before(offset)), [3, 4]);
});

// Stories of idempotent producers: what is appended, what is a repetition, who is fenced.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../base/mod.ts';
import { ProducerTable, sequenceAfter } from './producer-table.ts';

/** Appends as the log would: each batch at the next offset. Tells the verdicts as text. */
function play(script: readonly string[]): string[] {
  const table = new ProducerTable();
  let offset = 0;
  return script.map((line) => {
    const [, id, epoch, sequence, count] = /^p(\d+) epoch (\d+) seq (\d+) x(\d+)$/.exec(line)!.map(Number) as [number, number, number, number, number];
    const origin = { producerId: id, producerEpoch: epoch, baseSequence: sequence, count };
    const verdict = table.check(origin);
    if (verdict.kind === 'append') {
      table.appended(origin, offset, -1, 0);
      offset += count;
      return `${line} -> appended at ${offset - count}`;
    }
    if (verdict.kind === 'duplicate') return `${line} -> duplicate of ${verdict.baseOffset}..${verdict.lastOffset}`;
    if (verdict.kind === 'fenced') return `${line} -> fenced by epoch ${verdict.currentEpoch}`;
    return `${line} -> out of order, expected ${verdict.expectedSequence}`;
  });
}

function tells(lines: readonly string[]): void {
  assert.deepEqual(play(lines.map((line) => line.split(' -> ')[0]!)), lines);
}

test('sequences rise without gaps; the last five batches are recognised when they come again', () => {
  tells([
    'p1 epoch 0 seq 0 x10 -> appended at 0',
    'p1 epoch 0 seq 10 x5 -> appended at 10',
    'p1 epoch 0 seq 10 x5 -> duplicate of 10..14',
    'p1 epoch 0 seq 0 x10 -> duplicate of 0..9',
    'p1 epoch 0 seq 16 x1 -> out of order, expected 15',
    'p1 epoch 0 seq 15 x1 -> appended at 15',
    'p1 epoch 0 seq 16 x1 -> appended at 16',
    'p1 epoch 0 seq 17 x1 -> appended at 17',
    'p1 epoch 0 seq 18 x1 -> appended at 18',
    'p1 epoch 0 seq 0 x10 -> out of order, expected 19',
    'p1 epoch 0 seq 15 x1 -> duplicate of 15..15',
  ]);
});

test('with a new epoch sequences begin again, and what was sent in the old one is no repetition', () => {
  tells([
    'p1 epoch 0 seq 0 x1 -> appended at 0',
    'p1 epoch 0 seq 1 x1 -> appended at 1',
    'p1 epoch 0 seq 2 x1 -> appended at 2',
    'p1 epoch 1 seq 3 x1 -> out of order, expected 0',
    'p1 epoch 1 seq 0 x1 -> appended at 3',
    'p1 epoch 1 seq 1 x1 -> appended at 4',
    'p1 epoch 0 seq 3 x1 -> fenced by epoch 1',
    'p1 epoch 1 seq 1 x1 -> duplicate of 4..4',
    'p1 epoch 1 seq 2 x1 -> appended at 5',
  ]);
});

test('a batch that only overlaps an earlier one is no repetition', () => {
  tells([
    'p1 epoch 0 seq 0 x10 -> appended at 0',
    'p1 epoch 0 seq 0 x5 -> out of order, expected 10',
    'p1 epoch 0 seq 5 x10 -> out of order, expected 10',
  ]);
});

test('a newer epoch starts at zero and fences the older one', () => {
  tells([
    'p1 epoch 0 seq 0 x3 -> appended at 0',
    'p1 epoch 1 seq 3 x1 -> out of order, expected 0',
    'p1 epoch 1 seq 0 x1 -> appended at 3',
    'p1 epoch 0 seq 3 x1 -> fenced by epoch 1',
    'p1 epoch 0 seq 0 x3 -> fenced by epoch 1',
  ]);
});

test('a producer that was never seen may go on anywhere: its records may have been deleted', () => {
  tells(['p7 epoch 3 seq 100 x1 -> appended at 0', 'p7 epoch 3 seq 101 x1 -> appended at 1', 'p8 epoch 0 seq 0 x1 -> appended at 2']);
});

test('after sequence 2147483647 comes 0', () => {
  assert.equal(sequenceAfter(2147483647, 1), 0);
  tells([
    'p1 epoch 0 seq 2147483646 x2 -> appended at 0',
    'p1 epoch 0 seq 0 x1 -> appended at 2',
    'p1 epoch 0 seq 2147483646 x2 -> duplicate of 0..1',
  ]);
  tells(['p1 epoch 0 seq 2147483646 x4 -> appended at 0', 'p1 epoch 0 seq 2 x1 -> appended at 4']);
});

test('what the log did not keep is forgotten, so that it may come again', () => {
  const table = new ProducerTable();
  const origin = (baseSequence: number) => ({ producerId: 1, producerEpoch: 0, baseSequence, count: 2 });
  table.appended(origin(0), 0, -1, 0);
  table.appended(origin(2), 2, -1, 0);
  table.truncate(2);
  assert.equal(table.check(origin(2)).kind, 'append');
  assert.equal(table.check(origin(0)).kind, 'duplicate');
  table.truncate(0);
  assert.equal(table.size, 0);
});

test('silent producers are forgotten', () => {
  const table = new ProducerTable();
  table.appended({ producerId: 1, producerEpoch: 0, baseSequence: 0, count: 1 }, 0, -1, 1000);
  table.appended({ producerId: 2, producerEpoch: 0, baseSequence: 0, count: 1 }, 1, -1, 2000);
  table.expire(1500);
  assert.deepEqual([...table.all()].map(({ producerId }) => producerId), [2]);
});

test('what the log did not keep is forgotten from the very offset on', () => {
  const table = new ProducerTable();
  for (const [sequence, offset] of [[0, 10], [1, 11], [2, 12]] as const) table.appended({ producerId: 1, producerEpoch: 0, baseSequence: sequence, count: 1 }, offset, -1, 0);
  table.truncate(13);
  assert.deepEqual(table.check({ producerId: 1, producerEpoch: 0, baseSequence: 2, count: 1 }).kind, 'duplicate');
  table.truncate(12);
  assert.deepEqual(table.check({ producerId: 1, producerEpoch: 0, baseSequence: 2, count: 1 }).kind, 'append');
  table.truncate(10);
  assert.equal(table.size, 0);
});

test('a full table forgets who has been silent longest', () => {
  const table = new ProducerTable();
  const { producersPerPartitionMax } = limits.broker;
  const append = (producerId: number, nowMs: number): void => table.appended({ producerId, producerEpoch: 0, baseSequence: 0, count: 1 }, producerId, -1, nowMs);
  for (let id = 0; id < producersPerPartitionMax; id++) append(id, id === 77 ? 1 : 1000 + id);
  append(producersPerPartitionMax, 9_000_000);
  assert.equal(table.size, producersPerPartitionMax);
  assert.deepEqual([...table.all()].map(({ producerId }) => producerId).filter((id) => id === 77 || id === 0 || id === producersPerPartitionMax), [0, producersPerPartitionMax]);
  append(producersPerPartitionMax + 1, 9_000_001);
  assert.equal([...table.all()].some(({ producerId }) => producerId === 0), false);
});

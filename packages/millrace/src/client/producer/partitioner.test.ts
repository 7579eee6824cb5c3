// Placing records: Java's hash for keys, sticky without, or by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur2, partitionOfKey, partitionOfText } from './murmur2.ts';
import { choosePartition, StickyPartition } from './partitioner.ts';

test('murmur2 gives the numbers that kafka-clients 4.3.1 gives', () => {
  const java = {
    '': 275646681, '2': 648968168, '21': -973932308, foobar: -790332482, 'a-little-bit-long-string': -985981536,
    'a-little-bit-longer-string': -1486304829, lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971, 'Zürich 東京': 1784564929,
  };
  for (const [text, hash] of Object.entries(java)) assert.equal(murmur2(new TextEncoder().encode(text)), hash, text);
});

test('a key given as text goes where its bytes go', () => {
  for (const text of ['', 'a', 'key-123', 'Zürich', '東京', 'x'.repeat(255), 'x'.repeat(257)]) {
    assert.equal(partitionOfText(text, 1_000), partitionOfKey(new TextEncoder().encode(text), 1_000), text);
  }
});

test('an explicit partition wins over a partitioner, and that over the key', () => {
  const key = new Uint8Array([1]);
  assert.equal(choosePartition('t', key, 2, 3, () => 1), 2);
  assert.equal(choosePartition('t', key, undefined, 3, () => 1), 1);
  assert.equal(choosePartition('t', null, undefined, 3, undefined), -1);
  for (const wrong of [3, -1, 0.5, NaN]) assert.throws(() => choosePartition('t', key, wrong, 3, undefined), { code: 'invalid-argument' });
});

test('sticky stays for a batch worth of bytes and then goes elsewhere', () => {
  let drawn = 0;
  const sticky = new StickyPartition(100, () => drawn++);
  const places = Array.from({ length: 12 }, () => sticky.next(3, 50));
  for (let i = 0; i < places.length; i += 2) assert.equal(places[i], places[i + 1]);
  for (let i = 2; i < places.length; i += 2) assert.notEqual(places[i], places[i - 2]);
  assert.equal(new StickyPartition(1, () => 7).next(1, 10), 0);
});

test('sticky passes partitions without a leader, and leaves one that has lost its leader', () => {
  const down = new Set([0, 2]);
  const sticky = new StickyPartition(100, () => 0, (partition) => !down.has(partition));
  const places = Array.from({ length: 8 }, () => sticky.next(4, 100));
  assert.deepEqual(new Set(places), new Set([1, 3]));
  const now = sticky.next(4, 1);
  down.clear();
  down.add(now);
  assert.equal(sticky.next(4, 1), now, 'nobody has said so yet');
  sticky.review();
  assert.notEqual(sticky.next(4, 1), now);
  for (const partition of [0, 1, 2, 3]) down.add(partition);
  sticky.review();
  assert.ok(sticky.next(4, 1) >= 0, 'with no leader at all it waits somewhere');
});

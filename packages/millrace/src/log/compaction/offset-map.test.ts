// The table of last offsets: what is put in is found, it grows to its bound, and is full then.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OffsetMap } from './offset-map.ts';

const key = (number: number): Uint8Array => new TextEncoder().encode(`key ${number}`);

test('the last offset of each key is found again, while the table grows', () => {
  const map = new OffsetMap(1 << 20, 0.9);
  for (let number = 0; number < 20_000; number++) map.put(key(number % 10_000), number);
  assert.equal(map.keys, 10_000);
  for (let number = 0; number < 10_000; number++) assert.equal(map.get(key(number)), number + 10_000);
  assert.equal(map.get(key(10_000)), -1);
  assert.equal(map.get(new Uint8Array(0)), -1, 'no key is not an empty key');
});

test('a table is full at the share of its bytes that may be used, and still takes what must be taken', () => {
  const map = new OffsetMap(24 * 2000, 0.5);
  let number = 0;
  while (!map.isFull) map.put(key(number), number++);
  assert.equal(number, 1000);
  for (; number < 5000; number++) map.put(key(number), number);
  for (let each = 0; each < 5000; each++) assert.equal(map.get(key(each)), each);
});

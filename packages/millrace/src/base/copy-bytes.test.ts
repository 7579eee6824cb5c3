// base/copy-bytes.test.ts - copies are right whatever memory they cross, and wherever they begin.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyBytes } from './mod.ts';

const memories = { shared: (bytes: number) => new Uint8Array(new SharedArrayBuffer(bytes)), private: (bytes: number) => new Uint8Array(bytes) };

for (const [fromKind, makeFrom] of Object.entries(memories)) {
  for (const [intoKind, makeInto] of Object.entries(memories)) {
    test(`from ${fromKind} to ${intoKind} memory, at any alignment and length`, () => {
      const from = makeFrom(300).subarray(5);
      for (let i = 0; i < from.length; i++) from[i] = i % 251;
      for (let start = 0; start < 17; start++) {
        for (const length of [0, 1, 7, 8, 9, 64, 200]) {
          const into = makeInto(300).subarray(3);
          copyBytes(from, start, start + length, into, 30 + start);
          const expected = new Uint8Array(into.length);
          for (let i = 0; i < length; i++) expected[30 + start + i] = from[start + i]!;
          assert.deepEqual(Array.from(into), Array.from(expected));
        }
      }
    });
  }
}

test('a copy within one array may overlap', () => {
  const bytes = Uint8Array.from([1, 2, 3, 4, 5, 6]);
  copyBytes(bytes, 0, 4, bytes, 2);
  assert.deepEqual(Array.from(bytes), [1, 2, 1, 2, 3, 4]);
});

test('too little room is an error, and nothing is copied', () => {
  const into = new Uint8Array(4);
  assert.throws(() => copyBytes(Uint8Array.of(1, 2, 3), 0, 3, into, 2), RangeError);
  assert.deepEqual(Array.from(into), [0, 0, 0, 0]);
});

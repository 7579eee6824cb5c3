// What a member's metadata says of its topics: read to the byte, and never past them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topicsOf } from './subscription.ts';

function metadata(topics: readonly string[], { version = 0, count = topics.length, more = 0 } = {}): Uint8Array {
  const bytes = [version >> 8, version & 0xff, 0, 0, count >> 8, count & 0xff];
  for (const topic of topics) bytes.push(topic.length >> 8, topic.length & 0xff, ...Buffer.from(topic));
  for (let index = 0; index < more; index++) bytes.push(0xff);
  return Uint8Array.from(bytes);
}

test('topics are read, whatever follows them', () => {
  for (const topics of [[], ['a'], ['orders', 'clicks'], ['']]) {
    assert.deepEqual(topicsOf(metadata(topics)), topics);
    assert.deepEqual(topicsOf(metadata(topics, { version: 3, more: 7 })), topics);
  }
});

test('every beginning of a subscription that is cut is refused', () => {
  const whole = metadata(['orders', 'clicks', 'x']);
  for (let length = 0; length < whole.length; length++) assert.equal(topicsOf(whole.subarray(0, length)), null, `${length} of ${whole.length} bytes`);
});

test('counts and lengths that cannot be are refused', () => {
  const whole = metadata(['orders']);
  const view = new DataView(whole.buffer);
  const withInt = (at: number, bytes: 2 | 4, value: number): Uint8Array => {
    const changed = whole.slice();
    const changedView = new DataView(changed.buffer);
    if (bytes === 2) changedView.setInt16(at, value);
    else changedView.setInt32(at, value);
    return changed;
  };
  assert.equal(view.getInt32(2), 1);
  assert.equal(topicsOf(withInt(0, 2, -1)), null, 'version');
  for (const count of [-1, 2, 2 ** 31 - 1]) assert.equal(topicsOf(withInt(2, 4, count)), null, `${count} topics`);
  for (const length of [-1, 7, 32_767]) assert.equal(topicsOf(withInt(6, 2, length)), null, `a name of ${length} bytes`);
  assert.deepEqual(topicsOf(withInt(2, 4, 0)), []);
});

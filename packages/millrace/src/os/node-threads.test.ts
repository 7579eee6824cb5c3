// A helper's thread: calls are answered in order, errors keep their code, memory moves, and an end is told to all who wait.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { nodeThreads } from './node-threads.ts';

const serve = new URL('./serve-calls.ts', import.meta.url).href;
const errors = new URL('../base/mod.ts', import.meta.url).href;
const entry = new URL(`data:text/javascript,${encodeURIComponent(`
  import { serveCalls } from ${JSON.stringify(serve)};
  import { MillraceError } from ${JSON.stringify(errors)};
  serveCalls((message) => {
    if (message === 'refuse') throw new MillraceError('data-damaged', 'Cannot: it is bad', { position: 7, dropped: {} });
    if (message === 'break') throw new TypeError('broken');
    if (message === 'exit') process.exit(3);
    if (message.bytes) { message.bytes[0]++; return { answer: message.bytes, moved: [message.bytes.buffer] }; }
    return { answer: message };
  });
`)}`);

test('calls are answered in their order, and memory changes hands', async () => {
  const helper = nodeThreads().open(entry);
  assert.deepEqual(await Promise.all([1, 2, 3].map((number) => helper.call(number))), [1, 2, 3]);
  const bytes = new Uint8Array([1, 2]);
  const answer = helper.call({ bytes }, [bytes.buffer]);
  assert.equal(bytes.length, 0, 'it is the thread\'s now');
  assert.deepEqual(await answer, new Uint8Array([2, 2]));
  await helper.close();
});

test('errors of the catalogue keep code and data, others their words', async () => {
  const helper = nodeThreads().open(entry);
  await assert.rejects(helper.call('refuse'), (error) => isMillraceError(error, 'data-damaged') && error.data.position === 7 && !('dropped' in error.data));
  await assert.rejects(helper.call('break'), /broken/);
  assert.equal(await helper.call('still there'), 'still there');
  await helper.close();
});

test('whoever waits for a thread that ends is told', async () => {
  const helper = nodeThreads().open(entry);
  await assert.rejects(helper.call('exit'), (error) => isMillraceError(error, 'closed'));
  await assert.rejects(helper.call('anything'), (error) => isMillraceError(error, 'closed'));
  await helper.close();
  const other = nodeThreads().open(entry);
  const waiting = assert.rejects(other.call(1), (error) => isMillraceError(error, 'closed'));
  await other.close();
  await waiting;
});

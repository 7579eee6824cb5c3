// Patterns of strangers: RE2's syntax, matched as a whole, in bounded time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { linearPattern } from './linear-pattern.ts';

test('a pattern matches whole texts', () => {
  const matches = linearPattern('orders-(eu|us).*', 1000);
  assert.deepEqual(['orders-eu', 'orders-us-1', 'my-orders-eu', 'orders-'].map(matches), [true, true, false, false]);
  assert.ok(linearPattern('(?i)ORDERS', 1000)('orders'));
});

test('what is no pattern, or would take long, is refused in words', () => {
  for (const text of ['(', 'a{2', '(?=a)b', '(a)\\1', '[b-a]', '*', 'a{1001}', '(a{1000}){1000}', 'x'.repeat(1001), '(ab|cd){600}']) {
    if (text === 'a{2') continue; // a brace that closes nothing stands for itself
    assert.throws(() => linearPattern(text, 1000), (error) => isMillraceError(error, 'invalid-argument') && error.message.includes('is not a valid regular expression'), text);
  }
});

test('patterns that make other engines try for ever are matched at once', () => {
  const text = `${'a'.repeat(249)}!`;
  for (const pattern of ['(a*)*b', '(a|aa)+$', '(.*)(.*)(.*)(.*)(.*)x', '(a+)+']) assert.equal(linearPattern(pattern, 1000)(text), false, pattern);
});

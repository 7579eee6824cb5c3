// Patterns of strangers: RE2's syntax, matched as a whole, in bounded time.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { linearPattern, linearSearch } from './linear-pattern.ts';
import { patternSizeBound } from './pattern-size.ts';

test('a pattern matches whole texts', () => {
  const matches = linearPattern('orders-(eu|us).*', 1000);
  assert.deepEqual(['orders-eu', 'orders-us-1', 'my-orders-eu', 'orders-'].map(matches), [true, true, false, false]);
  assert.ok(linearPattern('(?i)ORDERS', 1000)('orders'));
});

test('a search finds a pattern anywhere in a text, unless it is anchored', () => {
  assert.deepEqual(['my-orders', 'orders', 'clicks'].map(linearSearch('orders', 1000)), [true, true, false]);
  assert.deepEqual(['my-orders', 'orders-eu'].map(linearSearch('^orders', 1000)), [false, true]);
});

test('what is no pattern, or would take long, is refused in words', () => {
  for (const text of ['(', 'a{2', '(?=a)b', '(a)\\1', '[b-a]', '*', 'a{1001}', '(a{1000}){1000}', 'x'.repeat(1001), '(ab|cd){600}']) {
    if (text === 'a{2') continue; // a brace that closes nothing stands for itself
    assert.throws(() => linearPattern(text, 1000), (error) => isMillraceError(error, 'invalid-argument') && error.message.includes('is not a valid regular expression'), text);
  }
});

test('how large a pattern gets is known before it is compiled, and never taken for smaller than it is', () => {
  const { RE2JS } = createRequire(import.meta.url)('re2js') as { RE2JS: { compile(text: string): { programSize(): number } } };
  const slack = 4;
  for (const text of ['a', 'orders-.*', '(a|b)*c+', '[a-z]{30}', '(ab){10,20}', '((x{5}){5}){5}', '\\pL{40}', '\\Qa{9}\\E{3}', '[]a]{3}[[:alpha:]]', '(?i)abc{2,}', 'a||b', '\\x{41}{7}', '(?:a?b?){50}']) {
    assert.ok(patternSizeBound(text) + slack >= RE2JS.compile(text).programSize(), `${text}: ${patternSizeBound(text)} of ${RE2JS.compile(text).programSize()}`);
  }
  for (const text of ['a{1000}'.repeat(100), '((((a?){10}){10}){10}){10}', '(((a{100}']) assert.ok(patternSizeBound(text) > 100, text);
  for (const text of ['orders-(eu|us)-[0-9]+', '(?:clicks|views)\\.v[12]', '\\Qa{1000}\\E']) assert.ok(patternSizeBound(text) < 100, text);
});

test('patterns that make other engines try for ever are matched at once', () => {
  const text = `${'a'.repeat(249)}!`;
  for (const pattern of ['(a*)*b', '(a|aa)+$', '(.*)(.*)(.*)(.*)(.*)x', '(a+)+']) assert.equal(linearPattern(pattern, 1000)(text), false, pattern);
});

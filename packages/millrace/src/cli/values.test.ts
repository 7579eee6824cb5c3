// cli/values.test.ts - texts become values, or an error that says which form is wanted; tables and numbers read well.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText, durationText, grouped, table } from './table.ts';
import { clip, Terminal } from './terminal.ts';
import { parseAddress, parseBoolean, parseChoice, parseInstant, parsePair, parsePositive, parseWhole } from './values.ts';

test('values', () => {
  assert.equal(parseWhole('--n', '42', 0), 42);
  assert.deepEqual(parseAddress('--a', '[::1]:9'), { host: '::1', port: 9 });
  assert.deepEqual(parseAddress('--a', 'localhost', 5), { host: 'localhost', port: 5 });
  assert.deepEqual(parsePair('--c', 'a=b=c'), ['a', 'b=c']);
  assert.equal(parseInstant('--t', '2001-01-01'), 978307200000);
  assert.equal(parseInstant('--t', '2001-01-01T01:00:00+01:00'), 978307200000);
  assert.equal(parseInstant('--t', '978307200000'), 978307200000);
  assert.equal(parseChoice('--c', 'b', ['a', 'b']), 'b');
  assert.deepEqual([parseBoolean('--b', 'Yes'), parseBoolean('--b', '0')], [true, false]);
  assert.equal(parsePositive('--r', '0.5'), 0.5);
});

test('wrong forms are refused', () => {
  for (const [act, form] of [
    [() => parseWhole('--n', '1.5', 0), /a whole number of at least 0/], [() => parseWhole('--n', '', 0), /whole number/], [() => parseWhole('--n', '1e3', 0), /whole number/],
    [() => parseAddress('--a', 'a'), /an address/], [() => parseAddress('--a', 'a:99999'), /an address/], [() => parseAddress('--a', '::1:9'), /an address/], [() => parsePair('--c', '=b'), /KEY=VALUE/],
    [() => parseInstant('--t', 'yesterday'), /a time such as/], [() => parseInstant('--t', '12'), /a time such as/], [() => parseChoice('--c', 'x', ['a', 'b']), /one of a, b/], [() => parseBoolean('--b', 'maybe'), /true or false/],
    [() => parsePositive('--r', '0'), /greater than zero/], [() => parsePositive('--r', ''), /greater than zero/],
  ] as const) assert.throws(act, form);
});

test('tables line up, cut what is long and keep control characters out', () => {
  assert.deepEqual(table(['name', { title: 'count', right: true }], [['a', 1], ['longer', 1234567]]), ['name        count', 'a               1', 'longer  1,234,567']);
  assert.deepEqual(table(['x'], [['a\x1b[31m\nb'], ['0123456789']], 5), ['x', 'a [3…', '0123…']);
});

test('numbers read well', () => {
  assert.deepEqual([0, 999, 1000, 1234567.6, -1000].map(grouped), ['0', '999', '1,000', '1,234,568', '-1,000']);
  assert.deepEqual([0, 1023, 1024, 1536, 2 ** 30, 2 ** 50].map(bytesText), ['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '1.0 GiB', '1024.0 TiB']);
  assert.deepEqual([5, 1500, 61_000].map(durationText), ['5 ms', '1.5 s', '1 min 1 s']);
});

test('a live region is redrawn on a terminal and absent elsewhere; lines go above it', () => {
  const written: string[] = [];
  const screen = new Terminal({ isTTY: true, columns: 10, write: (text) => written.push(text) });
  screen.live(['one', 'two is too long']);
  screen.live(['three']);
  screen.line('said');
  assert.deepEqual(written, ['one\ntwo is to\n', '\x1b[2A\x1b[0Jthree\n', '\x1b[1A\x1b[0J', 'said\n']);
  const file: string[] = [];
  const log = new Terminal({ write: (text) => file.push(text) });
  log.live(['one']);
  log.line(log.style('red', 'said'));
  assert.deepEqual(file, ['said\n']);
});

test('colours: on a terminal, not with NO_COLOR, not when dumb; clipping counts what is seen', () => {
  const style = (env: Record<string, string>) => new Terminal({ isTTY: true, write: () => {} }, env).style('red', 'x');
  assert.deepEqual([style({}), style({ NO_COLOR: '1' }), style({ TERM: 'dumb' })], ['\x1b[31mx\x1b[39m', 'x', 'x']);
  assert.equal(clip('\x1b[31mabc\x1b[39mdef', 4), '\x1b[31mabc\x1b[39md');
});

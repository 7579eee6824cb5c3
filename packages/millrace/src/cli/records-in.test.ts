// cli/records-in.test.ts - lines become records in three forms; what does not fit is named with its line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InputOptions, linesOf, recordOf } from './records-in.ts';

const bytes = async function* (...parts: string[]): AsyncGenerator<Uint8Array> { for (const part of parts) yield Buffer.from(part, 'latin1'); };
const lines = async (...parts: string[]) => { const all: string[] = []; for await (const some of linesOf(bytes(...parts))) all.push(...some); return all; };
const read = (line: string, options: Partial<InputOptions>) => recordOf(line, 7, { form: 'lines', ...options });

test('lines end with a newline of either kind, and the last may go without', async () => {
  assert.deepEqual(await lines('a\nb\r\n', '\nlong', 'er\nend'), ['a', 'b', '', 'longer', 'end']);
  assert.deepEqual(await lines(), []);
  assert.deepEqual(await lines('\xc3', '\xa9\n'), ['é'], 'a character cut between chunks');
});

test('lines: the value, with or without a key', () => {
  assert.deepEqual(read('a:b:c', {}), { key: null, value: 'a:b:c', headers: undefined, partition: undefined });
  assert.deepEqual(read('a:b:c', { keySeparator: ':', partition: 2, headers: [['h', '1']] }), { key: 'a', value: 'b:c', headers: [['h', '1']], partition: 2 });
  assert.equal(read('x', { key: 'k' })!.key, 'k');
  assert.throws(() => read('abc', { keySeparator: '::' }), /line 7: no '::'/);
});

test('json: key and time from fields', () => {
  const line = ' {"origin":"SFO","at":{"ms":5},"date":"2001-01-01T00:00:00Z"} ';
  assert.deepEqual(read(line, { form: 'json', keyField: 'origin', timestampField: 'date' }), { key: 'SFO', value: line.trim(), headers: undefined, timestampMs: 978307200000, partition: undefined });
  assert.equal(read(line, { form: 'json', keyField: 'at.ms' })!.key, '5');
  assert.equal(read('{"k":null}', { form: 'json', keyField: 'k' })!.key, null);
  assert.equal(read('  ', { form: 'json' }), undefined);
  assert.throws(() => read('{"a"', { form: 'json' }), /line 7: not JSON/);
  assert.throws(() => read('{}', { form: 'json', keyField: 'a.b' }), /no field 'a.b'/);
  assert.throws(() => read('{"t":"soon"}', { form: 'json', timestampField: 't' }), /'t' is neither a time/);
});

test('records: everything of a record, also bytes and tombstones', () => {
  assert.deepEqual(read('{"key":"k","value":"v","headers":{"h":"1"},"timestamp":5,"partition":3,"offset":9}', { form: 'records', keepPartitions: true }), { key: 'k', value: 'v', headers: [['h', '1']], timestampMs: 5, partition: 3 });
  assert.deepEqual(read('{"key":"/wA=","keyEncoding":"base64","value":null}', { form: 'records' }), { key: Buffer.from([255, 0]), value: null, headers: [], timestampMs: undefined, partition: undefined });
  assert.equal(read('{"value":"v","partition":3}', { form: 'records' })!.partition, undefined, 'the key decides');
  assert.equal(read('{"value":{"a":1}}', { form: 'records' })!.value, '{"a":1}');
  assert.deepEqual(read('{"headers":[["h","1"],["h",null]]}', { form: 'records', headers: [['x', 'y']] })!.headers, [['x', 'y'], ['h', '1'], ['h', null]]);
  for (const [line, why] of [['5', /not an object/], ['{"headers":5}', /headers/], ['{"headers":{"a":1}}', /headers/], ['{"partition":-1}', /partition/], ['{"timestamp":"soon"}', /timestamp/], ['{"key":"x","keyEncoding":"hex"}', /keyEncoding/]] as const) {
    assert.throws(() => read(line, { form: 'records' }), why);
  }
});

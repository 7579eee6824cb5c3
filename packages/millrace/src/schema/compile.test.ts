// JSON Schemas: which are taken, how records are judged, and that none of them stalls the judge by its patterns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { BatchBuilder } from '../wire/mod.ts';
import { checkBatchBySchemas, compileSchema } from './mod.ts';

const order = JSON.stringify({
  $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', required: ['id', 'amount'], additionalProperties: false,
  properties: { id: { type: 'string', pattern: '^[a-z]+-[0-9]+$' }, amount: { type: 'number', exclusiveMinimum: 0 }, tags: { type: 'array', uniqueItems: true, items: { $ref: '#/$defs/tag' } } },
  $defs: { tag: { type: ['string', 'object'] } },
});

test('a value fits, or one line says why not', async () => {
  const judge = await compileSchema(order);
  assert.equal(judge({ id: 'a-1', amount: 1, tags: ['x', { a: 1, b: 2 }] }), null);
  const cases: [unknown, RegExp][] = [
    [{ id: 'a-1' }, /must have required property 'amount'/], [{ id: 'A', amount: 1 }, /^\/id must match pattern/], [{ id: 'a-1', amount: 0 }, /^\/amount must be > 0/],
    [{ id: 'a-1', amount: 1, more: 1 }, /additional properties \('more'\)/], [[], /must be object/], [{ id: 'a-1', amount: 1, tags: [{ a: 1, b: 2 }, { b: 2, a: 1 }] }, /^\/tags must not have items that are equal/],
  ];
  for (const [value, why] of cases) assert.match(judge(value)!, why, JSON.stringify(value));
});

test('draft-07 by its name, true and false, formats that only describe', async () => {
  const old = await compileSchema('{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{"type":"integer"}},"items":[{"$ref":"#/definitions/a"}],"type":"array"}');
  assert.deepEqual([old([1, 'x']), old(['x'])?.includes('must be integer')], [null, true]);
  assert.equal((await compileSchema('true'))(1), null);
  assert.notEqual((await compileSchema('false'))(1), null);
  assert.equal((await compileSchema('{"type":"string","format":"email"}'))('no address'), null);
});

test('what is no schema, asks for what is elsewhere, or could stall, is refused with the reason', async () => {
  const deep = `${'{"not":'.repeat(80)}{}${'}'.repeat(80)}`;
  const cases: [string, RegExp][] = [
    ['{', /no JSON/], ['[]', /neither an object/], ['null', /neither an object/], ['{"type":"objct"}', /schema is invalid/], ['{"propertys":{}}', /unknown keyword: "propertys"/],
    ['{"$ref":"https://example.com/a.json"}', /can't resolve reference/], ['{"$schema":"http://json-schema.org/draft-04/schema#"}', /draft is/],
    ['{"pattern":"(?=a)b"}', /invalid/i], ['{"pattern":"((a{1000}){1000}){1000}"}', /not a valid regular expression/], ['{"pattern":"(a)\\\\1"}', /invalid/i], [deep, /nested more than 64/], [`{"description":"${'x'.repeat(70_000)}"}`, /65536 are taken/], ['{"$async":true}', /\$async|async/],
  ];
  for (const [text, why] of cases) await assert.rejects(compileSchema(text), (error) => isMillraceError(error, 'invalid-argument') && why.test(error.message), text.slice(0, 60));
});

test('a pattern that makes other engines stall is judged in one pass', async () => {
  const judge = await compileSchema('{"type":"string","pattern":"^(a+)+$","patternProperties":{"^(x+x+)+y$":{}}}');
  assert.match(judge(`${'a'.repeat(50_000)}!`)!, /must match pattern/);
  const unique = await compileSchema('{"uniqueItems":true}');
  assert.equal(unique(Array.from({ length: 50_000 }, (_, i) => ({ i }))), null);
});

test('records of a batch: every bad one by its index; tombstones pass, missing keys do not; what is no JSON is said', async () => {
  const builder = new BatchBuilder();
  builder.append(0, '"k"', '{"id":"a-1","amount":1}');
  builder.append(0, '"k"', '{"id":"a-1"}');
  builder.append(0, '"k"', null);
  builder.append(0, null, '{"id":"a-1","amount":1}');
  builder.append(0, '5', '{"id":"a-1","amount":1}');
  builder.append(0, '"k"', 'not json');
  builder.append(0, '"k"', new Uint8Array([0xff, 0xfe]));
  builder.append(0, '"k"', `${'['.repeat(200_000)}${']'.repeat(200_000)}`);
  for (const codec of ['none', 'gzip', 'zstd'] as const) {
    const faults = await checkBatchBySchemas({ key: '{"type":"string"}', value: order }, codec === 'none' ? builder.finish({ codec }) : again(codec));
    assert.deepEqual(faults.map(({ batchIndex }) => batchIndex), [1, 3, 4, 5, 6, 7]);
    assert.match(faults[0]!.batchIndexErrorMessage, /^value: must have required property 'amount'/);
    assert.match(faults[1]!.batchIndexErrorMessage, /there is no key/);
    assert.match(faults[2]!.batchIndexErrorMessage, /^key: must be string/);
    assert.match(faults[3]!.batchIndexErrorMessage, /no JSON/);
  }
});

function again(codec: 'gzip' | 'zstd'): Uint8Array {
  const builder = new BatchBuilder();
  for (const [key, value] of [['"k"', '{"id":"a-1","amount":1}'], ['"k"', '{"id":"a-1"}'], ['"k"', null], [null, '{"id":"a-1","amount":1}'], ['5', '{"id":"a-1","amount":1}'], ['"k"', 'not json'], ['"k"', '['], ['"k"', '[]']] as const) builder.append(0, key, value);
  return builder.finish({ codec });
}

test('ten thousand bad records: all are told, words end where their bound is', async () => {
  const builder = new BatchBuilder();
  for (let i = 0; i < 10_000; i++) builder.append(0, null, 'x');
  const faults = await checkBatchBySchemas({ key: '', value: '{"type":"object"}' }, builder.finish());
  assert.equal(faults.length, 10_000);
  assert.ok(faults.reduce((sum, { batchIndexErrorMessage }) => sum + batchIndexErrorMessage.length, 0) <= 16 * 1024);
});

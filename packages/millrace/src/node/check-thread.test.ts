// The thread that judges, and the validator without one: the same contract; and what only a thread can do: end a check that does not end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import type { Validator } from '../broker/mod.ts';
import { nodeClock } from '../os/mod.ts';
import { BatchBuilder } from '../wire/mod.ts';
import { CheckThread } from './check-thread.ts';
import { inlineValidator } from './inline-validator.ts';

function batch(...values: (string | null)[]): Uint8Array {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(0, null, value);
  return builder.finish({ codec: 'zstd' });
}

const schemas = { key: '', value: '{"type":"object"}' };
/** A schema that refers to itself twice: the work doubles with each level of the value. */
const endless = JSON.stringify({ allOf: [{ properties: { a: { $ref: '#' } } }, { properties: { a: { $ref: '#' } } }] });
const deep = (levels: number): string => `${'{"a":'.repeat(levels)}{}${'}'.repeat(levels)}`;

for (const [name, make] of [['thread', () => new CheckThread(nodeClock())], ['inline', inlineValidator]] as const satisfies readonly (readonly [string, () => Validator])[]) {
  test(`${name}: good and bad batches, in order, and schemas that are none`, async () => {
    const validator = make();
    try {
      const faults = await Promise.all(Array.from({ length: 20 }, (_, i) => validator.judge(schemas, i % 2 === 0 ? batch('{}', '{}') : batch('{}', '5', null, 'x'))));
      assert.deepEqual(faults.map((list) => list.map(({ batchIndex }) => batchIndex)), Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? [] : [1, 3])));
      await validator.check(schemas);
      await assert.rejects(validator.check({ key: '{"type":7}', value: '' }), (error) => isMillraceError(error, 'invalid-argument'));
      assert.equal((await validator.judge({ key: '', value: '{' }, batch('{}'))).length, 1, 'a schema that cannot be compiled passes nothing');
    } finally {
      validator.close();
    }
  });
}

test('a check that does not end is ended, and those behind it are judged all the same', async () => {
  const validator = new CheckThread(nodeClock(), 1_500);
  try {
    const [before, stuck, behind] = await Promise.all([validator.judge(schemas, batch('{}')), validator.judge({ key: '', value: endless }, batch(deep(60))), validator.judge(schemas, batch('{}', '1'))]);
    assert.deepEqual(before, []);
    assert.match(stuck[0]!.batchIndexErrorMessage, /took longer than 1500 ms/);
    assert.deepEqual(behind.map(({ batchIndex }) => batchIndex), [1]);
  } finally {
    validator.close();
  }
});

test('a closed thread leaves nobody waiting', async () => {
  const validator = new CheckThread(nodeClock(), 60_000);
  const stuck = validator.judge({ key: '', value: endless }, batch(deep(60)));
  validator.close();
  assert.match((await stuck)[0]!.batchIndexErrorMessage, /closing/);
});

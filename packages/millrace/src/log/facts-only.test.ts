// A start's view of the journal as facts: each kind of entry, once and again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from './log-samples.ts';
import { stampBatch } from './batch-bytes.ts';
import { FactsOnly } from './facts-only.ts';
import { entryBytes, entryKind, writeEntryHeader, type EntryKind } from './journal-format.ts';

interface Entry { readonly kind: EntryKind; readonly id: number; readonly offset: number; readonly body?: Uint8Array }

const text = (name: string): Uint8Array => new TextEncoder().encode(name);
const create = (id: number, name: string): Entry => ({ kind: entryKind.create, id, offset: 0, body: text(name) });
const remove = (id: number): Entry => ({ kind: entryKind.remove, id, offset: 0 });
const start = (id: number, offset: number): Entry => ({ kind: entryKind.start, id, offset });
const roll = (id: number, offset: number): Entry => ({ kind: entryKind.roll, id, offset });
function batch(id: number, offset: number, count: number): Entry {
  const { bytes } = batchOf(Array.from({ length: count }, () => 'x'));
  stampBatch(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, offset, 0);
  return { kind: entryKind.batch, id, offset, body: bytes };
}

function applied(entries: readonly Entry[], facts = new FactsOnly([])): string[] {
  const bytes = new Uint8Array(entries.reduce((sum, { body }) => sum + entryBytes(body?.length ?? 0), 0));
  let at = 0;
  for (const { kind, id, offset, body = new Uint8Array(0) } of entries) {
    writeEntryHeader(new DataView(bytes.buffer), at, kind, id, body.length, 0, offset);
    bytes.set(body, at + entryBytes(0));
    at += entryBytes(body.length);
  }
  facts.apply(bytes, 0, at);
  return [...facts.partitions()].map(({ id, name, logStartOffset, segments }) => `${id} ${name} from ${logStartOffset}: ${segments.map(({ baseOffset, endOffset }) => `${baseOffset}..${endOffset}`).join(' ')}`);
}

test('partitions come, grow, roll, lose their beginning, and go', () => {
  const story = [create(1, 'a-0'), batch(1, 0, 3), batch(1, 3, 2), roll(1, 5), batch(1, 5, 1), create(2, 'b-0')];
  assert.deepEqual(applied(story), ['1 a-0 from 0: 0..5 5..6', '2 b-0 from 0: 0..0']);
  assert.deepEqual(applied([...story, start(1, 4)]), ['1 a-0 from 4: 0..5 5..6', '2 b-0 from 0: 0..0'], 'a segment with a record left stays');
  assert.deepEqual(applied([...story, start(1, 5)]), ['1 a-0 from 5: 5..6', '2 b-0 from 0: 0..0']);
  assert.deepEqual(applied([...story, start(1, 5), start(1, 2)]), ['1 a-0 from 5: 5..6', '2 b-0 from 0: 0..0'], 'a start never falls');
  assert.deepEqual(applied([...story, start(1, 6)]), ['1 a-0 from 6: 5..6', '2 b-0 from 0: 0..0'], 'the one that is written to stays');
  assert.deepEqual(applied([...story, remove(1)]), ['2 b-0 from 0: 0..0']);
});

test('entries of what the facts know already change nothing; those of strangers neither', () => {
  const known = { id: 1, name: 'a-0', logStartOffset: 2, segments: [{ baseOffset: 0, endOffset: 5 }, { baseOffset: 5, endOffset: 9 }] } as never;
  const facts = ['1 a-0 from 2: 0..5 5..9'];
  assert.deepEqual(applied([create(1, 'other-0'), batch(1, 0, 3), roll(1, 5), batch(1, 5, 2), start(1, 1)], new FactsOnly([known])), facts);
  assert.deepEqual(applied([batch(7, 0, 3), roll(7, 5), start(7, 1), remove(7)], new FactsOnly([known])), facts);
  assert.deepEqual(applied([batch(1, 9, 1), roll(1, 10)], new FactsOnly([known])), ['1 a-0 from 2: 0..5 5..10 10..10']);
});

test('a partition without segments begins one at its start', () => {
  const empty = { id: 1, name: 'a-0', logStartOffset: 4, segments: [] } as never;
  assert.deepEqual(applied([batch(1, 4, 2)], new FactsOnly([empty])), ['1 a-0 from 4: 4..6']);
});

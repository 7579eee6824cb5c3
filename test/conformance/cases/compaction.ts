// test/conformance/cases/compaction.ts - compacted topics: what every client reads of them, and what it may not write to them.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../peers/processes.ts';
import type { Message, Received } from '../driver.ts';
import { story, type Scene } from '../scene.ts';

const segmentMs = 300;
/** Both brokers compact whatever is not in the last segment, as soon as they look. */
const compacted = { 'cleanup.policy': 'compact', 'segment.ms': String(segmentMs), 'min.cleanable.dirty.ratio': '0.01', 'file.delete.delay.ms': '0' };
const keys = 20;
const rounds = 5;

const record = (key: string, value: string | null): Message => ({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value), partition: 0 });
const textOf = ({ key, value }: Received): [string, string | null] => [String(key), value === null ? null : String(value)];

/** The last value of each key, deleted ones left out. */
function tableOf(found: readonly Received[]): Record<string, string> {
  const table = new Map<string, string>();
  for (const [key, value] of found.map(textOf)) if (value === null) table.delete(key); else table.set(key, value);
  return Object.fromEntries([...table].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Rounds of updates and a few tombstones by the client under test, each in a segment of its own. */
async function written(scene: Scene, configs: Record<string, string> = {}): Promise<string> {
  const topic = await scene.topic(1, { ...compacted, ...configs });
  for (let round = 0; round < rounds; round++) {
    await scene.driver.produce({ topic, messages: Array.from({ length: keys }, (_, key) => record(`key-${key}`, `value ${round} of ${key}`)), codec: 'none' });
    await sleep(segmentMs * 1.5);
  }
  await scene.driver.produce({ topic, messages: [0, 1, 2].map((key) => record(`key-${key}`, null)) });
  return topic;
}

/** Waits until the reference reads `count` records from the start beside the fillers, which are written now and then to end the segment that is being filled. */
async function compactedTo(scene: Scene, topic: string, count: number): Promise<Received[]> {
  let found: Received[] = [];
  await eventually(async () => {
    await scene.reference.produce({ topic, messages: [record('filler', 'x')] });
    found = await scene.reference.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 10_000, timeoutMs: 1500 });
    return found.filter(({ key }) => String(key) !== 'filler').length <= count ? true : undefined;
  }, () => `${found.length} records are left, with fillers, and ${count} without were expected`, 90_000, 300);
  return found;
}

/** Stories of compacted topics. */
export const compactionCases = [
  story('compaction, last values stay, offsets stay, tombstones are seen', [], async (scene) => {
    const topic = await written(scene);
    const left = await compactedTo(scene, topic, keys);
    // Fewer may be left by now: compaction goes on.
    const found = await scene.driver.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: left.length, timeoutMs: 3000 });
    const offsets = found.map(({ offset }) => offset);
    assert.deepEqual(offsets, [...offsets].sort((a, b) => a - b), 'offsets rise');
    const table = tableOf(found);
    scene.fact('table', table);
    assert.deepEqual(table, { ...Object.fromEntries(Array.from({ length: keys }, (_, key) => [`key-${key}`, `value ${rounds - 1} of ${key}`]).slice(3)), filler: 'x' });
    for (const { offset, key } of found) assert.ok(offset >= (rounds - 1) * keys + 3, `'${String(key)}' at ${offset}`);
    assert.deepEqual(found.filter(({ value }) => value === null).map(({ offset, key }) => [offset, String(key)]), [0, 1, 2].map((key) => [rounds * keys + key, `key-${key}`]), 'tombstones stay for their delay');
  }),

  story('compaction, a reader that begins in a gap', [], async (scene) => {
    const topic = await written(scene);
    const left = await compactedTo(scene, topic, keys);
    const first = left[0]!;
    assert.ok(first.offset > keys, 'the first records are gone');
    const found = (await scene.driver.consume({ topic, partitions: [0], from: { kind: 'offset', offset: 5 }, count: 3 })).slice(0, 3);
    assert.deepEqual(found.map(textOf), left.slice(0, 3).map(textOf));
    assert.deepEqual(found.map(({ offset }) => offset), left.slice(0, 3).map(({ offset }) => offset));
  }),

  story('compaction, transactions: aborted values never come up', ['transactions', 'committed-reads'], async (scene) => {
    const topic = await scene.topic(1, compacted);
    const transactionalId = scene.name('transactions');
    for (let round = 0; round < 4; round++) {
      const messages = (what: string): Message[] => Array.from({ length: 5 }, (_, key) => record(`key-${key}`, `${what} ${round}`));
      await scene.driver.transact({ transactionalId, transactions: [{ topic, messages: messages('good'), commit: true }, { topic, messages: messages('bad'), commit: false }] });
      await sleep(segmentMs * 1.5);
    }
    const left = await compactedTo(scene, topic, 5);
    assert.ok(left.length > 0);
    const table = tableOf(await scene.driver.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 10_000, timeoutMs: 2000, committedOnly: true }));
    scene.fact('table', table);
    assert.deepEqual(table, { ...Object.fromEntries([0, 1, 2, 3, 4].map((key) => [`key-${key}`, 'good 3'])), filler: 'x' });
  }),

  story('compaction, records without a key are refused', [], async (scene) => {
    const topic = await scene.topic(1, compacted);
    const acks = await scene.driver.produce({ topic, messages: [{ key: null, value: Buffer.from('keyless'), partition: 0 }] }).catch((error: Error & { code?: string }) => [{ error: error.code ?? error.message }]);
    scene.fact('answer', acks.map((ack) => ('error' in ack ? ack.error : 'taken')));
    assert.ok(acks.every((ack) => 'error' in ack));
    const good = await scene.driver.produce({ topic, messages: [record('a', '1')] });
    assert.ok(good.every((ack) => !('error' in ack)));
  }),
];

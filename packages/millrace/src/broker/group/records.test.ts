// Groups and offsets as records: what is written is read back, in the version that every tool reads where that can carry it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zeroUuid } from '../../wire/mod.ts';
import type { Committed } from './group.ts';
import { groupKey, offsetKey, offsetValueBytes, readRecord } from './records.ts';

const topicId = 'ZmxpZ2h0c2ZsaWdodHMxMg';
const committed: Committed = { offset: 2 ** 40, leaderEpoch: 3, metadata: 'über', commitTimestampMs: 1_700_000_000_000, expireTimestampMs: -1, topicId: zeroUuid };
const versionOf = (bytes: Uint8Array): number => (bytes[0]! << 8) | bytes[1]!;

test('an offset is read back whole; with a topic id in version 4, with an end of life in version 1, else in version 3', () => {
  const roundTrip = (value: Committed) => {
    const bytes = offsetValueBytes(value);
    const record = readRecord(offsetKey('group', 'orders', 7), bytes);
    assert.ok(record.kind === 'offset');
    assert.deepEqual([record.groupId, record.topic, record.partition], ['group', 'orders', 7]);
    return { version: versionOf(bytes), value: record.value };
  };
  assert.deepEqual(roundTrip(committed), { version: 3, value: committed });
  assert.deepEqual(roundTrip({ ...committed, topicId }), { version: 4, value: { ...committed, topicId } });
  const { version, value } = roundTrip({ ...committed, expireTimestampMs: 0 });
  assert.deepEqual([version, value!.expireTimestampMs, value!.offset], [1, 0, committed.offset]);
});

test('tombstones are read as such, unknown kinds are told apart, and cut keys are no crash', () => {
  assert.deepEqual(readRecord(offsetKey('g', 't', 0), null), { kind: 'offset', groupId: 'g', topic: 't', partition: 0, value: null });
  assert.deepEqual(readRecord(groupKey('g'), null), { kind: 'group', groupId: 'g', value: null });
  assert.deepEqual(readRecord(Uint8Array.of(0, 9, 1), null), { kind: 'unknown', keyVersion: 9 });
  assert.deepEqual(readRecord(Uint8Array.of(1, 2, 1), null), { kind: 'unknown', keyVersion: 258 });
  assert.deepEqual(readRecord(Uint8Array.of(0), null), { kind: 'unknown', keyVersion: -1 });
  const old = offsetKey('g', 't', 0);
  old[1] = 0;
  assert.equal(readRecord(old, null).kind, 'offset');
});

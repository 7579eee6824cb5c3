// What was there when a consumer began: what counts as younger.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TopicView } from '../net/metadata.ts';
import { KnownTopics } from './known-topics.ts';

function topic(name: string, partitionCount: number, topicId = `id of ${name}`): TopicView {
  return { name, topicId, isInternal: false, partitions: Array.from({ length: partitionCount }, (_unused, partition) => ({ partition, leaderId: 1, leaderEpoch: 0, replicas: [], inSyncReplicas: [] })) };
}

test('partitions that were added, and topics that were created anew, are young', () => {
  const known = new KnownTopics();
  known.note([topic('a', 2)], false);
  known.note([topic('a', 4)], false); // what was noted first counts
  assert.deepEqual([0, 1, 2, 3].map((partition) => known.isYoung(topic('a', 4), partition)), [false, false, true, true]);
  assert.equal(known.isYoung(topic('a', 2, 'another'), 0), true);
});

test('a topic that was not noted is young only when all there were have been', () => {
  const known = new KnownTopics();
  assert.equal(known.isYoung(topic('b', 1), 0), false);
  known.note([topic('a', 1)], true);
  known.note([topic('b', 1)], true); // later: too late to be old
  assert.deepEqual([known.isYoung(topic('a', 1), 0), known.isYoung(topic('b', 1), 0)], [false, true]);
});

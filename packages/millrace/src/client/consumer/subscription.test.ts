// Names and patterns: which topics a subscription means.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyView, zeroTopicId, type ClusterView } from '../net/metadata.ts';
import { subscribedTo, topicsOf } from './subscription.ts';

function view(...names: string[]): ClusterView {
  return { ...emptyView, topics: new Map(names.map((name) => [name, { name, topicId: zeroTopicId, isInternal: name.startsWith('__'), partitions: [] }])) };
}

test('a pattern takes the topics that match, in the order of their names, and no internal ones', () => {
  assert.deepEqual(topicsOf(subscribedTo(/e/), view('two', 'three', '__consumer_offsets', 'one')), ['one', 'three']);
});

test('a pattern with the flags g or y matches the same each time', () => {
  for (const pattern of [/^t/g, /t/y]) {
    const subscribed = subscribedTo(pattern);
    for (let i = 0; i < 3; i++) assert.deepEqual(topicsOf(subscribed, view('t1', 't2', 'u')), ['t1', 't2']);
    assert.equal(pattern.lastIndex, 0);
  }
});

test('names are what they are, there or not', () => {
  assert.deepEqual(topicsOf(subscribedTo(['b', 'a']), view('a')), ['b', 'a']);
});

// A repeated batch waits for its first copy: until that is durable, or will never be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import type { Log, LogState } from '../../log/mod.ts';
import type { PartitionWatcher, TopicPartition } from '../topics/topic.ts';
import { waitForAcknowledgement } from './wait-for-acknowledgement.ts';

/** A partition whose high watermark is 10, and what it and its log tell. */
function scene(offset: number) {
  const partition = { name: 'orders-0', live: true, log: { highWatermark: 10 } };
  const watchers = new Set<PartitionWatcher>();
  const states = new Set<(state: LogState) => void>();
  const told: string[] = [];
  const watched = { ...partition, watch: (watcher: PartitionWatcher) => watchers.add(watcher), unwatch: (watcher: PartitionWatcher) => watchers.delete(watcher) };
  const log = { onState: (callback: (state: LogState) => void) => { states.add(callback); return () => states.delete(callback); } };
  waitForAcknowledgement(watched as unknown as TopicPartition, offset, log as unknown as Log, (error) => told.push(error === null ? 'acknowledged' : isMillraceError(error) ? error.code : String(error)));
  return {
    told, watching: () => watchers.size + states.size,
    advance: (highWatermark: number) => { watched.log.highWatermark = highWatermark; for (const watcher of [...watchers]) watcher.advanced(watched as unknown as TopicPartition); },
    end: () => { watched.live = false; for (const watcher of [...watchers]) watcher.advanced(watched as unknown as TopicPartition); },
    state: (state: LogState) => { for (const callback of [...states]) callback(state); },
  };
}

test('what is below the high watermark is acknowledged, in a moment', async () => {
  const { told, watching } = scene(9);
  assert.deepEqual(told, []);
  await Promise.resolve();
  assert.deepEqual([told, watching()], [['acknowledged'], 0]);
});

test('else once the high watermark has passed it, and not before', () => {
  const { told, advance, watching } = scene(10);
  advance(10);
  assert.deepEqual(told, []);
  advance(11);
  advance(12);
  assert.deepEqual([told, watching()], [['acknowledged'], 0]);
});

test('a log that is full for a while is waited for; one that has failed or closed is not; a topic that is gone is not', () => {
  for (const last of [{ kind: 'failed', reason: 'broken' }, { kind: 'closed' }] as const) {
    const { told, state, watching } = scene(10);
    state({ kind: 'full' });
    state({ kind: 'open' });
    assert.deepEqual(told, []);
    state(last);
    assert.deepEqual([told, watching()], [['storage-failed'], 0]);
  }
  const { told, end, watching } = scene(10);
  end();
  assert.deepEqual([told, watching()], [['topic-not-found'], 0]);
});

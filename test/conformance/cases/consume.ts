// test/conformance/cases/consume.ts - reading from wherever one likes, without a group.

import assert from 'node:assert/strict';
import { sleep } from '../../peers/processes.ts';
import type { Received } from '../driver.ts';
import { keptForEver, noise, numbered, same, story, values } from '../scene.ts';

/** Stories of consumers without a group. */
export const consumeCases = [
  ...(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).map((codec) => story(`consume, written with ${codec}`, [`codec:${codec}`], async (scene) => {
    const topic = await scene.topic(1);
    const messages = numbered(300);
    await scene.reference.produce({ topic, messages, codec });
    same(await scene.driver.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 300 }), messages);
  })),

  story('consume, from the middle of a batch', [], async (scene) => {
    const topic = await scene.topic(1);
    const messages = numbered(100);
    await scene.reference.produce({ topic, messages, codec: 'gzip' });
    for (const offset of [1, 37, 99]) {
      same(await scene.driver.consume({ topic, partitions: [0], from: { kind: 'offset', offset }, count: 100 - offset }), messages.slice(offset), offset);
    }
  }),

  story('consume, from a time', [], async (scene) => {
    const topic = await scene.topic(1, keptForEver);
    const startMs = 1_700_000_000_000;
    const messages = numbered(100).map((message, i) => ({ ...message, timestampMs: startMs + i * 1000 }));
    // Several batches, so that the index of times is asked and then the batch.
    for (let i = 0; i < 100; i += 20) await scene.reference.produce({ topic, messages: messages.slice(i, i + 20), codec: i % 40 === 0 ? 'none' : 'gzip' });
    for (const [afterMs, first] of [[0, 0], [41_000, 41], [41_500, 42], [98_999, 99]] as const) {
      same(await scene.driver.consume({ topic, partitions: [0], from: { kind: 'timestamp', timestampMs: startMs + afterMs }, count: 100 - first }), messages.slice(first), first);
    }
  }),

  story('consume, what comes after', [], async (scene) => {
    const topic = await scene.topic(1);
    await scene.reference.produce({ topic, messages: numbered(10, 0, 'before') });
    let isDone = false;
    const consuming = scene.driver.consume({ topic, partitions: [0], from: { kind: 'end' }, count: 5 }).finally(() => { isDone = true; });
    // A consumer does not tell when it has found the end; records come until it has seen some.
    for (let i = 0; !isDone; i++) {
      await scene.reference.produce({ topic, messages: [{ key: null, value: Buffer.from(`after-${i}`), partition: 0 }] });
      await sleep(50);
    }
    const received = await consuming;
    assert.equal(received.length, 5);
    assert.ok(values(received).every((value) => value.startsWith('after-')), values(received).join());
    rising(received);
  }),

  story('consume, with a small limit of bytes', [], async (scene) => {
    const topic = await scene.topic(1);
    // Every batch is larger than the limit: it must come all the same, or the consumer stands still.
    const messages = [1, 2, 3, 4].map((seed) => ({ key: null, value: noise(20_000, seed), partition: 0 }));
    for (const message of messages) await scene.reference.produce({ topic, messages: [message] });
    same(await scene.driver.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 4, fetchBytesMax: 1000 }), messages);
  }),

  story('consume, many bytes in many batches', [], async (scene) => {
    const topic = await scene.topic(2);
    const messages = Array.from({ length: 40 }, (_, i) => ({ key: Buffer.from(String(i)), value: noise(100_000, i + 1), partition: i % 2 }));
    await scene.reference.produce({ topic, messages });
    const received = await scene.driver.consume({ topic, partitions: [0, 1], from: { kind: 'beginning' }, count: 40 });
    for (const partition of [0, 1]) same(received.filter((record) => record.partition === partition), messages.filter((message) => message.partition === partition));
  }),

  story('consume, after records were deleted', [], async (scene) => {
    const topic = await scene.topic(1);
    const messages = numbered(30);
    await scene.reference.produce({ topic, messages });
    // Deleting up to the middle of a batch.
    assert.equal(await scene.reference.admin.deleteRecords(topic, 0, 12), 12);
    same(await scene.driver.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 18 }), messages.slice(12), 12);
  }),

  story('consume, from an offset that is gone', ['reset'], async (scene) => {
    const topic = await scene.topic(1);
    const messages = numbered(30);
    await scene.reference.produce({ topic, messages });
    await scene.reference.admin.deleteRecords(topic, 0, 20);
    same(await scene.driver.consume({ topic, partitions: [0], from: { kind: 'offset', offset: 3 }, count: 10, resetTo: 'earliest' }), messages.slice(20), 20);
  }),
];

function rising(received: readonly Received[]): void {
  received.forEach((record, i) => assert.ok(i === 0 || record.offset === received[i - 1]!.offset + 1, `offset ${record.offset} after ${received[i - 1]?.offset}`));
}

// test/conformance/cases/produce.ts - what a client writes is what is stored and what every reader gets.

import assert from 'node:assert/strict';
import { fetchBatches } from '../../peers/raw.ts';
import { codecs, type Ack, type Message, type ProduceRequest, type Received } from '../driver.ts';
import { keptForEver, noise, numbered, same, story, type Scene } from '../scene.ts';

/** Stories of producers. */
export const produceCases = [
  ...codecs.map((codec) => story(`produce, ${codec}`, [`codec:${codec}`], async (scene) => {
    const topic = await scene.topic(1);
    // Compressible, and enough that even the pickiest client keeps its compressed form.
    const messages: Message[] = Array.from({ length: 100 }, (_, i) => ({ key: Buffer.from(`key-${i}`), value: Buffer.from(`value-${i}-${'abc'.repeat(100)}`), partition: 0 }));
    isAcked(await scene.driver.produce({ topic, messages, codec }), 100);
    await readBack(scene, topic, messages);
    const stored = await fetchBatches(scene.broker.bootstrap, topic, 0);
    scene.fact('stored codecs', [...new Set(stored.map((batch) => batch.codec))]);
    assert.ok(stored.some((batch) => batch.codec === codec), `stored as ${stored.map((batch) => batch.codec)}`);
    scene.fact('timestamp types', [...new Set(stored.map((batch) => batch.timestampType))]);
  })),

  story('produce, kinds of keys and values', [], async (scene) => {
    const topic = await scene.topic(1);
    const messages: Message[] = [
      { key: null, value: Buffer.from('no key'), partition: 0 },
      { key: Buffer.from('tombstone'), value: null, partition: 0 },
      { key: Buffer.from('ключ 🔑'), value: Buffer.from('значение 🎁'), partition: 0 },
      { key: Buffer.from([0, 1, 2, 255, 254]), value: Buffer.from(Array.from({ length: 256 }, (_, i) => i)), partition: 0 },
    ];
    isAcked(await scene.driver.produce({ topic, messages }), messages.length);
    await readBack(scene, topic, messages);
  }),

  story('produce, empty is not null', ['empty-value'], async (scene) => {
    const topic = await scene.topic(1);
    const messages: Message[] = [
      { key: Buffer.alloc(0), value: Buffer.from('empty key'), partition: 0 },
      { key: Buffer.from('empty value'), value: Buffer.alloc(0), partition: 0 },
      { key: null, value: null, partition: 0 },
    ];
    isAcked(await scene.driver.produce({ topic, messages }), messages.length);
    await readBack(scene, topic, messages);
  }),

  story('produce, headers', [], async (scene) => {
    const topic = await scene.topic(1);
    const messages: Message[] = [{ key: Buffer.from('k'), value: Buffer.from('v'), partition: 0, headers: [['one', Buffer.from('1')], ['two', Buffer.from('zwei')], ['two', Buffer.from('deux')]] }];
    isAcked(await scene.driver.produce({ topic, messages }), 1);
    await readBack(scene, topic, messages);
  }),

  story('produce, header without a value', ['null-header'], async (scene) => {
    const topic = await scene.topic(1);
    const messages: Message[] = [{ key: null, value: Buffer.from('v'), partition: 0, headers: [['null', null], ['empty', Buffer.alloc(0)]] }];
    isAcked(await scene.driver.produce({ topic, messages }), 1);
    await readBack(scene, topic, messages);
  }),

  ...([['timestamps', 'in order', [1_700_000_000_000, 1_700_000_000_005, 1_700_086_400_000]], ['timestamps-back', 'far apart and in any order', [1_700_000_000_000, 1_600_000_000_000, 1, 1_700_000_000_001]]] as const).map(([ability, words, times]) => story(`produce, timestamps ${words}`, [ability], async (scene) => {
    const topic = await scene.topic(1, keptForEver);
    const messages: Message[] = times.map((timestampMs) => ({ key: null, value: Buffer.from(`at ${timestampMs}`), partition: 0, timestampMs }));
    isAcked(await scene.driver.produce({ topic, messages }), messages.length);
    await readBack(scene, topic, messages);
    scene.fact('greatest timestamp', Math.max(...(await fetchBatches(scene.broker.bootstrap, topic, 0)).map(({ maxTimestampMs }) => maxTimestampMs)));
  })),

  story('produce, timestamps of the log', [], async (scene) => {
    const topic = await scene.topic(1, { 'message.timestamp.type': 'LogAppendTime' });
    const messages = numbered(3).map((message) => scene.driver.lacks['timestamps'] === undefined ? { ...message, timestampMs: 1_000_000_000_000 } : message);
    isAcked(await scene.driver.produce({ topic, messages }), 3);
    const stored = await fetchBatches(scene.broker.bootstrap, topic, 0);
    assert.deepEqual([...new Set(stored.map(({ timestampType }) => timestampType))], ['append']);
    const reader = scene.driver.lacks['append-time'] === undefined ? scene.driver : scene.reference;
    const received = await reader.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 3 });
    for (const record of received) assert.ok(stored.some(({ maxTimestampMs }) => maxTimestampMs === record.timestampMs) && record.timestampMs > 1_500_000_000_000, `timestamp ${record.timestampMs}`);
  }),

  story('produce, timestamps of the far future', ['timestamps'], async (scene) => {
    const topic = await scene.topic(1);
    const inTwoHours = Date.now() + 7_200_000;
    const [ack] = await scene.driver.produce({ topic, messages: [{ key: null, value: Buffer.from('too early'), partition: 0, timestampMs: inTwoHours }] });
    assert.ok('error' in ack!, 'a time more than an hour ahead was accepted');
    scene.fact('error', ack.error);
    scene.fact('end', await scene.reference.admin.listOffset(topic, 0, { kind: 'latest' }));
  }),

  story('produce, big messages', [], async (scene) => {
    const topic = await scene.topic(1);
    const messages: Message[] = [1, 2, 3].map((seed) => ({ key: Buffer.from(`big-${seed}`), value: scene.driver.name === 'kcat' ? Buffer.from(noise(900_000, seed).toString('base64').slice(0, 900_000)) : noise(900_000, seed), partition: 0 }));
    // One request each: a batch of three would be over the limit of a batch.
    for (const message of messages) isAcked(await scene.driver.produce({ topic, messages: [message] }), 1);
    await readBack(scene, topic, messages);
  }),

  story('produce, over the limit of a topic', [], async (scene) => {
    const topic = await scene.topic(1, { 'max.message.bytes': '100000' });
    const acks = await scene.driver.produce({ topic, messages: [{ key: null, value: noise(200_000).map((byte) => byte & 63 | 64) as Buffer, partition: 0 }] });
    assert.equal(acks.length, 1);
    const [ack] = acks;
    if (!('error' in ack!)) assert.fail('a message over max.message.bytes was accepted');
    else if (scene.driver.lacks['error-names'] === undefined) assert.equal(ack.error, 'MESSAGE_TOO_LARGE');
    isAcked(await scene.driver.produce({ topic, messages: numbered(1) }), 1);
    scene.fact('end', await scene.reference.admin.listOffset(topic, 0, { kind: 'latest' }));
  }),

  ...([0, 1, -1] as const).map((acks) => story(`produce, acks ${acks === -1 ? 'all' : acks}`, [], async (scene) => {
    const topic = await scene.topic(1);
    const messages = numbered(20);
    const answered = await scene.driver.produce({ topic, messages, acks });
    assert.equal(answered.filter((ack) => 'error' in ack).length, 0);
    same(await scene.reference.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 20 }), messages);
  })),

  story('produce, idempotent', [], async (scene) => {
    const topic = await scene.topic(1);
    const messages = numbered(50);
    isAcked(await scene.driver.produce({ topic, messages, idempotent: true }), 50);
    await readBack(scene, topic, messages);
    let sequenceNext = 0;
    for (const batch of await fetchBatches(scene.broker.bootstrap, topic, 0)) {
      assert.ok(batch.producerId >= 0, 'has a producer id');
      assert.equal(batch.baseSequence, sequenceNext, 'sequences continue');
      sequenceNext += batch.records;
    }
  }),

  story('produce, to several partitions', [], async (scene) => {
    const topic = await scene.topic(4);
    const messages = Array.from({ length: 80 }, (_, i): Message => ({ key: Buffer.from(`key-${i % 20}`), value: Buffer.from(`value-${i}`) }));
    const acks = await scene.driver.produce({ topic, messages });
    assert.equal(acks.filter((ack) => 'error' in ack).length, 0);
    let end = 0;
    for (let partition = 0; partition < 4; partition++) end += await scene.reference.admin.listOffset(topic, partition, { kind: 'latest' });
    const all = await scene.reference.consume({ topic, partitions: [0, 1, 2, 3], from: { kind: 'beginning' }, count: end });
    // Without idempotence a client may send a request again that had come through.
    const received = all.filter(({ value }, i) => all.findIndex((other) => other.value!.equals(value!)) === i);
    assert.deepEqual(received.map(({ value }) => value!.toString()).sort(), messages.map(({ value }) => value!.toString()).sort());
    // Which key goes where is the client's choice; it must be the same on every broker.
    scene.fact('partition of each key', Object.fromEntries(received.map(({ key, partition }) => [key!.toString(), partition] as const).sort()));
    keepsOrder(received);
  }),

  story('produce, to a topic that is not there', [], async (scene) => {
    const topic = scene.name('new');
    const messages = numbered(5, undefined);
    // The first answer may be that the new topic has no leader yet; clients ask again.
    isAcked(await scene.driver.produce({ topic, messages }), 5);
    const found = await scene.reference.admin.describeTopic(topic);
    scene.fact('partitions', found.partitions);
    assert.equal((await scene.reference.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 5 })).length, 5);
  }),
];

function isAcked(acks: readonly Ack[], count: number): void {
  assert.equal(acks.length, count);
  assert.deepEqual(acks.filter((ack) => 'error' in ack), [], 'no errors');
  const offsets = acks.map((ack) => 'error' in ack ? -1 : ack.offset);
  // Clients that tell offsets tell rising ones.
  if (offsets[0]! >= 0) assert.deepEqual(offsets, offsets.map((_, i) => offsets[0]! + i));
}

async function readBack(scene: Scene, topic: string, messages: readonly ProduceRequest['messages'][number][]): Promise<void> {
  const request = { topic, partitions: [0], from: { kind: 'beginning' } as const, count: messages.length };
  same(await scene.reference.consume(request), messages);
  same(await scene.driver.consume(request), messages);
}

function keepsOrder(received: readonly Received[]): void {
  const last = new Map<string, number>();
  for (const { key, value } of received) {
    const number = Number(value!.toString().split('-')[1]);
    assert.ok(number > (last.get(key!.toString()) ?? -1), `order of ${key}`);
    last.set(key!.toString(), number);
  }
}

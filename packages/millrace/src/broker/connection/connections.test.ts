// Clients that are hostile, broken, slow or many: what they may cost, and that the others do not notice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryMachine, nodeNet, type Clock } from '../../os/mod.ts';
import { apiByKey, ApiVersions, CreateTopics, DeleteTopics, encodeRequest, Fetch, InitProducerId, ListOffsets, Metadata, OffsetCommit, OffsetFetch, Produce } from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, TestClient, type BrokerUnderTest } from '../fixture.ts';

async function clientWithTopic(node: BrokerUnderTest): Promise<TestClient> {
  const client = await node.dial();
  const { topics } = await client.ask(CreateTopics, 7, { topics: [{ name: 'topic', numPartitions: 1, replicationFactor: 1 }] });
  assert.equal(topics[0]!.errorCode, 0);
  return client;
}

const produce = (client: TestClient, records: Uint8Array) =>
  client.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'topic', partitionData: [{ index: 0, records }] }] }).then((answer) => answer.responses[0]!.partitionResponses[0]!);

const fetchAll = { maxWaitMs: 0, minBytes: 1, sessionEpoch: -1, topics: [{ topic: 'topic', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }] };

/** Lets everything that is ready happen. */
const settled = async (turns = 20): Promise<void> => { for (let i = 0; i < turns; i++) await new Promise((resolve) => { setImmediate(resolve); }); };

/** Repeatable numbers 0 .. 2^32-1. */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

test('a frame may come in any pieces', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  const bytes = Buffer.concat(encodeRequest(Metadata, 9, { correlationId: 100, clientId: 'x' }, { topics: [{ name: 'topic' }] }));
  for (const size of [1, 2, 3, 7, bytes.length]) {
    for (let at = 0; at < bytes.length; at += size) {
      client.sendBytes(new Uint8Array(bytes.subarray(at, at + size)));
      await settled(2);
    }
    assert.equal((await client.answer(Metadata, 9)).topics[0]!.errorCode, 0, `in pieces of ${size}`);
  }
});

test('bad bytes end their connection with one line each, and nobody else notices', async () => {
  await using node = await brokerUnderTest();
  const good = await clientWithTopic(node);
  const bad: Record<string, Uint8Array> = {
    'a size below zero': Uint8Array.of(0xff, 0xff, 0xff, 0xff),
    'a size past the limit': Uint8Array.of(0x7f, 0xff, 0xff, 0xff),
    'no header': Uint8Array.of(0, 0, 0, 2, 0, 0),
    'another protocol': new TextEncoder().encode('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    'a body that is cut': Uint8Array.of(0, 0, 0, 12, 0, 3, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 0, 99),
  };
  for (const [what, bytes] of Object.entries(bad)) {
    const before = node.lines.length;
    const client = await node.dial();
    client.sendBytes(bytes);
    assert.equal(await client.frame(), null, what);
    assert.equal(node.lines.length, before + 1, what);
  }
  assert.equal((await produce(good, batchOf(['still here']))).errorCode, 0);
});

test('a thousand mangled requests of every api: the connection may end, the node goes on', async () => {
  await using node = await brokerUnderTest({ config: { 'auto.create.topics.enable': 'false' } });
  const good = await clientWithTopic(node);
  const { apiKeys } = await good.ask(ApiVersions, 3, { clientSoftwareName: 'fuzz', clientSoftwareVersion: '1' });
  const next = chance(20261121);
  for (const { apiKey, minVersion, maxVersion } of apiKeys) {
    const api = apiByKey(apiKey)!;
    for (let i = 0; i < 30; i++) {
      const version = Math.max(api.versions.min, minVersion + (next() % (maxVersion - minVersion + 1)));
      const bytes = Buffer.concat(encodeRequest(api, version, { correlationId: i, clientId: 'fuzz' }, {}));
      for (let flips = next() % 4; flips > 0; flips--) {
        const at = 12 + (next() % Math.max(1, bytes.length - 12));
        if (at < bytes.length) bytes[at] = next() & 0xff;
      }
      const client = await node.dial();
      client.sendBytes(new Uint8Array(bytes));
      client.sendBytes(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
      await client.frame();
      client.stream.destroy();
    }
  }
  assert.equal((await produce(good, batchOf(['still here']))).errorCode, 0);
});

test('answers leave in the order of the requests, also past one that waits', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  client.send(Fetch, 12, { ...fetchAll, maxWaitMs: 60_000 });
  client.send(ListOffsets, 5, { topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, timestamp: -2 }] }] });
  client.send(Metadata, 9, { topics: [] });
  await settled();
  await produce(await node.dial(), batchOf(['wakes the fetch']));
  assert.ok((await client.answer(Fetch, 12)).responses[0]!.partitions[0]!.records!.byteLength > 0);
  assert.equal((await client.answer(ListOffsets, 5)).topics[0]!.partitions[0]!.offset, 0);
  assert.deepEqual((await client.answer(Metadata, 9)).topics, []);
});

test('a client with too many requests under way is not read until some are answered', async () => {
  await using node = await brokerUnderTest({ config: { 'millrace.connection.requests.max': '4' } });
  const client = await clientWithTopic(node);
  for (let i = 0; i < 4; i++) client.send(Fetch, 12, { ...fetchAll, maxWaitMs: 60_000 });
  await settled();
  client.send(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'topic', partitionData: [{ index: 0, records: batchOf(['late']) }] }] });
  await settled();
  const end = async () => (await (await node.dial()).ask(ListOffsets, 5, { topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] })).topics[0]!.partitions[0]!.offset;
  assert.equal(await end(), 0, 'its fifth request has not begun');
  await produce(await node.dial(), batchOf(['early']));
  for (let i = 0; i < 4; i++) assert.ok((await client.answer(Fetch, 12)).responses[0]!.partitions[0]!.records!.byteLength > 0);
  assert.equal((await client.answer(Produce, 9)).responses[0]!.partitionResponses[0]!.baseOffset, 1);
});

test('a client that asks and never reads holds one answer at a time; when it reads it misses nothing', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  await produce(client, batchOf(['x'.repeat(900_000)]));
  const idle = await node.dial();
  idle.stream.pause();
  for (let i = 0; i < 50; i++) idle.send(Fetch, 12, fetchAll);
  await settled();
  const held = node.broker.services.responseMemory.usedBytes;
  assert.ok(held > 0 && held < 8 << 20, `${held} bytes are held for it`);
  idle.stream.resume();
  for (let i = 0; i < 50; i++) assert.ok((await idle.answer(Fetch, 12)).responses[0]!.partitions[0]!.records!.byteLength > 900_000);
  await settled();
  assert.equal(node.broker.services.responseMemory.usedBytes, 0, 'all of it was given back');
});

test('two thousand clients that never read do not hurt one that does', async () => {
  await using node = await brokerUnderTest({ config: { 'millrace.response.memory.bytes': String(16 << 20) } });
  const good = await clientWithTopic(node);
  for (let i = 0; i < 4; i++) await produce(good, batchOf(['x'.repeat(200_000)]));
  for (let i = 0; i < 2000; i++) {
    const idle = await node.dial();
    idle.stream.pause();
    idle.send(Fetch, 12, fetchAll);
    idle.send(Fetch, 12, fetchAll);
    idle.send(Metadata, 9, { topics: null });
  }
  await settled();
  const { responseMemory } = node.broker.services;
  assert.ok(responseMemory.usedBytes < 24 << 20, `${responseMemory.usedBytes} bytes are held, 16 MiB are allowed plus what was under way`);
  assert.equal((await produce(good, batchOf(['y']))).errorCode, 0, 'writing goes on at once');
  const answer = await good.ask(Fetch, 12, { ...fetchAll, maxWaitMs: 60_000 });
  assert.ok(answer.responses[0]!.partitions[0]!.records!.byteLength > 0, 'reading goes on once those that take nothing were disconnected');
  assert.ok(node.broker.connections.evicted > 0);
});

test('a client that takes its answers gets small ones also while others that take nothing hold all the memory', async () => {
  await using node = await brokerUnderTest({ config: { 'millrace.response.memory.bytes': String(16 << 20) } });
  const good = await clientWithTopic(node);
  for (let i = 0; i < 40; i++) await produce(good, batchOf(['x'.repeat(30_000)]));
  const { responseMemory } = node.broker.services;
  for (let i = 0; responseMemory.freeBytes > 0; i++) {
    assert.ok(i < 2000, 'the memory is used up');
    const idle = await node.dial();
    idle.stream.pause();
    idle.send(Fetch, 12, fetchAll);
    await settled(2);
  }
  const fetch = (fetchOffset: number) => good.ask(Fetch, 12, { ...fetchAll, maxWaitMs: 60_000, topics: [{ topic: 'topic', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }] });
  for (let round = 0, offset = 0; round < 10; round++, offset += 2) {
    const { records } = (await fetch(offset)).responses[0]!.partitions[0]!;
    assert.ok(records!.byteLength > 30_000 && records!.byteLength <= 64 << 10, `an answer of ${records!.byteLength} bytes`);
  }
  assert.equal(node.broker.connections.evicted, 0, 'nobody had to go for it');
});

test('a batch larger than the small answer waits until there is room', async () => {
  await using node = await brokerUnderTest({ config: { 'millrace.response.memory.bytes': String(16 << 20) } });
  const good = await clientWithTopic(node);
  await produce(good, batchOf(['x'.repeat(200_000)]));
  const { responseMemory } = node.broker.services;
  responseMemory.take(16 << 20);
  good.send(Fetch, 12, { ...fetchAll, maxWaitMs: 60_000 });
  await settled();
  assert.equal(responseMemory.usedBytes, 16 << 20, 'nothing is read for it');
  responseMemory.give(1 << 20);
  assert.ok((await good.answer(Fetch, 12)).responses[0]!.partitions[0]!.records!.byteLength > 200_000);
});

test('clients that stop half way through a large request give their memory up when others need it', async () => {
  await using node = await brokerUnderTest({ config: { 'queued.max.request.bytes': String(4 << 20) } });
  const good = await clientWithTopic(node);
  for (let i = 0; i < 10; i++) {
    const half = await node.dial();
    half.sendBytes(Uint8Array.of(0, 0x10, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1)); // one MiB is promised, eight bytes come
  }
  await settled();
  assert.ok(node.broker.connections.open > 1);
  assert.equal((await produce(good, batchOf(['x'.repeat(800_000)]))).errorCode, 0);
  assert.ok(node.broker.connections.evicted > 0);
});

test('past max.connections a new one is closed at once', async () => {
  await using node = await brokerUnderTest({ config: { 'max.connections': '2' } });
  const first = await node.dial();
  const second = await node.dial();
  const third = await node.dial();
  assert.equal(await third.frame(), null);
  second.close();
  await settled();
  const fourth = await node.dial();
  for (const client of [first, fourth]) assert.equal((await client.ask(Metadata, 9, { topics: [] })).topics.length, 0);
});

test('over real sockets: thousands of requests from fifty connections at once', async () => {
  const machine = { ...memoryMachine(), net: nodeNet() };
  await using node = await brokerUnderTest({ machine });
  await clientWithTopic(node);
  const clients = await Promise.all(Array.from({ length: 50 }, () => node.dial()));
  const offsets = await Promise.all(clients.map(async (client, number) => {
    const found: number[] = [];
    for (let i = 0; i < 40; i++) found.push((await produce(client, batchOf([`${number}/${i}`]))).baseOffset);
    return found;
  }));
  const all = offsets.flat().sort((a, b) => a - b);
  assert.deepEqual(all, Array.from({ length: 2000 }, (_, index) => index), 'every offset was given out once');
  const large = batchOf(['x'.repeat(1_000_000)]);
  assert.equal((await produce(clients[0]!, large)).baseOffset, 2000, 'a request of many chunks');
  for (const client of clients) client.close();
});

test('a connection that asks nothing is closed in the end; one that waits for an answer is not', async () => {
  await using node = await brokerUnderTest({ config: { 'connections.max.idle.ms': '1' } });
  const waiting = await clientWithTopic(node);
  waiting.send(Fetch, 12, { ...fetchAll, maxWaitMs: 60_000 });
  const idle = await node.dial();
  assert.equal(await idle.frame(), null);
  assert.ok(!waiting.closed);
  await produce(await node.dial(), batchOf(['x']));
  assert.ok((await waiting.answer(Fetch, 12)).responses[0]!.partitions[0]!.records!.byteLength > 0);
});

test('a client that goes while its fetch waits leaves nothing held of its request', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  client.send(Fetch, 12, { ...fetchAll, maxWaitMs: 60_000, sessionId: 0 });
  await settled();
  assert.ok(node.broker.memory.requestBytes > 0, 'it waits');
  client.close();
  await settled();
  assert.equal(node.broker.connections.open, 0);
  assert.deepEqual(node.broker.memory, { requestBytes: 0, responseBytes: 0 });
});

test('a node that is closing listens no more', async () => {
  const node = await brokerUnderTest();
  await node.broker.close();
  await assert.rejects(node.broker.listen({ host: '127.0.0.1', port: 0 }), /closing/);
  await node.log.close();
});

test('a node that is closing ends connections that wait for nothing, without waiting for them', async () => {
  const machine = memoryMachine();
  let graces = 0;
  const after: Clock['after'] = (ms, callback) => machine.clock.after(ms, ms === 2000 ? () => { graces++; callback(); } : callback);
  const node = await brokerUnderTest({ machine: { ...machine, clock: { ...machine.clock, after } } });
  const idle = await node.dial();
  await idle.ask(ApiVersions, 0, {});
  await node.broker.close();
  await settled();
  assert.ok(idle.closed);
  assert.deepEqual([node.broker.connections.open, graces], [0, 0]);
  await node.log.close();
});

test('requests without answers make room for the next ones too', async () => {
  await using node = await brokerUnderTest({ config: { 'millrace.connection.requests.max': '2' } });
  const client = await clientWithTopic(node);
  for (let i = 0; i < 20; i++) client.send(Produce, 9, { acks: 0, timeoutMs: 1000, topicData: [{ name: 'topic', partitionData: [{ index: 0, records: batchOf([`${i}`]) }] }] });
  assert.equal((await client.ask(ListOffsets, 7, { replicaId: -1, topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] })).topics[0]!.partitions[0]!.errorCode, 0);
  await settled();
  assert.equal(node.log.partitions.get('topic-0')!.endOffset, 20);
});

test('of a topic that is deleted nothing is left: no offsets of groups, no producers', async () => {
  await using node = await brokerUnderTest();
  const client = await clientWithTopic(node);
  const { producerId } = await client.ask(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 });
  await produce(client, batchOf(['x'], { producerId, producerEpoch: 0, baseSequence: 0 }));
  await client.ask(OffsetCommit, 8, { groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }] });
  const committed = async () => (await client.ask(OffsetFetch, 8, { groups: [{ groupId: 'g', topics: [{ name: 'topic', partitionIndexes: [0] }] }] })).groups[0]!.topics[0]!.partitions[0]!.committedOffset;
  assert.equal(Number(await committed()), 1);
  await using again = await node.restart();
  const later = await again.dial();
  const producers = again.log.partitions.get('__millrace_producers-0')!;
  const before = producers.endOffset;
  assert.ok(before > 0, 'a snapshot was taken at the close');
  await later.ask(DeleteTopics, 6, { topics: [{ name: 'topic' }], timeoutMs: 1000 });
  await settled();
  assert.equal(producers.endOffset, before + 1, 'the snapshot is taken back');
  await later.ask(CreateTopics, 7, { topics: [{ name: 'topic', numPartitions: 1, replicationFactor: 1 }] });
  const { groups } = await later.ask(OffsetFetch, 8, { groups: [{ groupId: 'g', topics: [{ name: 'topic', partitionIndexes: [0] }] }] });
  assert.equal(Number(groups[0]!.topics[0]!.partitions[0]!.committedOffset), -1);
});

// Transactions as clients see them: what is visible when, who is fenced, what a restart brings back; in the newer protocol and the older one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '../../base/mod.ts';
import { MemoryDisk, memoryNet, nodeClock, nodeRandom, type Machine } from '../../os/mod.ts';
import {
  AddOffsetsToTxn, AddPartitionsToTxn, CreateTopics, DeleteTopics, DescribeProducers, DescribeTransactions, EndTxn, errorName, Fetch, InitProducerId, ListOffsets, ListTransactions,
  OffsetFetch, Produce, readBatchHeader, RecordCursor, TxnOffsetCommit, WriteTxnMarkers,
} from '../../wire/mod.ts';
import { batchOf, brokerUnderTest, type BrokerUnderTest, type TestClient } from '../fixture.ts';

interface Producer { readonly id: string; producerId: number; producerEpoch: number; sequence: Map<string, number>; newer: boolean }

const settled = async (turns = 30): Promise<void> => { for (let i = 0; i < turns; i++) await new Promise((resolve) => { setImmediate(resolve); }); };

async function withTopics(node: BrokerUnderTest, names = ['red', 'blue'], partitions = 1): Promise<TestClient> {
  const client = await node.dial();
  const { topics } = await client.ask(CreateTopics, 7, { topics: names.map((name) => ({ name, numPartitions: partitions, replicationFactor: 1 })), timeoutMs: 1000 });
  assert.ok(topics.every(({ errorCode }) => errorCode === 0));
  return client;
}

async function begin(client: TestClient, id: string, { newer = true, timeoutMs = 60_000 } = {}): Promise<Producer> {
  const { errorCode, producerId, producerEpoch } = await client.ask(InitProducerId, newer ? 5 : 1, { transactionalId: id, transactionTimeoutMs: timeoutMs });
  assert.equal(errorName(errorCode), 'NONE');
  return { id, producerId, producerEpoch, sequence: new Map(), newer };
}

/** Produces values; answers 'NONE' or the name of the error. */
async function produce(client: TestClient, producer: Producer, topic: string, values: string[], { index = 0, version = producer.newer ? 12 : 9 } = {}): Promise<string> {
  const place = `${topic}-${index}`;
  const baseSequence = producer.sequence.get(place) ?? 0;
  const records = batchOf(values, { transactional: true, producerId: producer.producerId, producerEpoch: producer.producerEpoch, baseSequence });
  const answer = await client.ask(Produce, version, { transactionalId: producer.id, acks: -1, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index, records }] }] });
  const { errorCode } = answer.responses[0]!.partitionResponses[0]!;
  if (errorCode === 0) producer.sequence.set(place, baseSequence + values.length);
  return errorName(errorCode);
}

/** Ends the transaction as its protocol does; the newer one goes on with the next epoch. */
async function end(client: TestClient, producer: Producer, committed: boolean): Promise<string> {
  const { id: transactionalId, producerId, producerEpoch } = producer;
  const answer = await client.ask(EndTxn, producer.newer ? 5 : 3, { transactionalId, producerId, producerEpoch, committed });
  if (producer.newer && answer.errorCode === 0) {
    Object.assign(producer, { producerId: answer.producerId, producerEpoch: answer.producerEpoch });
    producer.sequence.clear();
  }
  return errorName(answer.errorCode);
}

/** What a reader gets of a partition from `from` on, reading until there is no more: values, '|' for each marker. */
async function read(client: TestClient, topic: string, { committed = true, from = 0, bytesMax = 1 << 20, index = 0 } = {}): Promise<string> {
  const found: string[] = [];
  for (let offset = from, reads = 0; reads < 100; reads++) {
    const answer = await client.ask(Fetch, 12, {
      maxWaitMs: 0, minBytes: 1, sessionEpoch: -1, isolationLevel: committed ? 1 : 0, topics: [{ topic, partitions: [{ partition: index, fetchOffset: offset, partitionMaxBytes: bytesMax }] }],
    });
    const { records, errorCode, abortedTransactions } = answer.responses[0]!.partitions[0]!;
    assert.equal(errorName(errorCode), 'NONE');
    assert.deepEqual(abortedTransactions ?? [], [], 'nobody has to filter');
    if (records!.byteLength === 0) return found.join(' ');
    for (let at = 0; at < records!.byteLength;) {
      const header = readBatchHeader(records!, at);
      const cursor = new RecordCursor().open(records!, at);
      while (cursor.next()) if (cursor.offset >= offset) found.push(header.isControl ? '|' : new TextDecoder().decode(cursor.value()!));
      at += header.sizeBytes;
      offset = header.baseOffset + header.lastOffsetDelta + 1;
    }
  }
  throw new Error(`reading ${topic} comes to no end`);
}

async function ends(client: TestClient, topic: string): Promise<{ stable: number; high: number }> {
  const at = async (isolationLevel: number) => (await client.ask(ListOffsets, 7, { isolationLevel, topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] })).topics[0]!.partitions[0]!.offset;
  return { stable: await at(1), high: await at(0) };
}

for (const newer of [true, false]) {
  const protocol = newer ? 'newer' : 'older';
  const join = async (client: TestClient, producer: Producer, topics: string[]): Promise<void> => {
    if (newer) return;
    const answer = await client.ask(AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: producer.id, v3AndBelowProducerId: producer.producerId, v3AndBelowProducerEpoch: producer.producerEpoch, v3AndBelowTopics: topics.map((name) => ({ name, partitions: [0] })),
    });
    assert.ok(answer.resultsByTopicV3AndBelow.every(({ resultsByPartition }) => resultsByPartition.every(({ partitionErrorCode }) => partitionErrorCode === 0)));
  };

  test(`what is committed is seen at once in all partitions, what is aborted never (${protocol} protocol)`, async () => {
    await using node = await brokerUnderTest();
    const client = await withTopics(node);
    const producer = await begin(client, 'shop', { newer });
    await join(client, producer, ['red', 'blue']);
    assert.equal(await produce(client, producer, 'red', ['a', 'b']), 'NONE');
    assert.equal(await produce(client, producer, 'blue', ['c']), 'NONE');
    assert.deepEqual([await read(client, 'red'), await read(client, 'red', { committed: false })], ['', 'a b']);
    assert.deepEqual(await ends(client, 'red'), { stable: 0, high: 2 });
    assert.equal(await end(client, producer, true), 'NONE');
    assert.deepEqual([await read(client, 'red'), await read(client, 'blue')], ['a b |', 'c |']);
    assert.deepEqual(await ends(client, 'red'), { stable: 3, high: 3 });

    await join(client, producer, ['red']);
    assert.equal(await produce(client, producer, 'red', ['x', 'y']), 'NONE');
    assert.equal(await end(client, producer, false), 'NONE');
    await join(client, producer, ['red']);
    assert.equal(await produce(client, producer, 'red', ['d']), 'NONE');
    assert.equal(await end(client, producer, true), 'NONE');
    assert.equal(await read(client, 'red'), 'a b | | d |');
    assert.equal(await read(client, 'red', { bytesMax: 1 }), 'a b | | d |', 'batch by batch, past what was left out');
    assert.equal(await read(client, 'red', { from: 4 }), '| d |');
    assert.equal(await read(client, 'red', { committed: false }), 'a b | x y | d |');
  });

  test(`transactions of two producers overlap: each is seen by its own end (${protocol} protocol)`, async () => {
    await using node = await brokerUnderTest();
    const client = await withTopics(node);
    const [one, two] = [await begin(client, 'one', { newer }), await begin(client, 'two', { newer })];
    for (const producer of [one, two]) await join(client, producer, ['red']);
    await produce(client, one, 'red', ['a1']);
    await produce(client, two, 'red', ['b1']);
    await produce(client, one, 'red', ['a2']);
    await end(client, two, false);
    assert.equal(await read(client, 'red'), '', 'the first one is open');
    await produce(client, one, 'red', ['a3']);
    await end(client, one, true);
    assert.equal(await read(client, 'red'), 'a1 a2 | a3 |');
    assert.equal(await read(client, 'red', { from: 1 }), 'a2 | a3 |');
  });

  test(`a restart in the middle changes nothing, one after the end neither (${protocol} protocol)`, async () => {
    let node = await brokerUnderTest();
    let client = await withTopics(node);
    const producer = await begin(client, 'shop', { newer });
    await join(client, producer, ['red', 'blue']);
    for (let round = 0; round < 3; round++) {
      await produce(client, producer, 'red', [`x${round}`]);
      await end(client, producer, false);
      await join(client, producer, ['red', 'blue']);
    }
    await produce(client, producer, 'red', ['a']);
    node = await node.restart();
    client = await node.dial();
    assert.equal(await read(client, 'red'), '| | |'.slice(0, 5), 'what was aborted before stays so, what is open is not seen');
    assert.equal(await produce(client, producer, 'blue', ['b']), 'NONE');
    assert.equal(await produce(client, producer, 'red', ['c']), 'NONE');
    assert.equal(await end(client, producer, true), 'NONE');
    node = await node.restart();
    client = await node.dial();
    assert.deepEqual([await read(client, 'red'), await read(client, 'blue')], ['| | | a c |', 'b |']);
    await join(client, producer, ['red']);
    assert.equal(await produce(client, producer, 'red', ['d']), 'NONE');
    assert.equal(await end(client, producer, false), 'NONE');
    assert.equal(await read(client, 'red'), '| | | a c | |');
    await node[Symbol.asyncDispose]();
  });

  test(`a new producer of the same name fences the old one and aborts what it has open (${protocol} protocol)`, async () => {
    await using node = await brokerUnderTest();
    const client = await withTopics(node);
    const old = await begin(client, 'shop', { newer });
    await join(client, old, ['red']);
    await produce(client, old, 'red', ['lost']);
    const fresh = await begin(client, 'shop', { newer });
    assert.deepEqual([fresh.producerId, fresh.producerEpoch > old.producerEpoch], [old.producerId, true]);
    assert.deepEqual(await ends(client, 'red'), { stable: 2, high: 2 });
    assert.equal(await produce(client, old, 'red', ['late']), 'INVALID_PRODUCER_EPOCH');
    assert.equal(await end(client, old, true), 'PRODUCER_FENCED');
    await join(client, fresh, ['red']);
    assert.equal(await produce(client, fresh, 'red', ['new']), 'NONE');
    assert.equal(await end(client, fresh, true), 'NONE');
    assert.equal(await read(client, 'red'), '| new |');
  });

  test(`offsets are committed with the transaction or not at all (${protocol} protocol)`, async () => {
    let node = await brokerUnderTest();
    let client = await withTopics(node);
    const producer = await begin(client, 'shop', { newer });
    const commit = async (offset: number): Promise<string> => {
      const { id: transactionalId, producerId, producerEpoch } = producer;
      if (!newer) assert.equal((await client.ask(AddOffsetsToTxn, 3, { transactionalId, producerId, producerEpoch, groupId: 'readers' })).errorCode, 0);
      const answer = await client.ask(TxnOffsetCommit, newer ? 5 : 3, {
        transactionalId, producerId, producerEpoch, groupId: 'readers', topics: [{ name: 'red', partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: 'note' }] }],
      });
      return errorName(answer.topics[0]!.partitions[0]!.errorCode);
    };
    const offset = async (requireStable = true) => {
      const { committedOffset, errorCode } = (await client.ask(OffsetFetch, 9, { requireStable, groups: [{ groupId: 'readers', topics: [{ name: 'red', partitionIndexes: [0] }] }] })).groups[0]!.topics[0]!.partitions[0]!;
      return errorCode === 0 ? committedOffset : errorName(errorCode);
    };
    assert.equal(await commit(5), 'NONE');
    assert.deepEqual([await offset(), await offset(false)], ['UNSTABLE_OFFSET_COMMIT', -1]);
    node = await node.restart();
    client = await node.dial();
    assert.equal(await offset(), 'UNSTABLE_OFFSET_COMMIT', 'a restart forgets nothing');
    await join(client, producer, ['blue']);
    await produce(client, producer, 'blue', ['out']);
    assert.equal(await end(client, producer, true), 'NONE');
    assert.deepEqual([await offset(), await read(client, 'blue')], [5, 'out |']);
    assert.equal(await commit(9), 'NONE');
    assert.equal(await end(client, producer, false), 'NONE');
    assert.equal(await offset(), 5);
    node = await node.restart();
    client = await node.dial();
    assert.equal(await offset(), 5);
    await node[Symbol.asyncDispose]();
  });
}

test('in the newer protocol a late batch of an ended transaction never enters the next one', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopics(node);
  const producer = await begin(client, 'shop');
  await produce(client, producer, 'red', ['a']);
  const late = { ...producer, sequence: new Map([['red-0', 1], ['blue-0', 0]]) };
  await end(client, producer, true);
  for (const topic of ['red', 'blue']) assert.equal(await produce(client, late, topic, ['late']), 'INVALID_PRODUCER_EPOCH');
  assert.equal(await end(client, late, true), 'NONE', 'the answer to the first request was lost: the second is told the same');
  assert.deepEqual([late.producerId, late.producerEpoch], [producer.producerId, producer.producerEpoch]);
  assert.equal(await end(client, { ...late, producerEpoch: late.producerEpoch - 1 }, false), 'INVALID_TXN_STATE', 'what is decided stays so');
  assert.equal(await end(client, { ...producer }, true), 'INVALID_TXN_STATE', 'nothing was begun');
  assert.equal(await end(client, producer, false), 'NONE', 'to abort nothing is safe');
  assert.equal(await produce(client, producer, 'red', ['b']), 'NONE');
  assert.equal(await end(client, producer, true), 'NONE');
  assert.equal(await read(client, 'red'), 'a | b |');
});

test('in the older protocol a partition must have been added, and an end may be asked for twice', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopics(node);
  const producer = await begin(client, 'shop', { newer: false });
  assert.equal(await produce(client, producer, 'red', ['a']), 'INVALID_TXN_STATE');
  assert.equal(await end(client, producer, true), 'INVALID_TXN_STATE');
  const add = async (topics: { name: string; partitions: number[] }[]) => (await client.ask(AddPartitionsToTxn, 3, {
    v3AndBelowTransactionalId: 'shop', v3AndBelowProducerId: producer.producerId, v3AndBelowProducerEpoch: producer.producerEpoch, v3AndBelowTopics: topics,
  })).resultsByTopicV3AndBelow.flatMap(({ name, resultsByPartition }) => resultsByPartition.map(({ partitionIndex, partitionErrorCode }) => `${name}-${partitionIndex} ${errorName(partitionErrorCode)}`));
  assert.deepEqual(await add([{ name: 'red', partitions: [0, 1] }]), ['red-0 OPERATION_NOT_ATTEMPTED', 'red-1 UNKNOWN_TOPIC_OR_PARTITION']);
  assert.deepEqual(await add([{ name: 'red', partitions: [0] }]), ['red-0 NONE']);
  assert.equal(await produce(client, producer, 'red', ['a']), 'NONE');
  assert.equal(await produce(client, producer, 'blue', ['a']), 'INVALID_TXN_STATE');
  assert.deepEqual([await end(client, producer, true), await end(client, producer, true), await end(client, producer, false)], ['NONE', 'NONE', 'INVALID_TXN_STATE']);
  assert.equal(await produce(client, producer, 'red', ['late']), 'INVALID_TXN_STATE');
  assert.equal(await read(client, 'red'), 'a |');
});

test('one that stays open too long is aborted, its producer fenced; the time goes on over a restart', async () => {
  let node = await brokerUnderTest();
  let client = await withTopics(node);
  const quick = await begin(client, 'quick', { timeoutMs: 60 });
  const slow = await begin(client, 'slow', { timeoutMs: 500 });
  await produce(client, quick, 'red', ['a']);
  await produce(client, slow, 'blue', ['b']);
  await new Promise((resolve) => { setTimeout(resolve, 150); });
  assert.deepEqual([(await ends(client, 'red')).stable, (await ends(client, 'blue')).stable], [2, 0]);
  assert.equal(await produce(client, quick, 'red', ['late']), 'INVALID_PRODUCER_EPOCH');
  assert.ok(node.lines.some((line) => line.includes("'quick'")));
  node = await node.restart();
  client = await node.dial();
  await new Promise((resolve) => { setTimeout(resolve, 600); });
  assert.equal((await ends(client, 'blue')).stable, 2);
  assert.deepEqual([await read(client, 'red'), await read(client, 'blue')], ['|', '|']);
  assert.equal(await end(client, quick, false), 'PRODUCER_FENCED', 'it was the node that ended it, also after a restart');
  assert.equal(errorName((await client.ask(InitProducerId, 5, { transactionalId: 'x', transactionTimeoutMs: 10_000_000 })).errorCode), 'INVALID_TRANSACTION_TIMEOUT');
  await node[Symbol.asyncDispose]();
});

test('a transactional id that was not used for long is forgotten, for good', async () => {
  const clock = nodeClock();
  const ticks: (() => void)[] = [];
  let shiftMs = 0;
  const machine: Machine = {
    disk: new MemoryDisk(), net: memoryNet(clock), random: nodeRandom(),
    clock: { ...clock, nowMs: () => clock.nowMs() + shiftMs, after: (ms, callback) => (ms === 600_000 ? (ticks.push(callback), { cancel: () => {} }) : clock.after(ms, callback)) },
  };
  let node = await brokerUnderTest({ machine, config: { 'transactional.id.expiration.ms': '1000' } });
  let client = await withTopics(node);
  const producer = await begin(client, 'open');
  await produce(client, producer, 'red', ['a']);
  await begin(client, 'silent');
  shiftMs = 5000;
  await begin(client, 'busy');
  for (const tick of ticks.splice(0)) tick();
  await settled();
  const ids = async () => (await client.ask(ListTransactions, 1, {})).transactionStates.map(({ transactionalId }) => transactionalId).sort();
  assert.deepEqual(await ids(), ['busy', 'open']);
  node = await node.restart();
  client = await node.dial();
  assert.deepEqual(await ids(), ['busy', 'open']);
  await node[Symbol.asyncDispose]();
});

test('a producer takes its next epoch by naming its own; one that is behind is told so (KIP-360)', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopics(node);
  const producer = await begin(client, 'shop');
  const renew = async (producerEpoch: number, producerId = producer.producerId, version = 5) => {
    const answer = await client.ask(InitProducerId, version, { transactionalId: 'shop', transactionTimeoutMs: 60_000, producerId, producerEpoch });
    return answer.errorCode === 0 ? answer.producerEpoch : errorName(answer.errorCode);
  };
  assert.deepEqual([await renew(0), await renew(0), await renew(0)], [1, 2, 'PRODUCER_FENCED']);
  assert.deepEqual([await renew(5), await renew(2, 777), await renew(5, producer.producerId, 3)], ['PRODUCER_FENCED', 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH']);
  assert.equal(await renew(-1, 3), 'INVALID_REQUEST');
});

test('batches are refused that do not belong where they come', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopics(node);
  const producer = await begin(client, 'shop');
  const { producerId, producerEpoch } = producer;
  const send = async (transactionalId: string | null, transactional: boolean, acks = -1, sequence = 0) => errorName((await client.ask(Produce, 12, {
    transactionalId, acks, timeoutMs: 1000, topicData: [{ name: 'red', partitionData: [{ index: 0, records: batchOf(['x'], { transactional, producerId, producerEpoch, baseSequence: sequence }) }] }],
  })).responses[0]!.partitionResponses[0]!.errorCode);
  assert.equal(await send(null, true), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  assert.equal(await send('shop', true, 1), 'INVALID_REQUIRED_ACKS');
  assert.equal(await send('nobody', true), 'INVALID_PRODUCER_ID_MAPPING');
  assert.equal(await send('shop', true), 'NONE');
  assert.equal(await send('shop', true), 'NONE', 'a repetition');
  assert.equal(await send('shop', false, -1, 1), 'INVALID_TXN_STATE');
  assert.equal(await end(client, producer, true), 'NONE');
  assert.equal(await read(client, 'red'), 'x |');
});

test('operators see what is open, and can end what hangs in a partition', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopics(node);
  const producer = await begin(client, 'shop');
  await begin(client, 'idle');
  await produce(client, producer, 'red', ['a', 'b']);
  await produce(client, producer, 'blue', ['c']);
  const described = (await client.ask(DescribeTransactions, 0, { transactionalIds: ['shop', 'nobody'] })).transactionStates;
  assert.deepEqual(described.map(({ errorCode, transactionState, topics }) => [errorName(errorCode), transactionState, topics]), [
    ['NONE', 'Ongoing', [{ topic: 'red', partitions: [0] }, { topic: 'blue', partitions: [0] }]], ['TRANSACTIONAL_ID_NOT_FOUND', '', []],
  ]);
  const listed = async (filters: object) => (await client.ask(ListTransactions, 1, filters)).transactionStates.map(({ transactionalId, transactionState }) => `${transactionalId} ${transactionState}`).sort();
  assert.deepEqual(await listed({}), ['idle Empty', 'shop Ongoing']);
  assert.deepEqual([await listed({ stateFilters: ['Ongoing'] }), await listed({ producerIdFilters: [producer.producerId + 1] }), await listed({ durationFilter: 100_000 })], [['shop Ongoing'], ['idle Empty'], []]);
  assert.deepEqual((await client.ask(ListTransactions, 0, { stateFilters: ['Open'] })).unknownStateFilters, ['Open']);
  const openSince = async () => (await client.ask(DescribeProducers, 0, { topics: [{ name: 'red', partitionIndexes: [0] }] })).topics[0]!.partitions[0]!.activeProducers[0]!.currentTxnStartOffset;
  assert.equal(await openSince(), 0);
  const stale = await client.ask(WriteTxnMarkers, 1, { markers: [{ producerId: producer.producerId, producerEpoch: -1, transactionResult: false, topics: [{ name: 'red', partitionIndexes: [0] }], coordinatorEpoch: 0 }] });
  assert.equal(errorName(stale.markers[0]!.topics[0]!.partitions[0]!.errorCode), 'INVALID_PRODUCER_EPOCH');
  const abortRed = () => client.ask(WriteTxnMarkers, 1, { markers: [{ producerId: producer.producerId, producerEpoch: producer.producerEpoch, transactionResult: false, topics: [{ name: 'red', partitionIndexes: [0, 9] }], coordinatorEpoch: 0 }] });
  const append = node.log.appendTogether;
  node.log.appendTogether = () => { throw new MillraceError('overloaded', 'Cannot append: no room'); };
  const refused = await abortRed();
  node.log.appendTogether = append;
  assert.equal(errorName(refused.markers[0]!.topics[0]!.partitions[0]!.errorCode), 'COORDINATOR_NOT_AVAILABLE', 'there is no room now: try again');
  const { markers } = await abortRed();
  assert.deepEqual(markers[0]!.topics[0]!.partitions.map(({ errorCode }) => errorName(errorCode)), ['NONE', 'UNKNOWN_TOPIC_OR_PARTITION']);
  assert.deepEqual([await openSince(), await read(client, 'red')], [-1, '|']);
  assert.equal(await end(client, producer, true), 'NONE');
  assert.equal(await read(client, 'blue'), 'c |');
});

test('a topic that is deleted takes its part of a transaction with it', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopics(node);
  const producer = await begin(client, 'shop');
  await produce(client, producer, 'red', ['a']);
  await produce(client, producer, 'blue', ['b']);
  await client.ask(DeleteTopics, 5, { topicNames: ['red'], timeoutMs: 1000 });
  assert.equal(await end(client, producer, true), 'NONE');
  assert.equal(await read(client, 'blue'), 'b |');
});

test('of a topic that is deleted nothing is committed, also when a group has nothing but what a transaction would commit', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopics(node);
  const producer = await begin(client, 'shop');
  const { id: transactionalId, producerId, producerEpoch } = producer;
  await client.ask(TxnOffsetCommit, 5, { transactionalId, producerId, producerEpoch, groupId: 'readers', topics: [{ name: 'red', partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: '' }] }] });
  await client.ask(DeleteTopics, 5, { topicNames: ['red'], timeoutMs: 1000 });
  await client.ask(CreateTopics, 7, { topics: [{ name: 'red', numPartitions: 1, replicationFactor: 1 }], timeoutMs: 1000 });
  assert.equal(await end(client, producer, true), 'NONE');
  const { topics } = (await client.ask(OffsetFetch, 9, { requireStable: true, groups: [{ groupId: 'readers', topics: [{ name: 'red', partitionIndexes: [0] }] }] })).groups[0]!;
  assert.deepEqual(topics[0]!.partitions.map(({ errorCode, committedOffset }) => [errorCode, committedOffset]), [[0, -1]]);
});

test('a reader gets past any number of aborted batches, and others are served meanwhile', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopics(node);
  const producer = await begin(client, 'shop');
  for (let i = 0; i < 3_000; i++) {
    const records = batchOf(['x'], { transactional: true, producerId: producer.producerId, producerEpoch: producer.producerEpoch, baseSequence: i });
    client.send(Produce, 12, { transactionalId: 'shop', acks: -1, timeoutMs: 1000, topicData: [{ name: 'red', partitionData: [{ index: 0, records }] }] });
  }
  for (let i = 0; i < 3_000; i++) await client.answer(Produce, 12);
  await end(client, producer, false);
  const reader = await node.dial();
  const order: string[] = [];
  const reading = read(reader, 'red', { bytesMax: 1 }).then((found) => { order.push('reader'); return found; });
  await ends(client, 'red');
  order.push('other');
  assert.equal(await reading, '|');
  assert.deepEqual(order, ['other', 'reader']);
});

test('a reader of committed data that waits is told by the end of the transaction', async () => {
  for (const durability of ['synced', 'page-cache']) {
    await using node = await brokerUnderTest();
    const client = await node.dial();
    await client.ask(CreateTopics, 7, { topics: [{ name: 'red', numPartitions: 1, replicationFactor: 1, configs: [{ name: 'millrace.durability', value: durability }] }], timeoutMs: 1000 });
    const producer = await begin(client, 'shop');
    await produce(client, producer, 'red', ['a']);
    const reader = await node.dial();
    const waiting = reader.ask(Fetch, 12, { maxWaitMs: 60_000, minBytes: 1, sessionEpoch: -1, isolationLevel: 1, topics: [{ topic: 'red', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }] });
    let told = false;
    waiting.then(() => { told = true; });
    await produce(client, producer, 'red', ['b']);
    await settled();
    assert.ok(!told, durability);
    await end(client, producer, true);
    const { highWatermark, lastStableOffset, records } = (await waiting).responses[0]!.partitions[0]!;
    assert.deepEqual([highWatermark, lastStableOffset, records!.byteLength > 100], [3, 3, true], durability);
  }
});

test('epochs that are used up are followed by a new producer id', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopics(node);
  const producer = await begin(client, 'shop');
  const before = producer.producerId;
  await client.ask(InitProducerId, 5, { transactionalId: 'shop', transactionTimeoutMs: 60_000, producerId: producer.producerId, producerEpoch: producer.producerEpoch });
  Object.assign(node.broker.transactions.find('shop')!, { producerEpoch: 32_766 });
  producer.producerEpoch = 32_766;
  await produce(client, producer, 'red', ['a']);
  const asked = { ...producer };
  assert.equal(await end(client, producer, true), 'NONE');
  assert.deepEqual([producer.producerId > before, producer.producerEpoch], [true, 0]);
  assert.equal(await end(client, asked, true), 'NONE', 'asked again, told the same');
  assert.equal(asked.producerId, producer.producerId);
  await produce(client, producer, 'red', ['b']);
  assert.equal(await end(client, producer, true), 'NONE');
  assert.equal(await read(client, 'red'), 'a | b |');
});

// A consumer whose leader changes: the new one may lack records that were read (KIP-320). A scripted broker on virtual time keeps a log with
// leader epochs, as Kafka does; Millrace itself has one leader and one epoch.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../testing/mod.ts';
import {
  apiByKey, ApiVersions, BatchBuilder, decodeRequest, decodeRequestHeader, encodeResponse, errorCodes as E, Fetch, FindCoordinator, ListOffsets, Metadata, OffsetCommit, OffsetFetch,
  OffsetForLeaderEpoch, stampBaseOffset, type RequestOf,
} from '../../wire/mod.ts';
import { connect } from '../mod.ts';
import { FrameReader } from '../net/frames.ts';
import type { ConsumerOptions } from './options.ts';

const address = { host: 'server', port: 9092 };
const topicId = 'abcdefghijklmnopqrstuA';
const place = { topic: 't', partition: 0 };

/** One broker that leads t-0; `records[offset]` says who wrote it. */
class Leader {
  epoch = 1;
  /** Epoch that metadata tells; it may lag behind. */
  toldEpoch = 1;
  records: { epoch: number; value: string }[] = [];
  fetchVersionMax = Fetch.versions.max;
  knowsEpochs = true;
  hasLeader = true;
  metadataCount = 0;
  readonly asked: string[] = [];
  readonly committed: { offset: number; leaderEpoch: number }[] = [];
  committedBefore: { offset: number; leaderEpoch: number } | null = null;

  append(...values: string[]): void { for (const value of values) this.records.push({ epoch: this.epoch, value }); }

  /** A new leader is elected that has the records before `length`. */
  elect(length: number, isTold = true): void {
    this.records.length = length;
    this.epoch++;
    if (isTold) this.toldEpoch = this.epoch;
  }

  /** Where the records of `epoch` and before end, as OffsetForLeaderEpoch has it. */
  endOf(epoch: number): { leaderEpoch: number; endOffset: number } {
    if (epoch === this.epoch) return { leaderEpoch: epoch, endOffset: this.records.length };
    if (epoch > this.epoch) return { leaderEpoch: -1, endOffset: -1 };
    const end = this.records.findIndex((record) => record.epoch > epoch);
    const endOffset = end < 0 ? this.records.length : end;
    return { leaderEpoch: endOffset === 0 ? epoch : this.records[endOffset - 1]!.epoch, endOffset };
  }

  fence(epoch: number): number {
    return epoch < 0 || epoch === this.epoch ? E.NONE : epoch < this.epoch ? E.FENCED_LEADER_EPOCH : E.UNKNOWN_LEADER_EPOCH;
  }

  answer(apiKey: number, version: number, frame: Uint8Array, bodyAt: number): object {
    switch (apiKey) {
      case ApiVersions.key: {
        const apis = [Metadata, ApiVersions, ListOffsets, FindCoordinator, OffsetCommit, OffsetFetch, Fetch, ...(this.knowsEpochs ? [OffsetForLeaderEpoch] : [])];
        return { errorCode: 0, apiKeys: apis.map((api) => ({ apiKey: api.key, minVersion: api.versions.min, maxVersion: api.key === Fetch.key ? this.fetchVersionMax : api.versions.max })) };
      }
      case Metadata.key: this.metadataCount++; return {
        brokers: [{ nodeId: 1, ...address, rack: null }], clusterId: 'c', controllerId: 1,
        topics: [{ errorCode: 0, name: 't', topicId, isInternal: false, partitions: [{ errorCode: 0, partitionIndex: 0, leaderId: this.hasLeader ? 1 : -1, leaderEpoch: this.toldEpoch, replicaNodes: [1], isrNodes: [1], offlineReplicas: [] }] }],
      };
      case FindCoordinator.key: return { errorCode: 0, nodeId: 1, ...address, coordinators: [{ key: 'g', nodeId: 1, ...address, errorCode: 0, errorMessage: null }] };
      case OffsetFetch.key: return { groups: [{ groupId: 'g', errorCode: 0, topics: [{ topicId, name: 't', partitions: [{
        partitionIndex: 0, committedOffset: this.committedBefore?.offset ?? -1, committedLeaderEpoch: this.committedBefore?.leaderEpoch ?? -1, metadata: '', errorCode: 0,
      }] }] }] };
      case OffsetCommit.key: {
        const { committedOffset, committedLeaderEpoch } = decodeRequest(OffsetCommit, version, frame, bodyAt).topics[0]!.partitions[0]!;
        this.committed.push({ offset: Number(committedOffset), leaderEpoch: committedLeaderEpoch });
        return { topics: [{ name: 't', topicId, partitions: [{ partitionIndex: 0, errorCode: 0 }] }] };
      }
      case ListOffsets.key: {
        const { timestamp } = decodeRequest(ListOffsets, version, frame, bodyAt).topics[0]!.partitions[0]!;
        const offset = Number(timestamp) === -2 ? 0 : this.records.length;
        return { topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: 0, timestamp: -1, offset, leaderEpoch: this.epoch }] }] };
      }
      case OffsetForLeaderEpoch.key: {
        const { currentLeaderEpoch, leaderEpoch } = decodeRequest(OffsetForLeaderEpoch, version, frame, bodyAt).topics[0]!.partitions[0]!;
        this.asked.push(`${leaderEpoch} of ${currentLeaderEpoch}`);
        return { topics: [{ topic: 't', partitions: [{ partition: 0, errorCode: this.fence(currentLeaderEpoch), ...this.endOf(leaderEpoch) }] }] };
      }
      case Fetch.key: return this.#fetch(decodeRequest(Fetch, version, frame, bodyAt), version);
      default: throw new Error(`not scripted: ${apiKey}`);
    }
  }

  #fetch(request: RequestOf<typeof Fetch>, version: number): object {
    const one = request.topics[0]?.partitions[0];
    if (!one) return { errorCode: 0, sessionId: 0, responses: [] };
    const offset = Number(one.fetchOffset);
    const answer = { partitionIndex: 0, errorCode: this.fence(one.currentLeaderEpoch), highWatermark: this.records.length, lastStableOffset: this.records.length, logStartOffset: 0, abortedTransactions: null, records: new Uint8Array(0) };
    const end = version >= 12 && one.lastFetchedEpoch >= 0 ? this.endOf(one.lastFetchedEpoch) : null;
    if (answer.errorCode === 0 && offset > this.records.length && !end) answer.errorCode = E.OFFSET_OUT_OF_RANGE;
    const diverges = end !== null && (end.leaderEpoch < one.lastFetchedEpoch || end.endOffset < offset);
    if (answer.errorCode === 0 && !diverges) answer.records = Buffer.concat(this.records.slice(offset).map(({ epoch, value }, index) => batchOf(offset + index, epoch, value)));
    return { errorCode: 0, sessionId: 0, responses: [{ topic: 't', topicId, partitions: [{ ...answer, ...(answer.errorCode === 0 && diverges ? { divergingEpoch: { epoch: end.leaderEpoch, endOffset: end.endOffset } } : {}) }] }] };
  }
}

function batchOf(offset: number, epoch: number, value: string): Uint8Array {
  const builder = new BatchBuilder();
  builder.append(0, null, value);
  const bytes = builder.finish({});
  stampBaseOffset(bytes, 0, offset, epoch);
  return bytes;
}

async function scene(prepare: (leader: Leader) => void = () => {}, metadataMaxAgeMs = 100) {
  const world = new World(11);
  const { time } = world;
  const leader = new Leader();
  prepare(leader);
  const server = world.start('node', address.host);
  await time.settle(server.machine.net.listen(address, (connection) => {
    const frames = new FrameReader((frame) => {
      const { apiKey, apiVersion, correlationId, bodyAt } = decodeRequestHeader(frame);
      const delayMs = apiKey === Fetch.key ? 5 : 0;
      server.machine.clock.after(delayMs, () => connection.write(encodeResponse(apiByKey(apiKey)!, apiVersion, correlationId, leader.answer(apiKey, apiVersion, frame, bodyAt))));
    });
    connection.onData((chunk) => frames.push(chunk));
    connection.onClose(() => {});
  }));
  const app = world.start('app', 'app');
  const client = await time.settle(connect('server:9092', { machine: app.machine, requestTimeoutMs: 1_000, connectTimeoutMs: 500, metadataMaxAgeMs }));
  const reader = (options: Partial<ConsumerOptions> = {}) => client.consumer({ partitions: [{ ...place, ...(options.group ? {} : { from: 'earliest' as const }) }], maxWaitMs: 10, ...options });
  /** The next texts, each done when the next is asked for. */
  const read = (records: AsyncIterator<{ offset: number; text(): string | null }>, count: number) => time.settle((async () => {
    const texts: string[] = [];
    while (texts.length < count) texts.push((await records.next()).value!.text()!);
    return texts.join(' ');
  })());
  return { time, leader, client, reader, read };
}

for (const fetchVersionMax of [Fetch.versions.max, 11]) {
  const how = fetchVersionMax === 11 ? 'by asking for the end of the epoch' : 'by what fetches say';

  test(`records that a new leader does not have are noticed (${how}): the consumer goes on where the logs part`, async () => {
    const { leader, reader, read } = await scene((one) => { one.fetchVersionMax = fetchVersionMax; });
    leader.append('a', 'b', 'c', 'd');
    const records = reader()[Symbol.asyncIterator]();
    assert.equal(await read(records, 4), 'a b c d');
    leader.elect(2);
    leader.append('x', 'y', 'z');
    assert.equal(await read(records, 3), 'x y z');
  });

  test(`with offsetReset 'error' it says so, and where the logs part (${how})`, async () => {
    const { leader, reader, read } = await scene((one) => { one.fetchVersionMax = fetchVersionMax; });
    leader.append('a', 'b', 'c', 'd');
    const records = reader({ offsetReset: 'error' })[Symbol.asyncIterator]();
    assert.equal(await read(records, 4), 'a b c d');
    leader.elect(2);
    leader.append('x', 'y', 'z');
    await assert.rejects(read(records, 1), (error: { code: string; data: Record<string, unknown>; message: string }) => {
      assert.equal(error.code, 'offset-out-of-range');
      assert.deepEqual([error.data['divergentOffset'], error.data['divergentEpoch'], error.data['offset']], [2, 1, 4]);
      assert.match(error.message, /the log was cut at 2 when its leader changed/);
      return true;
    });
  });

  test(`a new leader that has everything changes nothing (${how})`, async () => {
    const { leader, reader, read } = await scene((one) => { one.fetchVersionMax = fetchVersionMax; });
    leader.append('a', 'b');
    const records = reader({ offsetReset: 'error' })[Symbol.asyncIterator]();
    assert.equal(await read(records, 2), 'a b');
    for (let round = 0; round < 3; round++) {
      leader.elect(leader.records.length);
      leader.append(`n${round}`);
      assert.equal(await read(records, 1), `n${round}`);
    }
    leader.elect(leader.records.length); // two leaders that wrote nothing
    leader.elect(leader.records.length);
    leader.append('last');
    assert.equal(await read(records, 1), 'last');
  });
}

test('a leader is asked once, with the epoch of the record before the position', async () => {
  const { time, leader, reader, read } = await scene();
  leader.append('a');
  const records = reader()[Symbol.asyncIterator]();
  await read(records, 1);
  leader.elect(1);
  await time.advance(1_000);
  leader.append('b');
  await read(records, 1);
  assert.deepEqual(leader.asked, ['1 of 2']);
});

test('a broker that cannot be asked is trusted', async () => {
  const { leader, reader, read } = await scene((one) => { one.fetchVersionMax = 11; one.knowsEpochs = false; });
  leader.append('a', 'b');
  const records = reader()[Symbol.asyncIterator]();
  await read(records, 2);
  leader.elect(2);
  leader.append('c');
  assert.equal(await read(records, 1), 'c');
});

test('a client that knows an older leader is told so, and looks again; one that knows a newer one waits for the broker', async () => {
  const { time, leader, reader, read } = await scene();
  leader.append('a');
  const records = reader()[Symbol.asyncIterator]();
  await read(records, 1);
  leader.elect(1, false); // metadata lags: the fetch is fenced
  leader.append('b');
  const next = read(records, 1);
  await time.advance(300);
  leader.toldEpoch = leader.epoch;
  assert.equal(await next, 'b');
  leader.toldEpoch = leader.epoch + 1; // metadata is ahead of the broker
  leader.append('c');
  const last = read(records, 1);
  await time.advance(300);
  leader.elect(leader.records.length);
  assert.equal(await last, 'c');
});

test('what is fetched ahead and not handed out is fetched again from the new leader, without an error', async () => {
  const { time, leader, reader, read } = await scene();
  leader.append('a', 'b', 'c', 'd');
  const consumer = reader({ offsetReset: 'error' });
  const records = consumer[Symbol.asyncIterator]();
  assert.equal(await read(records, 2), 'a b');
  leader.elect(3);
  leader.append('x');
  await time.advance(500);
  assert.equal(await read(records, 3), 'b c x', 'the record in hand comes again, and d never');
});

test('commits carry the epoch of the record before the offset, and a committed epoch is checked at the next start', async () => {
  const { time, leader, reader, read } = await scene();
  leader.append('a', 'b');
  const first = reader({ group: 'g', commit: 'manual' });
  const records = first[Symbol.asyncIterator]();
  await read(records, 2);
  leader.elect(2);
  leader.append('c', 'd');
  await read(records, 2);
  await time.settle(first.commit([{ ...place, offset: 1 }]));
  await time.settle(first.commit());
  const { value } = await time.settle((async () => { leader.append('e'); return await records.next(); })());
  await time.settle(first.commit(value));
  assert.deepEqual(leader.committed, [{ offset: 1, leaderEpoch: -1 }, { offset: 3, leaderEpoch: 2 }, { offset: 5, leaderEpoch: 2 }], 'an offset that the caller made up has none');
  await time.settle(first.close());
  leader.committedBefore = { offset: 5, leaderEpoch: 2 };
  leader.elect(3);
  leader.append('y');
  assert.equal(await read(reader({ group: 'g' })[Symbol.asyncIterator](), 1), 'y');
  await assert.rejects(read(reader({ group: 'g', offsetReset: 'error' })[Symbol.asyncIterator](), 1), { code: 'offset-out-of-range' });
});

test('a partition without a leader is looked for with growing waits, and read soon after it has one', async () => {
  const { time, leader, reader, read } = await scene(() => {}, 60_000);
  leader.append('a');
  const records = reader()[Symbol.asyncIterator]();
  await read(records, 1);
  leader.hasLeader = false;
  leader.elect(1);
  const before = leader.metadataCount;
  const next = read(records, 1);
  await time.advance(20_000);
  const asked = leader.metadataCount - before;
  assert.ok(asked > 10 && asked < 100, `${asked} times in 20 s`); // virtual time
  leader.hasLeader = true;
  leader.append('b');
  const startMs = time.nowMs;
  assert.equal(await next, 'b');
  assert.ok(time.nowMs - startMs < 1_500);
});

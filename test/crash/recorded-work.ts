// test/crash/recorded-work.ts - the work whose disk is recorded, and what must be left of it at any place of the recording.
// Owns: the work (produce, commit, create and delete topics, delete records), each confirmation with its place in the recording, the checks.
// W1 What was confirmed before a cut is there after it. W2 What is there was sent, once, and in order per producer.
import assert from 'node:assert/strict';
import { connect } from '../../packages/millrace/src/client/mod.ts';
import type { Client } from '../../packages/millrace/src/client/mod.ts';
import { startNode } from '../../packages/millrace/src/node/mod.ts';
import type { Node } from '../../packages/millrace/src/node/mod.ts';
import { nodeMachine } from '../../packages/millrace/src/os/mod.ts';
import { RecordingDisk } from '../../packages/millrace/src/os/recording-disk.ts';
import type { TraceEntry } from '../../packages/millrace/src/os/recording-disk.ts';
import { prng } from '../../packages/millrace/src/testing/mod.ts';
import type { FakeRandom } from '../../packages/millrace/src/testing/mod.ts';
import { CreateTopics, DeleteTopics, Metadata, OffsetCommit, OffsetFetch, errorCodes, errorName } from '../../packages/millrace/src/wire/mod.ts';
import { rawClient, readTopic } from './left.ts';

const topic = 'kept';
const partitions = 3;
const producers = 3;
const sendsEach = 150;
const group = 'readers';
/** Patience with a node on a busy machine. */
const answerMs = 60_000;

/** A record that was acknowledged. `at` is the place in the recording by which it was. */
export interface Acked { readonly value: string; readonly partition: number; readonly offset: number; readonly at: number }

/** A confirmation of something else. */
interface Confirmed { readonly at: number; readonly name: string; readonly value: number }

/** A recording and everything that was confirmed during it. */
export interface RecordedWork {
  readonly recorded: readonly TraceEntry[];
  /** From here on the topics are there. */
  readonly from: number;
  readonly sent: ReadonlySet<string>;
  readonly acked: readonly Acked[];
  readonly committed: readonly Confirmed[];
  /** 1: created, 0: deleted. */
  readonly topics: readonly Confirmed[];
}

/** Runs a node on a recorded disk in `folder` and works on it. */
export async function recordWork(folder: string, sizes: { tailBytes: number; journalFileBytes: number }, seed: number): Promise<RecordedWork> {
  const machine = nodeMachine(folder);
  const disk = new RecordingDisk(machine.disk);
  const random = prng(seed);
  const work = { recorded: disk.trace, from: 0, sent: new Set<string>(), acked: [] as Acked[], committed: [] as Confirmed[], topics: [] as Confirmed[] };
  await using node = await startNode({ machine: { ...machine, disk }, ...sizes });
  await using client = await connect(node.bootstrap);
  const raw = rawClient(node.host, node.port);
  await createTopic(raw, topic, partitions);
  work.from = disk.trace.length;
  let working = true;
  const others = (async () => {
    for (let turn = 0; working; turn++) {
      await commit(raw, turn, work);
      await shuffleTopics(raw, turn, random, work);
    }
  })();
  await Promise.all(Array.from({ length: producers }, (_, producer) => produce(client, `${producer}`, random.fork(`producer ${producer}`), work)));
  working = false;
  await others;
  raw.drop();
  return { ...work, recorded: [...disk.trace] }; // without what closing the node writes
}

type Work = { readonly recorded: readonly TraceEntry[]; readonly sent: Set<string>; readonly acked: Acked[]; readonly committed: Confirmed[]; readonly topics: Confirmed[] };
type Raw = ReturnType<typeof rawClient>;

/** Sends records of very different sizes, some at once. */
async function produce(client: Client, name: string, random: FakeRandom, work: Work): Promise<void> {
  await using producer = client.producer();
  for (let number = 0; number < sendsEach;) {
    const together = random.pick([1, 1, 2, 10]);
    await Promise.all(Array.from({ length: together }, async () => {
      const value = `${name}:${number++}:${'.'.repeat(random.pick([0, 10, 500, 5000, 100_000]))}`;
      work.sent.add(value);
      const { partition, offset } = await producer.send({ topic, key: name, value });
      work.acked.push({ value, partition, offset, at: work.recorded.length });
    }));
  }
}

async function commit(raw: Raw, turn: number, work: Work): Promise<void> {
  await confirmed(async () => {
    const answer = await raw.call(OffsetCommit, 8, {
      groupId: group, generationIdOrMemberEpoch: -1, memberId: '', topics: [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: turn, committedMetadata: '' }] }],
    }, answerMs);
    return answer.topics[0]!.partitions[0]!.errorCode;
  });
  work.committed.push({ at: work.recorded.length, name: group, value: turn });
}

async function shuffleTopics(raw: Raw, turn: number, random: FakeRandom, work: Work): Promise<void> {
  if (!random.chance(0.2)) return;
  const name = `passing-${turn}`;
  await createTopic(raw, name, 2);
  work.topics.push({ at: work.recorded.length, name, value: 1 });
  if (random.chance(0.5)) return;
  await confirmed(async () => (await raw.call(DeleteTopics, 6, { topics: [{ name }], timeoutMs: 5000 }, answerMs)).responses[0]!.errorCode);
  work.topics.push({ at: work.recorded.length, name, value: 0 });
}

async function createTopic(raw: Raw, name: string, count: number): Promise<void> {
  await confirmed(async () => {
    const answer = await raw.call(CreateTopics, 7, { topics: [{ name, numPartitions: count, replicationFactor: 1, assignments: [], configs: [] }], timeoutMs: 5000 }, answerMs);
    return answer.topics[0]!.errorCode;
  });
}

/** Asks again while the node has no memory to spare: its sizes are tiny here. */
async function confirmed(ask: () => Promise<number>): Promise<void> {
  for (;;) {
    const code = await ask();
    if (code === errorCodes.NONE) return;
    assert.ok(code === errorCodes.KAFKA_STORAGE_ERROR || code === errorCodes.COORDINATOR_NOT_AVAILABLE, errorName(code));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Compares what a node holds with what had been confirmed by the place `at` of the recording (W1, W2). */
export async function checkLeft(node: Node, work: RecordedWork, at: number): Promise<void> {
  const raw = rawClient(node.host, node.port);
  try {
    await checkRecords(raw, work, at);
    await checkCommitted(raw, work, at);
    await checkTopics(raw, work, at);
  } finally {
    raw.drop();
  }
}

async function checkRecords(raw: Raw, work: RecordedWork, at: number): Promise<void> {
  const stored = await readTopic(raw, topic, partitions);
  const there = new Map(stored.map((record) => [`${record.partition}@${record.offset}`, record.value]));
  for (const acked of work.acked) {
    if (acked.at > at) continue;
    const found = there.get(`${acked.partition}@${acked.offset}`);
    assert.ok(found === acked.value, `${acked.value.slice(0, 20)} was acknowledged at ${acked.partition}@${acked.offset} and is lost (there: ${String(found).slice(0, 20)})`);
  }
  assert.equal(new Set(stored.map((record) => record.value)).size, stored.length, 'no record is there twice');
  const last = new Map<string, number>();
  for (const { value } of stored) {
    assert.ok(work.sent.has(value), `nobody sent ${value.slice(0, 20)}`);
    const [producer, number] = value.split(':') as [string, string];
    assert.equal(Number(number), (last.get(producer) ?? -1) + 1, `producer ${producer}: no gap and no turn`);
    last.set(producer, Number(number));
  }
}

async function checkCommitted(raw: Raw, work: RecordedWork, at: number): Promise<void> {
  const last = work.committed.findLast((each) => each.at <= at);
  if (last === undefined) return;
  const answer = await raw.call(OffsetFetch, 8, { groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }] });
  const found = answer.groups[0]!.topics[0]!.partitions[0]!.committedOffset;
  assert.ok(found >= last.value, `committed was ${last.value}, is ${found}`);
}

async function checkTopics(raw: Raw, work: RecordedWork, at: number): Promise<void> {
  const answer = await raw.call(Metadata, 12, { topics: null, allowAutoTopicCreation: false });
  const found = new Set(answer.topics.map((each) => each.name));
  const before = work.topics.filter((each) => each.at <= at);
  for (const { name } of before) {
    const changesLater = work.topics.some((each) => each.name === name && each.at > at);
    const wanted = before.findLast((each) => each.name === name)!.value === 1;
    if (!changesLater) assert.equal(found.has(name), wanted, `topic '${name}'`);
  }
}

// test/conformance/share.test.ts - share groups: Apache Kafka's own tools and its Java share consumer, and requests one by one, to Apache Kafka and to Millrace.
// Owns: what each must do and print; both must say the same. The Java share consumer works inside kafka-console-share-consumer and kafka-verifiable-share-consumer.
// Uses Millrace's codec for single requests: its bytes are proved against Kafka's own in test/differential.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import {
  AlterShareGroupOffsets, decodeResponse, DeleteGroups, DeleteShareGroupOffsets, DescribeShareGroupOffsets, encodeRequest, errorName, Metadata, ShareAcknowledge, ShareFetch, ShareGroupDescribe, ShareGroupHeartbeat,
  type Api, type RequestInit, type ResponseOf,
} from '../../packages/millrace/src/wire/mod.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import { eventually } from '../peers/processes.ts';
import { startJavaWorker, type Worker } from '../peers/worker.ts';
import { isChosen, targets } from './matrix.ts';
import { startTarget } from './targets.ts';
import { table, Toolbox } from './tools.ts';

const brokers = new Map<BrokerKind, Broker>();
let worker: Worker;

type Story = { name: string; run(tools: Toolbox): Promise<unknown> };

const stories: readonly Story[] = [
  {
    name: 'kafka-console-share-consumer accepts, releases and rejects',
    async run(tools) {
      const { topic, group } = await scene(tools, ['a', 'b', 'c']);
      const read = async (...flags: string[]) => {
        const { out } = await tools.run('kafka-console-share-consumer', ['--topic', topic, '--group', group, '--timeout-ms', '8000', '--formatter-property', 'print.delivery=true', '--formatter-property', 'print.offset=true', ...flags], { note: false });
        return out.split('\n').filter((line) => line !== '').sort();
      };
      const rounds = [await read('--max-messages', '3', '--release'), await read('--max-messages', '1', '--reject'), await read()];
      return { rounds, state: await lagOf(tools, group) };
    },
  },
  {
    name: 'kafka-verifiable-share-consumer reads what was produced, and says that it was acknowledged',
    async run(tools) {
      const values = Array.from({ length: 50 }, (_, i) => `value ${i}`);
      const counts: Record<string, unknown> = {};
      for (const mode of ['sync', 'async', 'auto']) {
        const { topic, group } = await scene(tools, values);
        const { out, exit } = await tools.try('kafka-verifiable-share-consumer', ['--topic', topic, '--group-id', group, '--max-messages', '50', '--acknowledgement-mode', mode, '--offset-reset-strategy', 'earliest'], { timeoutMs: 60_000 });
        const events = out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { name: string; count?: number; success?: boolean });
        const sum = (name: string) => events.filter((event) => event.name === name).reduce((total, event) => total + (event.count ?? 0), 0);
        counts[mode] = { exit, consumed: sum('records_consumed'), failed: events.filter(({ success }) => success === false).length, acknowledged: sum('offsets_acknowledged') };
        await eventually(async () => (await lagOf(tools, group)).join() === '0' ? true : undefined, () => `group of mode ${mode} has not moved`);
      }
      return counts;
    },
  },
  {
    name: 'kafka-share-groups lists, describes, resets and deletes',
    async run(tools) {
      const { topic, group } = await scene(tools, ['a', 'b', 'c', 'd']);
      const groups = (...args: string[]) => tools.run('kafka-share-groups', args, { note: false });
      const running = await tools.begin('kafka-console-share-consumer', ['--topic', topic, '--group', group]);
      const members = await eventually(async () => {
        const rows = table((await groups('--describe', '--group', group, '--members')).out).filter(([name]) => name === group);
        return rows.length === 1 && rows[0]!.at(-1)!.includes(':0') ? rows : undefined;
      }, () => 'no member');
      const busy = {
        listed: rowOf((await groups('--list', '--state')).out, group), state: table((await groups('--describe', '--group', group, '--state')).out).at(-1)!.slice(2),
        reset: withoutName((await tools.try('kafka-share-groups', ['--reset-offsets', '--group', group, '--topic', topic, '--to-earliest', '--execute'])).out, group, topic),
        deleted: withoutName((await tools.try('kafka-share-groups', ['--delete', '--group', group])).out, group, topic),
      };
      await running.stop();
      await eventually(async () => (await groups('--describe', '--group', group, '--state')).out.includes('Empty') ? true : undefined, () => 'the group is not empty');
      const read = await lagOf(tools, group);
      const planned = withoutName((await groups('--reset-offsets', '--group', group, '--topic', topic, '--to-earliest', '--dry-run')).out, group, topic);
      const reset = withoutName((await groups('--reset-offsets', '--group', group, '--topic', topic, '--to-earliest', '--execute')).out, group, topic);
      const again = (await offsetsOf(tools, group)).map((row) => row.slice(1));
      const forgotten = withoutName((await groups('--delete-offsets', '--group', group, '--topic', topic)).out, group, topic);
      const gone = withoutName((await groups('--delete', '--group', group)).out, group, topic);
      const unknown = withoutName((await tools.try('kafka-share-groups', ['--describe', '--group', group])).out, group, topic);
      return { busy, read, planned, reset, again, forgotten, gone, unknown, listed: rowOf((await groups('--list')).out, group) };
    },
  },
  {
    name: 'kafka-configs of a share group',
    async run(tools) {
      const group = tools.name('group');
      const of = ['--entity-type', 'groups', '--entity-name', group];
      const set = (...pairs: string[]) => tools.try('kafka-configs', ['--alter', ...of, '--add-config', pairs.join(',')]);
      const faults = [];
      for (const pair of ['share.delivery.count.limit=50', 'share.delivery.count.limit=1', 'share.record.lock.duration.ms=100', 'share.auto.offset.reset=never', 'share.auto.offset.reset=by_duration:PT1H', 'share.heartbeat.interval.ms=1', 'share.isolation.level=read_everything', 'share.nothing=1', 'share.renew.acknowledge.enable=false']) {
        faults.push(`${pair}: ${(await set(pair)).exit}`);
      }
      await set('share.delivery.count.limit=7', 'share.isolation.level=read_committed');
      const all = (await tools.run('kafka-configs', ['--describe', '--all', ...of], { note: false })).out;
      const shown = [...all.matchAll(/^\s*(share\.\S+?)=(\S*) .*synonyms=\{(.*)\}/gm)].map(([, name, value, synonyms]) => `${name}=${value} {${synonyms}}`).filter((line) => !line.startsWith('share.assign')).sort();
      return { faults, shown };
    },
  },
  {
    name: 'share group requests one by one',
    async run(tools) {
      const { topic, group } = await scene(tools, ['a', 'b', 'c']);
      const talk = new Talk(tools.broker.bootstrap);
      const beat = async (memberId: string, memberEpoch: number, topics: string[] | null = null, more: object = {}) => {
        const { errorCode, errorMessage } = await talk.ask(ShareGroupHeartbeat, 1, { groupId: group, memberId, memberEpoch, subscribedTopicNames: topics, ...more });
        return errorCode === 0 ? 'NONE' : `${errorName(errorCode)}${memberId !== '' && errorName(errorCode) === 'INVALID_REQUEST' ? `: ${errorMessage}` : ''}`; // Kafka has no words for a member without an id
      };
      const unknown = [await beat('nobody', 3), await beat('nobody', -1), await beat('', 0, [topic]), await beat('x', 0), await beat('x', -5), await beat('x', 0, [topic], { rackId: '' })];
      const id = 'AAAAAAAAAAAAAAAAAAAAAQ';
      let joined = 0;
      await eventually(async () => {
        const answer = await talk.ask(ShareGroupHeartbeat, 1, { groupId: group, memberId: id, memberEpoch: joined, subscribedTopicNames: joined === 0 ? [topic] : null });
        joined = answer.errorCode === 0 ? answer.memberEpoch : 0;
        return answer.assignment !== null && answer.assignment.topicPartitions.length === 1 ? true : undefined;
      }, () => 'nothing assigned', 90_000, 250); // Kafka makes the topic of states first
      const beats = [await beat('other', 3), await beat('other', -1), await beat(id, 99)];
      const topicId = (await talk.ask(Metadata, 12, { topics: [{ name: topic }] })).topics[0]!.topicId;
      const fetch = async (shareSessionEpoch: number, batches: readonly (readonly [number, number, ...number[]])[] = [], more: Partial<RequestInit<typeof ShareFetch>> = {}) => {
        const answer = await talk.ask(ShareFetch, 2, {
          groupId: group, memberId: id, shareSessionEpoch, maxWaitMs: 500, minBytes: 1, maxBytes: 1 << 20, maxRecords: 500, batchSize: 500, topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: said(batches) }] }], ...more,
        });
        if (answer.errorCode !== 0) return errorName(answer.errorCode);
        return answer.responses.flatMap(({ partitions }) => partitions.map(({ errorCode, acknowledgeErrorCode, acquiredRecords }) => `${errorName(errorCode)} ${errorName(acknowledgeErrorCode)} ${acquiredRecords.map(({ firstOffset, lastOffset, deliveryCount }) => `${firstOffset}-${lastOffset}#${deliveryCount}`).join(' ')}`)).join();
      };
      const acknowledge = async (shareSessionEpoch: number, batches: readonly (readonly [number, number, ...number[]])[], isRenewAck = false) => {
        const answer = await talk.ask(ShareAcknowledge, 2, { groupId: group, memberId: id, shareSessionEpoch, isRenewAck, topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: said(batches) }] }] });
        return answer.errorCode !== 0 ? errorName(answer.errorCode) : answer.responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorName(errorCode))).join();
      };
      const opening = [await fetch(7), await fetch(0, [[0, 0, 1]]), await fetch(0)];
      await eventually(async () => { const got = await fetch(0); return got.includes('#') ? opening.push(got.replace(/#\d/g, '')) : undefined; }, () => 'no records'); // Kafka may still load the state
      const session = [await fetch(9), await acknowledge(0, []), await acknowledge(9, []), await fetch(1, [], { isRenewAck: true })];
      let epoch = 1;
      const said2 = async (...batches: readonly (readonly [number, number, ...number[]])[]) => acknowledge(epoch++, batches);
      const acks = [
        await said2([1, 0, 1]), await said2([0, 1, 1, 1, 1]), await said2([0, 0, 9]), await said2([0, 0, 4]), await said2([1, 1, 1], [0, 0, 1]), await said2([0, 0, 1], [0, 1, 1]),
        await said2([0, 50, 1]), await said2([0, 0, 1]), await said2([0, 0, 1]), await said2([1, 1, 2]), await said2([1, 1, 1]), await acknowledge(epoch++, [[2, 2, 4]], true), await said2([2, 2, 3]),
      ];
      const next = [await fetch(epoch++), await fetch(epoch++, [[1, 1, 1]])];
      const offsets = async (topics: null | { topicName: string; partitions: number[] }[], groupId = group) => (await talk.ask(DescribeShareGroupOffsets, 1, { groups: [{ groupId, topics }] })).groups.map(({ errorCode, topics: found }) => `${errorName(errorCode)} ${found.flatMap(({ partitions }) => partitions.map(({ startOffset, lag, errorCode: fault }) => `${startOffset < 0 ? 'unknown' : lag} ${errorName(fault)}`)).join()}`).join();
      const alter = async (partitionIndex: number, startOffset: number, groupId = group, topicName = topic) => {
        const answer = await talk.ask(AlterShareGroupOffsets, 0, { groupId, topics: [{ topicName, partitions: [{ partitionIndex, startOffset }] }] });
        return answer.errorCode !== 0 ? errorName(answer.errorCode) : answer.responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorName(errorCode))).join();
      };
      const forget = async (topicName: string, groupId = group) => {
        const answer = await talk.ask(DeleteShareGroupOffsets, 0, { groupId, topics: [{ topicName }] });
        return answer.errorCode !== 0 ? errorName(answer.errorCode) : answer.responses.map(({ errorCode }) => errorName(errorCode)).join();
      };
      const remove = async (groupId: string) => (await talk.ask(DeleteGroups, 2, { groupsNames: [groupId] })).results.map(({ errorCode }) => errorName(errorCode)).join();
      await beat(id, 0, [topic]); // its session may be over by now
      const busy = [await offsets(null), await offsets([{ topicName: topic, partitions: [0, 7] }]), await offsets([{ topicName: 'no-such-topic', partitions: [0] }]), await offsets(null, 'no-such-group'), await alter(0, 0), await forget(topic), await remove(group)];
      const closed = [await acknowledge(-1, []), await acknowledge(-1, []), await beat(id, -1), await beat(id, -1)];
      await eventually(async () => (await talk.ask(ShareGroupDescribe, 1, { groupIds: [group] })).groups[0]!.groupState === 'Empty' ? true : undefined, () => `the group is not empty: ${JSON.stringify({ unknown, beats, opening, session, acks, next, busy, closed })}`);
      const empty = [await alter(0, 1), await alter(9, 0), await alter(0, 0, group, 'no-such-topic'), await alter(0, 0, 'no-such-group'), await forget('no-such-topic'), await forget(topic, 'no-such-group')];
      await eventually(async () => (await offsets(null)).startsWith('NONE 2 ') ? true : undefined, () => 'the start has not moved');
      const described = (await talk.ask(ShareGroupDescribe, 1, { groupIds: [group, 'no-such-group'] })).groups.map(({ errorCode, groupState, assignorName, members }) => `${errorName(errorCode)} ${groupState} ${assignorName} ${members.length}`);
      const end = [await forget(topic), await remove(group), await remove(group)];
      await talk.close();
      return { unknown, beats, opening, session, acks, next, busy, closed, empty, described, end };
    },
  },
];

const said = (batches: readonly (readonly [number, number, ...number[]])[]) => batches.map(([firstOffset, lastOffset, ...acknowledgeTypes]) => ({ firstOffset, lastOffset, acknowledgeTypes }));

/** One connection: a share session ends with it. */
class Talk {
  readonly #socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting: ((frame: Buffer) => void) | null = null;
  #next = 1;

  constructor(bootstrap: string) {
    const [host, port] = bootstrap.split(':');
    this.#socket = connect(Number(port), host);
    this.#socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      if (this.#received.length < 4 || this.#received.length < 4 + this.#received.readInt32BE(0)) return;
      const frame = this.#received.subarray(4, 4 + this.#received.readInt32BE(0));
      this.#received = this.#received.subarray(4 + frame.length);
      this.#waiting?.(frame);
    });
  }

  ask<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      const onClose = () => reject(new Error(`${api.name}: connection closed`));
      this.#socket.once('close', onClose);
      this.#waiting = (frame) => {
        this.#socket.off('close', onClose);
        this.#socket.off('error', reject);
        resolve(decodeResponse(api, version, frame).body);
      };
      for (const part of encodeRequest(api, version, { correlationId: this.#next++, clientId: 'talk' }, body)) this.#socket.write(part);
    });
  }

  async close(): Promise<void> { this.#socket.destroy(); }
}

/** A topic of one partition with these records, and a group that begins at its start. */
async function scene(tools: Toolbox, values: readonly string[]): Promise<{ topic: string; group: string }> {
  const topic = tools.name('topic');
  const group = tools.name('group');
  await tools.run('kafka-topics', ['--create', '--topic', topic, '--partitions', '1'], { note: false });
  await eventually(async () => (/Leader: \d/.test((await tools.run('kafka-topics', ['--describe', '--topic', topic], { note: false })).out) ? true : undefined), () => 'no leader');
  for (const value of values) await tools.worker.ask('produce', { bootstrap: tools.broker.bootstrap, topic, messages: [{ k: null, v: Buffer.from(value).toString('base64'), p: 0 }] });
  await tools.run('kafka-configs', ['--alter', '--entity-type', 'groups', '--entity-name', group, '--add-config', 'share.auto.offset.reset=earliest'], { note: false });
  return { topic, group };
}

/** Records that wait, by partition. The start that Kafka tells is what was written last, and may lie behind: it is written with the next change. */
async function lagOf(tools: Toolbox, group: string): Promise<string[]> {
  return (await offsetsOf(tools, group)).map((row) => row.at(-1)!);
}

/** Rows of `--describe`: group, topic, partition, start offset, lag without the group and with the topic hidden. */
async function offsetsOf(tools: Toolbox, group: string): Promise<string[][]> {
  const { out } = await tools.run('kafka-share-groups', ['--describe', '--group', group], { note: false });
  return table(out).filter(([name]) => name === group).map(([, , ...rest]) => ['<topic>', ...rest]);
}

const rowOf = (out: string, group: string): string[] | null => table(out).find(([name]) => name === group)?.slice(1) ?? (out.split('\n').includes(group) ? [] : null);
const withoutName = (out: string, group: string, topic: string): string => out.replaceAll(group, '<group>').replaceAll(topic, '<topic>').replaceAll(/[ \t]+/g, ' ').replaceAll(/ *\n */g, '\n').trim();

describe('share groups', { concurrency: 1 }, () => {
  before(async () => {
    worker = await startJavaWorker('4.3');
    for (const target of targets) brokers.set(target, await startTarget(target));
  });
  after(async () => {
    await worker.dispose();
    for (const broker of brokers.values()) await broker.dispose();
  });

  for (const story of stories.filter(({ name }) => isChosen(name))) {
    test(story.name, { timeout: 300_000 }, async () => {
      const facts: unknown[] = [];
      for (const target of targets) {
        try {
          facts.push(await story.run(new Toolbox('4.3', worker, brokers.get(target)!)));
        } catch (error) {
          throw new Error(`on ${target}`, { cause: error });
        }
      }
      if (process.env['CONFORMANCE_SHOW'] !== undefined) process.stdout.write(`${JSON.stringify(facts, null, 1)}\n`);
      for (const fact of facts) assert.deepEqual(fact, facts[0]);
    });
  }
});

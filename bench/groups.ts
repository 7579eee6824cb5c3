// bench/groups.ts - groups of both protocols: many members that join and leave at once, one that leaves, and many commits a second, beside Apache Kafka.
// Usage: ./millrace bench groups [--members N] [--storms N] [--rate N] [--seconds N] [--cpu-prof FOLDER] [--only millrace] [--json FILE]
// Members are as small as can be (one connection, one state machine, no consumer library) so that the broker is what is measured. Commits are
// an open loop: latency counts from the moment a commit was due. Kafka runs with its defaults, which do not sync; Millrace syncs before it answers. In the
// row of one that leaves, both run with the same heartbeat interval (Millrace's default): who hears of a change hears of it by its heartbeat.
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from '../packages/millrace/src/client/mod.ts';
import {
  ConsumerGroupHeartbeat, ConsumerProtocolSubscription, decodeResponse, encodeRequest, encodeVersioned, errorCodes, errorName, FindCoordinator, Heartbeat, JoinGroup, LeaveGroup, OffsetCommit, SyncGroup,
  type Api, type RequestInit, type ResponseOf,
} from '../packages/millrace/src/wire/mod.ts';
import type { Broker } from '../test/peers/broker.ts';
import { installJava } from '../test/peers/install.ts';
import { rootFolder } from '../test/peers/places.ts';
import { sleep } from '../test/peers/processes.ts';
import { startKafka, startMillrace } from './brokers.ts';
import { accountOf, machineLine, saveResult, short, shortSpread, spread } from './measure.ts';

const { values } = parseArgs({ options: {
  members: { type: 'string', default: '50' }, storms: { type: 'string', default: '5' }, rate: { type: 'string', default: '10000' }, seconds: { type: 'string', default: '10' },
  'cpu-prof': { type: 'string' }, only: { type: 'string' }, json: { type: 'string' },
} });
const memberCount = Number(values.members);
const heartbeatMs = 50;

/** A connection that keeps many requests under way. */
class Line {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting = new Map<number, { api: Api; version: number; done: (body: any) => void }>();
  #correlation = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
  }

  static open(bootstrap: string): Promise<Line> {
    const [host, port] = bootstrap.split(':');
    return new Promise((resolve, reject) => {
      const socket = connectTcp(Number(port), host, () => resolve(new Line(socket)));
      socket.once('error', reject);
    });
  }

  ask<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>): Promise<ResponseOf<A>> {
    return new Promise((resolve) => {
      const correlationId = ++this.#correlation;
      this.#waiting.set(correlationId, { api, version, done: resolve });
      this.#socket.write(Buffer.concat(encodeRequest(api, version, { correlationId, clientId: 'bench' }, body)));
    });
  }

  close(): void { this.#socket.destroy(); }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0);
      if (this.#received.length < end) return;
      const frame = this.#received.subarray(4, end);
      this.#received = this.#received.subarray(end);
      const { api, version, done } = this.#waiting.get(frame.readInt32BE(0))!;
      this.#waiting.delete(frame.readInt32BE(0));
      done(decodeResponse(api, version, frame).body);
    }
  }
}

/** The smallest member: joins, assigns if it leads, beats its heart, joins again when told so. */
class Member {
  readonly #line: Line;
  readonly #groupId: string;
  memberId = '';
  generation = -1;
  /** Members in the generation that it works in. */
  working = false;
  #left = false;

  constructor(line: Line, groupId: string) {
    this.#line = line;
    this.#groupId = groupId;
  }

  async live(): Promise<void> {
    this.#left = false;
    while (!this.#left) {
      this.working = false;
      if (await this.#join()) await this.#work();
    }
  }

  async leave(): Promise<void> {
    this.#left = true;
    this.working = false;
    await this.#line.ask(LeaveGroup, 4, { groupId: this.#groupId, members: [{ memberId: this.memberId }] });
    this.memberId = '';
  }

  async #join(): Promise<boolean> {
    const metadata = encodeVersioned(ConsumerProtocolSubscription, 1, { topics: ['work'] });
    const answer = await this.#line.ask(JoinGroup, 7, {
      groupId: this.#groupId, sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 60_000, memberId: this.memberId, protocolType: 'consumer', protocols: [{ name: 'range', metadata }],
    });
    if (answer.errorCode === errorCodes.MEMBER_ID_REQUIRED) this.memberId = answer.memberId;
    else if (answer.errorCode === errorCodes.UNKNOWN_MEMBER_ID) this.memberId = '';
    if (answer.errorCode !== errorCodes.NONE) return false;
    this.memberId = answer.memberId;
    this.generation = answer.generationId;
    const assignments = answer.members.map(({ memberId }) => ({ memberId, assignment: new Uint8Array(64) }));
    const synced = await this.#line.ask(SyncGroup, 4, { groupId: this.#groupId, generationId: this.generation, memberId: this.memberId, assignments });
    return synced.errorCode === errorCodes.NONE;
  }

  async #work(): Promise<void> {
    this.working = true;
    while (!this.#left) {
      await sleep(heartbeatMs);
      if (this.#left) return;
      const { errorCode } = await this.#line.ask(Heartbeat, 4, { groupId: this.#groupId, generationId: this.generation, memberId: this.memberId });
      if (errorCode !== errorCodes.NONE) return;
    }
  }
}

/** All of them work in one generation later than `after`. */
async function whenSettled(members: readonly Member[], after: number): Promise<void> {
  while (!(members.every((member) => member.working && member.generation > after) && new Set(members.map((member) => member.generation)).size === 1)) await sleep(1);
}

/** Everybody joins at once, half leave at once, they come back at once: how long until all are in one generation, and the broker's CPU. */
async function storms(broker: Broker): Promise<object> {
  const lines = await Promise.all(Array.from({ length: memberCount }, () => Line.open(broker.bootstrap)));
  await lines[0]!.ask(FindCoordinator, 3, { key: 'storm', keyType: 0 });
  await sleep(1_000); // Kafka makes its internal topic now
  const times: Record<string, number[]> = { 'all join': [], 'half leave': [], 'half come back': [] };
  const measured = async (name: string, members: Member[], act: () => void) => {
    const before = Math.max(...members.map((member) => member.generation));
    const from = performance.now();
    act();
    await whenSettled(members, before);
    times[name]!.push(performance.now() - from);
    await sleep(200);
  };
  const before = accountOf(broker.pid);
  for (let storm = 0; storm < Number(values.storms); storm++) {
    const members = lines.map((line) => new Member(line, `storm-${storm}`));
    const [half, rest] = [members.slice(0, memberCount >> 1), members.slice(memberCount >> 1)];
    await measured('all join', members, () => { for (const member of members) void member.live(); });
    await measured('half leave', rest, () => { for (const member of half) void member.leave(); });
    await measured('half come back', members, () => { for (const member of half) void member.live(); });
    await Promise.all(members.map((member) => member.leave()));
  }
  const cpu = accountOf(broker.pid).cpuSeconds - before.cpuSeconds;
  for (const [name, ms] of Object.entries(times)) console.log(`  ${memberCount} members, ${name}: ${shortSpread(spread(ms))} ms`);
  console.log(`  ${short(cpu / Number(values.storms))} CPU s a storm, heartbeats every ${heartbeatMs} ms included`);
  for (const line of lines) line.close();
  return { ...spreads(times), cpuSecondsAStorm: cpu / Number(values.storms) };
}

const spreads = (times: Readonly<Record<string, number[]>>): Record<string, unknown> => Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, spread(ms)]));

/** The smallest member of the consumer protocol: has what it was told as soon as it is told. */
class NewMember {
  readonly #line: Line;
  readonly #groupId: string;
  readonly #memberId: string;
  epoch = 0;
  has: { topicId: string; partitions: number[] }[] = [];
  #left = false;

  constructor(line: Line, groupId: string, index: number) {
    this.#line = line;
    this.#groupId = groupId;
    this.#memberId = `member-${index}`;
  }

  get count(): number { return this.has.reduce((sum, { partitions }) => sum + partitions.length, 0); }

  async live(): Promise<void> {
    for (let isNews = false; !this.#left;) {
      const isJoining = this.epoch === 0;
      const answer: ResponseOf<typeof ConsumerGroupHeartbeat> = await this.#line.ask(ConsumerGroupHeartbeat, 1, {
        groupId: this.#groupId, memberId: this.#memberId, memberEpoch: this.epoch, topicPartitions: isJoining ? [] : isNews ? this.has : null,
        ...(isJoining ? { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['work'] } : {}),
      });
      if (answer.errorCode !== errorCodes.NONE) throw new Error(errorName(answer.errorCode));
      this.epoch = answer.memberEpoch;
      isNews = answer.assignment !== null;
      if (answer.assignment !== null) this.has = answer.assignment.topicPartitions;
      if (!isNews) await sleep(answer.heartbeatIntervalMs);
    }
  }

  async leave(): Promise<void> {
    this.#left = true;
    this.has = [];
    await this.#line.ask(ConsumerGroupHeartbeat, 1, { groupId: this.#groupId, memberId: this.#memberId, memberEpoch: -1 });
  }
}

/** Members join one after the other's heels, one leaves: how long until all partitions are read again, by each protocol. */
async function oneLeaves(broker: Broker): Promise<object> {
  await using client = await connect(broker.bootstrap);
  const partitions = 2 * memberCount;
  await client.admin().createTopics([{ topic: 'work', partitions }]);
  const lines = await Promise.all(Array.from({ length: memberCount }, () => Line.open(broker.bootstrap)));
  await lines[0]!.ask(FindCoordinator, 3, { key: 'one-leaves', keyType: 0 });
  await sleep(1_000);
  const times: Record<string, number[]> = { 'classic, all join': [], 'classic, one leaves': [], 'consumer, all join': [], 'consumer, one leaves': [] };
  const timed = async (name: string, act: () => void, isDone: () => boolean) => {
    const from = performance.now();
    act();
    while (!isDone()) await sleep(1);
    times[name]!.push(performance.now() - from);
    await sleep(500);
  };
  for (let round = 0; round < Number(values.storms); round++) {
    const old = lines.map((line) => new Member(line, `classic-${round}`));
    const inOne = (members: readonly Member[], after: number) => members.every((member) => member.working && member.generation > after) && new Set(members.map((member) => member.generation)).size === 1;
    await timed('classic, all join', () => { for (const member of old) void member.live(); }, () => inOne(old, 0));
    const generation = old[0]!.generation;
    await timed('classic, one leaves', () => { void old[0]!.leave(); }, () => inOne(old.slice(1), generation));
    await Promise.all(old.slice(1).map((member) => member.leave()));
    const young = lines.map((line, index) => new NewMember(line, `consumer-${round}`, index));
    const readAll = () => young.reduce((sum, member) => sum + member.count, 0) === partitions;
    await timed('consumer, all join', () => { for (const member of young) void member.live(); }, () => readAll() && young.every((member) => member.count === 2));
    await timed('consumer, one leaves', () => { void young[0]!.leave(); }, readAll);
    await Promise.all(young.slice(1).map((member) => member.leave()));
  }
  for (const [name, ms] of Object.entries(times)) console.log(`  ${memberCount} members, ${name}: ${shortSpread(spread(ms))} ms`);
  for (const line of lines) line.close();
  return spreads(times);
}

/** Commits of one partition each, from as many groups as members, at a fixed rate. */
async function commits(broker: Broker): Promise<object> {
  const rate = Number(values.rate);
  const total = rate * Number(values.seconds);
  await using client = await connect(broker.bootstrap);
  await client.admin().createTopics([{ topic: 'offsets', partitions: 10 }]);
  const lines = await Promise.all(Array.from({ length: memberCount }, () => Line.open(broker.bootstrap)));
  await lines[0]!.ask(FindCoordinator, 3, { key: 'commits-0', keyType: 0 });
  await sleep(2_000);
  const warm = rate * 2;
  const latencies = new Float64Array(total);
  let [sent, answered, refused] = [0, 0, 0];
  const startMs = performance.now();
  let before = accountOf(broker.pid);
  while (answered < total + warm) {
    const dueCount = Math.min(total + warm, Math.floor((performance.now() - startMs) * rate / 1_000));
    for (; sent < dueCount; sent++) {
      const index = sent;
      if (index === warm) before = accountOf(broker.pid);
      void lines[index % lines.length]!.ask(OffsetCommit, 8, {
        groupId: `commits-${index % lines.length}`, topics: [{ name: 'offsets', partitions: [{ partitionIndex: index % 10, committedOffset: index, committedMetadata: '' }] }],
      }).then(({ topics }) => {
        answered++;
        const { errorCode } = topics[0]!.partitions[0]!;
        if (errorCode !== errorCodes.NONE && refused++ === 0) console.log(`  refused: ${errorName(errorCode)}`);
        if (index >= warm) latencies[index - warm] = performance.now() - startMs - index * 1_000 / rate;
      });
    }
    await sleep(1);
  }
  const after = accountOf(broker.pid);
  latencies.sort();
  const at = (share: number): number => latencies[Math.min(total - 1, Math.floor(total * share))]!;
  const figures = { rate, refused, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1), cpuPerMillion: (after.cpuSeconds - before.cpuSeconds) * 1e6 / total, deviceBytesEach: (after.deviceBytes - before.deviceBytes) / total };
  console.log(`  ${short(rate)} commits/s for ${values.seconds} s: p50 ${short(figures.p50Ms)} p99 ${short(figures.p99Ms)} p99.9 ${short(figures.p999Ms)} max ${short(figures.maxMs)} ms, ${refused} refused, `
    + `${short(figures.cpuPerMillion)} CPU s per million, ${short(figures.deviceBytesEach)} device bytes each`);
  for (const line of lines) line.close();
  return figures;
}

if (values.only !== 'millrace') await installJava('4.3');
console.log(`${new Date().toISOString().slice(0, 10)}  ${machineLine()}`);
const result: Record<string, unknown> = { date: new Date().toISOString(), machine: machineLine(), members: memberCount, storms: Number(values.storms) };
const profiled = values['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values['cpu-prof']}`];
for (const [name, start] of [['millrace', () => startMillrace(profiled)], ['kafka', () => startKafka({ 'group.consumer.min.heartbeat.interval.ms': 100, 'group.consumer.heartbeat.interval.ms': 250 })]] as const) {
  if (values.only !== undefined && values.only !== name) continue;
  console.log(name);
  const broker = await start();
  try {
    result[name] = { storms: await storms(broker), rebalances: await oneLeaves(broker), commits: await commits(broker) };
    if (profiled.length > 0) await broker.stop();
  } finally { await broker.dispose(); }
}
const file = values.json ?? join(rootFolder, 'bench/results/groups.json');
saveResult(file, result);

// broker/group/churn.test.ts - many clients join, work, stall, leave and vanish while the node is killed again and again and its drive fills up, from a seed.
// The real log on a simulated drive, the real codec, every version of every request. Checked at every answer:
// - an assignment is heard as its leader gave it, one leader's per generation, for the life of the group over all crashes
// - generations that work is handed out for never fall
// - a committed offset is what was last acknowledged, or something sent later; it never goes back
// and in the end: everybody who lives is in one stable generation, and no timer is left when all is closed.
// MILLRACE_SEEDS=from-to runs other seeds; a failure names its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLog, type Log, type PartitionConfig } from '../../log/mod.ts';
import { FakeRandom, World, type Hosted } from '../../testing/mod.ts';
import {
  ConsumerProtocolSubscription, DescribeGroups, encodeVersioned, errorCodes, errorName, Heartbeat, JoinGroup, LeaveGroup, OffsetCommit, OffsetFetch, SyncGroup, type Api,
  type RequestInit, type ResponseOf,
} from '../../wire/mod.ts';
import { createGroupCoordinator, type GroupCoordinator } from './coordinator.ts';
import { GroupCalls } from './group-calls.ts';
import { testConsumerConfig } from './fixture.ts';
import type { GroupSettings, GroupTopics } from './ports.ts';
import { topicsOf } from './subscription.ts';

const partitionName = '__consumer_offsets-0';
const partitionConfig: PartitionConfig = { segmentBytes: 64 * 1024, segmentMs: 1 << 30, retentionBytes: -1, retentionMs: -1, durability: 'synced' };
const topicId = 'Zm9vYmFyYmF6cXV4MTIzNA';
const topics: GroupTopics = {
  idOf: (name) => (name === 'work' ? topicId : null),
  nameOf: (id) => (id === topicId ? 'work' : null),
  hasPartition: (name, partition) => name === 'work' && partition < partitionCount,
  partitionCount: () => partitionCount,
};
const partitionCount = 8;
const settings: GroupSettings = {
  initialRebalanceDelayMs: 0, sessionTimeoutMinMs: 10, sessionTimeoutMaxMs: 60_000, membersMax: 100, offsetRetentionMs: 1 << 30, offsetCheckIntervalMs: 5_000, offsetMetadataMax: 4096,
  consumer: testConsumerConfig(), topics,
};
const sessionTimeoutMs = 400;
const rebalanceTimeoutMs = 800;
const groupId = 'churned';
const utf8 = new TextEncoder();

const [first, last] = (process.env.MILLRACE_SEEDS ?? '1-60').split('-').map(Number) as [number, number];
for (let seed = first; seed <= last; seed++) {
  test(`churn, seed ${seed}`, async () => {
    try {
      await new Churn(seed).run();
    } catch (error) {
      throw new Error(`MILLRACE_SEEDS=${seed}-${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  });
}

/** What must hold, whatever happens. */
class Truth {
  /** Who assigned each generation, and what each member got. */
  readonly generations = new Map<number, { leader: string; assignments: Map<string, string> }>();
  highestGeneration = 0;
  readonly sent = new Map<number, number>();
  readonly acknowledged = new Map<number, number>();
  readonly seen = new Map<number, number>();

  /** A leader's sync was answered: its assignment is the generation's. */
  assigned(generation: number, memberId: string, work: string): void {
    assert.ok(generation >= this.highestGeneration, `generation ${generation} hands out work after ${this.highestGeneration}`);
    this.highestGeneration = generation;
    const [leader] = work.split('!');
    const known = this.generations.get(generation);
    if (known === undefined) this.generations.set(generation, { leader: leader!, assignments: new Map([[memberId, work]]) });
    else {
      assert.equal(leader, known.leader, `generation ${generation} was assigned twice`);
      assert.equal(work, known.assignments.get(memberId) ?? work, `${memberId} heard two assignments in generation ${generation}`);
      known.assignments.set(memberId, work);
    }
  }

  fetched(partition: number, offset: number): void {
    const acknowledged = this.acknowledged.get(partition) ?? -1;
    assert.ok(offset >= acknowledged, `offset ${acknowledged} of partition ${partition} was acknowledged, ${offset} was fetched`);
    assert.ok(offset <= (this.sent.get(partition) ?? -1), `offset ${offset} of partition ${partition} was never sent`);
    assert.ok(offset >= (this.seen.get(partition) ?? -1), `offset of partition ${partition} went back from ${this.seen.get(partition)} to ${offset}`);
    this.seen.set(partition, offset);
  }
}

/** One simulated node life after another, with clients all the while. */
class Churn {
  readonly world: World;
  readonly random: FakeRandom;
  readonly truth = new Truth();
  readonly #device;
  calls: GroupCalls | null = null;
  /** Counts lives: an answer of an earlier one never comes. */
  life = 0;
  #hosted: Hosted | null = null;
  #groups: GroupCoordinator | null = null;
  #log: Log | null = null;
  #clients: Client[] = [];
  failure: unknown = null;

  constructor(seed: number) {
    this.world = new World(seed);
    this.random = this.world.random.fork('churn');
    this.#device = this.world.device('drive');
    this.#device.faults.latencyMs = this.random.pick([0.1, 1, 20]);
  }

  async run(): Promise<void> {
    await this.#start();
    const count = this.random.between(1, 8);
    for (let i = 0; i < count; i++) this.#clients.push(new Client(this, `c${i}`, this.random.fork(`client ${i}`)));
    for (const client of this.#clients) client.start(this.random.below(300));
    for (let round = this.random.between(2, 6); round > 0; round--) {
      await this.#pass(this.random.between(100, 5_000));
      if (this.random.chance(0.3)) await this.#fillDrive();
      if (this.random.chance(0.7)) await this.#restart();
    }
    await this.#settleDown();
    await this.#finish();
  }

  async #start(): Promise<void> {
    this.#hosted = this.world.start('node', 'host', this.#device);
    const { machine } = this.#hosted;
    const open = async () => {
      const log = await openLog({ ...machine, tailBytes: 1 << 20, journalFileBytes: 1 << 18, configOf: () => partitionConfig });
      const storage = log.partitions.get(partitionName) ?? await log.create(partitionName, partitionConfig);
      const sizes = { recordsPerBatchMax: 20, batchBytesTarget: 2_000, snapshotBytesMin: 5_000, snapshotFactor: 2 };
      const groups = await createGroupCoordinator({ storage, ...machine, topics, topicNames: () => ['work'], settings, report: (line) => assert.match(line, /could not be shortened: .*(disk|drive|room)/) }, sizes);
      return { log, groups };
    };
    const { log, groups } = await this.world.time.settle(open());
    this.#log = log;
    this.#groups = groups;
    this.life++;
    this.calls = new GroupCalls(groups);
  }

  /** The process is killed, or power goes, or it stops in order; then it starts again. */
  async #restart(): Promise<void> {
    this.calls = null;
    if (this.random.chance(0.2)) {
      this.#groups!.close();
      await this.world.time.settle(this.#log!.close());
    }
    this.#hosted!.process.kill();
    if (this.random.chance(0.5)) this.#device.cutPower();
    for (const client of this.#clients) client.disconnected();
    await this.#start();
  }

  /** No room for a while: writes are refused, everybody goes on, and all is well again when there is room. */
  async #fillDrive(): Promise<void> {
    this.#device.faults.capacityBytes = this.#device.usedBytes() + this.random.below(20_000);
    await this.#pass(this.random.between(100, 3_000));
    this.#device.faults.capacityBytes = Infinity;
    await this.#pass(1_000);
  }

  async #pass(ms: number): Promise<void> {
    await this.world.time.run({ untilMs: this.world.time.nowMs + ms, when: () => this.failure !== null });
    if (this.failure !== null) throw this.failure;
  }

  /** Chaos ends: the living come to rest in one generation. */
  async #settleDown(): Promise<void> {
    for (const client of this.#clients) client.calm = true;
    await this.#pass(4 * (sessionTimeoutMs + rebalanceTimeoutMs));
    const living = this.#clients.filter((client) => client.state === 'working');
    assert.equal(living.length, this.#clients.filter((client) => client.state !== 'gone').length, `everybody works: ${this.#clients.map((client) => `${client.name} ${client.state}`).join(', ')}`);
    const group = this.#groups!.find(groupId);
    if (living.length > 0) {
      assert.equal(group?.phase.kind, 'stable');
      assert.deepEqual([...group!.members.keys()].sort(), living.map((client) => client.memberId).sort());
      for (const client of living) assert.equal(client.generation, group!.generation);
      const described = await this.world.time.settle(this.calls!.call(DescribeGroups, 6, { groups: [groupId] }));
      assert.equal(described.groups[0]!.members.length, living.length);
      for (const member of described.groups[0]!.members) assert.deepEqual(topicsOf(member.memberMetadata), ['work']);
    }
    for (const [partition, committed] of group?.offsets.get('work') ?? []) this.truth.fetched(partition, committed.offset);
    for (const [partition] of this.truth.acknowledged) assert.ok(group?.offsets.get('work')?.has(partition), `partition ${partition} kept its offset`);
  }

  /** Everything is closed, and nothing is left to happen. */
  async #finish(): Promise<void> {
    for (const client of this.#clients) client.stop();
    this.#groups!.close();
    await this.world.time.settle(this.#log!.close());
    await this.world.time.run({ untilMs: this.world.time.nowMs + 60_000 });
    assert.equal(this.world.time.pending, 0, 'no timer is left');
  }
}

type State = 'outside' | 'joining' | 'working' | 'asleep' | 'gone';

/** One consumer as a state machine over callbacks; each acts in its own versions. */
class Client {
  readonly name: string;
  memberId = '';
  generation = -1;
  state: State = 'outside';
  calm = false;
  readonly #churn: Churn;
  readonly #random: FakeRandom;
  readonly #instanceId: string | null;
  readonly #versions: { join: number; sync: number; beat: number; leave: number; commit: number; fetch: number };
  #work: number[] = [];
  /** Rises whenever what was planned or asked before is void. */
  #turn = 0;
  #stopped = false;

  constructor(churn: Churn, name: string, random: FakeRandom) {
    this.#churn = churn;
    this.name = name;
    this.#random = random;
    this.#instanceId = random.chance(0.3) ? `static-${name}` : null;
    const from = (low: number, high: number) => random.between(low, high);
    const named = this.#instanceId !== null; // static members need versions that carry their name
    this.#versions = {
      join: from(named ? 5 : 0, 9), sync: from(named ? 3 : 0, 5), beat: from(named ? 3 : 0, 4), leave: from(named ? 3 : 0, 5), commit: from(named ? 7 : 2, 10), fetch: from(1, 10),
    };
  }

  start(afterMs: number): void { this.#later(afterMs, () => this.#join()); }
  stop(): void { this.#stopped = true; this.#turn++; }

  /** The node went down: nothing that was asked is answered; the client tries again with what it knows. */
  disconnected(): void {
    if (this.state === 'gone' || this.state === 'asleep') return;
    this.#turn++;
    this.#later(this.#random.below(100), () => (this.state === 'working' ? this.#beat() : this.#join()));
  }

  #later(ms: number, action: () => void): void {
    const turn = this.#turn;
    this.#churn.world.time.schedule(ms, () => {
      if (turn !== this.#turn || this.#stopped || this.#churn.failure !== null) return;
      try {
        action();
      } catch (error) {
        this.#churn.failure = error;
      }
    });
  }

  #ask<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>, done: (body: ResponseOf<A>) => void): void {
    const { calls, life } = this.#churn;
    if (!this.calm && this.#random.chance(0.05)) this.#echo(api, version, body);
    if (calls === null) return this.#later(50, () => this.#ask(api, version, body, done));
    const turn = this.#turn;
    calls.send(api, version, body, this.name, (answer) => {
      if (life !== this.#churn.life || this.#stopped) return;
      // Checks of the truth happen when the node answers, whether or not the client still listens.
      this.#churn.world.time.schedule(0, () => { if (turn === this.#turn) this.#guard(() => done(answer)); });
      this.#guard(() => this.#witness(api, body, answer));
    });
  }

  /** The same request comes once more, late: the network gave it twice. */
  #echo(api: Api<any, any>, version: number, body: any): void {
    if (api === JoinGroup) return; // a second join of a nameless client would be another member
    const { life } = this.#churn;
    this.#churn.world.time.schedule(this.#random.below(1_000), () => {
      // An old commit of the same generation is legal, and goes back; one of an earlier generation must be refused.
      if (api === OffsetCommit && this.generation <= body.generationIdOrMemberEpoch) return;
      if (this.#churn.life === life) this.#churn.calls?.send(api, version, body, this.name, (answer) => this.#guard(() => this.#witness(api, body, answer)));
    });
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#churn.failure ??= error;
    }
  }

  /** What the node said counts from the moment that it said it. */
  #witness(api: Api<any, any>, asked: any, answer: any): void {
    const { truth } = this.#churn;
    if (api === SyncGroup && answer.errorCode === errorCodes.NONE) {
      const work = new TextDecoder().decode(answer.assignment);
      if (work !== '') truth.assigned(asked.generationId, asked.memberId, work);
    }
    if (api === OffsetCommit) {
      for (const [index, row] of answer.topics[0].partitions.entries()) {
        if (row.errorCode !== errorCodes.NONE) continue;
        const { partitionIndex, committedOffset } = asked.topics[0].partitions[index];
        truth.acknowledged.set(partitionIndex, Math.max(truth.acknowledged.get(partitionIndex) ?? -1, committedOffset));
      }
    }
    if (api === OffsetFetch) {
      const partitions = (answer.groups?.[0]?.topics ?? answer.topics)[0].partitions;
      for (const row of partitions) truth.fetched(row.partitionIndex, row.committedOffset);
    }
  }

  #join(): void {
    this.state = 'joining';
    const metadata = encodeVersioned(ConsumerProtocolSubscription, 1, { topics: ['work'], userData: utf8.encode(this.#random.chance(0.2) ? `changed ${this.#random.below(3)}` : '') });
    const protocols = [{ name: 'range', metadata }, { name: 'cooperative-sticky', metadata }];
    this.#ask(JoinGroup, this.#versions.join, {
      groupId, sessionTimeoutMs, rebalanceTimeoutMs, memberId: this.memberId, groupInstanceId: this.#instanceId, protocolType: 'consumer', protocols,
    }, (answer) => this.#joined(answer));
  }

  #joined(answer: ResponseOf<typeof JoinGroup>): void {
    switch (answer.errorCode) {
      case errorCodes.NONE: {
        this.memberId = answer.memberId;
        this.generation = answer.generationId;
        const leads = answer.leader === answer.memberId && !answer.skipAssignment;
        if (!this.calm && this.#random.chance(0.05)) return this.#sleep();
        const delayMs = this.calm || this.#random.chance(0.7) ? 0 : this.#random.below(300);
        return this.#later(delayMs, () => this.#sync(leads ? this.#assign(answer.members.map(({ memberId }) => memberId)) : []));
      }
      case errorCodes.MEMBER_ID_REQUIRED: this.memberId = answer.memberId; return this.#join();
      case errorCodes.UNKNOWN_MEMBER_ID: this.memberId = ''; return this.#again();
      case errorCodes.FENCED_INSTANCE_ID: this.memberId = ''; return this.#again();
      case errorCodes.REBALANCE_IN_PROGRESS: case errorCodes.COORDINATOR_NOT_AVAILABLE: return this.#again();
      default: assert.fail(`${this.name} join ${this.#versions.join}: ${errorName(answer.errorCode)}`);
    }
  }

  #again(): void { this.#later(this.#random.between(1, 50), () => this.#join()); }

  /** Work for each member: who assigned it, a mark that is never used again, and partitions. */
  #assign(members: string[]): { memberId: string; assignment: Uint8Array }[] {
    const mark = `${this.memberId}/${this.generation}/${this.#random.uint32()}`;
    return members.map((memberId, index) => {
      const partitions = Array.from({ length: partitionCount }, (_, partition) => partition).filter((partition) => partition % members.length === index);
      return { memberId, assignment: utf8.encode(`${mark}!${memberId}!${partitions.join(',')}`) };
    });
  }

  #sync(assignments: { memberId: string; assignment: Uint8Array }[]): void {
    this.#ask(SyncGroup, this.#versions.sync, {
      groupId, generationId: this.generation, memberId: this.memberId, groupInstanceId: this.#instanceId, protocolType: 'consumer', protocolName: 'range', assignments,
    }, (answer) => {
      if (answer.errorCode !== errorCodes.NONE) return this.#refused(answer.errorCode, 'sync');
      this.state = 'working';
      const [, , partitions = ''] = new TextDecoder().decode(answer.assignment).split('!');
      this.#work = partitions === '' ? [] : partitions.split(',').map(Number);
      this.#fetch();
    });
  }

  #refused(errorCode: number, what: string): void {
    switch (errorCode) {
      case errorCodes.REBALANCE_IN_PROGRESS: case errorCodes.COORDINATOR_NOT_AVAILABLE: case errorCodes.ILLEGAL_GENERATION: return this.#join();
      case errorCodes.UNKNOWN_MEMBER_ID: case errorCodes.FENCED_INSTANCE_ID: case errorCodes.GROUP_ID_NOT_FOUND: this.memberId = ''; return this.#join();
      default: assert.fail(`${this.name} ${what}: ${errorName(errorCode)}`);
    }
  }

  #fetch(): void {
    const version = this.#versions.fetch;
    const asked = [{ name: 'work', topicId, partitionIndexes: this.#work }];
    if (this.#work.length === 0) return this.#next();
    this.#ask(OffsetFetch, version, version < 8 ? { groupId, topics: asked } : { groups: [{ groupId, topics: asked }] }, () => this.#next());
  }

  /** What a working consumer does next. */
  #next(): void {
    if (!this.calm && this.#random.chance(0.02)) return this.#leave();
    if (!this.calm && this.#random.chance(0.02)) return this.#sleep();
    if (!this.calm && this.#random.chance(0.02)) return this.#later(0, () => this.#join());
    if (this.#random.chance(0.5) && this.#work.length > 0) return this.#later(this.#random.below(60), () => this.#commit());
    this.#later(this.#random.between(20, sessionTimeoutMs / 4), () => this.#beat());
  }

  #beat(): void {
    this.#ask(Heartbeat, this.#versions.beat, { groupId, generationId: this.generation, memberId: this.memberId, groupInstanceId: this.#instanceId }, (answer) => {
      if (answer.errorCode === errorCodes.NONE) this.#next();
      else this.#refused(answer.errorCode, 'heartbeat');
    });
  }

  #commit(): void {
    const { sent } = this.#churn.truth;
    const partitions = this.#work.filter(() => this.#random.chance(0.7)).map((partitionIndex) => {
      const committedOffset = (sent.get(partitionIndex) ?? -1) + 1;
      sent.set(partitionIndex, committedOffset);
      return { partitionIndex, committedOffset, committedLeaderEpoch: 0, committedMetadata: this.name };
    });
    if (partitions.length === 0) return this.#next();
    this.#ask(OffsetCommit, this.#versions.commit, {
      groupId, generationIdOrMemberEpoch: this.generation, memberId: this.memberId, groupInstanceId: this.#instanceId, topics: [{ name: 'work', topicId, partitions }],
    }, (answer) => {
      const { errorCode } = answer.topics[0]!.partitions[0]!;
      if (errorCode === errorCodes.NONE) this.#next();
      else this.#refused(errorCode, 'commit');
    });
  }

  #leave(): void {
    const body = this.#versions.leave < 3 ? { groupId, memberId: this.memberId } : { groupId, members: [{ memberId: this.memberId, groupInstanceId: this.#instanceId }] };
    this.#ask(LeaveGroup, this.#versions.leave, body, () => {
      this.memberId = '';
      this.state = 'outside';
      if (this.#random.chance(0.2)) this.state = 'gone';
      else this.#later(this.#random.below(1_000), () => this.#join());
    });
  }

  /** Silent for a while, perhaps longer than its session; then it goes on as if nothing had been, or starts anew. */
  #sleep(): void {
    this.state = 'asleep';
    this.#later(this.#random.below(3 * sessionTimeoutMs), () => {
      this.state = 'working';
      if (this.#random.chance(0.3)) this.memberId = '';
      if (this.memberId === '') this.#join();
      else this.#beat();
    });
  }
}

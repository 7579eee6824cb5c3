// broker/group/requests.test.ts - the traps of the protocol's versions around groups, each a test, over the real codec and log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLog, type PartitionConfig } from '../../log/mod.ts';
import type { Clock } from '../../os/mod.ts';
import { World } from '../../testing/mod.ts';
import {
  ConsumerProtocolSubscription, DeleteGroups, DescribeGroups, encodeVersioned, errorCodes, FindCoordinator, Heartbeat, JoinGroup, LeaveGroup, ListGroups, OffsetCommit,
  OffsetDelete, OffsetFetch, SyncGroup, type Api, type RequestInit, type ResponseOf,
} from '../../wire/mod.ts';
import { createGroupCoordinator, type GroupCoordinator } from './coordinator.ts';
import { GroupCalls } from './group-calls.ts';
import type { GroupSettings } from './ports.ts';

const partitionConfig: PartitionConfig = { segmentBytes: 1 << 20, segmentMs: 1 << 30, retentionBytes: -1, retentionMs: -1, durability: 'synced' };
const ids: Record<string, string> = { flights: 'ZmxpZ2h0c2ZsaWdodHMxMg', delays: 'ZGVsYXlzZGVsYXlzZGVsYQ' };
const utf8 = new TextEncoder();
const minute = 60_000;

/** A coordinator in a world of its own, and restarts of it. */
class Desk {
  readonly world = new World(1);
  readonly #device = this.world.device('drive');
  readonly topics = new Map(Object.entries(ids));
  readonly settings: GroupSettings = {
    initialRebalanceDelayMs: 0, sessionTimeoutMinMs: 6_000, sessionTimeoutMaxMs: 1_800_000, membersMax: 100, offsetRetentionMs: 7 * 24 * 60 * minute, offsetCheckIntervalMs: 10 * minute,
    offsetMetadataMax: 100,
  };
  groups!: GroupCoordinator;
  timers = 0;
  /** How long the thread has stood still, by the clock. */
  standstillMs = 0;
  /** What is read from the sockets once the next timer has run. */
  readonly inSocket: (() => void)[] = [];
  #calls!: GroupCalls;
  #process: { kill(): void } | null = null;
  readonly reports: string[] = [];

  static async open(settings: Partial<GroupSettings> = {}): Promise<Desk> {
    const desk = new Desk();
    Object.assign(desk.settings, settings);
    await desk.start();
    return desk;
  }

  /** Kills what runs, and starts again on what is on the drive. */
  async start(): Promise<void> {
    this.#process?.kill();
    const { process, machine } = this.world.start('node', 'host', this.#device);
    this.#process = process;
    await this.world.time.settle((async () => {
      const log = await openLog({ ...machine, configOf: () => partitionConfig });
      const storage = log.partitions.get('__consumer_offsets-0') ?? await log.create('__consumer_offsets-0', partitionConfig);
      const topics = {
        idOf: (name: string) => this.topics.get(name) ?? null,
        nameOf: (id: string) => [...this.topics].find(([, known]) => known === id)?.[0] ?? null,
        hasPartition: (name: string, partition: number) => this.topics.has(name) && partition < 4,
      };
      this.groups = await createGroupCoordinator({ storage, ...machine, topics, settings: this.settings, clock: this.#counted(machine.clock), report: (line) => this.reports.push(line) });
      this.#calls = new GroupCalls(this.groups, '10.1.2.3');
    })());
  }

  /** A clock that counts the coordinator's timers. */
  #counted(clock: Clock): Clock {
    this.timers = 0;
    return {
      nowMs: () => clock.nowMs(), monotonicMs: () => clock.monotonicMs() + this.standstillMs, soon: (callback) => clock.soon(callback), watchStalls: (overMs, onStall) => clock.watchStalls(overMs, onStall),
      after: (delayMs, callback) => {
        let live = true;
        const end = () => { if (live) this.timers--; live = false; };
        this.timers++;
        const timer = clock.after(delayMs, () => {
          end();
          for (const read of this.inSocket.splice(0)) clock.soon(read); // timers come first, then what the sockets hold
          callback();
        });
        return { cancel: () => { end(); timer.cancel(); } };
      },
    };
  }

  ask<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>): Promise<ResponseOf<A>> {
    return this.world.time.settle(this.#calls.call(api, version, body));
  }

  /** Asks without waiting: for requests that others must complete. */
  begin<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>): Promise<ResponseOf<A>> {
    return this.#calls.call(api, version, body);
  }

  /** One stable member; returns its id. */
  async member(groupId: string, options: { topics?: string[]; groupInstanceId?: string } = {}): Promise<string> {
    const joined = await this.ask(JoinGroup, 5, joining(groupId, { ...options, memberId: options.groupInstanceId === undefined ? (await this.ask(JoinGroup, 5, joining(groupId, options))).memberId : '' }));
    assert.equal(joined.errorCode, errorCodes.NONE);
    const synced = await this.ask(SyncGroup, 3, { groupId, generationId: joined.generationId, memberId: joined.memberId, groupInstanceId: options.groupInstanceId ?? null, assignments: [{ memberId: joined.memberId, assignment: utf8.encode('all') }] });
    assert.equal(synced.errorCode, errorCodes.NONE);
    return joined.memberId;
  }

  async commit(groupId: string, offset: number, name = 'flights'): Promise<void> {
    const { topics } = await this.ask(OffsetCommit, 8, committing(groupId, [{ partitionIndex: 0, committedOffset: offset }], { name }));
    assert.equal(topics[0]!.partitions[0]!.errorCode, errorCodes.NONE);
  }

  async committed(groupId: string, name = 'flights'): Promise<number> {
    const { topics } = await this.ask(OffsetFetch, 5, { groupId, topics: [{ name, partitionIndexes: [0] }] });
    return topics[0]!.partitions[0]!.committedOffset;
  }
}

function joining(groupId: string, options: { memberId?: string; topics?: string[]; groupInstanceId?: string; protocolType?: string } = {}): RequestInit<typeof JoinGroup> {
  const metadata = encodeVersioned(ConsumerProtocolSubscription, 1, { topics: options.topics ?? ['flights'] });
  return {
    groupId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 30_000, memberId: options.memberId ?? '', groupInstanceId: options.groupInstanceId ?? null,
    protocolType: options.protocolType ?? 'consumer', protocols: [{ name: 'range', metadata }],
  };
}

type CommitPartition = { partitionIndex: number; committedOffset: number; committedLeaderEpoch?: number; committedMetadata?: string | null };

function committing(groupId: string, partitions: CommitPartition[], options: { name?: string; topicId?: string; generation?: number; memberId?: string; retentionTimeMs?: number } = {}): RequestInit<typeof OffsetCommit> {
  const { name = 'flights', topicId = ids[name] ?? ids.flights, generation = -1, memberId = '', retentionTimeMs = -1 } = options;
  return { groupId, generationIdOrMemberEpoch: generation, memberId, retentionTimeMs, topics: [{ name, topicId, partitions }] };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test('JoinGroup: before version 4 a nameless member is let in at once, since then it gets its name first', async () => {
  for (const version of range(0, 9)) {
    const desk = await Desk.open();
    const first = await desk.ask(JoinGroup, version, joining('g'));
    if (version < 4) {
      assert.equal(first.errorCode, errorCodes.NONE);
      assert.deepEqual(first.members.map(({ memberId }) => memberId), [first.memberId]);
      continue;
    }
    assert.equal(first.errorCode, errorCodes.MEMBER_ID_REQUIRED);
    assert.match(first.memberId, /^client-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.equal(first.protocolName, version < 7 ? '' : null, 'a name that may not be null is empty');
    const second = await desk.ask(JoinGroup, version, joining('g', { memberId: first.memberId }));
    assert.deepEqual([second.errorCode, second.memberId, second.generationId, second.protocolName, second.leader], [0, first.memberId, 1, 'range', first.memberId]);
    if (version >= 7) assert.equal(second.protocolType, 'consumer');
  }
});

test('JoinGroup: static members get no name first, and carry it since version 5', async () => {
  for (const version of range(5, 9)) {
    const desk = await Desk.open();
    const joined = await desk.ask(JoinGroup, version, joining('g', { groupInstanceId: 'one' }));
    assert.equal(joined.errorCode, errorCodes.NONE);
    assert.match(joined.memberId, /^one-/);
    assert.equal(joined.members[0]!.groupInstanceId, 'one');
  }
});

test('JoinGroup: a static leader that comes back is kept from assigning, by a flag since version 9, before by another leader', async () => {
  for (const version of range(5, 9)) {
    const desk = await Desk.open();
    const memberId = await desk.member('g', { groupInstanceId: 'one' });
    const back = await desk.ask(JoinGroup, version, joining('g', { groupInstanceId: 'one' }));
    assert.equal(back.generationId, 1, 'nobody rebalances');
    assert.notEqual(back.memberId, memberId);
    if (version < 9) assert.deepEqual([back.leader, back.members.length], [memberId, 0]);
    else assert.deepEqual([back.leader, back.skipAssignment, back.members.length], [back.memberId, true, 1]);
    const synced = await desk.ask(SyncGroup, 5, { groupId: 'g', generationId: 1, memberId: back.memberId, groupInstanceId: 'one', protocolType: 'consumer', protocolName: 'range', assignments: [] });
    assert.equal(new TextDecoder().decode(synced.assignment), 'all');
    const fenced = await desk.ask(Heartbeat, 4, { groupId: 'g', generationId: 1, memberId, groupInstanceId: 'one' });
    assert.equal(fenced.errorCode, errorCodes.FENCED_INSTANCE_ID);
  }
});

test('JoinGroup: version 0 has no rebalance timeout, so the session timeout is it', async () => {
  const desk = await Desk.open();
  await desk.ask(JoinGroup, 0, joining('g'));
  const group = desk.groups.find('g')!;
  assert.deepEqual([...group.members.values()].map((member) => [member.sessionTimeoutMs, member.rebalanceTimeoutMs]), [[10_000, 10_000]]);
});

test('JoinGroup: what is refused, and what is left of a refused group: nothing', async () => {
  const desk = await Desk.open();
  const codeOf = async (body: RequestInit<typeof JoinGroup>) => (await desk.ask(JoinGroup, 3, body)).errorCode;
  assert.equal(await codeOf(joining('')), errorCodes.INVALID_GROUP_ID);
  assert.equal(await codeOf({ ...joining('g'), sessionTimeoutMs: 5_999 }), errorCodes.INVALID_SESSION_TIMEOUT);
  assert.equal(await codeOf({ ...joining('g'), sessionTimeoutMs: 1_800_001 }), errorCodes.INVALID_SESSION_TIMEOUT);
  assert.equal(await codeOf({ ...joining('g'), protocols: [] }), errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  assert.equal(await codeOf({ ...joining('g'), protocolType: '' }), errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  assert.equal(await codeOf(joining('g', { memberId: 'somebody' })), errorCodes.UNKNOWN_MEMBER_ID);
  assert.deepEqual((await desk.ask(ListGroups, 5, {})).groups, []);
});

test('a crowd that joins at once, rejoins and gets in: nobody is UNKNOWN_MEMBER_ID', async () => {
  const desk = await Desk.open();
  const named = await Promise.all(range(1, 20).map(() => desk.begin(JoinGroup, 9, joining('g'))));
  const first = named.map(({ memberId }) => desk.begin(JoinGroup, 9, joining('g', { memberId })));
  // The first one was let in alone; it hears of the others with its heartbeat and joins again.
  const alone = await desk.world.time.settle(first[0]!);
  assert.equal(alone.errorCode, errorCodes.NONE);
  const beat = await desk.ask(Heartbeat, 4, { groupId: 'g', generationId: alone.generationId, memberId: alone.memberId });
  assert.equal(beat.errorCode, errorCodes.REBALANCE_IN_PROGRESS);
  const again = desk.begin(JoinGroup, 9, joining('g', { memberId: alone.memberId }));
  const answers = await desk.world.time.settle(Promise.all([again, ...first.slice(1)]));
  assert.deepEqual(new Set(answers.map(({ errorCode, generationId }) => `${errorCode} ${generationId}`)), new Set([`0 ${alone.generationId + 1}`]));
  assert.equal(answers.filter(({ members }) => members.length === 20).length, 1, 'one leader knows them all');
});

test('SyncGroup: protocol type and name are compared since version 5', async () => {
  const desk = await Desk.open();
  const memberId = await desk.member('g');
  const sync = async (version: number, protocolType: string | null, protocolName: string | null) =>
    (await desk.ask(SyncGroup, version, { groupId: 'g', generationId: 1, memberId, protocolType, protocolName, assignments: [] })).errorCode;
  assert.equal(await sync(5, 'consumer', 'range'), errorCodes.NONE);
  for (const [type, name] of [[null, null], ['consumer', null], [null, 'range']] as const) assert.equal(await sync(5, type, name), errorCodes.INCONSISTENT_GROUP_PROTOCOL, 'they must be told');
  assert.equal(await sync(5, 'connect', 'range'), errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  assert.equal(await sync(5, 'consumer', 'sticky'), errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  for (const version of range(0, 4)) assert.equal(await sync(version, 'connect', 'sticky'), errorCodes.NONE, 'not carried, not compared');
  const answer = await desk.ask(SyncGroup, 5, { groupId: 'g', generationId: 1, memberId, protocolType: 'consumer', protocolName: 'range', assignments: [] });
  assert.deepEqual([answer.protocolType, answer.protocolName], ['consumer', 'range']);
});

test('requests to a group that is not there', async () => {
  const desk = await Desk.open();
  const lost = { groupId: 'none', generationId: 1, memberId: 'm' };
  for (const version of range(0, 4)) assert.equal((await desk.ask(Heartbeat, version, lost)).errorCode, errorCodes.UNKNOWN_MEMBER_ID);
  for (const version of range(0, 5)) assert.equal((await desk.ask(SyncGroup, version, { ...lost, protocolType: 'consumer', protocolName: 'range', assignments: [] })).errorCode, errorCodes.UNKNOWN_MEMBER_ID);
  for (const version of range(2, 10)) {
    const { topics } = await desk.ask(OffsetCommit, version, committing('none', [{ partitionIndex: 0, committedOffset: 1 }], { generation: 3, memberId: 'm' }));
    assert.equal(topics[0]!.partitions[0]!.errorCode, version < 9 ? errorCodes.ILLEGAL_GENERATION : errorCodes.GROUP_ID_NOT_FOUND);
  }
});

test('LeaveGroup: one answer on top before version 3, one for each member since', async () => {
  const desk = await Desk.open();
  for (const version of range(0, 5)) {
    const memberId = await desk.member('g');
    const leave = (id: string) => desk.ask(LeaveGroup, version, version < 3 ? { groupId: 'g', memberId: id } : { groupId: 'g', members: [{ memberId: id }] });
    const unknown = await leave('stranger');
    const known = await leave(memberId);
    if (version < 3) assert.deepEqual([unknown.errorCode, known.errorCode], [errorCodes.UNKNOWN_MEMBER_ID, errorCodes.NONE]);
    else assert.deepEqual([unknown.errorCode, unknown.members[0]!.errorCode, known.errorCode, known.members[0]!.errorCode], [0, errorCodes.UNKNOWN_MEMBER_ID, 0, 0]);
  }
  const missing = await desk.ask(LeaveGroup, 5, { groupId: 'none', members: [{ memberId: 'a' }, { memberId: '', groupInstanceId: 'b' }] });
  assert.deepEqual(missing.members.map(({ memberId, groupInstanceId, errorCode }) => [memberId, groupInstanceId, errorCode]), [['a', null, errorCodes.UNKNOWN_MEMBER_ID], ['', 'b', errorCodes.UNKNOWN_MEMBER_ID]]);
});

test('offsets with metadata and epoch come back whole, whatever versions wrote and read them', async () => {
  const desk = await Desk.open();
  for (const written of range(2, 10)) {
    const metadata = `noted in ${written}, ä€😀`;
    const { topics } = await desk.ask(OffsetCommit, written, committing('g', [{ partitionIndex: 2, committedOffset: 1000 + written, committedLeaderEpoch: 5, committedMetadata: metadata }]));
    assert.deepEqual(topics.map((topic) => [written < 10 ? topic.name : topic.topicId, topic.partitions]), [[written < 10 ? 'flights' : ids.flights, [{ partitionIndex: 2, errorCode: 0 }]]]);
    if (written % 3 === 0) await desk.start();
    for (const read of range(1, 10)) {
      const asked = [{ name: 'flights', topicId: ids.flights, partitionIndexes: [2, 3] }];
      const answer = await desk.ask(OffsetFetch, read, read < 8 ? { groupId: 'g', topics: asked } : { groups: [{ groupId: 'g', topics: asked }] });
      const partitions = (read < 8 ? answer.topics : answer.groups[0]!.topics)[0]!.partitions;
      const epoch = (known: number) => (read < 5 ? -1 : known);
      assert.deepEqual(partitions, [
        { partitionIndex: 2, committedOffset: 1000 + written, committedLeaderEpoch: epoch(written < 6 ? -1 : 5), metadata, errorCode: 0 },
        { partitionIndex: 3, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
      ], `written in ${written}, read in ${read}`);
    }
  }
});

test('OffsetCommit: each partition that cannot be kept is told so, the others are kept', async () => {
  const desk = await Desk.open();
  const long = 'x'.repeat(101);
  const { topics } = await desk.ask(OffsetCommit, 9, {
    groupId: 'g',
    topics: [
      { name: 'flights', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: long }, { partitionIndex: 1, committedOffset: 2, committedMetadata: null }, { partitionIndex: 4, committedOffset: 3 }] },
      { name: 'nowhere', partitions: [{ partitionIndex: 0, committedOffset: 4 }] },
    ],
  });
  assert.deepEqual(topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode)), [
    [errorCodes.OFFSET_METADATA_TOO_LARGE, errorCodes.NONE, errorCodes.UNKNOWN_TOPIC_OR_PARTITION], [errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
  ]);
  const all = await desk.ask(OffsetFetch, 9, { groups: [{ groupId: 'g', topics: null }] });
  assert.deepEqual(all.groups[0]!.topics.map(({ name, partitions }) => [name, partitions.map(({ partitionIndex, committedOffset, metadata }) => [partitionIndex, committedOffset, metadata])]), [['flights', [[1, 2, '']]]]);
});

test('version 10 of OffsetCommit and OffsetFetch: topics by id', async () => {
  const desk = await Desk.open();
  const lost = 'bm9ib2R5bm9ib2R5bm9ibw';
  const { topics } = await desk.ask(OffsetCommit, 10, committing('g', [{ partitionIndex: 0, committedOffset: 1 }], { topicId: lost }));
  assert.deepEqual(topics[0]!.partitions[0]!.errorCode, errorCodes.UNKNOWN_TOPIC_ID);
  await desk.commit('g', 7);
  await desk.commit('g', 8, 'delays');
  const fetch = async () => (await desk.ask(OffsetFetch, 10, { groups: [{ groupId: 'g', topics: [ids.flights!, lost].map((topicId) => ({ topicId, partitionIndexes: [0] })) }] })).groups[0]!.topics
    .map(({ partitions }) => [partitions[0]!.committedOffset, partitions[0]!.errorCode]);
  assert.deepEqual(await fetch(), [[7, 0], [-1, errorCodes.UNKNOWN_TOPIC_ID]]);
  // A topic made anew under the same name has another id; the offset was the former one's.
  desk.topics.set('flights', lost);
  assert.deepEqual(await fetch(), [[-1, errorCodes.UNKNOWN_TOPIC_ID], [-1, 0]]);
  desk.topics.delete('flights');
  const all = await desk.ask(OffsetFetch, 10, { groups: [{ groupId: 'g', topics: null }] });
  assert.deepEqual(all.groups[0]!.topics.map(({ topicId }) => topicId), [ids.delays], 'what has no id is not told by id');
});

test('OffsetFetch: all topics since version 2, several groups since version 8, stable or not', async () => {
  const desk = await Desk.open();
  await desk.commit('g', 1);
  await desk.commit('h', 2, 'delays');
  for (const version of range(2, 7)) {
    const { topics, errorCode } = await desk.ask(OffsetFetch, version, { groupId: 'g', topics: null, requireStable: true });
    assert.deepEqual([errorCode, topics.map(({ name }) => name)], [0, ['flights']]);
  }
  for (const version of range(8, 10)) {
    const { groups } = await desk.ask(OffsetFetch, version, { groups: ['g', 'h', 'none'].map((groupId) => ({ groupId, topics: null })), requireStable: true });
    assert.deepEqual(groups.map(({ groupId, errorCode, topics }) => [groupId, errorCode, topics.map(({ partitions }) => partitions[0]!.committedOffset)]), [['g', 0, [1]], ['h', 0, [2]], ['none', 0, []]]);
  }
  assert.equal(await desk.committed('none'), -1);
  assert.deepEqual((await desk.ask(OffsetFetch, 5, { groupId: 'g', topics: [] })).topics, [], 'none asked, none told');
});

test('OffsetCommit 2-4: a retention of its own ends an offset before the node would', async () => {
  for (const version of range(2, 10)) {
    const desk = await Desk.open();
    await desk.ask(OffsetCommit, version, committing('g', [{ partitionIndex: 0, committedOffset: 1 }], { retentionTimeMs: 5 * minute }));
    await desk.world.time.advance(11 * minute);
    assert.equal(await desk.committed('g'), version <= 4 ? -1 : 1);
  }
});

test('offsets expire with their retention once the group is empty, across restarts, and the group with them', async () => {
  const desk = await Desk.open({ offsetRetentionMs: 60 * minute });
  await desk.commit('simple', 1);
  const memberId = await desk.member('g');
  await desk.ask(OffsetCommit, 8, committing('g', [{ partitionIndex: 0, committedOffset: 5 }], { generation: 1, memberId }));
  for (let i = 0; i < 700; i++) { // more than the retention, alive all the time
    await desk.world.time.advance(8_000);
    assert.equal((await desk.ask(Heartbeat, 3, { groupId: 'g', generationId: 1, memberId })).errorCode, 0);
  }
  assert.deepEqual([await desk.committed('simple'), await desk.committed('g')], [-1, 5]);
  await desk.ask(LeaveGroup, 3, { groupId: 'g', members: [{ memberId }] });
  await desk.world.time.advance(40 * minute);
  await desk.start();
  assert.equal(await desk.committed('g'), 5);
  await desk.world.time.advance(19 * minute);
  assert.equal(await desk.committed('g'), 5);
  await desk.world.time.advance(11 * minute);
  assert.deepEqual((await desk.ask(ListGroups, 5, {})).groups, []);
  await desk.start();
  assert.deepEqual((await desk.ask(ListGroups, 5, {})).groups, []);
});

test('DescribeGroups: a missing group is Dead before version 6, GROUP_ID_NOT_FOUND since', async () => {
  const desk = await Desk.open();
  const memberId = await desk.member('g', { groupInstanceId: 'one' });
  for (const version of range(0, 6)) {
    const { groups } = await desk.ask(DescribeGroups, version, { groups: ['g', 'none'], includeAuthorizedOperations: true });
    assert.deepEqual([groups[1]!.groupState, groups[1]!.errorCode, groups[1]!.errorMessage], ['Dead', version < 6 ? 0 : errorCodes.GROUP_ID_NOT_FOUND, version < 6 ? null : 'Group none not found.']);
    const [group] = groups;
    assert.deepEqual([group!.groupState, group!.protocolType, group!.protocolData, group!.authorizedOperations], ['Stable', 'consumer', 'range', version < 3 ? -(2 ** 31) : 3400]);
    assert.deepEqual(group!.members.map((member) => [member.memberId, member.groupInstanceId, member.clientId, member.clientHost, new TextDecoder().decode(member.memberAssignment), member.memberMetadata.length > 0]),
      [[memberId, version < 4 ? null : 'one', 'client', '/10.1.2.3', 'all', true]]);
  }
});

test('ListGroups: by state since version 4, by type since version 5', async () => {
  const desk = await Desk.open();
  await desk.member('consumers');
  await desk.commit('simple', 1);
  const list = async (version: number, statesFilter: string[], typesFilter: string[] = []) =>
    (await desk.ask(ListGroups, version, { statesFilter, typesFilter })).groups.map(({ groupId, protocolType, groupState, groupType }) => [groupId, protocolType, groupState, groupType].join(' ').trim());
  for (const version of range(0, 3)) assert.deepEqual(await list(version, []), ['consumers consumer', 'simple']);
  assert.deepEqual(await list(4, ['stable']), ['consumers consumer Stable']);
  assert.deepEqual(await list(5, ['EMPTY']), ['simple  Empty classic']);
  assert.deepEqual(await list(5, ['Empty', 'Stable'], ['Classic']), ['consumers consumer Stable classic', 'simple  Empty classic']);
  assert.deepEqual(await list(5, [], ['consumer']), []);
});

test('FindCoordinator: this node for groups, by one key before version 4, by several since; and for transactions; nothing for shares', async () => {
  const desk = await Desk.open();
  for (const version of range(0, 6)) {
    const find = (keyType: number) => desk.ask(FindCoordinator, version, version < 4 ? { key: 'g', keyType: version === 0 ? 0 : keyType } : { coordinatorKeys: ['g', 'h'], keyType });
    const rows = async (keyType: number) => {
      const answer = await find(keyType);
      return (version < 4 ? [answer] : answer.coordinators).map(({ errorCode, nodeId, host, port }) => [errorCode, nodeId, host, port].join(' '));
    };
    const here = '0 1 node.example 9092';
    assert.deepEqual(await rows(0), version < 4 ? [here] : [here, here]);
    if (version === 0) continue;
    assert.deepEqual(await rows(1), version < 4 ? [here] : [here, here]);
    assert.match((await rows(2))[0]!, new RegExp(`^${errorCodes.INVALID_REQUEST} -1 `));
  }
});

test('OffsetDelete: not of topics that members subscribe to, not of groups whose subscriptions are unknown', async () => {
  const desk = await Desk.open();
  await desk.commit('g', 1);
  await desk.commit('g', 2, 'delays');
  const memberId = await desk.member('g', { topics: ['flights'] });
  const remove = async (groupId: string, ...names: string[]) => {
    const { errorCode, topics } = await desk.ask(OffsetDelete, 0, { groupId, topics: names.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })) });
    return errorCode !== 0 ? errorCode : topics.map(({ partitions }) => partitions[0]!.errorCode);
  };
  assert.deepEqual(await remove('g', 'flights', 'delays', 'nowhere'), [errorCodes.GROUP_SUBSCRIBED_TO_TOPIC, 0, errorCodes.UNKNOWN_TOPIC_OR_PARTITION]);
  assert.deepEqual([await desk.committed('g'), await desk.committed('g', 'delays')], [1, -1]);
  await desk.ask(LeaveGroup, 1, { groupId: 'g', memberId });
  assert.deepEqual(await remove('g', 'flights'), [0]);
  assert.equal(await desk.committed('g'), -1);
  assert.equal(await remove('none', 'flights'), errorCodes.GROUP_ID_NOT_FOUND);
  await desk.ask(JoinGroup, 3, joining('workers', { protocolType: 'connect' }));
  assert.equal(await remove('workers', 'flights'), errorCodes.NON_EMPTY_GROUP);
});

test('DeleteGroups: each group by itself; what is gone stays gone after a restart', async () => {
  const desk = await Desk.open();
  await desk.commit('a', 1);
  await desk.commit('b', 2);
  await desk.member('c');
  const { results } = await desk.ask(DeleteGroups, 2, { groupsNames: ['a', 'c', 'none', 'a'] });
  assert.deepEqual(results.map(({ groupId, errorCode }) => [groupId, errorCode]), [['a', 0], ['c', errorCodes.NON_EMPTY_GROUP], ['none', errorCodes.GROUP_ID_NOT_FOUND]]);
  await desk.start();
  assert.deepEqual((await desk.ask(ListGroups, 4, {})).groups.map(({ groupId, groupState }) => [groupId, groupState]), [['b', 'Empty'], ['c', 'Stable']]);
  assert.deepEqual([await desk.committed('a'), await desk.committed('b')], [-1, 2]);
});

test('a deleted topic takes its offsets along', async () => {
  const desk = await Desk.open();
  await desk.commit('a', 1);
  await desk.commit('a', 2, 'delays');
  desk.groups.topicGone('flights');
  await desk.world.time.advance(100);
  assert.deepEqual([await desk.committed('a', 'delays'), await desk.committed('a')], [2, -1]);
  await desk.start();
  assert.deepEqual([await desk.committed('a', 'delays'), await desk.committed('a')], [2, -1]);
});

test('a node that stops refuses who waits, and answers what is under way', async () => {
  const desk = await Desk.open();
  const memberId = await desk.member('g');
  const waiting = desk.begin(JoinGroup, 3, joining('g'));
  const commit = desk.begin(OffsetCommit, 8, committing('g', [{ partitionIndex: 0, committedOffset: 9 }], { generation: 1, memberId }));
  desk.groups.close();
  assert.equal((await desk.world.time.settle(waiting)).errorCode, errorCodes.COORDINATOR_NOT_AVAILABLE);
  assert.equal((await desk.world.time.settle(commit)).topics[0]!.partitions[0]!.errorCode, errorCodes.NONE);
  const late = await desk.ask(OffsetCommit, 8, committing('g', [{ partitionIndex: 0, committedOffset: 10 }], { generation: 1, memberId }));
  assert.equal(late.topics[0]!.partitions[0]!.errorCode, errorCodes.COORDINATOR_NOT_AVAILABLE);
  await desk.start();
  assert.equal(await desk.committed('g'), 9);
});

test('a node that stood still hears the heartbeats that came meanwhile before it judges sessions', async () => {
  const desk = await Desk.open();
  const [alive, silent] = [await desk.member('g'), await desk.member('h')];
  await desk.world.time.advance(9_000);
  // The timers of both sessions are due in a second, and run late; the heartbeat lies in the socket behind them.
  let beat: { errorCode: number } | null = null;
  desk.inSocket.push(() => { void desk.begin(Heartbeat, 3, { groupId: 'g', generationId: 1, memberId: alive }).then((answer) => { beat = answer; }); });
  desk.standstillMs = 20_000;
  await desk.world.time.advance(1_000);
  assert.deepEqual(beat, { throttleTimeMs: 0, errorCode: errorCodes.NONE });
  assert.equal((await desk.ask(Heartbeat, 3, { groupId: 'h', generationId: 1, memberId: silent })).errorCode, errorCodes.UNKNOWN_MEMBER_ID);
});

test('timers: one for all groups together, one more for each that has members, none after the end', async () => {
  const desk = await Desk.open();
  await desk.commit('simple', 1);
  assert.equal(desk.timers, 1);
  const memberId = await desk.member('g');
  await desk.member('h');
  assert.equal(desk.timers, 3);
  await desk.ask(LeaveGroup, 3, { groupId: 'g', members: [{ memberId }] });
  assert.equal(desk.timers, 2);
  await desk.world.time.advance(41_000); // h's member says nothing: its session ends, and then its wait to join again
  assert.equal(desk.timers, 1);
  await desk.member('i');
  desk.groups.close();
  assert.equal(desk.timers, 0);
});

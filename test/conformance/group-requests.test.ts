// test/conformance/group-requests.test.ts - the group requests one by one, also those that no client sends, to Apache Kafka and to Millrace:
// both must answer the same. Owns: the conversations and what of an answer is chance (ids of members and topics, order of members and partitions).
// Uses Millrace's codec for both: its bytes are proved against Kafka's own in test/differential.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import {
  ConsumerProtocolSubscription, CreateTopics, decodeResponse, DeleteGroups, DescribeGroups, encodeRequest, encodeVersioned, errorName, FindCoordinator, Heartbeat, JoinGroup, LeaveGroup,
  ListGroups, Metadata, OffsetCommit, OffsetDelete, OffsetFetch, SyncGroup, type Api, type RequestInit, type ResponseOf,
} from '../../packages/millrace/src/wire/mod.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import { installJava } from '../peers/install.ts';
import { sleep } from '../peers/processes.ts';
import { startTarget } from './targets.ts';

const brokers = new Map<BrokerKind, Broker>();
before(async () => {
  await installJava('4.3');
  for (const kind of ['kafka', 'millrace'] as const) brokers.set(kind, await startTarget(kind));
});
after(async () => { for (const broker of brokers.values()) await broker.dispose(); });

const utf8 = new TextEncoder();
const metadata = (...topics: string[]) => encodeVersioned(ConsumerProtocolSubscription, 1, { topics });

/** One broker being talked to, and what it said. */
class Talk {
  readonly said: string[] = [];
  readonly #bootstrap: string;
  readonly #sockets: Socket[] = [];
  readonly #names = new Map<string, string>();
  readonly #suffix: string;
  topicId = '';

  constructor(bootstrap: string, suffix: string) {
    this.#bootstrap = bootstrap;
    this.#suffix = suffix;
  }

  group(name: string): string { return `${name}${this.#suffix}`; }

  /** Makes the topic `work` of three partitions, and waits until there is a coordinator. */
  async prepare(): Promise<void> {
    await this.ask(CreateTopics, 5, { topics: [{ name: 'work', numPartitions: 3, replicationFactor: 1 }], timeoutMs: 10_000 });
    for (;;) {
      const { topics } = await this.ask(Metadata, 12, { topics: [{ name: 'work' }] });
      const found = await this.ask(FindCoordinator, 3, { key: this.group('any'), keyType: 0 });
      this.topicId = topics[0]!.topicId;
      if (found.errorCode === 0 && topics[0]!.partitions.length === 3) break;
      await sleep(100);
    }
    for (;;) { // the coordinator may still be loading
      const { errorCode } = await this.ask(Heartbeat, 4, { groupId: this.group('any'), generationId: 1, memberId: 'x' });
      if (errorName(errorCode) === 'UNKNOWN_MEMBER_ID') break;
      await sleep(100);
    }
  }

  /** A request on a connection of its own, so that one that waits holds up nobody. */
  ask<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      const [host, port] = this.#bootstrap.split(':');
      const socket = connect(Number(port), host);
      this.#sockets.push(socket);
      let received: Buffer = Buffer.alloc(0);
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`${api.name} ${version}: connection closed`)));
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
        resolve(decodeResponse(api, version, received.subarray(4)).body);
        socket.destroy();
      });
      socket.write(Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: 'raw' }, body)));
    });
  }

  /** Notes an answer under a name, without what is chance. */
  note(what: string, answer: unknown): void {
    this.said.push(`${what}: ${JSON.stringify(answer, (key, value) => this.#plain(key, value))}`);
  }

  /** Asks and notes the answer. */
  async tell<A extends Api<any, any>>(what: string, api: A, version: number, body: RequestInit<A>): Promise<ResponseOf<A>> {
    const answer = await this.ask(api, version, body);
    this.note(`${what} (${api.name} ${version})`, answer);
    return answer;
  }

  /** Gives an id a name for the notes. */
  call(name: string, memberId: string): string {
    this.#names.set(memberId, name);
    return memberId;
  }

  close(): void { for (const socket of this.#sockets) socket.destroy(); }

  #plain(key: string, value: unknown): unknown {
    if (key === 'errorCode') return errorName(value as number);
    if (key === 'throttleTimeMs' || key === 'host' || key === 'port' || key === 'nodeId' || key === 'errorMessage') return undefined;
    if (key === 'authorizedOperations') return (value as number) < 0 ? 'not asked' : 'told';
    if (key === 'clientHost') return String(value).replace(/127\.0\.0\.1|0:0:0:0:0:0:0:1/, '<host>');
    if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
    if (key === 'partitions') return [...value as { partitionIndex: number }[]].sort((a, b) => a.partitionIndex - b.partitionIndex);
    if (key === 'members') return [...value as unknown[]].sort((a, b) => this.#rank(a).localeCompare(this.#rank(b)));
    if (typeof value !== 'string') return value;
    if (value === this.topicId && value !== '') return '<work>';
    return this.#names.get(value) ?? value.replace(this.#suffix, '').replace(/-[0-9a-zA-Z_-]{22}$|-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '-<fresh>');
  }

  #rank(member: unknown): string {
    const { memberId } = member as { memberId: string };
    return this.#names.get(memberId) ?? memberId;
  }

  // The usual members.

  joining(group: string, of: { memberId?: string; instance?: string | null; protocols?: string[]; type?: string; session?: number; rebalance?: number; topics?: string[] } = {}): RequestInit<typeof JoinGroup> {
    return {
      groupId: this.group(group), sessionTimeoutMs: of.session ?? 20_000, rebalanceTimeoutMs: of.rebalance ?? 20_000, memberId: of.memberId ?? '', groupInstanceId: of.instance ?? null,
      protocolType: of.type ?? 'consumer', protocols: (of.protocols ?? ['range']).map((name) => ({ name, metadata: metadata(...of.topics ?? ['work']) })),
    };
  }

  syncing(group: string, generationId: number, memberId: string, work: Record<string, string> = {}, instance: string | null = null): RequestInit<typeof SyncGroup> {
    const assignments = Object.entries(work).map(([id, text]) => ({ memberId: id, assignment: utf8.encode(text) }));
    return { groupId: this.group(group), generationId, memberId, groupInstanceId: instance, protocolType: 'consumer', protocolName: 'range', assignments };
  }

  committing(group: string, generation: number, memberId: string, offset: number, of: { note?: string | null; topic?: string; partition?: number; instance?: string } = {}): RequestInit<typeof OffsetCommit> {
    const partitions = [{ partitionIndex: of.partition ?? 0, committedOffset: offset, committedMetadata: of.note === undefined ? '' : of.note }];
    return { groupId: this.group(group), generationIdOrMemberEpoch: generation, memberId, groupInstanceId: of.instance ?? null, topics: [{ name: of.topic ?? 'work', topicId: this.topicId, partitions }] };
  }

  beating(group: string, generationId: number, memberId: string, instance: string | null = null): RequestInit<typeof Heartbeat> {
    return { groupId: this.group(group), generationId, memberId, groupInstanceId: instance };
  }

  /** A stable group of one, named `name`; returns its id. */
  async settled(group: string, name: string, instance?: string): Promise<string> {
    const joined = await this.ask(JoinGroup, 5, this.joining(group, { memberId: instance === undefined ? (await this.ask(JoinGroup, 5, this.joining(group))).memberId : '', instance }));
    this.call(name, joined.memberId);
    await this.ask(SyncGroup, 3, this.syncing(group, joined.generationId, joined.memberId, { [joined.memberId]: `all for ${name}` }, instance));
    return joined.memberId;
  }

  /** Waits until the group is in a state: what waits at the broker has arrived there. */
  async until(group: string, state: string, members?: number): Promise<void> {
    for (;;) {
      const { groups } = await this.ask(DescribeGroups, 5, { groups: [this.group(group)] });
      if (groups[0]!.groupState === state && (members === undefined || groups[0]!.members.length === members)) return;
      await sleep(5);
    }
  }
}

/** Has the same conversation with both and compares what they said. */
function conversation(name: string, talk: (talk: Talk) => Promise<void>): void {
  test(name, { timeout: 120_000 }, async () => {
    const said: Record<string, string[]> = {};
    for (const [kind, broker] of brokers) {
      const one = new Talk(broker.bootstrap, `.${name.replace(/\W+/g, '-')}`);
      try {
        await one.prepare();
        await talk(one);
      } finally { one.close(); }
      said[kind] = one.said;
    }
    assert.ok(said['kafka']!.length > 0, 'something was said');
    assert.deepEqual(said['millrace'], said['kafka']);
  });
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

conversation('a group that is not there', async (talk) => {
  const lost = { groupId: talk.group('none'), memberId: 'm' };
  for (const version of range(0, 4)) await talk.tell('beat', Heartbeat, version, { ...lost, generationId: 1 });
  for (const version of range(0, 5)) await talk.tell('sync', SyncGroup, version, { ...lost, generationId: 1 });
  for (const version of range(0, 5)) await talk.tell('leave', LeaveGroup, version, { ...lost, members: [{ memberId: 'm' }, { memberId: '', groupInstanceId: 'i' }] });
  for (const version of range(0, 9)) await talk.tell('join', JoinGroup, version, talk.joining('none', { memberId: 'm' }));
  for (const version of range(2, 10)) await talk.tell('commit', OffsetCommit, version, talk.committing('none', 3, 'm', 1));
  for (const version of range(1, 7)) await talk.tell('fetch', OffsetFetch, version, { groupId: talk.group('none'), topics: [{ name: 'work', partitionIndexes: [0, 7] }] });
  for (const version of range(2, 7)) await talk.tell('fetch all', OffsetFetch, version, { groupId: talk.group('none'), topics: null });
  for (const version of range(8, 10)) await talk.tell('fetch', OffsetFetch, version, { groups: [{ groupId: talk.group('none'), topics: [{ name: 'work', topicId: talk.topicId, partitionIndexes: [0] }] }, { groupId: talk.group('other'), topics: null }] });
  for (const version of range(0, 6)) await talk.tell('describe', DescribeGroups, version, { groups: [talk.group('none')], includeAuthorizedOperations: true });
  for (const version of range(0, 2)) await talk.tell('delete', DeleteGroups, version, { groupsNames: [talk.group('none')] });
  await talk.tell('delete offsets', OffsetDelete, 0, { groupId: talk.group('none'), topics: [{ name: 'work', partitions: [{ partitionIndex: 0 }] }] });
});

conversation('joins that are refused', async (talk) => {
  for (const version of [3, 9]) {
    await talk.tell('no group', JoinGroup, version, { ...talk.joining('g'), groupId: '' });
    await talk.tell('session too short', JoinGroup, version, talk.joining('g', { session: 5_999 }));
    await talk.tell('session too long', JoinGroup, version, talk.joining('g', { session: 1_800_001 }));
    await talk.tell('no protocols', JoinGroup, version, talk.joining('g', { protocols: [] }));
    await talk.tell('no type', JoinGroup, version, talk.joining('g', { type: '' }));
  }
  await talk.settled('g', 'a');
  for (const version of [3, 9]) {
    await talk.tell('stranger', JoinGroup, version, talk.joining('g', { memberId: 'stranger' }));
    await talk.tell('stranger with a name', JoinGroup, 9, talk.joining('g', { memberId: 'stranger', instance: 'i' }));
    await talk.tell('other protocols', JoinGroup, version, talk.joining('g', { protocols: ['sticky'] }));
    await talk.tell('other type', JoinGroup, version, talk.joining('g', { type: 'connect' }));
  }
  for (const api of [SyncGroup, Heartbeat] as const) await talk.tell('no group', api, 3, { groupId: '', generationId: 1, memberId: 'm' });
  await talk.tell('no group', LeaveGroup, 3, { groupId: '', members: [{ memberId: 'm' }] });
});

conversation('a member in every version', async (talk) => {
  for (const version of range(0, 9)) {
    const group = `v${version}`;
    let joined = await talk.tell('join', JoinGroup, version, talk.joining(group));
    talk.call('a', joined.memberId);
    if (version >= 4) joined = await talk.tell('join again', JoinGroup, version, talk.joining(group, { memberId: joined.memberId }));
    const { memberId, generationId } = joined;
    await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group(group)] });
    await talk.tell('commit too early', OffsetCommit, 8, talk.committing(group, generationId, memberId, 1));
    await talk.tell('sync', SyncGroup, Math.min(version, 5), talk.syncing(group, generationId, memberId, { [memberId]: 'all', stranger: 'nothing' }));
    await talk.tell('sync again', SyncGroup, Math.min(version, 5), talk.syncing(group, generationId, memberId));
    await talk.tell('describe', DescribeGroups, Math.min(version, 6), { groups: [talk.group(group)] });
    await talk.tell('beat', Heartbeat, Math.min(version, 4), talk.beating(group, generationId, memberId));
    await talk.tell('leave', LeaveGroup, Math.min(version, 5), { groupId: talk.group(group), memberId, members: [{ memberId }, { memberId }] });
    await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group(group)] });
    await talk.tell('beat', Heartbeat, Math.min(version, 4), talk.beating(group, generationId, memberId));
  }
});

conversation('who speaks of the wrong generation, member or name', async (talk) => {
  const a = await talk.settled('g', 'a', 'one');
  for (const [what, generation, id, instance] of [
    ['right', 1, a, 'one'], ['right, name not told', 1, a, null], ['earlier', 0, a, 'one'], ['later', 2, a, 'one'], ['none', -1, a, 'one'], ['stranger', 1, 'x', null], ['stranger, later', 2, 'x', null],
    ['fenced', 1, 'x', 'one'], ['unknown name', 1, a, 'two'], ['nobody', 1, '', null], ['nobody with a name', 1, '', 'one'],
  ] as const) {
    await talk.tell(`${what}, beat`, Heartbeat, 4, talk.beating('g', generation, id, instance));
    await talk.tell(`${what}, sync`, SyncGroup, 5, talk.syncing('g', generation, id, {}, instance));
    await talk.tell(`${what}, commit`, OffsetCommit, 9, { ...talk.committing('g', generation, id, 1), groupInstanceId: instance });
  }
  await talk.tell('other type', SyncGroup, 5, { ...talk.syncing('g', 1, a, {}, 'one'), protocolType: 'connect' });
  await talk.tell('other protocol', SyncGroup, 5, { ...talk.syncing('g', 1, a, {}, 'one'), protocolName: 'sticky' });
  await talk.tell('type not told', SyncGroup, 5, { ...talk.syncing('g', 1, a, {}, 'one'), protocolType: null });
  await talk.tell('neither told', SyncGroup, 5, { ...talk.syncing('g', 1, a, {}, 'one'), protocolType: null, protocolName: null });
});

conversation('a rebalance of two', async (talk) => {
  const a = await talk.settled('g', 'a');
  const b = talk.call('b', (await talk.tell('b is named', JoinGroup, 9, talk.joining('g'))).memberId);
  const bJoins = talk.ask(JoinGroup, 9, talk.joining('g', { memberId: b }));
  await talk.until('g', 'PreparingRebalance', 2);
  await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group('g')] });
  await talk.tell('a beats', Heartbeat, 4, talk.beating('g', 1, a));
  await talk.tell('a commits', OffsetCommit, 9, talk.committing('g', 1, a, 5));
  await talk.tell('a syncs', SyncGroup, 5, talk.syncing('g', 1, a));
  await talk.tell('b commits', OffsetCommit, 9, talk.committing('g', 1, b, 6));
  await talk.tell('from outside', OffsetCommit, 9, talk.committing('g', -1, '', 6));
  await talk.tell('a joins', JoinGroup, 9, talk.joining('g', { memberId: a }));
  talk.note('b joined', await bJoins);
  await talk.tell('b joins again', JoinGroup, 9, talk.joining('g', { memberId: b }));
  await talk.tell('a joins again', JoinGroup, 9, talk.joining('g', { memberId: a }));
  await talk.tell('a beats', Heartbeat, 4, talk.beating('g', 2, a));
  const bSyncs = talk.ask(SyncGroup, 5, talk.syncing('g', 2, b));
  await talk.tell('a syncs', SyncGroup, 5, talk.syncing('g', 2, a, { [a]: 'half' }));
  talk.note('b synced', await bSyncs);
  await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group('g')] });
  await talk.tell('b joins again', JoinGroup, 9, talk.joining('g', { memberId: b }));
  await talk.tell('a beats', Heartbeat, 4, talk.beating('g', 2, a));
  const leader = talk.ask(JoinGroup, 9, talk.joining('g', { memberId: a }));
  await talk.until('g', 'PreparingRebalance');
  await talk.tell('b beats', Heartbeat, 4, talk.beating('g', 2, b));
  await talk.tell('b leaves', LeaveGroup, 5, { groupId: talk.group('g'), members: [{ memberId: b }] });
  talk.note('a joined', await leader);
  await talk.tell('a leaves', LeaveGroup, 5, { groupId: talk.group('g'), members: [{ memberId: a }] });
  await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group('g')] });
});

conversation('a member that does not come back in time', async (talk) => {
  const rebalance = 600;
  const a = talk.call('a', (await talk.ask(JoinGroup, 3, talk.joining('g', { rebalance }))).memberId);
  await talk.ask(SyncGroup, 3, talk.syncing('g', 1, a, { [a]: 'all' }));
  const joined = await talk.ask(JoinGroup, 3, talk.joining('g', { rebalance }));
  const b = talk.call('b', joined.memberId);
  talk.note('b joined', joined);
  await talk.tell('a beats', Heartbeat, 4, talk.beating('g', 1, a));
  await talk.tell('b syncs', SyncGroup, 3, talk.syncing('g', 2, b, { [b]: 'all' }));
  await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group('g')] });
});

conversation('a leader that does not assign in time', async (talk) => {
  const rebalance = 600;
  const a = talk.call('a', (await talk.ask(JoinGroup, 3, talk.joining('g', { rebalance }))).memberId);
  const bJoins = talk.ask(JoinGroup, 3, talk.joining('g', { rebalance }));
  await talk.until('g', 'PreparingRebalance', 2);
  await talk.ask(JoinGroup, 3, talk.joining('g', { memberId: a, rebalance }));
  const b = talk.call('b', (await bJoins).memberId);
  await talk.tell('b syncs in vain', SyncGroup, 3, talk.syncing('g', 2, b));
  await talk.tell('a beats', Heartbeat, 4, talk.beating('g', 2, a));
  await talk.tell('b joins again', JoinGroup, 3, talk.joining('g', { memberId: b, rebalance }));
  await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group('g')] });
});

conversation('a member that never asks for its assignment', async (talk) => {
  const rebalance = 600;
  const a = talk.call('a', (await talk.ask(JoinGroup, 3, talk.joining('g', { rebalance }))).memberId);
  const bJoins = talk.ask(JoinGroup, 3, talk.joining('g', { rebalance }));
  await talk.until('g', 'PreparingRebalance', 2);
  await talk.ask(JoinGroup, 3, talk.joining('g', { memberId: a, rebalance }));
  const b = talk.call('b', (await bJoins).memberId);
  await talk.tell('a syncs', SyncGroup, 3, talk.syncing('g', 2, a, { [a]: 'p0', [b]: 'p1' }));
  await talk.tell('b beats', Heartbeat, 4, talk.beating('g', 2, b));
  await talk.until('g', 'PreparingRebalance', 1);
  await talk.tell('b beats', Heartbeat, 4, talk.beating('g', 2, b));
  await talk.tell('a joins', JoinGroup, 3, talk.joining('g', { memberId: a, rebalance }));
});

conversation('a static member that is away while others rebalance', async (talk) => {
  const rebalance = 600;
  const one = { instance: 'one', rebalance };
  const a = talk.call('a', (await talk.ask(JoinGroup, 7, talk.joining('g', one))).memberId);
  const bJoins = talk.ask(JoinGroup, 7, talk.joining('g', { instance: 'two', rebalance }));
  await talk.until('g', 'PreparingRebalance', 2);
  await talk.ask(JoinGroup, 7, talk.joining('g', { memberId: a, ...one }));
  const b = talk.call('b', (await bJoins).memberId);
  const bSyncs = talk.ask(SyncGroup, 5, talk.syncing('g', 2, b, {}, 'two'));
  await talk.ask(SyncGroup, 5, talk.syncing('g', 2, a, { [a]: 'p0', [b]: 'p1' }, 'one'));
  await bSyncs;
  // c comes, a joins again, b is away: it keeps its place in the new generation.
  const cJoins = talk.ask(JoinGroup, 3, talk.joining('g', { rebalance }));
  await talk.until('g', 'PreparingRebalance', 3);
  const joined = await talk.ask(JoinGroup, 7, talk.joining('g', { memberId: a, ...one }));
  const c = talk.call('c', (await cJoins).memberId);
  talk.note('a joined', joined);
  talk.note('c joined', await cJoins);
  const cSyncs = talk.ask(SyncGroup, 3, talk.syncing('g', 3, c));
  await talk.tell('a syncs', SyncGroup, 5, talk.syncing('g', 3, a, { [a]: 'p0', [b]: 'p1', [c]: 'p2' }, 'one'));
  talk.note('c synced', await cSyncs);
  await talk.tell('b beats', Heartbeat, 4, talk.beating('g', 2, b, 'two'));
  await talk.tell('b syncs late', SyncGroup, 5, talk.syncing('g', 3, b, {}, 'two'));
  await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group('g')] });
  // Everybody is away: nobody is there to lead until one comes.
  await talk.ask(LeaveGroup, 3, { groupId: talk.group('g'), members: [{ memberId: c }] });
  await sleep(2 * rebalance);
  await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group('g')] });
  await talk.tell('b joins', JoinGroup, 7, talk.joining('g', { memberId: b, instance: 'two', rebalance }));
});

conversation('votes', async (talk) => {
  const first = await talk.ask(JoinGroup, 3, talk.joining('g', { protocols: ['range', 'roundrobin'] }));
  const a = talk.call('a', first.memberId);
  const second = talk.ask(JoinGroup, 3, talk.joining('g', { protocols: ['roundrobin', 'range', 'sticky'] }));
  await talk.until('g', 'PreparingRebalance', 2);
  const third = talk.ask(JoinGroup, 3, talk.joining('g', { protocols: ['sticky', 'roundrobin'] }));
  await talk.until('g', 'PreparingRebalance', 3);
  const leader = await talk.ask(JoinGroup, 3, talk.joining('g', { memberId: a, protocols: ['range', 'roundrobin'] }));
  talk.call('b', (await second).memberId);
  talk.call('c', (await third).memberId);
  talk.note('a', leader);
  talk.note('b', await second);
  await talk.tell('d', JoinGroup, 3, talk.joining('g', { protocols: ['sticky'] }));
});

conversation('static members', async (talk) => {
  for (const version of range(5, 9)) {
    const group = `v${version}`;
    const a = await talk.settled(group, 'a', 'one');
    const bJoins = talk.ask(JoinGroup, version, talk.joining(group, { instance: 'two' }));
    await talk.until(group, 'PreparingRebalance', 2);
    await talk.ask(JoinGroup, version, talk.joining(group, { memberId: a, instance: 'one' }));
    const b = talk.call('b', (await bJoins).memberId);
    const bSyncs = talk.ask(SyncGroup, 5, talk.syncing(group, 2, b, {}, 'two'));
    await talk.ask(SyncGroup, 5, talk.syncing(group, 2, a, { [a]: 'p0', [b]: 'p1' }, 'one'));
    await bSyncs;
    // A follower, then the leader, come back under new ids.
    const back = await talk.ask(JoinGroup, version, talk.joining(group, { instance: 'two' }));
    const b2 = talk.call('b2', back.memberId);
    talk.note('b is back', back);
    await talk.tell('b2 syncs', SyncGroup, 5, talk.syncing(group, 2, b2, {}, 'two'));
    await talk.tell('b beats', Heartbeat, 4, talk.beating(group, 2, b, 'two'));
    await talk.tell('b beats without its name', Heartbeat, 4, talk.beating(group, 2, b));
    await talk.tell('b joins', JoinGroup, version, talk.joining(group, { memberId: b, instance: 'two' }));
    await talk.tell('b commits', OffsetCommit, 9, talk.committing(group, 2, b, 1, { instance: 'two' }));
    await talk.tell('b leaves', LeaveGroup, 5, { groupId: talk.group(group), members: [{ memberId: b, groupInstanceId: 'two' }] });
    const leader = await talk.ask(JoinGroup, version, talk.joining(group, { instance: 'one' }));
    const a2 = talk.call('a2', leader.memberId);
    talk.note('a is back', leader);
    await talk.tell('a2 syncs', SyncGroup, 5, talk.syncing(group, 2, a2, {}, 'one'));
    await talk.tell('b2 beats', Heartbeat, 4, talk.beating(group, 2, b2, 'two'));
    await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group(group)] });
    // Other topics: no longer the same subscription, yet the same protocol.
    const other = await talk.ask(JoinGroup, version, talk.joining(group, { instance: 'two', topics: ['other'] }));
    talk.call('b3', other.memberId);
    talk.note('b is back for other topics', other);
    await talk.tell('two are removed', LeaveGroup, 5, { groupId: talk.group(group), members: [{ memberId: '', groupInstanceId: 'two' }, { memberId: '', groupInstanceId: 'three' }, { memberId: '', groupInstanceId: 'one' }] });
    await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group(group)] });
  }
});

conversation('a static member that comes back while all are assigned', async (talk) => {
  const a = await talk.settled('g', 'a', 'one');
  const bJoins = talk.ask(JoinGroup, 7, talk.joining('g', { instance: 'two' }));
  await talk.until('g', 'PreparingRebalance', 2);
  await talk.ask(JoinGroup, 7, talk.joining('g', { memberId: a, instance: 'one' }));
  const b = talk.call('b', (await bJoins).memberId);
  const bSyncs = talk.ask(SyncGroup, 5, talk.syncing('g', 2, b, {}, 'two'));
  await sleep(50);
  const backJoins = talk.ask(JoinGroup, 7, talk.joining('g', { instance: 'two' }));
  talk.note('b synced', await bSyncs);
  await talk.until('g', 'PreparingRebalance', 2);
  await talk.tell('a syncs', SyncGroup, 5, talk.syncing('g', 2, a, { [a]: 'p0', [b]: 'p1' }, 'one'));
  const joined = await talk.ask(JoinGroup, 7, talk.joining('g', { memberId: a, instance: 'one' }));
  const back = await backJoins;
  talk.call('b2', back.memberId);
  talk.note('a joined', joined);
  talk.note('b is back', back);
});

conversation('commits from outside', async (talk) => {
  const one = (of: Parameters<Talk['committing']>[4] = {}, offset = 4) => talk.committing('g', -1, '', offset, of);
  for (const version of range(2, 10)) await talk.tell('commit', OffsetCommit, version, one({ note: `in ${version}, ä€` }, version));
  await talk.tell('note too long', OffsetCommit, 9, one({ note: 'x'.repeat(4097) }));
  await talk.tell('longest note', OffsetCommit, 9, one({ note: 'x'.repeat(4096), partition: 1 }));
  await talk.tell('no note', OffsetCommit, 9, one({ note: null, partition: 2 }));
  await talk.tell('no such topic', OffsetCommit, 9, one({ topic: 'nowhere' }));
  await talk.tell('no such partition', OffsetCommit, 9, one({ partition: 3 }));
  await talk.tell('negative partition', OffsetCommit, 9, one({ partition: -1 }));
  await talk.tell('no such id', OffsetCommit, 10, { ...one(), topics: [{ topicId: 'bm9ib2R5bm9ib2R5bm9ibw', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }] });
  await talk.tell('nothing', OffsetCommit, 9, { ...one(), topics: [] });
  await talk.tell('negative offset', OffsetCommit, 9, one({ partition: 1 }, -7));
  await talk.tell('generation without a group', OffsetCommit, 9, talk.committing('fresh', 0, 'm', 1));
  await talk.tell('member of a group of offsets', OffsetCommit, 9, talk.committing('g', -1, 'm', 1));
  await talk.tell('generation in a group of offsets', OffsetCommit, 9, talk.committing('g', 0, 'm', 1));
  for (const version of range(1, 7)) await talk.tell('fetch', OffsetFetch, version, { groupId: talk.group('g'), topics: [{ name: 'work', partitionIndexes: [0, 1, 2, 3] }, { name: 'nowhere', partitionIndexes: [0] }] });
  for (const version of range(8, 10)) await talk.tell('fetch all', OffsetFetch, version, { groups: [{ groupId: talk.group('g'), topics: null }], requireStable: true });
  await talk.tell('fetch by id', OffsetFetch, 10, { groups: [{ groupId: talk.group('g'), topics: [talk.topicId, 'bm9ib2R5bm9ib2R5bm9ibw'].map((topicId) => ({ topicId, partitionIndexes: [0] })) }] });
  await talk.tell('fetch as a member', OffsetFetch, 9, { groups: [{ groupId: talk.group('g'), memberId: 'm', memberEpoch: 3, topics: null }] });
  await talk.tell('fetch nothing', OffsetFetch, 7, { groupId: talk.group('g'), topics: [] });
  await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group('g')] });
  await talk.tell('delete offsets', OffsetDelete, 0, { groupId: talk.group('g'), topics: [{ name: 'work', partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }] }, { name: 'nowhere', partitions: [{ partitionIndex: 0 }] }] });
  await talk.tell('delete', DeleteGroups, 2, { groupsNames: [talk.group('g')] });
  await talk.tell('delete again', DeleteGroups, 2, { groupsNames: [talk.group('g')] });
  await talk.tell('fetch', OffsetFetch, 7, { groupId: talk.group('g'), topics: null });
});

conversation('deleting what is in use', async (talk) => {
  await talk.ask(OffsetCommit, 9, talk.committing('g', -1, '', 4));
  const a = await talk.settled('g', 'a');
  await talk.tell('delete', DeleteGroups, 2, { groupsNames: [talk.group('g')] });
  const offsets = (group: string): RequestInit<typeof OffsetDelete> => ({ groupId: talk.group(group), topics: [{ name: 'work', partitions: [{ partitionIndex: 0 }] }] });
  await talk.tell('offsets of a subscribed topic', OffsetDelete, 0, offsets('g'));
  await talk.ask(LeaveGroup, 3, { groupId: talk.group('g'), members: [{ memberId: a }] });
  await talk.tell('offsets of an empty group', OffsetDelete, 0, offsets('g'));
  const worker = await talk.ask(JoinGroup, 3, talk.joining('h', { type: 'connect', protocols: ['default'] }));
  talk.call('worker', worker.memberId);
  await talk.tell('offsets of another kind of group', OffsetDelete, 0, offsets('h'));
  await talk.tell('describe', DescribeGroups, 6, { groups: [talk.group('h')] });
});

conversation('lists', async (talk) => {
  await talk.ask(OffsetCommit, 9, talk.committing('simple', -1, '', 4));
  await talk.settled('stable', 'a');
  const list = async (what: string, version: number, statesFilter: string[] = [], typesFilter: string[] = []) => {
    const { groups, errorCode } = await talk.ask(ListGroups, version, { statesFilter, typesFilter });
    const own = groups.filter(({ groupId }) => groupId.endsWith(talk.group(''))).sort((x, y) => x.groupId.localeCompare(y.groupId));
    talk.note(`${what} (${version})`, { errorCode, groups: own });
  };
  for (const version of range(0, 5)) await list('all', version);
  for (const states of [['Stable'], ['stable'], ['EMPTY'], ['Empty', 'Stable'], ['Dead'], ['Odd']]) await list(states.join(), 4, states);
  for (const types of [['classic'], ['Classic'], ['consumer'], ['share'], ['odd']]) await list(types.join(), 5, [], types);
  await list('stable and classic', 5, ['Stable'], ['classic']);
});

conversation('coordinators', async (talk) => {
  const find = async (what: string, version: number, body: RequestInit<typeof FindCoordinator>) => {
    const answer = await talk.ask(FindCoordinator, version, body);
    const rows = version < 4 ? [answer] : answer.coordinators;
    talk.note(`${what} (${version})`, rows.map(({ errorCode, nodeId, host }) => ({ errorCode, found: nodeId >= 0 && host !== '' })));
  };
  for (const version of range(0, 3)) await find('group', version, { key: 'g', keyType: 0 });
  for (const version of range(4, 6)) await find('groups', version, { coordinatorKeys: ['g', 'h'], keyType: 0 });
  await find('none', 4, { coordinatorKeys: [], keyType: 0 });
  await find('odd kind', 3, { key: 'g', keyType: 7 });
  await find('odd kind', 6, { coordinatorKeys: ['g'], keyType: 7 });
});

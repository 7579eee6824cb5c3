// client/consumer/group-member.ts - membership in a classic group: joining, heartbeats, rebalances, leaving.
// Owns: member id, generation and what is assigned in it. Never: reading; what revoking means (its events do that).
// G1 heartbeats go by a timer of their own: nothing that a handler does delays them. G2 with an eager assignor everything is given up before
// joining again; with a cooperative one only what another member gets, after which it joins once more. G3 commits carry the generation in
// which the partitions were assigned. G4 a static member leaves only when it is told to: whatever ends it, it may come back under its name, and
// if it does not, the group goes on without it once its session is over.
// Source: Kafka's consumer group protocol, KIP-345 (static members), KIP-429 (cooperative).
import { assert, backoffDefault, fullJitterMs, isMillraceError, MillraceError, sleep, type Deadline } from '../../base/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { errorCodes as E, Heartbeat, JoinGroup, LeaveGroup, SyncGroup, type ResponseOf } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster, Target } from '../net/cluster.ts';
import type { ClusterView } from '../net/metadata.ts';
import { partitionKey, type TopicPartition } from '../partitions.ts';
import { assignors, type Assignor, type Member } from './assignor.ts';
import type { Membership, MemberEvents } from './membership.ts';
import type { ConsumerSettings } from './options.ts';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './protocol.ts';
import { topicsOf, type Subscribed } from './subscription.ts';

type Phase =
  | { readonly kind: 'outside' }
  | { readonly kind: 'joining' }
  | { readonly kind: 'stable' }
  /** Left on purpose because a handler takes too long; joins again when asked to. */
  | { readonly kind: 'away' }
  | { readonly kind: 'closed' };

/** Part of the rebalance timeout that work in progress may take. */
const revokeShare = 0.8;

/** One member of one group. */
export class GroupMember implements Membership {
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #group: string;
  readonly #subscribed: Subscribed;
  /** As of the last join. */
  #topics: readonly string[] = [];
  #allTopics: { release(): void } | null = null;
  readonly #lane: string;
  readonly #events: MemberEvents;
  readonly #target: Target;
  #phase: Phase = { kind: 'outside' };
  #memberId = '';
  #generation = -1;
  #owned = new Map<string, TopicPartition>();
  /** The generation that assigned `#owned`. */
  #ownedGeneration = -1;
  /** Partition counts of the group's topics at the last division, when this member leads; 0 for those that are not there. */
  #led: ReadonlyMap<string, number> | null = null;
  /** What was known of the cluster at the last heartbeat. */
  #viewSeen: ClusterView | null = null;
  #rejoin: string | null = 'first join';
  #wakeLoop: (() => void) | null = null;
  #timer: Timer | null = null;
  #isRevoking = false;
  #failures = 0;
  #loop: Promise<void> | null = null;

  constructor(cluster: Cluster, settings: ConsumerSettings, lane: string, events: MemberEvents) {
    assert(settings.group !== null && settings.topics !== null, 'a member has a group and topics');
    this.#cluster = cluster;
    this.#settings = settings;
    this.#group = settings.group;
    this.#subscribed = settings.topics;
    this.#lane = lane;
    this.#events = events;
    this.#target = { kind: 'coordinator', group: this.#group };
  }

  get memberId(): string { return this.#memberId; }
  get generation(): number { return this.#generation; }
  get phase(): Phase['kind'] { return this.#phase.kind; }
  /** True while a rebalance is under way or due. */
  get isRebalancing(): boolean { return this.#phase.kind !== 'stable' || this.#rejoin !== null; }

  /** Begins to join, and keeps the membership until close(). */
  start(): void {
    if (this.#loop) return;
    if (this.#subscribed.kind === 'pattern') this.#allTopics = this.#cluster.wantAll();
    else this.#cluster.seek(this.#subscribed.names);
    this.#loop = this.#run().catch((error: Error) => this.#events.fail(error));
  }

  /** The handler takes too long: leaves, so that others go on, until back(). A static member falls silent: they go on once its session is over (G4). */
  goAway(): void {
    if (this.#phase.kind !== 'stable' && this.#phase.kind !== 'joining') return;
    this.#phase = { kind: 'away' };
    this.#wake();
  }

  /** The handler is done: joins again. */
  back(): void {
    if (this.#phase.kind !== 'away') return;
    this.#phase = { kind: 'outside' };
    this.#rejoin = 'the handler came back';
    this.#wake();
  }

  /** A commit made in `generation` learned that the group has moved on. */
  noteError(error: unknown, generation: number): void {
    if (generation !== this.#generation || this.#phase.kind !== 'stable') return;
    if (isMillraceError(error, 'unknown-member')) this.#forgetMembership('the group does not know this member');
    else if (isMillraceError(error, 'rebalance')) this.#fallBehind(error);
  }

  /** Only joining again brings another generation, and what was held may be another's then. */
  async renewed(): Promise<boolean> { return false; }

  /** Gives everything up, leaves the group if it is to (G4) and ends. */
  async close(deadline: Deadline, leaves: boolean = this.#settings.instanceId === null): Promise<void> {
    const wasMember = this.#memberId !== '';
    if (this.#phase.kind === 'joining' && !this.#isRevoking) this.#cluster.closeLane(this.#lane); // the server would hear of our leaving only after the join
    this.#phase = { kind: 'closed' };
    this.#timer?.cancel();
    this.#allTopics?.release();
    this.#wake();
    const owned = [...this.#owned.values()];
    this.#owned.clear();
    if (owned.length > 0) await this.#events.revoke(owned, deadline);
    if (wasMember && leaves) await this.#leave(deadline, 'the consumer was closed').catch(() => {});
    this.#cluster.closeLane(this.#lane);
    await this.#loop;
  }

  /** Leaves after all, when close() did not. */
  async leaveClosed(deadline: Deadline): Promise<void> {
    assert(this.#isClosed(), 'only a closed member leaves once more');
    await this.#leave(deadline, 'the consumer was closed').catch(() => {});
    this.#cluster.closeLane(this.#lane);
  }

  async #run(): Promise<void> {
    while (this.#phase.kind !== 'closed') {
      if (this.#phase.kind === 'away') { await this.#stayAway(); continue; }
      if (this.#rejoin === null) { await this.#untilWoken(); continue; }
      try {
        await this.#rebalance();
        this.#failures = 0;
      } catch (error) {
        if (this.#isClosed()) return;
        await this.#recover(error);
      }
    }
  }

  #isClosed(): boolean { return this.#phase.kind === 'closed'; }

  async #stayAway(): Promise<void> {
    this.#timer?.cancel();
    if (this.#settings.instanceId === null) await this.#leave(this.#cluster.deadline(this.#settings.sessionTimeoutMs), 'a handler took longer than maxPollIntervalMs').catch(() => {});
    this.#forgetMembership(null);
    await this.#loseAll();
    if (this.#phase.kind === 'away') await this.#untilWoken();
  }

  #untilWoken(): Promise<void> {
    return new Promise((resolve) => { this.#wakeLoop = () => { this.#wakeLoop = null; resolve(); }; });
  }

  #wake(): void { this.#wakeLoop?.(); }

  #needJoin(reason: string): void {
    this.#rejoin ??= reason;
    this.#wake();
  }

  /** The group is changing, or has changed without us: then what we hold is ours no longer, while the group still knows our name. */
  #fallBehind(error: MillraceError): void {
    if (error.data['kafkaCode'] === E.ILLEGAL_GENERATION) this.#generation = -1;
    this.#needJoin('the group is changing');
  }

  #forgetMembership(reason: string | null): void {
    this.#memberId = '';
    this.#generation = -1;
    if (reason !== null) this.#needJoin(reason);
  }

  /** One round: give up what must be, join, divide if leader, take what came. */
  async #rebalance(): Promise<void> {
    this.#timer?.cancel();
    this.#phase = { kind: 'joining' };
    const reason = this.#rejoin ?? '';
    this.#rejoin = null;
    if (this.#generation < 0) await this.#loseAll(); // G3: what a forgotten membership held cannot be committed any more
    else if (!this.#isCooperative()) await this.#revoke([...this.#owned.values()]);
    if (this.#subscribed.kind === 'pattern' && this.#topics.length === 0) await this.#cluster.refresh('find topics', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs));
    const joined = await this.#join(reason);
    const assignor = assignors[joined.protocolName as keyof typeof assignors] as Assignor | undefined;
    if (!assignor) throw new MillraceError('invalid-argument', `Cannot take part in group '${this.#group}': it uses '${joined.protocolName}', which this client does not know`);
    const assignments = joined.leader === joined.memberId && !joined.skipAssignment ? await this.#divide(assignor, joined) : [];
    const assigned = await this.#sync(joined, assignments);
    if (this.#isClosed()) return;
    this.#events.joined();
    await this.#take(assigned);
  }

  #isCooperative(): boolean {
    return this.#settings.assignors.every((name) => assignors[name].kind === 'cooperative');
  }

  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return;
    for (const one of partitions) this.#owned.delete(partitionKey(one.topic, one.partition));
    const deadline = this.#cluster.deadline(this.#settings.rebalanceTimeoutMs * revokeShare);
    this.#isRevoking = true;
    this.#beatLater(); // G1: finishing work may take longer than the session
    await this.#events.revoke(partitions, deadline);
    this.#isRevoking = false;
    this.#timer?.cancel();
  }

  async #loseAll(): Promise<void> {
    const lost = [...this.#owned.values()];
    this.#owned.clear();
    if (lost.length > 0) await this.#events.lose(lost);
  }

  async #join(reason: string): Promise<ResponseOf<typeof JoinGroup>> {
    const { sessionTimeoutMs, rebalanceTimeoutMs, instanceId } = this.#settings;
    this.#topics = topicsOf(this.#subscribed, this.#cluster.view);
    const owned = byTopicSorted(this.#owned.values());
    const protocols = this.#settings.assignors.map((name) => ({
      name, metadata: encodeSubscription({ topics: this.#topics, userData: assignors[name].userData(owned, this.#ownedGeneration), owned: this.#isCooperative() ? owned : new Map(), generation: this.#ownedGeneration, rack: null }),
    }));
    for (;;) {
      const answer = await this.#call(JoinGroup, {
        groupId: this.#group, sessionTimeoutMs, rebalanceTimeoutMs, memberId: this.#memberId, groupInstanceId: instanceId,
        protocolType: 'consumer', protocols, reason,
      }, rebalanceTimeoutMs);
      if (answer.errorCode === E.MEMBER_ID_REQUIRED) { this.#memberId = answer.memberId; continue; }
      if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, `join group '${this.#group}'`, { group: this.#group });
      this.#memberId = answer.memberId;
      this.#generation = answer.generationId;
      return answer;
    }
  }

  async #divide(assignor: Assignor, joined: ResponseOf<typeof JoinGroup>): Promise<{ memberId: string; assignment: Uint8Array }[]> {
    const members = joined.members.map((one): Member => ({ memberId: one.memberId, instanceId: one.groupInstanceId, subscription: decodeSubscription(one.metadata) }));
    const topics = new Set(members.flatMap((member) => [...member.subscription.topics]));
    const counts = await this.#partitionCounts(topics);
    this.#led = new Map([...topics].map((topic) => [topic, counts.get(topic) ?? 0]));
    return [...assignor.assign(members, counts)].map(([memberId, share]) => ({ memberId, assignment: encodeAssignment(share) }));
  }

  async #partitionCounts(topics: ReadonlySet<string>): Promise<Map<string, number>> {
    this.#cluster.want(topics);
    await this.#cluster.refresh('divide partitions', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs));
    const counts = new Map<string, number>();
    for (const topic of topics) {
      const view = this.#cluster.view.topics.get(topic);
      if (view) counts.set(topic, view.partitions.length);
    }
    return counts;
  }

  async #sync(joined: ResponseOf<typeof JoinGroup>, assignments: readonly { memberId: string; assignment: Uint8Array }[]): Promise<TopicPartition[]> {
    if (joined.leader !== joined.memberId) this.#led = null;
    const answer = await this.#call(SyncGroup, {
      groupId: this.#group, generationId: this.#generation, memberId: this.#memberId, groupInstanceId: this.#settings.instanceId,
      protocolType: 'consumer', protocolName: joined.protocolName, assignments,
    }, this.#settings.rebalanceTimeoutMs);
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, `sync with group '${this.#group}'`, { group: this.#group });
    return [...decodeAssignment(answer.assignment)].flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })));
  }

  /** G2: lets go of what went elsewhere, then begins with what is new. */
  async #take(assigned: readonly TopicPartition[]): Promise<void> {
    const keys = new Set(assigned.map((one) => partitionKey(one.topic, one.partition)));
    const revoked = [...this.#owned].filter(([key]) => !keys.has(key)).map(([, one]) => one);
    const added = assigned.filter((one) => !this.#owned.has(partitionKey(one.topic, one.partition)));
    await this.#revoke(revoked);
    if (this.#isClosed() || this.#phase.kind !== 'joining') return;
    this.#phase = { kind: 'stable' };
    this.#beatLater();
    this.#ownedGeneration = this.#generation;
    for (const one of added) this.#owned.set(partitionKey(one.topic, one.partition), one);
    if (added.length > 0) await this.#begin(added);
    if (revoked.length > 0) this.#rejoin ??= 'partitions were given up for others';
  }

  /** What could not be begun is not held: the next round assigns it anew. */
  async #begin(added: readonly TopicPartition[]): Promise<void> {
    try {
      await this.#events.assign(added);
    } catch (error) {
      for (const one of added) this.#owned.delete(partitionKey(one.topic, one.partition));
      throw error;
    }
  }

  async #call<A extends typeof JoinGroup | typeof SyncGroup | typeof Heartbeat | typeof LeaveGroup>(api: A, body: object, serverWaitMs: number, deadline?: Deadline): Promise<ResponseOf<A>> {
    const until = deadline ?? this.#cluster.deadline(serverWaitMs + this.#cluster.options.requestTimeoutMs);
    const connection = await this.#cluster.connectionFor(this.#target, this.#lane, until);
    return await connection.call(api, body as never, { deadline: until, serverWaitMs }) as ResponseOf<A>;
  }

  async #leave(deadline: Deadline, reason: string): Promise<void> {
    if (this.#memberId === '') return;
    await this.#call(LeaveGroup, {
      groupId: this.#group, memberId: this.#memberId, members: [{ memberId: this.#memberId, groupInstanceId: this.#settings.instanceId, reason }],
    }, 0, deadline);
  }

  /** Never while JoinGroup or SyncGroup is under way: the server would answer a heartbeat only after it. */
  #mayBeat(): boolean { return this.#phase.kind === 'stable' || (this.#phase.kind === 'joining' && this.#isRevoking); }

  #beatLater(): void {
    this.#timer?.cancel();
    this.#timer = this.#cluster.ports.clock.after(this.#settings.heartbeatIntervalMs, () => { void this.#beat(); });
  }

  async #beat(): Promise<void> {
    if (!this.#mayBeat()) return;
    const generation = this.#generation;
    try {
      const answer = await this.#call(Heartbeat, {
        groupId: this.#group, generationId: generation, memberId: this.#memberId, groupInstanceId: this.#settings.instanceId,
      }, 0, this.#cluster.deadline(Math.min(this.#settings.sessionTimeoutMs, this.#cluster.options.requestTimeoutMs)));
      if (generation !== this.#generation) return;
      if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, `stay in group '${this.#group}'`, { group: this.#group });
      this.#rejoinIfChanged();
    } catch (error) {
      if (generation === this.#generation) await this.#unheard(error);
    }
    if (generation === this.#generation && this.#mayBeat()) this.#beatLater();
  }

  /** A member joins with what its pattern matches now; the leader divides anew when a topic of anybody's has grown, come or gone. */
  #rejoinIfChanged(): void {
    const { view } = this.#cluster;
    if (view === this.#viewSeen) return this.#lookForMissing();
    this.#viewSeen = view;
    const topics = topicsOf(this.#subscribed, view);
    if (topics.join() !== this.#topics.join()) return this.#needJoin('other topics match now');
    for (const [topic, before] of this.#led ?? []) {
      const count = view.topics.get(topic)?.partitions.length ?? 0;
      if (count !== before) return this.#needJoin(`topic '${topic}' has ${count} partitions now`);
    }
    this.#lookForMissing();
  }

  /** A topic that is not there (yet, or any more) is looked for at each heartbeat of the leader. */
  #lookForMissing(): void {
    if (![...(this.#led ?? [])].some(([, count]) => count === 0)) return;
    this.#cluster.refresh('find topics', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs)).catch(() => {});
  }

  async #unheard(error: unknown): Promise<void> {
    if (!isMillraceError(error)) throw error;
    if (error.code === 'unknown-member') return this.#forgetMembership('the group has gone on without this member');
    if (error.code === 'rebalance') return this.#phase.kind === 'stable' ? this.#fallBehind(error) : undefined;
    if (!error.retry && error.code !== 'closed' && error.code !== 'invalid-bytes') { this.#events.fail(error); return; }
    await this.#cluster.forget(error, this.#target, this.#cluster.deadline(this.#settings.heartbeatIntervalMs));
  }

  /** After a failed round: what to forget, and how long to wait. */
  async #recover(error: unknown): Promise<void> {
    if (!isMillraceError(error)) throw error;
    if (!error.retry && error.code !== 'closed' && error.code !== 'invalid-bytes') throw error;
    if (error.code === 'unknown-member') this.#forgetMembership(null);
    this.#rejoin ??= 'joining failed';
    if (error.code === 'rebalance' || error.code === 'unknown-member') return;
    await this.#cluster.forget(error, this.#target, this.#cluster.deadline(this.#cluster.options.requestTimeoutMs));
    await sleep(this.#cluster.ports, 1 + fullJitterMs(backoffDefault, this.#failures++, this.#cluster.ports.random.fraction()));
  }
}

function byTopicSorted(partitions: Iterable<TopicPartition>): Map<string, number[]> {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), partition].sort((a, b) => a - b));
  return topics;
}

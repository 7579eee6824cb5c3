// client/consumer/consumer-member.ts - membership in a group of the consumer protocol (KIP-848): heartbeats say what is held, the server says what shall be.
// Owns: the member's id and epoch, and the way from what is held to what shall be. Never: reading; what revoking means (its events do that).
// M1 heartbeats go by a timer of their own, one at a time: nothing that a handler does delays them. M2 what must go is finished, committed and let go of
// before a heartbeat says that it is given up; only then is anything new begun. M3 a fenced member has lost everything and joins again, with the same id.
// M4 offsets are read without an epoch: so no change of epoch can make a partition begin anywhere but where its group has committed.
// M5 a static member goes away by epoch -2 and keeps what it has; it leaves for good only when it is told to.
// Source: KIP-848, KIP-1082 (ids made by clients).
import { assert, backoffDefault, fullJitterMs, isMillraceError, MillraceError, sleep, withDeadline, type Deadline } from '../../base/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { ConsumerGroupHeartbeat, errorCodes as E, uuidText, type RequestInit, type ResponseOf } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster, Target } from '../net/cluster.ts';
import type { TopicPartition } from '../partitions.ts';
import type { Membership, MemberEvents } from './membership.ts';
import type { ConsumerSettings } from './options.ts';
import { serverPattern, type Subscribed } from './subscription.ts';

/** Part of the rebalance timeout that work in progress may take. */
const revokeShare = 0.8;
/** Until the server has told one, in ms. */
const firstIntervalMs = 500;
const joinEpoch = 0;
const leaveEpoch = -1;
const awayEpoch = -2;

type Answer = ResponseOf<typeof ConsumerGroupHeartbeat>;
/** A partition with the id of its topic, as the server knows it. */
interface Held extends TopicPartition { readonly topicId: string }

/** One member of one group. */
export class ConsumerMember implements Membership {
  readonly memberId: string;
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #group: string;
  readonly #subscribed: Subscribed;
  readonly #lane: string;
  readonly #events: MemberEvents;
  readonly #target: Target;
  #phase: Membership['phase'] = 'outside';
  #epoch = joinEpoch;
  #intervalMs = firstIntervalMs;
  /** By topic id and partition. */
  readonly #held = new Map<string, Held>();
  /** What shall be, by topic id; null until the server has said it. */
  #told: readonly { readonly topicId: string; readonly partitions: readonly number[] }[] | null = null;
  /** The next heartbeat says all of the member. */
  #isWhole = true;
  /** What is held is not as the last answered heartbeat said. */
  #heldChanged = false;
  #beating: Promise<void> | null = null;
  #isUrged = false;
  #timer: Timer | null = null;
  #moving: Promise<void> | null = null;
  /** Counts what ends the work of a move: being fenced, going away, closing. */
  #life = 0;
  #failures = 0;
  #hasJoined = false;
  /** Since when another member has the instance id; null while none has. */
  #unreleasedSinceMs: number | null = null;
  readonly #waiters: (() => void)[] = [];
  #allTopics: { release(): void } | null = null;

  constructor(cluster: Cluster, settings: ConsumerSettings, lane: string, events: MemberEvents) {
    assert(settings.group !== null && settings.topics !== null, 'a member has a group and topics');
    this.#cluster = cluster;
    this.#settings = settings;
    this.#group = settings.group;
    this.#subscribed = settings.topics;
    this.#lane = lane;
    this.#events = events;
    this.#target = { kind: 'coordinator', group: this.#group };
    this.memberId = uuidText(cluster.ports.random.bytes(16), 0);
  }

  get generation(): number { return this.#epoch > 0 ? this.#epoch : -1; }
  get phase(): Membership['phase'] { return this.#phase; }

  start(): void {
    if (this.#phase !== 'outside') return;
    if (this.#subscribed.kind === 'pattern') this.#allTopics = this.#cluster.wantAll();
    else this.#cluster.seek(this.#subscribed.names);
    this.#phase = 'joining';
    this.#urge();
  }

  goAway(): void {
    if (this.#phase !== 'stable' && this.#phase !== 'joining') return;
    const wasIn = this.#epoch > 0;
    this.#phase = 'away';
    this.#timer?.cancel();
    this.#stayAway(wasIn).catch((error: Error) => this.#events.fail(error));
  }

  back(): void {
    if (this.#phase !== 'away') return;
    this.#phase = 'joining';
    this.#urge();
  }

  noteError(error: unknown, generation: number): void {
    if (generation !== this.generation || this.#phase !== 'stable') return;
    if (isMillraceError(error, 'unknown-member') || isMillraceError(error, 'rebalance')) this.#urge();
  }

  async renewed(generation: number, deadline: Deadline): Promise<boolean> {
    const life = this.#life;
    while (life === this.#life && this.generation === generation) {
      this.#urge();
      await withDeadline(this.#cluster.ports.clock, deadline, 'learn the epoch', new Promise<void>((resolve) => this.#waiters.push(resolve)));
    }
    return life === this.#life && this.generation > 0;
  }

  async close(deadline: Deadline, leaves: boolean = this.#settings.instanceId === null): Promise<void> {
    const wasIn = this.#phase !== 'outside' && this.#phase !== 'away';
    this.#phase = 'closed';
    this.#timer?.cancel();
    this.#allTopics?.release();
    await withDeadline(this.#cluster.ports.clock, deadline, 'let go', this.#moving ?? Promise.resolve()).catch(() => {}); // a revocation under way commits
    await withDeadline(this.#cluster.ports.clock, deadline, 'join', this.#beating ?? Promise.resolve()).catch(() => {}); // who is joining must know it to leave
    this.#life++;
    const held = [...this.#held.values()];
    this.#held.clear();
    if (held.length > 0) await this.#events.revoke(held, deadline);
    if (wasIn && this.#epoch > 0) await this.#goodbye(leaves ? leaveEpoch : awayEpoch, deadline).catch(() => {});
    this.#cluster.closeLane(this.#lane);
    this.#wakeWaiters();
  }

  async leaveClosed(deadline: Deadline): Promise<void> {
    assert(this.#phase === 'closed', 'only a closed member leaves once more');
    if (this.#epoch > 0) await this.#goodbye(leaveEpoch, deadline).catch(() => {});
    this.#cluster.closeLane(this.#lane);
  }

  async #stayAway(wasIn: boolean): Promise<void> {
    if (wasIn && this.#settings.instanceId === null) await this.#goodbye(leaveEpoch, this.#cluster.deadline(this.#cluster.options.requestTimeoutMs)).catch(() => {});
    if (this.#phase === 'away') await this.#startOver(); // who is back already learns from the group that it was out
  }

  async #goodbye(memberEpoch: number, deadline: Deadline): Promise<void> {
    await this.#call({ groupId: this.#group, memberId: this.memberId, memberEpoch, instanceId: this.#settings.instanceId }, deadline);
  }

  /** M3. */
  async #startOver(): Promise<void> {
    this.#life++;
    this.#epoch = joinEpoch;
    this.#told = null;
    this.#isWhole = true;
    const lost = [...this.#held.values()];
    this.#held.clear();
    this.#wakeWaiters();
    if (lost.length > 0) await this.#events.lose(lost);
  }

  /** A heartbeat as soon as the one under way is answered. */
  #urge(): void {
    if (this.#beating) { this.#isUrged = true; return; }
    this.#timer?.cancel();
    this.#timer = this.#cluster.ports.clock.after(0, () => this.#beatNow());
  }

  #beatLater(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#cluster.ports.clock.after(delayMs, () => this.#beatNow());
  }

  #beatNow(): void {
    if (!this.#isIn() || this.#beating) return;
    this.#beating = this.#beat().then((delayMs) => {
      this.#beating = null;
      if (this.#isIn()) this.#beatLater(this.#isUrged ? 0 : delayMs);
    }, (error: Error) => {
      this.#beating = null;
      this.#events.fail(error);
    });
  }

  #isIn(): boolean { return this.#phase === 'joining' || this.#phase === 'stable'; }

  /** M1: one heartbeat; resolves to the time until the next one, in ms. */
  async #beat(): Promise<number> {
    this.#isUrged = false;
    try {
      await this.#exchange();
    } catch (error) {
      return await this.#recover(error);
    }
    this.#failures = 0;
    return this.#intervalMs;
  }

  async #exchange(): Promise<void> {
    const life = this.#life;
    const saysHeld = this.#heldChanged || this.#isWhole;
    this.#heldChanged = false;
    const isWhole = this.#isWhole;
    let answer: Answer;
    try {
      answer = await this.#call(this.#request(isWhole, saysHeld), this.#cluster.deadline(this.#cluster.options.requestTimeoutMs));
    } catch (error) {
      this.#heldChanged ||= saysHeld;
      throw error;
    }
    if (life !== this.#life) return;
    this.#epoch = answer.memberEpoch; // also when it is closed: it must leave then
    if (!this.#isIn()) return;
    this.#isWhole = false;
    this.#unreleasedSinceMs = null;
    this.#intervalMs = Math.max(1, answer.heartbeatIntervalMs);
    this.#phase = 'stable';
    if (!this.#hasJoined) await this.#join();
    if (answer.assignment !== null) this.#told = answer.assignment.topicPartitions;
    this.#wakeWaiters();
    this.#move();
  }

  async #join(): Promise<void> {
    if (this.#subscribed.kind === 'pattern') await this.#cluster.refresh('find topics', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs));
    this.#hasJoined = true;
    this.#events.joined();
  }

  #request(isWhole: boolean, saysHeld: boolean): RequestInit<typeof ConsumerGroupHeartbeat> {
    const { instanceId, rebalanceTimeoutMs, serverAssignor } = this.#settings;
    const isJoining = this.#epoch === joinEpoch;
    const names = this.#subscribed.kind === 'names' ? [...this.#subscribed.names] : [];
    const said = { groupId: this.#group, memberId: this.memberId, memberEpoch: this.#epoch, instanceId, topicPartitions: isJoining ? [] : saysHeld ? this.#heldLists() : null };
    if (!isWhole) return said;
    return {
      ...said, rebalanceTimeoutMs, serverAssignor, subscribedTopicNames: names,
      ...(this.#subscribed.kind === 'pattern' ? { subscribedTopicRegex: serverPattern(this.#subscribed.pattern) } : {}),
    };
  }

  #heldLists(): { topicId: string; partitions: number[] }[] {
    return [...Map.groupBy(this.#held.values(), (one) => one.topicId)].map(([topicId, list]) => ({ topicId, partitions: list.map((one) => one.partition) }));
  }

  async #call(body: RequestInit<typeof ConsumerGroupHeartbeat>, deadline: Deadline): Promise<Answer> {
    const connection = await this.#cluster.connectionFor(this.#target, this.#lane, deadline);
    if (connection.versionOf(ConsumerGroupHeartbeat) < 1 && this.#subscribed.kind === 'pattern') {
      throw new MillraceError('unsupported-version', `Cannot join group '${this.#group}': the server takes patterns only from Kafka 4.0 on; name the topics, or use groupProtocol 'classic'`, { group: this.#group });
    }
    const answer = await connection.call(ConsumerGroupHeartbeat, body, { deadline });
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, `${body.memberEpoch === joinEpoch ? 'join' : 'stay in'} group '${this.#group}'`, { group: this.#group }, answer.errorMessage);
    return answer;
  }

  /** After a failed heartbeat: what to forget, and how long to wait until the next one, in ms. */
  async #recover(error: unknown): Promise<number> {
    if (!isMillraceError(error)) throw error;
    if (!this.#isIn()) return 0;
    this.#isWhole = true; // the answer may have been lost, and with it what it told
    const code = error.data['kafkaCode'];
    if (code === E.FENCED_MEMBER_EPOCH || code === E.UNKNOWN_MEMBER_ID || (code === E.GROUP_ID_NOT_FOUND && this.#epoch > joinEpoch)) {
      this.#phase = 'joining';
      await this.#startOver();
      return 0;
    }
    const waitMs = 1 + fullJitterMs(backoffDefault, this.#failures++, this.#cluster.ports.random.fraction());
    if (code === E.UNRELEASED_INSTANCE_ID && this.#mayBeReleased()) return waitMs;
    if (!error.retry && error.code !== 'closed' && error.code !== 'invalid-bytes') throw error;
    await this.#cluster.forget(error, this.#target, this.#cluster.deadline(this.#cluster.options.requestTimeoutMs));
    return waitMs;
  }

  /** Who crashed under this instance id is gone once its session is over; somebody who lives is not, and two may not share an id. */
  #mayBeReleased(): boolean {
    const nowMs = this.#cluster.ports.clock.monotonicMs();
    this.#unreleasedSinceMs ??= nowMs;
    return nowMs - this.#unreleasedSinceMs < this.#settings.rebalanceTimeoutMs;
  }

  /** Moves from what is held to what shall be, unless that is under way. */
  #move(): void {
    if (this.#moving !== null) return;
    this.#moving = this.#moveAll().catch((error: Error) => this.#events.fail(error)).finally(() => { this.#moving = null; });
  }

  async #moveAll(): Promise<void> {
    const life = this.#life;
    for (let failures = 0; life === this.#life && this.#phase === 'stable';) {
      const { wanted, isComplete } = await this.#wanted();
      if (life !== this.#life || this.#phase !== 'stable') return;
      const revoked = [...this.#held].filter(([key]) => !wanted.has(key));
      const added = [...wanted].filter(([key]) => !this.#held.has(key));
      if (revoked.length === 0 && added.length === 0) return;
      if (revoked.length > 0) await this.#giveUp(revoked.map(([, one]) => one), life);
      else if (!await this.#begin(added.map(([, one]) => one), life)) await sleep(this.#cluster.ports, 1 + fullJitterMs(backoffDefault, failures++, this.#cluster.ports.random.fraction()));
      if (!isComplete && revoked.length === 0) return; // topics that are not known yet: the next heartbeat looks again
    }
  }

  /** What shall be, by key. Topics by ids that nobody knows are looked up; those that are not there (any more) are left out. */
  async #wanted(): Promise<{ wanted: Map<string, Held>; isComplete: boolean }> {
    const told = this.#told ?? [];
    const unknown = told.some(({ topicId }) => !this.#cluster.view.topicNames.has(topicId));
    if (unknown) await this.#cluster.refresh('find topics', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs)).catch(() => {});
    const { topicNames, topics } = this.#cluster.view;
    const wanted = new Map<string, Held>();
    for (const { topicId, partitions } of told) {
      const topic = topicNames.get(topicId);
      if (topic === undefined) continue;
      if (this.#subscribed.kind === 'pattern' && topics.get(topic)?.isInternal) continue; // a pattern never takes up the servers' internal topics
      for (const partition of partitions) wanted.set(keyOf(topicId, partition), { topic, partition, topicId });
    }
    return { wanted, isComplete: told.every(({ topicId }) => topicNames.has(topicId)) };
  }

  /** M2. */
  async #giveUp(revoked: readonly Held[], life: number): Promise<void> {
    await this.#events.revoke(revoked, this.#cluster.deadline(this.#settings.rebalanceTimeoutMs * revokeShare));
    if (life !== this.#life) return;
    for (const one of revoked) this.#held.delete(keyOf(one.topicId, one.partition));
    this.#sayHeld();
  }

  /** False when it could not be begun now, and may be later. */
  async #begin(added: readonly Held[], life: number): Promise<boolean> {
    for (const one of added) this.#held.set(keyOf(one.topicId, one.partition), one);
    try {
      await this.#events.assign(added);
    } catch (error) {
      if (life !== this.#life) return false;
      for (const one of added) this.#held.delete(keyOf(one.topicId, one.partition));
      if (!isMillraceError(error) || !error.retry) throw error;
      return false;
    }
    if (life === this.#life) this.#sayHeld();
    return true;
  }

  #sayHeld(): void {
    this.#heldChanged = true;
    if (this.#isIn()) this.#urge();
  }

  #wakeWaiters(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId} ${partition}`;
}

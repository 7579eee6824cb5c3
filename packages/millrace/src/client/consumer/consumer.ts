// client/consumer/consumer.ts - the consumer's door: records out, and what is done committed.
// Owns: the life of one consumer, handing out batches, the timers of commits and of slow handlers. Never: membership (group-member.ts, consumer-member.ts),
// fetching (fetcher.ts), offsets of partitions (holdings.ts), choosing them without a group (hand-reader.ts).
// U1 a record is handed out once while its partition is held, in offset order. U2 only what is done is committed, without gaps. U3 the loop of
// the machine gets its turn at least every few milliseconds, however many records wait.
import { MillraceError, withDeadline, type Deadline } from '../../base/mod.ts';
import type { Timer } from '../../os/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import { zeroTopicId } from '../net/metadata.ts';
import { committedOffsets, listOffsets, type CommittedOffset, type Committer, type OffsetToCommit } from '../offsets.ts';
import { partitionKey, type TopicPartition } from '../partitions.ts';
import { OffsetCommitter, topicIdOf } from './committer.ts';
import { Fetcher } from './fetcher.ts';
import { ConsumerMember } from './consumer-member.ts';
import { GroupMember } from './group-member.ts';
import { HandReader } from './hand-reader.ts';
import { Holdings } from './holdings.ts';
import { KnownTopics } from './known-topics.ts';
import type { Membership, MemberEvents } from './membership.ts';
import { consumerSettings, type AssignedPartition, type ConsumerOptions, type ConsumerSettings, type StartAt } from './options.ts';
import type { PartitionState } from './partition-state.ts';
import { persist } from './persist.ts';
import { ConsumedRecord, RecordBatch } from './record-batch.ts';
import { RecordIterator, type BatchSource } from './record-iterator.ts';
import { run, type RunOptions } from './runner.ts';
import { topicsOf } from './subscription.ts';

/** Longest stretch without giving the machine's loop a turn, in ms (U3). */
const turnMs = 4;
/** How often topics read without a group are looked at again, in ms. */
const lookIntervalMs = 1_000;

/** Distance of a consumer from the end of a partition. */
export interface PartitionLag extends TopicPartition { readonly position: number; readonly endOffset: number; readonly lag: number }

/** A consumer's state, for those who watch. */
export type ConsumerPhase = 'new' | 'running' | 'failed' | 'closed';

interface Taken {
  /** Of the partition when the batch was taken. */
  readonly seekCount: number;
  /** By an iterator: closing does not wait for a loop that may itself be what closes. */
  readonly isByHand: boolean;
}

let consumersMade = 0;

/** Reads records. Made by client.consumer(); begins with the first record asked for. `await using` commits what is done, leaves the group and closes it. */
export class Consumer {
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #holdings: Holdings;
  readonly #fetcher: Fetcher;
  readonly #member: Membership | null;
  readonly #committer: OffsetCommitter;
  /** Partitions that somebody works on. */
  readonly #taken = new Map<PartitionState, Taken>();
  readonly #takers: (() => void)[] = [];
  readonly #timers = new Set<Timer>();
  #phase: ConsumerPhase = 'new';
  #failure: Error | null = null;
  #turnAtMs = 0;
  #slow = new Map<PartitionState, { committable: number; sinceMs: number }>();
  /** Since when records wait and nobody asks for them; null while somebody does. */
  #unreadSinceMs: number | null = null;
  readonly #known = new KnownTopics();
  #hand: HandReader | null = null;
  /** Letting everything go: begun by close(), or by what stops the consumer. */
  #ending: Promise<void> | null = null;

  constructor(cluster: Cluster, options: ConsumerOptions) {
    const lane = `consume-${++consumersMade}`;
    this.#cluster = cluster;
    this.#settings = consumerSettings(options);
    this.#holdings = new Holdings(cluster, this.#settings);
    this.#fetcher = new Fetcher(cluster, this.#settings, lane, this.#holdings.states, {
      arrived: () => this.#wakeTakers(),
      outOfRange: (state) => { void this.#move(state, (deadline) => this.#holdings.reset(state, deadline)); },
      diverged: (state, at) => { void this.#move(state, (deadline) => this.#holdings.diverged(state, at, deadline)); },
      recreated: (state, topicId) => { state.beginAnew(topicId); void this.#move(state, (deadline) => this.#holdings.recreated(state, deadline)); },
      failed: (error) => this.#fail(error),
    });
    this.#member = this.#settings.group !== null && this.#settings.topics !== null ? this.#makeMember(`${lane}-group`, {
      revoke: (partitions, deadline) => this.#revoke(partitions, deadline),
      lose: (partitions) => this.#lose(partitions),
      joined: () => this.#noteTopics(),
      assign: (partitions) => this.#assign(partitions),
      fail: (error) => this.#fail(error),
    }) : null;
    this.#committer = new OffsetCommitter(cluster, {
      as: () => this.membership,
      failed: (error, generation) => this.#member?.noteError(error, generation),
      renewed: async (generation, deadline) => await this.#member?.renewed(generation, deadline) ?? false,
    });
  }

  #makeMember(lane: string, events: MemberEvents): Membership {
    const Member = this.#settings.groupProtocol === 'consumer' ? ConsumerMember : GroupMember;
    return new Member(this.#cluster, this.#settings, lane, events);
  }

  get phase(): ConsumerPhase { return this.#phase; }
  /** Partitions held now. */
  get assignment(): TopicPartition[] { return this.#holdings.partitions; }
  /** Its group, and who it is there: what a transaction commits offsets as. */
  get membership(): Committer {
    return { group: this.#settings.group ?? '', memberId: this.#member?.memberId ?? '', generation: this.#member?.generation ?? -1, instanceId: this.#settings.instanceId };
  }
  /** This member's id in its group; '' outside. */
  get memberId(): string { return this.#member?.memberId ?? ''; }

  /** Begins: joins the group or takes its partitions up, without waiting for a first record. Done by itself at the first record asked for. */
  start(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'running';
    if (this.#member) this.#member.start();
    else this.#readByHand(this.#hand = this.#makeHand()).catch((error: Error) => this.#fail(error));
    if (this.#settings.commit === 'auto') this.#every(this.#settings.commitIntervalMs, () => this.#commitAuto());
    if (this.#member) this.#every(Math.max(50, this.#settings.maxPollIntervalMs / 8), () => this.#watchSlow());
  }

  /**
   * Records one after the other, from all held partitions. A record is done when the next one is asked for; leaving the loop (break, an error)
   * leaves the one in hand undone: it comes again, here or to the next owner, unless it is committed by commit(record). Throws what stops the consumer:
   * 'offset-out-of-range' (with offsetReset 'error'), 'not-authorized', 'fenced', 'corrupt-batch'; it has left its group then.
   * @example for await (const record of consumer) console.log(record.offset, record.text());
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConsumedRecord> {
    return new RecordIterator(this.#source(true));
  }

  /**
   * Batches, each of one partition: the fastest way to read. A batch is done when the next one is asked for.
   * @example for await (const batch of consumer.batches()) for (const record of batch) handle(record);
   */
  async *batches(): AsyncGenerator<RecordBatch, void, undefined> {
    const source = this.#source(true);
    for (let taken = await source.take(); taken !== null; taken = await source.take()) {
      let rest: RecordBatch | null = taken.batch;
      try {
        yield taken.batch;
        rest = null;
      } finally { // also when the loop was left: then the batch is not done
        if (rest === null && this.#taken.get(taken.state)?.seekCount === taken.state.seekCount) {
          taken.state.position = taken.batch.nextOffset;
          taken.state.tracker.advance(taken.batch.nextOffset);
        }
        source.giveBack(taken.state, rest);
      }
    }
  }

  /**
   * Calls a handler with each record or batch, `concurrency` at a time, keeping the order within partitions or keys. Resolves at close() or the
   * signal, after what was in work is done; rejects with what a handler throws (its record is not done) or what stops the consumer. After a handler's
   * error it may run again: the consumer stays a member, and leaves its group when nobody asks for records for maxPollIntervalMs.
   * @example await consumer.run({ eachRecord: handle, concurrency: 16, order: 'key' });
   */
  async run(options: RunOptions): Promise<void> {
    if ((options.eachRecord === undefined) === (options.eachBatch === undefined)) throw new MillraceError('invalid-argument', 'Cannot run a consumer: give it either `eachRecord` or `eachBatch`');
    if (options.order === 'key' && options.eachRecord === undefined) throw new MillraceError('invalid-argument', "Cannot run a consumer: order 'key' needs `eachRecord`");
    if (options.concurrency !== undefined && !(Number.isInteger(options.concurrency) && options.concurrency > 0)) throw new MillraceError('invalid-argument', `Cannot run a consumer with concurrency '${options.concurrency}': give a whole number from 1`);
    const wake = () => this.#wakeTakers();
    options.signal?.addEventListener('abort', wake);
    try {
      await run(this.#source(false, options.signal), options);
    } finally {
      options.signal?.removeEventListener('abort', wake);
    }
  }

  /** Stops handing out records of partitions; what is fetched stays. Others go on. */
  pause(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#holdings.state(topic, partition).isPaused = true;
  }

  /** Goes on with paused partitions. */
  resume(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const state = this.#holdings.state(topic, partition);
      state.isPaused = false;
      this.#fetcher.urge(state);
    }
    this.#wakeTakers();
  }

  /** Partitions that are paused. */
  get paused(): TopicPartition[] {
    return [...this.#holdings.states.values()].filter((state) => state.isPaused).map(({ topic, partition }) => ({ topic, partition }));
  }

  /** Goes on elsewhere in a held partition: an offset, 'earliest', 'latest', 'committed', or the first record at or after a time. */
  async seek(partition: TopicPartition, at: number | StartAt, options: { timeoutMs?: number } = {}): Promise<void> {
    const state = this.#holdings.state(partition.topic, partition.partition);
    await this.#holdings.seek(state, typeof at === 'number' ? { offset: at } : at, this.#deadline(options.timeoutMs));
    this.#fetcher.urge(state);
  }

  /** The next offset to be handed out; -1 before the first is known. */
  position(partition: TopicPartition): number {
    return this.#holdings.state(partition.topic, partition.partition).position;
  }

  /** How far each held partition is behind, asked of the servers now. */
  async lag(options: { timeoutMs?: number } = {}): Promise<PartitionLag[]> {
    const states = [...this.#holdings.states.values()].filter((state) => state.isPositioned);
    const ends = await listOffsets(this.#cluster, states.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const })), { deadline: this.#deadline(options.timeoutMs), isolation: this.#settings.isolation });
    return states.map((state, index) => ({ topic: state.topic, partition: state.partition, position: state.position, endOffset: ends[index]!.offset, lag: Math.max(0, ends[index]!.offset - state.position) }));
  }

  /**
   * Commits: what is done, when nothing is given; through a record or a batch; or offsets (the next ones to read) with metadata. Rejects 'rebalance' or
   * 'unknown-member' when the partitions are no longer this member's.
   */
  async commit(of?: ConsumedRecord | RecordBatch | readonly OffsetToCommit[], options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#settings.group === null) throw new MillraceError('invalid-argument', 'Cannot commit: this consumer has no group');
    const deadline = this.#deadline(options.timeoutMs);
    const { states } = this.#holdings;
    if (of === undefined) await this.#committer.commitDone([...states.values()], deadline);
    else await this.#committer.commit(offsetsOf(of, states), states, deadline);
  }

  /** What the group has committed for the held partitions. */
  async committed(options: { timeoutMs?: number } = {}): Promise<CommittedOffset[]> {
    if (this.#settings.group === null) return [];
    return await committedOffsets(this.#cluster, this.#settings.group, this.assignment, { deadline: this.#deadline(options.timeoutMs), isolation: this.#settings.isolation });
  }

  /**
   * Finishes what is in work, commits what is done ('auto') and leaves the group, within `timeoutMs` (30 s). A static member stays in its group, so that it
   * may restart without a rebalance, unless `leave` says otherwise. Within a `for await` loop the record in hand counts as not done: rather leave the loop.
   * @example await consumer.close({ leave: true }); // this instance will not come back soon
   */
  async close(options: number | { readonly timeoutMs?: number; readonly leave?: boolean } = {}): Promise<void> {
    if (this.#phase === 'closed') return;
    const { timeoutMs = 30_000, leave } = typeof options === 'number' ? { timeoutMs: options } : options;
    const wasRunning = this.#phase !== 'new';
    this.#phase = 'closed';
    for (const timer of this.#timers) timer.cancel();
    for (const [state, { isByHand }] of this.#taken) {
      if (!isByHand) continue;
      this.#taken.delete(state);
      state.endWork();
    }
    this.#wakeTakers();
    const deadline = this.#deadline(timeoutMs);
    if (this.#ending) {
      await withDeadline(this.#cluster.ports.clock, deadline, 'close the consumer', this.#ending).catch(() => {});
      if (leave && this.#settings.instanceId !== null) await this.#member?.leaveClosed(deadline);
    } else if (wasRunning) {
      await (this.#ending = this.#letGo(deadline, leave));
    }
    this.#hand?.close();
    this.#fetcher.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #deadline(timeoutMs: number = this.#cluster.options.requestTimeoutMs): Deadline {
    return this.#cluster.deadline(timeoutMs);
  }

  async #letGo(deadline: Deadline, leave?: boolean): Promise<void> {
    if (this.#member) await this.#member.close(deadline, leave);
    else await this.#revoke(this.assignment, deadline);
  }

  #source(isByHand: boolean, signal?: AbortSignal): BatchSource {
    return {
      take: () => this.#take(isByHand, signal),
      giveBack: (state, rest) => this.#giveBack(state, rest),
    };
  }

  async #take(isByHand: boolean, signal?: AbortSignal): Promise<{ state: PartitionState; batch: RecordBatch } | null> {
    this.start();
    this.#member?.back();
    const { clock } = this.#cluster.ports;
    if (clock.monotonicMs() - this.#turnAtMs > turnMs) { // U3
      await new Promise<void>((resolve) => clock.soon(resolve));
      this.#turnAtMs = clock.monotonicMs();
    }
    for (;;) {
      if (this.#failure) throw this.#failure;
      if (this.#phase === 'closed' || signal?.aborted) return null;
      const state = this.#holdings.nextReady((one) => this.#taken.has(one));
      if (state) return this.#takeFrom(state, isByHand);
      await new Promise<void>((resolve) => this.#takers.push(resolve));
      this.#turnAtMs = clock.monotonicMs();
    }
  }

  #takeFrom(state: PartitionState, isByHand: boolean): { state: PartitionState; batch: RecordBatch } {
    this.#taken.set(state, { seekCount: state.seekCount, isByHand });
    state.beginWork();
    const batch = state.shift();
    this.#fetcher.wake();
    return { state, batch };
  }

  #giveBack(state: PartitionState, rest: RecordBatch | null): void {
    const taken = this.#taken.get(state);
    if (!taken) return; // close() has taken it already
    this.#taken.delete(state);
    if (rest !== null && taken.seekCount === state.seekCount && state.isHeld) state.unshift(rest);
    state.endWork();
    if (state.isReady) this.#wakeTakers();
  }

  #wakeTakers(): void {
    for (const wake of this.#takers.splice(0)) wake();
  }

  #fail(error: Error): void {
    if (this.#phase === 'closed' || this.#failure) return;
    this.#failure = error;
    this.#phase = 'failed';
    this.#wakeTakers();
    this.#ending = this.#letGo(this.#deadline(this.#settings.sessionTimeoutMs)).catch(() => {}); // nobody reads here any more: others may
  }

  #makeHand(): HandReader {
    return new HandReader(this.#cluster, this.#settings, {
      isRunning: () => this.#phase === 'running',
      isHeld: (key) => this.#holdings.states.has(key),
      held: () => this.assignment,
      assign: (partitions) => this.#assign(partitions),
      lose: (partitions) => this.#lose(partitions),
      taken: () => this.#noteTopics(),
    });
  }

  #every(intervalMs: number, act: () => void): void {
    const timer = this.#cluster.ports.clock.after(intervalMs, () => {
      this.#timers.delete(timer);
      if (this.#phase !== 'running') return;
      act();
      this.#every(intervalMs, act);
    });
    this.#timers.add(timer);
  }

  async #readByHand(hand: HandReader): Promise<void> {
    await hand.start();
    if (this.#settings.topics && this.#phase === 'running') this.#every(lookIntervalMs, () => { hand.look().catch((error: Error) => this.#fail(error)); });
  }

  /** What is there at the beginning; all that comes later is new. */
  #noteTopics(): void {
    const { topics } = this.#settings;
    const { view } = this.#cluster;
    this.#known.note(topicsOf(topics!, view).flatMap((name) => view.topics.get(name) ?? []), topics!.kind === 'pattern');
  }

  async #begin(partitions: readonly AssignedPartition[]): Promise<void> {
    const names = new Set(partitions.map((one) => one.topic));
    const deadline = this.#deadline();
    this.#cluster.want(names);
    const topics = new Map(await Promise.all([...names].map(async (name) => [name, await this.#cluster.topic(name, deadline)] as const)));
    this.#known.note(topics.values(), false);
    const states = await this.#holdings.take(partitions.map((one) => ({ ...one, isYoung: this.#known.isYoung(topics.get(one.topic)!, one.partition) })), deadline);
    await this.#settings.onAssigned?.(partitions.map(({ topic, partition }) => ({ topic, partition })));
    for (const state of states) this.#fetcher.urge(state);
  }

  async #assign(partitions: readonly AssignedPartition[]): Promise<void> {
    try {
      await this.#begin(partitions);
    } catch (error) {
      this.#holdings.drop(partitions);
      throw error;
    }
  }

  async #revoke(partitions: readonly TopicPartition[], deadline: Deadline): Promise<void> {
    const states = await this.#holdings.release(partitions, deadline);
    if (this.#settings.commit === 'auto') await this.#committer.commitDone(states, deadline).catch(() => {}); // what is not committed is read again by the next owner
    await this.#settings.onRevoked?.(partitions);
    this.#holdings.drop(partitions);
  }

  async #lose(partitions: readonly TopicPartition[]): Promise<void> {
    this.#holdings.drop(partitions);
    await this.#settings.onLost?.(partitions);
  }

  /** Goes where a partition goes on, for as long as it takes: a cluster that is away for a while does not end a consumer. */
  async #move(state: PartitionState, go: (deadline: Deadline) => Promise<void>): Promise<void> {
    const { seekCount } = state;
    const isWanted = () => state.isHeld && state.seekCount === seekCount && this.#phase === 'running';
    try {
      await persist(this.#cluster.ports, isWanted, () => go(this.#deadline()));
      this.#fetcher.wake();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #commitAuto(): void {
    if (this.#member !== null && this.#member.phase !== 'stable') return;
    this.#committer.commitDone([...this.#holdings.states.values()], this.#deadline()).catch((error: unknown) => {
      if (error instanceof MillraceError && (error.code === 'not-authorized' || error.code === 'fenced')) this.#fail(error);
    });
  }

  /** A handler that has not moved for maxPollIntervalMs, or records that nobody has asked for so long: gives the partitions to others. */
  #watchSlow(): void {
    const nowMs = this.#cluster.ports.clock.monotonicMs();
    const watched = new Map<PartitionState, { committable: number; sinceMs: number }>();
    let sinceMs = this.#noteUnread(nowMs) ?? Infinity;
    for (const state of this.#holdings.states.values()) {
      if (state.inWorkCount === 0) continue;
      const { committable } = state.tracker;
      const before = this.#slow.get(state);
      const since = before && before.committable === committable ? before : { committable, sinceMs: nowMs };
      watched.set(state, since);
      sinceMs = Math.min(sinceMs, since.sinceMs);
    }
    this.#slow = watched;
    if (nowMs - sinceMs >= this.#settings.maxPollIntervalMs) this.#member?.goAway();
  }

  #noteUnread(nowMs: number): number | null {
    const states = [...this.#holdings.states.values()];
    const isUnread = this.#takers.length === 0 && states.some((state) => state.isReady) && states.every((state) => state.inWorkCount === 0);
    this.#unreadSinceMs = isUnread ? this.#unreadSinceMs ?? nowMs : null;
    return this.#unreadSinceMs;
  }
}

/** What to commit, with what is known of who wrote it; offsets given as such are of the topics that are held now. */
function offsetsOf(of: ConsumedRecord | RecordBatch | readonly OffsetToCommit[], states: ReadonlyMap<string, PartitionState>): readonly OffsetToCommit[] {
  const stateOf = ({ topic, partition }: TopicPartition) => states.get(partitionKey(topic, partition));
  if (!(of instanceof ConsumedRecord) && !(of instanceof RecordBatch)) return of.map((one) => ({ topicId: topicIdOf(stateOf(one) ?? { topicId: zeroTopicId }), ...one }));
  const state = stateOf(of);
  const offset = of instanceof ConsumedRecord ? of.offset + 1 : of.nextOffset;
  return [{ topic: of.topic, topicId: topicIdOf(of), partition: of.partition, offset, leaderEpoch: state?.topicId === of.topicId ? state.epochs.before(offset) : -1 }];
}

// client/consumer/fetcher.ts - keeps a consumer's partitions filled: one long-polling fetch per broker, ahead of the reader and within memory.
// Owns: fetch loops, sessions, buffers' bounds, what fetch errors mean. Never: groups, commits, who reads.
// F1 at most `prefetchBytes` are buffered, give or take one answer. F2 a partition is fetched only while its buffer is below one answer's
// worth of it. F3 an answer to what was asked before a seek or a revocation is dropped. F4 while some buffers are full the others are asked
// with a short wait, so that none waits for a quiet one. F5 nothing is fetched from a leader of another epoch before it has said that it has the
// records that were read (epoch-check.ts); each fetch names the epoch of the record before it as well, and a leader that has another one says so.
import { backoffDefault, fullJitterMs, isMillraceError, MillraceError } from '../../base/mod.ts';
import { BatchCursor, errorCodes as E, Fetch, type ResponseOf } from '../../wire/mod.ts';
import { isRetriable, kafkaError, staleView } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';
import type { BrokerConnection } from '../net/connection.ts';
import { zeroTopicId } from '../net/metadata.ts';
import { byTopic, partitionKey } from '../partitions.ts';
import { checkEpochs, type Divergence, type EpochVerdict } from './epoch-check.ts';
import { FetchSession, type WantedPartition } from './fetch-session.ts';
import type { ConsumerSettings } from './options.ts';
import type { PartitionState } from './partition-state.ts';
import { RecordBatch } from './record-batch.ts';

/** Wait of the server while other partitions' buffers are full (F4). */
const busyWaitMs = 10;
/** Topic ids are in requests of this version on. */
const topicIdVersion = 13;

/** What the fetcher tells its consumer. */
export interface FetchEvents {
  /** Records came for some partition. */
  arrived(): void;
  /** The position is gone: reset it as the settings say. */
  outOfRange(state: PartitionState): void;
  /** The leader has other records than those that were read: from `at` on, or nobody knows from where. */
  diverged(state: PartitionState, at: Divergence | null): void;
  /** Another topic has the name now. */
  recreated(state: PartitionState, topicId: string): void;
  /** It cannot go on: the reader gets this. */
  failed(error: Error): void;
}

interface BrokerLoop {
  readonly nodeId: number;
  readonly session: FetchSession;
  /** What a fetch under way was asked for, by partition key. */
  asked: ReadonlyMap<string, { readonly state: PartitionState; readonly seekCount: number }> | null;
  connection: BrokerConnection | null;
  failures: number;
  notBeforeMs: number;
  /** The fetch under way was cut off on purpose. */
  isCut: boolean;
}

/** Fetches for one consumer. */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #lane: string;
  readonly #states: ReadonlyMap<string, PartitionState>;
  readonly #events: FetchEvents;
  readonly #loops = new Map<number, BrokerLoop>();
  #isClosed = false;
  #isWakeScheduled = false;
  #isFindingLeaders = false;
  /** Searches in a row that left some partition without a leader. */
  #searches = 0;

  constructor(cluster: Cluster, settings: ConsumerSettings, lane: string, states: ReadonlyMap<string, PartitionState>, events: FetchEvents) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#lane = lane;
    this.#states = states;
    this.#events = events;
  }

  /** Something changed that may allow a fetch: buffers were emptied, partitions came, positions are known. */
  wake(): void {
    if (this.#isWakeScheduled || this.#isClosed) return;
    this.#isWakeScheduled = true;
    this.#cluster.ports.clock.soon(() => { this.#isWakeScheduled = false; this.#startLoops(); });
  }

  /** The same, and a long poll that was asked without this partition, or for another place of it, is cut off. */
  urge(state: PartitionState): void {
    for (const loop of this.#loops.values()) {
      const asked = loop.asked?.get(state.key);
      const isStale = loop.asked !== null && (asked === undefined || asked.seekCount !== state.seekCount);
      if (!isStale || this.#leaderOf(state) !== loop.nodeId) continue;
      loop.isCut = true;
      loop.connection?.close();
    }
    this.wake();
  }

  /** Ends all fetches. */
  close(): void {
    this.#isClosed = true;
    this.#cluster.closeLane(this.#lane);
  }

  #nowMs(): number { return this.#cluster.ports.clock.monotonicMs(); }

  #leaderOf(state: PartitionState): number {
    return this.#cluster.partition(state.topic, state.partition)?.leaderId ?? -1;
  }

  /** A fetch to every broker that has something for us and none under way. */
  #startLoops(): void {
    if (this.#isClosed) return;
    const nowMs = this.#nowMs();
    let bufferedBytes = 0;
    let wakeAtMs = Infinity;
    let isLeaderless = false;
    const byLeader = new Map<number, PartitionState[]>();
    const unchecked = new Map<number, PartitionState[]>();
    const full = new Set<number>();
    for (const state of this.#states.values()) {
      bufferedBytes += state.bufferedBytes;
      if (!state.isHeld || !state.isPositioned || state.isChecking) continue;
      if (this.#isAnother(state)) continue;
      if (state.isPaused) continue;
      const leaderId = this.#leaderOf(state);
      if (leaderId < 0) { isLeaderless = true; continue; }
      if (state.bufferedBytes >= this.#settings.partitionMaxBytes) { full.add(leaderId); continue; } // F2
      if (nowMs < state.retryAtMs) { wakeAtMs = Math.min(wakeAtMs, state.retryAtMs); full.add(leaderId); continue; }
      const list = this.#mayFetch(state) ? listIn(byLeader, leaderId) : listIn(unchecked, leaderId);
      list.push(state);
    }
    if (isLeaderless) this.#findLeaders();
    else this.#searches = 0;
    for (const [nodeId, states] of unchecked) void this.#check(nodeId, states);
    if (bufferedBytes >= this.#settings.prefetchBytes) return; // F1: emptying wakes
    for (const [nodeId, states] of byLeader) {
      const loop = this.#loop(nodeId);
      if (loop.asked !== null) continue;
      if (nowMs < loop.notBeforeMs) wakeAtMs = Math.min(wakeAtMs, loop.notBeforeMs);
      else void this.#ask(loop, states, full.has(nodeId));
    }
    if (wakeAtMs < Infinity) this.#cluster.ports.clock.after(wakeAtMs - nowMs, () => this.wake());
  }

  /** Whether the partition's topic was created anew: then it is begun anew. */
  #isAnother(state: PartitionState): boolean {
    const topicId = this.#cluster.view.topics.get(state.topic)?.topicId ?? zeroTopicId;
    if (topicId === zeroTopicId || topicId === state.topicId) return false;
    if (state.topicId === zeroTopicId) { state.topicId = topicId; return false; }
    this.#events.recreated(state, topicId);
    return true;
  }

  /** F5. */
  #mayFetch(state: PartitionState): boolean {
    const { leaderEpoch } = this.#cluster.partition(state.topic, state.partition)!;
    const { fetchEpoch } = state;
    if (leaderEpoch > state.leaderEpoch && (fetchEpoch < 0 || fetchEpoch === leaderEpoch)) state.leaderEpoch = leaderEpoch;
    return leaderEpoch <= state.leaderEpoch;
  }

  /** F5: asks a leader about positions that come from another one. */
  async #check(nodeId: number, states: readonly PartitionState[]): Promise<void> {
    const asked = states.map((state) => ({
      state, seekCount: state.seekCount, topic: state.topic, partition: state.partition, offset: state.fetchOffset, epoch: state.fetchEpoch,
      leaderEpoch: this.#cluster.partition(state.topic, state.partition)!.leaderEpoch,
    }));
    for (const state of states) state.isChecking = true;
    let verdicts: ReadonlyMap<string, EpochVerdict> | null = null;
    try {
      verdicts = await checkEpochs(this.#cluster, nodeId, asked, this.#cluster.deadline(this.#cluster.options.requestTimeoutMs));
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      this.#findLeaders();
    }
    for (const { state, seekCount, leaderEpoch } of asked) {
      if (state.seekCount !== seekCount || !state.isHeld) continue; // F3
      state.isChecking = false;
      const verdict = verdicts?.get(state.key);
      if (!verdict) this.#wait(state);
      else if (verdict.kind === 'same') state.leaderEpoch = leaderEpoch;
      else if (verdict.kind === 'diverged') this.#events.diverged(state, verdict.at);
      else this.#refused(null, state, verdict.errorCode);
    }
    this.wake();
  }

  #loop(nodeId: number): BrokerLoop {
    let loop = this.#loops.get(nodeId);
    if (!loop) this.#loops.set(nodeId, (loop = { nodeId, session: new FetchSession(), asked: null, connection: null, failures: 0, notBeforeMs: 0, isCut: false }));
    return loop;
  }

  #findLeaders(): void {
    if (this.#isFindingLeaders) return;
    this.#isFindingLeaders = true;
    const { clock, random } = this.#cluster.ports;
    void this.#cluster.refresh('find leaders', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs)).catch(() => {}).then(() => {
      clock.after(1 + fullJitterMs(backoffDefault, this.#searches++, random.fraction()), () => { this.#isFindingLeaders = false; this.wake(); });
    });
  }

  /** One fetch, its answer handled, and the next one looked for. */
  async #ask(loop: BrokerLoop, states: readonly PartitionState[], someFull: boolean): Promise<void> {
    const asked = new Map(states.map((state) => [state.key, { state, seekCount: state.seekCount }]));
    loop.asked = asked;
    loop.isCut = false;
    try {
      const options = this.#cluster.options;
      loop.connection = await this.#connection(loop);
      const maxWaitMs = someFull ? Math.min(busyWaitMs, this.#settings.maxWaitMs) : this.#settings.maxWaitMs;
      const deadline = this.#cluster.deadline(maxWaitMs + options.requestTimeoutMs);
      const wanted = new Map(states.map((state) => [state.key, this.#wanted(state)]));
      const hasIds = [...wanted.values()].every((one) => one.topicId !== zeroTopicId);
      const answer = await loop.connection.call(Fetch, this.#body(loop.session, wanted, maxWaitMs), {
        deadline, serverWaitMs: maxWaitMs, versionMax: hasIds ? Fetch.versions.max : topicIdVersion - 1,
      });
      loop.failures = 0;
      if (answer.throttleTimeMs > 0) loop.notBeforeMs = this.#nowMs() + answer.throttleTimeMs;
      this.#answered(loop, answer, asked);
    } catch (error) {
      this.#unanswered(loop, error);
    }
    loop.asked = null;
    this.#startLoops();
  }

  async #connection(loop: BrokerLoop): Promise<BrokerConnection> {
    const connection = await this.#cluster.connection(loop.nodeId, this.#lane, this.#cluster.deadline(this.#cluster.options.connectTimeoutMs));
    if (connection !== loop.connection) loop.session.reset(); // a session belongs to what was heard on its connection
    return connection;
  }

  #wanted(state: PartitionState): WantedPartition {
    const leaderEpoch = this.#cluster.partition(state.topic, state.partition)?.leaderEpoch ?? -1;
    return { topic: state.topic, topicId: state.topicId, partition: state.partition, fetchOffset: state.fetchOffset, leaderEpoch, fetchEpoch: state.fetchEpoch, maxBytes: this.#settings.partitionMaxBytes };
  }

  #body(session: FetchSession, wanted: ReadonlyMap<string, WantedPartition>, maxWaitMs: number) {
    const { sessionId, sessionEpoch, added, forgotten } = session.request(wanted);
    const ids = new Map([...added, ...forgotten].map((one) => [one.topic, one.topicId]));
    const partitions = byTopic(added, (one) => ({
      partition: one.partition, currentLeaderEpoch: one.leaderEpoch, fetchOffset: one.fetchOffset, lastFetchedEpoch: one.fetchEpoch, partitionMaxBytes: one.maxBytes,
    }));
    return {
      replicaId: -1, maxWaitMs, minBytes: this.#settings.minBytes, maxBytes: this.#settings.maxBytes,
      isolationLevel: this.#settings.isolation === 'read_committed' ? 1 : 0, sessionId, sessionEpoch,
      topics: [...partitions].map(([topic, list]) => ({ topic, topicId: ids.get(topic)!, partitions: list })),
      forgottenTopicsData: [...byTopic(forgotten, (one) => one)].map(([topic, list]) => ({ topic, topicId: list[0]!.topicId, partitions: list.map((one) => one.partition) })),
    };
  }

  #answered(loop: BrokerLoop, answer: ResponseOf<typeof Fetch>, asked: NonNullable<BrokerLoop['asked']>): void {
    if (answer.errorCode !== 0) {
      loop.session.reset();
      const isAboutSession = answer.errorCode === E.FETCH_SESSION_ID_NOT_FOUND || answer.errorCode === E.INVALID_FETCH_SESSION_EPOCH;
      if (!isAboutSession) throw kafkaError(answer.errorCode, 'fetch');
      return;
    }
    loop.session.answered(answer.sessionId);
    let arrived = false;
    const names = new Map([...asked.values()].map(({ state }) => [state.topicId, state.topic]));
    for (const topic of answer.responses) {
      const name = topic.topic !== '' ? topic.topic : names.get(topic.topicId);
      if (name === undefined) continue;
      for (const one of topic.partitions) {
        const of = asked.get(partitionKey(name, one.partitionIndex));
        if (of && of.state.isHeld && of.state.seekCount === of.seekCount) arrived = this.#take(loop, of.state, one) || arrived; // F3
      }
    }
    if (arrived) this.#events.arrived();
  }

  /** Takes a partition's part of an answer; true when it brought something for the reader. */
  #take(loop: BrokerLoop, state: PartitionState, answer: PartitionFetched): boolean {
    if (answer.errorCode !== 0) { this.#refused(loop, state, answer.errorCode); return false; }
    state.failures = 0;
    if (answer.divergingEpoch.endOffset >= 0) { this.#diverged(state, { offset: answer.divergingEpoch.endOffset, epoch: answer.divergingEpoch.epoch }); return false; }
    state.highWatermark = answer.highWatermark;
    state.lastStableOffset = answer.lastStableOffset;
    if (answer.logStartOffset >= 0) state.logStartOffset = answer.logStartOffset;
    const bytes = answer.records;
    if (bytes === null || bytes.length === 0) return false;
    const nextOffset = this.#noteBatches(state, bytes);
    if (nextOffset <= state.fetchOffset) {
      this.#events.failed(new MillraceError('message-too-large', `Cannot read '${state.key}' at offset ${state.fetchOffset}: the server sent no whole batch in ${bytes.length} bytes`, { topic: state.topic, partition: state.partition }));
      return false;
    }
    const aborted = this.#settings.isolation === 'read_committed' ? [...(answer.abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset) : [];
    state.push(new RecordBatch({ topic: state.topic, topicId: state.topicId, partition: state.partition, startOffset: state.fetchOffset, nextOffset, highWatermark: answer.highWatermark, bytes, aborted }));
    return true;
  }

  /** Notes who wrote what; the first offset after the last whole batch. */
  #noteBatches(state: PartitionState, bytes: Uint8Array): number {
    const batches = new BatchCursor(bytes);
    let next = state.fetchOffset;
    while (batches.next()) {
      next = batches.lastOffset + 1;
      state.epochs.note(batches.baseOffset, batches.leaderEpoch);
    }
    return next;
  }

  /** The answer to a fetch says that the epoch before it is another one. A leader whose first record of an epoch is still to come says so too: then nothing is missing. */
  #diverged(state: PartitionState, at: Divergence): void {
    if (at.offset < state.fetchOffset) return this.#events.diverged(state, at);
    if (at.epoch >= state.fetchEpoch) this.#wait(state); // that explains nothing: not at once again
    state.epochs.note(state.fetchOffset - 1, at.epoch);
  }

  #refused(loop: BrokerLoop | null, state: PartitionState, errorCode: number): void {
    if (errorCode === E.OFFSET_OUT_OF_RANGE) return this.#events.outOfRange(state);
    const isAboutIds = errorCode === E.UNKNOWN_TOPIC_ID || errorCode === E.INCONSISTENT_TOPIC_ID || errorCode === E.FETCH_SESSION_TOPIC_ID_ERROR;
    if (isAboutIds) loop?.session.reset();
    if (!isRetriable(errorCode) && !isAboutIds) return this.#events.failed(kafkaError(errorCode, `read '${state.key}'`, { topic: state.topic, partition: state.partition }));
    this.#wait(state);
    if (staleView(errorCode) === 'metadata') this.#findLeaders();
  }

  #wait(state: PartitionState): void {
    state.retryAtMs = this.#nowMs() + 1 + fullJitterMs(backoffDefault, state.failures++, this.#cluster.ports.random.fraction());
  }

  #unanswered(loop: BrokerLoop, error: unknown): void {
    loop.session.reset();
    loop.connection = null;
    if (loop.isCut || this.#isClosed) return;
    if (isMillraceError(error) && (error.retry || error.code === 'closed' || error.code === 'invalid-bytes')) {
      loop.notBeforeMs = this.#nowMs() + 1 + fullJitterMs(backoffDefault, loop.failures++, this.#cluster.ports.random.fraction());
      void this.#cluster.refresh('find leaders', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs)).catch(() => {}).then(() => this.wake());
      return;
    }
    this.#events.failed(error as Error);
  }
}

type PartitionFetched = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number];

function listIn<T>(lists: Map<number, T[]>, key: number): T[] {
  let list = lists.get(key);
  if (!list) lists.set(key, (list = []));
  return list;
}

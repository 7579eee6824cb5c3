// client/net/cluster.ts - the cluster as one thing to call: finds brokers, keeps connections, knows leaders and coordinators.
// Owns: the pool (one connection per broker and lane), metadata and its refreshing, coordinators, the retry policy of single calls.
// Never: what requests mean to producers, consumers or admins.
// C1 a lane has its own connections, because brokers serve the requests of one connection one after the other: a long poll or a
// rebalance on one lane never delays another. C2 at most one look at metadata is under way; askers share it. C3 only a topic that somebody is
// looking for may be created by being named: looking at known topics again never brings back one that was deleted.
import {
  backoffDefault, Breaker, deadlineAfter, earlier, fullJitterMs, isMillraceError, MillraceError, remainingMs, RetryBudget, runWithPolicy, sleep, withDeadline,
  type Deadline, type ErrorCode,
} from '../../base/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { errorCodes, FindCoordinator, Metadata, type Api, type RequestInit, type ResponseOf, type SaslMechanism } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import { printAddress, type Address } from './address.ts';
import { BrokerConnection, type CallOptions } from './connection.ts';
import { emptyView, mergeMetadata, type ClusterView, type PartitionView, type TopicView } from './metadata.ts';
import type { ClientPorts } from './ports.ts';
import { login, OtherMechanism } from './sasl.ts';
import type { ConnectionSecurity } from './security.ts';

/** Settings shared by all of a client's calls. */
export interface ClusterOptions {
  readonly bootstrap: readonly Address[];
  readonly clientId: string;
  readonly requestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly metadataMaxAgeMs: number;
  /** Whether naming an unknown topic may create it on the server. */
  readonly autoCreateTopics: boolean;
  /** TLS, and who the client is; neither when left out. */
  readonly security?: ConnectionSecurity;
}

/** Where a call goes. */
export type Target =
  | { readonly kind: 'any' }
  | { readonly kind: 'broker'; readonly nodeId: number }
  | { readonly kind: 'controller' }
  | { readonly kind: 'coordinator'; readonly group: string }
  | { readonly kind: 'transaction-coordinator'; readonly transactionalId: string };

/** How a call made through the cluster behaves. */
export interface ClusterCall {
  readonly what: string;
  readonly deadline: Deadline;
  readonly idempotent: boolean;
  readonly lane?: string;
  readonly serverWaitMs?: number;
  readonly versionMax?: number;
}

/** What has a coordinator. */
type CoordinatedKind = 'group' | 'transactional id';

const mainLane = 'main';

/** Codes of a first contact that may go better a little later. */
const unreachable: ReadonlySet<ErrorCode> = new Set(['disconnected', 'timeout', 'circuit-open']);

/** Everything a client's parts share. */
export class Cluster {
  readonly ports: ClientPorts;
  readonly options: ClusterOptions;
  readonly budget: RetryBudget;
  #view: ClusterView = emptyView;
  #pool = new Map<string, Promise<BrokerConnection>>();
  #breakers = new Map<string, Breaker>();
  #coordinators = new Map<string, number>();
  #topicsWanted = new Set<string>();
  /** Those of them that are being looked for (C3). */
  #topicsSought = new Set<string>();
  /** Users that want to know of all topics. */
  #allWanted = 0;
  #refresh: Promise<void> | null = null;
  #ageTimer: Timer | null = null;
  #closed = false;
  /** What servers of this cluster were found to take, where the caller has not said it. */
  #mechanism: SaslMechanism | null = null;

  constructor(ports: ClientPorts, options: ClusterOptions) {
    this.ports = ports;
    this.options = options;
    this.budget = new RetryBudget(ports.clock.monotonicMs());
  }

  get view(): ClusterView { return this.#view; }
  get isClosed(): boolean { return this.#closed; }

  /** A deadline `delayMs` from now. */
  deadline(delayMs: number): Deadline {
    return deadlineAfter(this.ports.clock, delayMs);
  }

  /** Makes the first contact, trying again while nothing listens if it `waits`. Rejects 'disconnected' or 'timeout' when no server answers in time. */
  async start(timeoutMs: number, waits: boolean): Promise<void> {
    const { clock, random } = this.ports;
    const deadline = this.deadline(timeoutMs);
    let last: MillraceError | null = null;
    for (let attemptIndex = 0; ; attemptIndex++) {
      try {
        return await this.refresh('connect', deadline);
      } catch (error) {
        if (!waits || !isMillraceError(error) || !unreachable.has(error.code)) throw error;
        if (last === null || error.code === 'disconnected') last = error; // what a breaker or the clock says, explains nothing
        const delayMs = 1 + fullJitterMs(backoffDefault, attemptIndex, random.fraction());
        if (remainingMs(clock, deadline) <= delayMs) throw this.#nobodyThere(timeoutMs, last);
        await sleep(this.ports, delayMs);
      }
    }
  }

  #nobodyThere(timeoutMs: number, last: MillraceError): MillraceError {
    const places = this.options.bootstrap.map(printAddress).join(', ');
    return new MillraceError(last.code, `Cannot connect to '${places}': nothing answered within ${timeoutMs} ms; start a node with 'millrace start' (or startNode()), or check the address; the last attempt said: ${last.message}`, { ...last.data, cause: last });
  }

  /**
   * One request under the retry policy; `read` throws (a kafkaError) for what the answer says went wrong, and what it throws is
   * retried when it may be, after stale views were looked up again. A body may depend on the version in which it goes.
   */
  call<A extends Api<any, any>, T>(target: Target, api: A, body: RequestInit<A> | ((version: number) => RequestInit<A>), call: ClusterCall, read: (answer: ResponseOf<A>) => T): Promise<T> {
    const policy = { ...call, backoff: backoffDefault, budget: this.budget, closed: () => this.#closed };
    return runWithPolicy(this.ports, policy, async () => {
      try {
        const connection = await this.connectionFor(target, call.lane ?? mainLane, call.deadline);
        const init = typeof body === 'function' ? (body as (version: number) => RequestInit<A>)(connection.versionOf(api, call.versionMax)) : body;
        return read(await connection.call(api, init, call));
      } catch (error) {
        await this.forget(error, target, call.deadline);
        throw error;
      }
    });
  }

  /** An open connection of the lane to the target. */
  async connectionFor(target: Target, lane: string, deadline: Deadline): Promise<BrokerConnection> {
    switch (target.kind) {
      case 'any': return await this.#anyConnection(lane, deadline);
      case 'broker': return await this.connection(target.nodeId, lane, deadline);
      case 'controller': return this.#view.brokers.has(this.#view.controllerId) ? await this.connection(this.#view.controllerId, lane, deadline) : await this.#anyConnection(lane, deadline);
      case 'coordinator': return await this.connection(await this.#coordinator('group', target.group, deadline), lane, deadline);
      case 'transaction-coordinator': return await this.connection(await this.#coordinator('transactional id', target.transactionalId, deadline), lane, deadline);
    }
  }

  /** An open connection of the lane to one broker. Rejects 'disconnected', 'timeout' or 'circuit-open', with `sent: false`. */
  async connection(nodeId: number, lane: string, deadline: Deadline): Promise<BrokerConnection> {
    const broker = this.#view.brokers.get(nodeId);
    if (!broker) throw new MillraceError('not-leader', `Cannot reach broker '${nodeId}': it is not in the cluster (any more)`, { nodeId, stale: 'metadata', sent: false });
    return await this.#pooled(broker, `${lane} ${nodeId}`, deadline);
  }

  /** The topic's partitions, asked for when unknown. Rejects 'topic-not-found' once the deadline leaves no hope, or at once for a name that is refused. */
  async topic(name: string, deadline: Deadline): Promise<TopicView> {
    const known = this.#view.topics.get(name);
    if (known) return known;
    const policy = { deadline, what: `find topic '${name}'`, idempotent: true, backoff: backoffDefault, budget: this.budget, closed: () => this.#closed };
    return await runWithPolicy(this.ports, policy, async () => {
      this.seek([name]);
      await this.refresh(`find topic '${name}'`, deadline);
      const found = this.#view.topics.get(name);
      if (found) return found;
      const errorCode = this.#view.failures.get(name) ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
      const error = kafkaError(errorCode, `find topic '${name}'`, { topic: name });
      const hopeless = errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION && !this.options.autoCreateTopics;
      throw hopeless ? new MillraceError('topic-not-found', `Cannot find topic '${name}': it does not exist; create it or set autoCreateTopics`, { topic: name }) : error;
    });
  }

  /** Leader and epoch of a partition if known. */
  partition(topic: string, partition: number): PartitionView | undefined {
    return this.#view.topics.get(topic)?.partitions[partition];
  }

  /** Adds topics to what refreshes ask for. */
  want(topics: Iterable<string>): void {
    for (const topic of topics) this.#topicsWanted.add(topic);
  }

  /** The same for topics that may have to be created first (C3), until they are there. */
  seek(topics: Iterable<string>): void {
    this.want(topics);
    for (const topic of topics) if (!this.#view.topics.has(topic)) this.#topicsSought.add(topic);
  }

  /** From the next refresh on all topics are asked for, until `release` is called. */
  wantAll(): { release(): void } {
    this.#allWanted++;
    let isReleased = false;
    return { release: () => { if (!isReleased) this.#allWanted--; isReleased = true; } };
  }

  /** Takes deleted topics out of what is known and asked for. */
  unwant(topics: Iterable<string>): void {
    const known = new Map(this.#view.topics);
    for (const topic of topics) { this.#topicsWanted.delete(topic); this.#topicsSought.delete(topic); known.delete(topic); }
    this.#view = { ...this.#view, topics: known };
  }

  /** Looks up metadata again; those who ask meanwhile share the answer. Rejects by the deadline. */
  refresh(what: string, deadline: Deadline): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    this.#refresh ??= this.#askMetadata().finally(() => { this.#refresh = null; });
    return withDeadline(this.ports.clock, deadline, what, this.#refresh);
  }

  /** The broker that coordinates a group or a transactional id. */
  async #coordinator(kind: CoordinatedKind, name: string, deadline: Deadline): Promise<number> {
    const known = this.#coordinators.get(`${kind} ${name}`);
    if (known !== undefined && this.#view.brokers.has(known)) return known;
    const connection = await this.#anyConnection(mainLane, deadline);
    const what = `find the coordinator of ${kind} '${name}'`;
    const answer = await connection.call(FindCoordinator, { key: name, keyType: kind === 'group' ? 0 : 1, coordinatorKeys: [name] }, { deadline });
    const found = connection.versionOf(FindCoordinator) >= 4 ? answer.coordinators[0] : answer;
    if (!found || found.errorCode !== 0) throw kafkaError(found?.errorCode ?? errorCodes.COORDINATOR_NOT_AVAILABLE, what, { [kind === 'group' ? 'group' : 'transactionalId']: name });
    if (!this.#view.brokers.has(found.nodeId)) await this.refresh(what, deadline);
    this.#coordinators.set(`${kind} ${name}`, found.nodeId);
    return found.nodeId;
  }

  /** Drops what an error shows to be stale, and waits for fresh metadata if that is what it was. */
  async forget(error: unknown, target: Target, deadline: Deadline): Promise<void> {
    if (!(error instanceof MillraceError)) return;
    const lost = error.code === 'disconnected' || error.code === 'timeout' || error.code === 'circuit-open';
    if (lost || error.data['stale'] === 'coordinator') {
      if (target.kind === 'coordinator') this.#coordinators.delete(`group ${target.group}`);
      else if (target.kind === 'transaction-coordinator') this.#coordinators.delete(`transactional id ${target.transactionalId}`);
    }
    if (lost || error.data['stale'] === 'metadata' || error.data['stale'] === 'controller') {
      await this.refresh('refresh metadata', earlier(deadline, this.deadline(this.options.requestTimeoutMs))).catch(() => {});
    }
  }

  /** Closes the connections of a lane: its user is done. */
  closeLane(lane: string): void {
    for (const [key, pooled] of this.#pool) {
      if (!key.startsWith(`${lane} `)) continue;
      this.#pool.delete(key);
      pooled.then((connection) => connection.close(), () => {});
    }
  }

  /** Ends everything; calls in flight reject 'closed'. */
  close(): void {
    this.#closed = true;
    this.#ageTimer?.cancel();
    for (const pooled of this.#pool.values()) pooled.then((connection) => connection.close(), () => {});
    this.#pool.clear();
  }

  async #askMetadata(): Promise<void> {
    const deadline = this.deadline(this.options.requestTimeoutMs);
    const connection = await this.#anyConnection(mainLane, deadline);
    const sought = [...this.#topicsSought];
    const isWhole = this.#allWanted > 0;
    const known = isWhole ? null : [...this.#topicsWanted].filter((name) => !this.#topicsSought.has(name));
    const ask = async (topics: readonly string[] | null, mayCreate: boolean) => {
      const answer = await connection.call(Metadata, { topics: topics && topics.map((name) => ({ name })), allowAutoTopicCreation: mayCreate }, { deadline });
      if (answer.errorCode !== undefined && answer.errorCode !== 0) throw kafkaError(answer.errorCode, 'read metadata');
      return answer;
    };
    const isSeeking = sought.length > 0;
    const [whatIs, whatIsSought] = await Promise.all([isSeeking && known?.length === 0 ? null : ask(known, false), isSeeking ? ask(sought, this.options.autoCreateTopics) : null]);
    if (whatIs) this.#view = mergeMetadata(this.#view, whatIs, isWhole);
    if (whatIsSought) this.#view = mergeMetadata(this.#view, whatIsSought, false);
    for (const topic of sought) if (this.#view.topics.has(topic)) this.#topicsSought.delete(topic);
    this.#ageTimer?.cancel();
    if (!this.#closed) this.#ageTimer = this.ports.clock.after(this.options.metadataMaxAgeMs, () => { this.refresh('refresh metadata', this.deadline(this.options.requestTimeoutMs)).catch(() => {}); });
  }

  /** A connection to any broker: one that is open, else the known brokers and the bootstrap list in turn from a random place. */
  async #anyConnection(lane: string, deadline: Deadline): Promise<BrokerConnection> {
    const places = [
      ...[...this.#view.brokers.values()].map((broker) => ({ address: broker, key: `${lane} ${broker.nodeId}` })),
      ...this.options.bootstrap.map((address) => ({ address, key: `${lane} bootstrap ${printAddress(address)}` })),
    ];
    const first = this.#view.brokers.size > 0 ? this.ports.random.uint32() % this.#view.brokers.size : this.ports.random.uint32() % places.length;
    let last: unknown = null;
    for (let i = 0; i < places.length; i++) {
      const place = places[(first + i) % places.length]!;
      try {
        return await this.#pooled(place.address, place.key, deadline);
      } catch (error) {
        last = error;
        if (this.#closed) break;
      }
    }
    throw last;
  }

  async #pooled(address: Address, key: string, deadline: Deadline): Promise<BrokerConnection> {
    if (this.#closed) throw closedError();
    const pooled = this.#pool.get(key);
    if (pooled) return await withDeadline(this.ports.clock, deadline, `reach '${printAddress(address)}'`, pooled);
    const dialled = this.#dial(address, key);
    this.#pool.set(key, dialled);
    const drop = () => { if (this.#pool.get(key) === dialled) this.#pool.delete(key); };
    dialled.then((connection) => connection.onClose(drop), drop);
    return await withDeadline(this.ports.clock, deadline, `reach '${printAddress(address)}'`, dialled);
  }

  async #dial(address: Address, key: string): Promise<BrokerConnection> {
    const { clock } = this.ports;
    const endpoint = printAddress(address);
    const breaker = this.#breakerOf(endpoint);
    if (!breaker.allows(clock.monotonicMs())) throw new MillraceError('circuit-open', `Cannot reach '${endpoint}': it failed too often and is given a pause`, { endpoint, sent: false });
    try {
      const connection = await this.#open(address, endpoint).catch((error: unknown) => {
        if (!(error instanceof OtherMechanism)) throw error;
        this.#mechanism = error.mechanism;
        return this.#open(address, endpoint);
      });
      breaker.reached();
      connection.watch({ answered: () => breaker.succeeded(), silent: () => breaker.failed(clock.monotonicMs()) });
      if (this.#closed) { connection.close(); throw closedError(); }
      return connection;
    } catch (error) {
      // A wrong password says nothing of the server's health, and is to be told each time.
      if (!isMillraceError(error, 'authentication-failed')) breaker.failed(clock.monotonicMs());
      if (!(error instanceof MillraceError)) throw error;
      throw new MillraceError(error.code, error.message, { ...error.data, endpoint, lane: key, sent: false, retry: error.retry, cause: error });
    }
  }

  /** A connection over which the client may ask anything. Rejects OtherMechanism when the server is to be dialled once more with that. */
  async #open(address: Address, endpoint: string): Promise<BrokerConnection> {
    const { clock, net, random } = this.ports;
    const { connectTimeoutMs, security } = this.options;
    const tls = security?.tls ?? null;
    const stream = await net.connect({ host: address.host, port: address.port, timeoutMs: connectTimeoutMs, ...(tls === null ? {} : { tls }) });
    const connection = new BrokerConnection(stream, endpoint, clock, this.options);
    try {
      const deadline = this.deadline(connectTimeoutMs);
      await connection.handshake(deadline);
      const sasl = security?.sasl ?? null;
      if (sasl === null) return connection;
      const context = { random: (bytes: number) => random.bytes(bytes), isPrivate: tls !== null || isOwnMachine(address.host) };
      await connection.authenticate((over, until) => login(sasl, { ...context, connection: over, deadline: until, known: this.#mechanism }), deadline, { timeoutMs: connectTimeoutMs, fraction: () => random.fraction() });
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #breakerOf(endpoint: string): Breaker {
    let breaker = this.#breakers.get(endpoint);
    if (!breaker) this.#breakers.set(endpoint, (breaker = new Breaker(endpoint, { pauseMsMax: 1_000 })));
    return breaker;
  }
}

const isOwnMachine = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host);

function closedError(): MillraceError {
  return new MillraceError('closed', 'Cannot call the cluster: the client was closed');
}

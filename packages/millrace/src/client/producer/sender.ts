// client/producer/sender.ts - sends what partitions hold to their leaders, and acts on the answers.
// Owns: requests in flight, the adaptive linger, waits after failures, deadlines of batches. Never: partitioning, memory, order (partition-queue.ts).
// E1 with no request under way to a leader, what is there goes at once (at the end of this turn of the loop, so records sent together
// travel together); with some under way, full batches go and others wait for company, at most lingerMs. So a lone record never waits, and
// under load batches grow by themselves. E2 at most five requests are in flight to a leader. E3 every batch settles: stored, or failed by
// its delivery deadline plus one request timeout.
// Cost: a request, a promise and a few small objects for all the batches that go together.
import { backoffDefault, deadlineAfter, earlier, fullJitterMs, isMillraceError, limits, MillraceError, type Deadline } from '../../base/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { Produce, type RequestInit, type ResponseOf } from '../../wire/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import type { BrokerConnection } from '../net/connection.ts';
import { zeroTopicId } from '../net/metadata.ts';
import { byTopic } from '../partitions.ts';
import type { NumberSource } from './identity.ts';
import type { ProducerSettings } from './options.ts';
import type { PartitionWriter } from './partition-writer.ts';
import { verdictOf, type Numbering, type PartitionAnswer } from './produce-answer.ts';
import type { ProducerBatch } from './producer-batch.ts';

/** Most bytes of one request (a single larger batch still goes). */
const requestBytesMax = 8 << 20;
/** Bytes that may wait in the socket before more is given to it; only without answers (acks 0) can it come to that. */
const socketBytesMax = 16 << 20;
/** Topic ids are in requests of this version on. */
const topicIdVersion = 13;

interface Leader {
  readonly nodeId: number;
  readonly writers: Set<PartitionWriter>;
  inFlight: number;
  connection: BrokerConnection | null;
  isConnecting: boolean;
  isPumpScheduled: boolean;
  notBeforeMs: number;
  failures: number;
}

/** Records that have their fate, and the buffer they give back. */
export interface Settled { readonly batch: ProducerBatch; readonly recordCount: number; readonly bufferBytes: number; readonly error: Error | null }

/** What a sender of transactions does otherwise. */
export interface TransactionLink {
  readonly transactionalId: string;
  /** Highest version of Produce in the protocol that this connection's server and the transaction speak. */
  produceVersionMax(connection: BrokerConnection): number;
  /** Whether the partition belongs to the transaction; if not, it is being added, and `wake` is called after that. */
  admits(topic: string, partition: number, wake: () => void): boolean;
  /** Something given to the transaction is not stored. */
  failed(error: Error): void;
}

interface Sent { readonly writer: PartitionWriter; readonly batch: ProducerBatch }

/** Moves batches from writers to brokers. */
export class Sender {
  readonly #cluster: Cluster;
  readonly #settings: ProducerSettings;
  readonly #identity: NumberSource;
  readonly #transactions: TransactionLink | null;
  readonly #lane: string;
  readonly #onSettled: (settled: Settled) => void;
  readonly #leaders = new Map<number, Leader>();
  /** Writers whose partition has no known leader now. */
  readonly #homeless = new Set<PartitionWriter>();
  #flushing = 0;
  #isHousingScheduled = false;
  /** Searches in a row that left somebody homeless. */
  #housings = 0;
  #timer: Timer | null = null;
  #timerAtMs = Infinity;
  #expiresAtMs = Infinity;
  #isClosed = false;
  /** Why nothing is sent again: the transaction is being aborted. */
  #abandoned: Error | null = null;

  constructor(cluster: Cluster, settings: ProducerSettings, identity: NumberSource, transactions: TransactionLink | null, lane: string, onSettled: (settled: Settled) => void) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#identity = identity;
    this.#transactions = transactions;
    this.#lane = lane;
    this.#onSettled = onSettled;
  }

  /** A writer got a record. Cheap when it is known to have some. */
  wake(writer: PartitionWriter): void {
    const leaderId = this.#cluster.partition(writer.topic, writer.partition)?.leaderId ?? -1;
    const leader = leaderId < 0 ? null : this.#leader(leaderId);
    if (!leader) { this.#homeless.add(writer); this.#house(); return; }
    if (!leader.writers.has(writer)) leader.writers.add(writer);
    this.#schedule(leader);
    if (this.#expiresAtMs === Infinity) this.#expectExpiry(this.#nowMs() + this.#settings.deliveryTimeoutMs);
  }

  /** While on, nothing waits for company. */
  setFlushing(on: boolean): void {
    this.#flushing += on ? 1 : -1;
    for (const leader of this.#leaders.values()) this.#schedule(leader);
  }

  /** Fails what is not in flight, and what comes back without being stored, until called with null. */
  abandon(error: Error | null): void {
    this.#abandoned = error;
    if (error === null) return;
    for (const writer of this.#writers()) for (const batch of writer.queue.idle()) this.#fail(writer, batch, error);
  }

  /** Fails everything that is left with `error`, and stops. */
  close(error: Error): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const writer of this.#writers()) for (const batch of writer.queue.idle()) this.#fail(writer, batch, error);
    this.#cluster.closeLane(this.#lane);
  }

  #nowMs(): number { return this.#cluster.ports.clock.monotonicMs(); }

  get #numbering(): Numbering { return this.#transactions !== null ? 'transactional' : this.#settings.idempotent ? 'idempotent' : 'none'; }

  #leader(nodeId: number): Leader {
    let leader = this.#leaders.get(nodeId);
    if (!leader) this.#leaders.set(nodeId, (leader = { nodeId, writers: new Set(), inFlight: 0, connection: null, isConnecting: false, isPumpScheduled: false, notBeforeMs: 0, failures: 0 }));
    return leader;
  }

  #writers(): Set<PartitionWriter> {
    return new Set([...this.#homeless, ...[...this.#leaders.values()].flatMap((leader) => [...leader.writers])]);
  }

  /** One pump at the end of this turn of the loop, for all that is sent in it (E1). */
  #schedule(leader: Leader): void {
    if (leader.isPumpScheduled || this.#isClosed) return;
    leader.isPumpScheduled = true;
    this.#cluster.ports.clock.soon(() => { leader.isPumpScheduled = false; this.#pump(leader); });
  }

  /** Sends what is due. */
  #pump(leader: Leader): void {
    if (this.#isClosed || leader.writers.size === 0) return;
    if (this.#identity.current === null) return this.#identity.ask(() => this.#identityAsked(leader));
    if (!leader.connection?.isOpen) return this.#connect(leader);
    const nowMs = this.#nowMs();
    while (leader.inFlight < limits.client.producerInFlightMax && nowMs >= leader.notBeforeMs) {
      if (leader.connection.bufferedBytes > socketBytesMax) { leader.notBeforeMs = nowMs + 1; break; }
      const sent = this.#collect(leader, nowMs);
      if (sent.length === 0) break;
      this.#dispatch(leader, leader.connection, sent, nowMs);
    }
    this.#wakeForDue(leader);
  }

  /** Without an id nothing can be sent: what waits knows why, and fails at once when asking again would not help. */
  #identityAsked(leader: Leader): void {
    if (this.#identity.current !== null) return this.#schedule(leader);
    const error = this.#identity.lastError;
    const isHopeless = isMillraceError(error) && !error.retry && error.code !== 'closed';
    for (const writer of leader.writers) {
      for (const batch of writer.queue.idle()) {
        if (isHopeless) this.#fail(writer, batch, error);
        else batch.lastError = error;
      }
    }
    this.#pause(leader);
  }

  /** Takes the due batches of a leader's partitions, one of each, starting after those that went last. */
  #collect(leader: Leader, nowMs: number): Sent[] {
    const sent: Sent[] = [];
    let bytes = 0;
    const isIdle = leader.inFlight === 0 || this.#flushing > 0;
    for (const writer of [...leader.writers]) {
      if (!this.#isHome(leader, writer)) continue;
      const batch = writer.due(nowMs, this.#settings.lingerMs, isIdle);
      if (batch && this.#transactions?.admits(writer.topic, writer.partition, () => this.#schedule(leader)) === false) continue;
      if (!batch || (sent.length > 0 && bytes + batch.sizeBytes > requestBytesMax)) continue;
      sent.push({ writer, batch: writer.queue.take(this.#identity.current!) });
      bytes += batch.sizeBytes;
      leader.writers.delete(writer); // and to the back: the next request begins with others
      leader.writers.add(writer);
    }
    return sent;
  }

  /** Drops writers that have nothing left, and moves those whose leader changed. */
  #isHome(leader: Leader, writer: PartitionWriter): boolean {
    if (writer.queue.isEmpty) { leader.writers.delete(writer); return false; }
    const leaderId = this.#cluster.partition(writer.topic, writer.partition)?.leaderId ?? -1;
    if (leaderId === leader.nodeId) return true;
    if (writer.queue.inFlightCount > 0) return false; // what is in flight here is answered here first
    leader.writers.delete(writer);
    this.wake(writer);
    return false;
  }

  #dispatch(leader: Leader, connection: BrokerConnection, sent: readonly Sent[], nowMs: number): void {
    const { body, versionMax } = this.#request(connection, sent);
    if (this.#settings.acks === 0) return this.#sendUnanswered(connection, body, sent);
    leader.inFlight++;
    const deadline = this.#requestDeadline(sent, nowMs);
    connection.call(Produce, body, { deadline, versionMax }).then(
      (answer) => { leader.failures = 0; this.#throttle(leader, answer.throttleTimeMs); this.#answered(sent, answer); },
      (error: Error) => this.#unanswered(leader, sent, error),
    ).finally(() => { leader.inFlight--; this.#pump(leader); });
  }

  #request(connection: BrokerConnection, sent: readonly Sent[]): { body: RequestInit<typeof Produce>; versionMax: number } {
    const { view } = this.#cluster;
    const hasIds = sent.every(({ writer }) => (view.topics.get(writer.topic)?.topicId ?? zeroTopicId) !== zeroTopicId);
    const topics = byTopic(sent.map(({ writer, batch }) => ({ topic: writer.topic, index: writer.partition, records: batch.seal(this.#settings.compression, this.#transactions !== null) })), ({ index, records }) => ({ index, records }));
    return {
      versionMax: Math.min(hasIds ? topicIdVersion : topicIdVersion - 1, this.#transactions?.produceVersionMax(connection) ?? Infinity),
      body: {
        transactionalId: this.#transactions?.transactionalId ?? null,
        acks: this.#settings.acks === 'all' ? -1 : this.#settings.acks, timeoutMs: this.#cluster.options.requestTimeoutMs,
        topicData: [...topics].map(([name, partitionData]) => ({ name, topicId: view.topics.get(name)?.topicId ?? zeroTopicId, partitionData })),
      },
    };
  }

  /** A request ends with the server's patience or the first of its batches, whichever comes first. */
  #requestDeadline(sent: readonly Sent[], nowMs: number): Deadline {
    let deadline = deadlineAfter({ monotonicMs: () => nowMs }, this.#cluster.options.requestTimeoutMs);
    for (const { batch } of sent) deadline = earlier(deadline, Math.max(nowMs, batch.createdAtMs + this.#settings.deliveryTimeoutMs) as Deadline);
    return deadline;
  }

  #sendUnanswered(connection: BrokerConnection, body: RequestInit<typeof Produce>, sent: readonly Sent[]): void {
    try {
      connection.send(Produce, body);
      for (const { writer, batch } of sent) this.#settle(writer, batch, null, () => batch.stored(-1, -1));
    } catch (error) {
      for (const { writer, batch } of sent) this.#settle(writer, batch, error as Error, () => batch.failed(error as Error));
    }
  }

  #answered(sent: readonly Sent[], answer: ResponseOf<typeof Produce>): void {
    const answers = new Map<string, PartitionAnswer>();
    for (const topic of answer.responses) {
      const name = topic.name !== '' ? topic.name : this.#cluster.view.topicNames.get(topic.topicId);
      for (const one of topic.partitionResponses) answers.set(`${name ?? topic.topicId}/${one.index}`, one);
    }
    for (const { writer, batch } of sent) {
      const mine = answers.get(`${writer.topic}/${writer.partition}`);
      if (mine) this.#act(writer, batch, mine);
      else this.#again(writer, batch, new MillraceError('unavailable', `Cannot produce to '${writer.topic}-${writer.partition}': the server left it out of its answer`), true);
    }
  }

  #act(writer: PartitionWriter, batch: ProducerBatch, answer: PartitionAnswer): void {
    const verdict = verdictOf(batch, answer, this.#numbering);
    switch (verdict.kind) {
      case 'stored': {
        writer.failures = 0;
        return this.#settle(writer, batch, null, () => batch.stored(verdict.baseOffset, verdict.appendTimeMs));
      }
      case 'failed': return this.#settle(writer, batch, verdict.error, () => batch.failed(verdict.error));
      case 'again': return this.#again(writer, batch, verdict.error, verdict.stale);
      case 'misnumbered': {
        // In a transaction the oldest batch has no other number that it could go by; a later one goes again behind those before it.
        if (this.#transactions !== null && writer.queue.isOldest(batch)) return this.#settle(writer, batch, verdict.error, () => batch.failed(verdict.error));
        batch.lastError = verdict.error;
        this.#wait(writer, batch);
        return writer.queue.finish(batch, { kind: 'misnumbered' });
      }
      case 'refused': return this.#part(writer, batch, verdict.records, Infinity);
      case 'halve': return this.#part(writer, batch, new Map(), Math.ceil(batch.recordCount / 2));
    }
  }

  /** Puts parts in the place of the batch. */
  #part(writer: PartitionWriter, batch: ProducerBatch, refused: ReadonlyMap<number, Error>, countMax: number): void {
    writer.queue.finish(batch, { kind: 'again' });
    const parts = batch.part(refused, countMax);
    const share = parts.length === 0 ? 0 : Math.floor(batch.bufferBytes / parts.length);
    for (const part of parts) part.bufferBytes = share;
    const [error] = refused.values();
    this.#onSettled({ batch, recordCount: refused.size, bufferBytes: batch.bufferBytes - share * parts.length, error: error ?? null });
    writer.queue.replace(batch, parts);
  }

  /** The request as a whole failed: nobody knows what was stored. */
  #unanswered(leader: Leader, sent: readonly Sent[], error: Error): void {
    const lost = isMillraceError(error) && error.retry;
    for (const { writer, batch } of sent) {
      if (lost) this.#again(writer, batch, error, true);
      else this.#settle(writer, batch, error, () => batch.failed(error));
    }
    if (lost) this.#pause(leader);
  }

  #again(writer: PartitionWriter, batch: ProducerBatch, error: Error, stale: boolean): void {
    batch.lastError = error;
    const abandoned = this.#abandoned;
    if (abandoned !== null) return this.#settle(writer, batch, abandoned, () => batch.failed(abandoned));
    if (this.#isOverdue(batch)) {
      const late = overdue(batch, this.#settings.deliveryTimeoutMs);
      this.#settle(writer, batch, late, () => batch.failed(late));
    } else {
      this.#wait(writer, batch);
      writer.queue.finish(batch, { kind: 'again' });
    }
    if (stale) void this.#cluster.refresh('find leaders', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs)).catch(() => {});
  }

  #wait(writer: PartitionWriter, batch: ProducerBatch): void {
    const { random } = this.#cluster.ports;
    batch.failures++;
    writer.failures++;
    writer.retryAtMs = this.#nowMs() + fullJitterMs(backoffDefault, writer.failures - 1, random.fraction());
  }

  #settle(writer: PartitionWriter, batch: ProducerBatch, error: Error | null, tell: () => void): void {
    writer.queue.finish(batch, { kind: 'settled', isStored: error === null });
    tell();
    this.#onSettled({ batch, recordCount: batch.recordCount, bufferBytes: batch.bufferBytes, error });
  }

  #throttle(leader: Leader, throttleMs: number): void {
    if (throttleMs > 0) leader.notBeforeMs = this.#nowMs() + throttleMs;
  }

  #connect(leader: Leader): void {
    if (leader.isConnecting || this.#nowMs() < leader.notBeforeMs) return this.#wakeForDue(leader);
    leader.isConnecting = true;
    this.#cluster.connection(leader.nodeId, this.#lane, this.#cluster.deadline(this.#cluster.options.connectTimeoutMs)).then(
      (connection) => { leader.isConnecting = false; leader.connection = connection; this.#pump(leader); },
      (error: Error) => {
        leader.isConnecting = false;
        for (const writer of leader.writers) for (const batch of writer.queue.idle()) batch.lastError = error;
        void this.#cluster.refresh('find leaders', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs)).catch(() => {});
        this.#pause(leader);
      },
    );
  }

  /** Leaves a leader alone for a jittered while. */
  #pause(leader: Leader): void {
    const waitMs = fullJitterMs(backoffDefault, leader.failures++, this.#cluster.ports.random.fraction());
    leader.notBeforeMs = Math.max(leader.notBeforeMs, this.#nowMs() + waitMs);
    this.#wakeForDue(leader);
  }

  /** Finds leaders for partitions that have none, again and again. */
  #house(): void {
    if (this.#isHousingScheduled || this.#isClosed) return;
    this.#isHousingScheduled = true;
    const cluster = this.#cluster;
    const deadline = cluster.deadline(cluster.options.requestTimeoutMs);
    if (this.#expiresAtMs === Infinity) this.#expectExpiry(this.#nowMs() + this.#settings.deliveryTimeoutMs);
    cluster.seek([...this.#homeless].map((writer) => writer.topic));
    cluster.refresh('find leaders', deadline).catch(() => {}).then(() => {
      const waitMs = fullJitterMs(backoffDefault, this.#housings++, cluster.ports.random.fraction());
      cluster.ports.clock.after(waitMs, () => {
        this.#isHousingScheduled = false;
        const writers = [...this.#homeless];
        this.#homeless.clear();
        for (const writer of writers) if (!writer.queue.isEmpty) this.wake(writer);
        if (this.#homeless.size === 0) this.#housings = 0;
      });
    });
  }

  #wakeForDue(leader: Leader): void {
    if (leader.inFlight >= limits.client.producerInFlightMax || leader.isConnecting) return; // an answer wakes it
    let atMs = Infinity;
    for (const writer of leader.writers) atMs = Math.min(atMs, writer.dueAtMs(leader.inFlight === 0 ? 0 : this.#settings.lingerMs));
    if (atMs < Infinity) this.#wakeAt(Math.max(atMs, leader.notBeforeMs));
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#timerAtMs || this.#isClosed) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#cluster.ports.clock.after(Math.max(0, atMs - this.#nowMs()), () => {
      this.#timerAtMs = Infinity;
      this.#expire();
      for (const leader of this.#leaders.values()) this.#pump(leader);
    });
  }

  #expectExpiry(atMs: number): void {
    this.#expiresAtMs = Math.min(this.#expiresAtMs, atMs);
    this.#wakeAt(this.#expiresAtMs);
  }

  /** E3: gives up what is overdue and not in flight. */
  #expire(): void {
    const nowMs = this.#nowMs();
    if (nowMs < this.#expiresAtMs) { this.#wakeAt(this.#expiresAtMs); return; }
    let nextMs = Infinity;
    for (const writer of this.#writers()) {
      for (const batch of writer.queue.idle()) {
        if (this.#isOverdue(batch)) this.#fail(writer, batch, overdue(batch, this.#settings.deliveryTimeoutMs));
        else nextMs = Math.min(nextMs, batch.createdAtMs + this.#settings.deliveryTimeoutMs);
      }
      if (writer.queue.inFlightCount > 0) nextMs = Math.min(nextMs, nowMs + this.#settings.deliveryTimeoutMs);
    }
    this.#expiresAtMs = Infinity;
    if (nextMs < Infinity) this.#expectExpiry(nextMs);
  }

  #isOverdue(batch: ProducerBatch): boolean {
    return this.#nowMs() >= batch.createdAtMs + this.#settings.deliveryTimeoutMs;
  }

  #fail(writer: PartitionWriter, batch: ProducerBatch, error: Error): void {
    writer.queue.giveUp(batch);
    batch.failed(error);
    this.#onSettled({ batch, recordCount: batch.recordCount, bufferBytes: batch.bufferBytes, error });
  }
}

function overdue(batch: ProducerBatch, timeoutMs: number): MillraceError {
  const last = batch.lastError ? `; the last attempt said: ${batch.lastError.message}` : '; no server was reached';
  return new MillraceError('timeout', `Cannot produce to '${batch.topic}-${batch.partition}': not stored within ${timeoutMs} ms${last}`, {
    topic: batch.topic, partition: batch.partition, retry: false, cause: batch.lastError ?? undefined,
  });
}

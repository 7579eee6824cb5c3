// client/share/share-consumer.ts - the share consumer's door: records that a share group hands out, one by one or in batches.
// Owns: the life of one consumer, who gets the next record, results of acknowledgements. Never: sessions (share-broker.ts), membership (share-member.ts).
// C1 A record is handed out once. C2 One whose lock has expired before anybody asked for it is not handed out: another member may have it. C3 The loop of
// the machine gets its turn at least every few milliseconds, however many records wait.
import { MillraceError, type Deadline } from '../../base/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import type { TopicPartition } from '../partitions.ts';
import { shareConsumerSettings, type AcknowledgeResult, type ShareConsumerOptions, type ShareConsumerSettings } from './options.ts';
import { ShareBroker, type SharedPlace } from './share-broker.ts';
import { ShareMember, type AssignedShare } from './share-member.ts';
import type { ShareRecord } from './share-record.ts';

const turnMs = 4;
const closeTimeoutMs = 10_000;
const lookAgainMs = 250;

let consumersMade = 0;

/** A share consumer's state, for those who watch. */
export type ShareConsumerPhase = 'new' | 'running' | 'failed' | 'closed';

/**
 * A member of a share group: many of them share the records of a partition, each record is held by one at a time, and comes again until it is accepted. Made by
 * client.shareConsumer(); begins with the first record asked for. `await using` says what is left to say, gives up the rest and closes it.
 */
export class ShareConsumer {
  readonly #cluster: Cluster;
  readonly #settings: ShareConsumerSettings;
  readonly #lane: string;
  readonly #member: ShareMember;
  readonly #brokers = new Map<number, ShareBroker>();
  #assigned: readonly AssignedShare[] = [];
  #buffer: { readonly record: ShareRecord; readonly from: ShareBroker | null }[] = [];
  #bufferAt = 0;
  readonly #takers: (() => void)[] = [];
  #phase: ShareConsumerPhase = 'new';
  #failure: Error | null = null;
  #turnAtMs = 0;
  #isLooking = false;
  /** Looks in a row that left something unknown. */
  #looks = 0;
  /** Results that nobody has asked for yet: of the commits under way. */
  readonly #collecting = new Set<AcknowledgeResult[]>();
  #ending: Promise<void> | null = null;

  constructor(cluster: Cluster, options: ShareConsumerOptions) {
    this.#cluster = cluster;
    this.#settings = shareConsumerSettings(options);
    this.#lane = `share-${++consumersMade}`;
    this.#member = new ShareMember(cluster, this.#settings, `${this.#lane}-group`, {
      assign: (partitions) => { this.#assigned = partitions; this.#place(); },
      fail: (error) => this.#fail(error),
    });
  }

  get phase(): ShareConsumerPhase { return this.#phase; }
  /** This member's id in its group. */
  get memberId(): string { return this.#member.id; }
  /** Partitions that it is to read now; other members may read them, too. */
  get assignment(): TopicPartition[] { return this.#places().map(({ topic, partition }) => ({ topic, partition })); }

  /** Joins the group, without waiting for a first record. Done by itself at the first record asked for. */
  start(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'running';
    this.#member.start();
  }

  /**
   * Records one after the other. With implicit acknowledgement a record is accepted when the next one is asked for, unless something else was said of it; leaving
   * the loop (break, an error) releases the one in hand. Throws what stops the consumer: 'not-authorized', 'unsupported-version', 'corrupt-batch'.
   * @example for await (const record of consumer) await send(record.json());
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<ShareRecord, void, undefined> {
    for (let record = await this.#next(); record !== null; record = await this.#next()) {
      let isLeft = true;
      try {
        yield record;
        isLeft = false;
      } finally { // also when the loop was left
        this.#settle([record], isLeft);
      }
    }
  }

  /**
   * Records in batches: what there is at the moment, at most recordsMax. With implicit acknowledgement all of a batch of which nothing was said is accepted when
   * the next one is asked for; leaving the loop releases it.
   * @example for await (const records of consumer.batches()) await insert(records.map((record) => record.json()));
   */
  async *batches(): AsyncGenerator<readonly ShareRecord[], void, undefined> {
    for (let first = await this.#next(); first !== null; first = await this.#next()) {
      const records = [first];
      for (let more = this.#ready(); more !== null && records.length < this.#settings.recordsMax; more = this.#ready()) records.push(more);
      let isLeft = true;
      try {
        yield records;
        isLeft = false;
      } finally {
        this.#settle(records, isLeft);
      }
    }
  }

  /**
   * Waits until all that was said so far is answered; resolves to what the servers said of it, one result for each partition and request. It does not throw for an
   * acknowledgement that was refused: look at `error` of each result.
   */
  async commit(): Promise<readonly AcknowledgeResult[]> {
    const results: AcknowledgeResult[] = [];
    this.#collecting.add(results);
    try {
      await Promise.all([...this.#brokers.values()].map((broker) => broker.settled()));
    } finally {
      this.#collecting.delete(results);
    }
    return results;
  }

  /** Says what is left to say, gives up what is held, leaves the group. Waits at most `timeoutMs` (default 10 000) for the servers. */
  close(timeoutMs = closeTimeoutMs): Promise<void> {
    if (this.#phase !== 'failed') this.#phase = 'closed';
    return this.#end(this.#cluster.deadline(timeoutMs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #end(deadline: Deadline): Promise<void> {
    return this.#ending ??= (async () => {
      this.#buffer = [];
      this.#bufferAt = 0;
      this.#wakeTakers();
      await Promise.all([...this.#brokers.values()].map((broker) => broker.close(deadline)));
      await this.#member.close(deadline);
    })();
  }

  #fail(error: Error): void {
    if (this.#phase !== 'running') return;
    this.#phase = 'failed';
    this.#failure = error;
    void this.#end(this.#cluster.deadline(closeTimeoutMs));
  }

  /** What becomes of records that were handed out and of which nothing was said. */
  #settle(records: readonly ShareRecord[], isLeft: boolean): void {
    if (this.#settings.acknowledgement !== 'implicit') return;
    for (const record of records) {
      if (record.fate !== 'held') continue;
      if (isLeft) record.release();
      else record.accept();
    }
  }

  /** The next record, waiting for one; null at the end. */
  async #next(): Promise<ShareRecord | null> {
    this.start();
    await this.#giveTurn();
    for (;;) {
      const record = this.#ready();
      if (record !== null) return record;
      if (this.#failure !== null) throw this.#failure;
      if (this.#phase !== 'running') return null;
      this.#hunger(true);
      await new Promise<void>((resolve) => { this.#takers.push(resolve); });
    }
  }

  /** A record that is there; null when there is none. */
  #ready(): ShareRecord | null {
    if (this.#phase !== 'running') return null;
    const nowMs = this.#cluster.ports.clock.monotonicMs();
    while (this.#bufferAt < this.#buffer.length) {
      const { record } = this.#buffer[this.#bufferAt++]!;
      if (record.lockedUntilMs > nowMs) return record; // C2
    }
    this.#buffer = [];
    this.#bufferAt = 0;
    return null;
  }

  /** C3. */
  #giveTurn(): Promise<void> | null {
    const { clock } = this.#cluster.ports;
    if (clock.monotonicMs() - this.#turnAtMs < turnMs) return null;
    return new Promise((resolve) => clock.soon(() => { this.#turnAtMs = clock.monotonicMs(); resolve(); }));
  }

  #hunger(isHungry: boolean): void {
    for (const broker of this.#brokers.values()) broker.hunger(isHungry);
  }

  #wakeTakers(): void {
    for (const taker of this.#takers.splice(0)) taker();
  }

  #arrived(from: ShareBroker, records: readonly ShareRecord[]): void {
    if (this.#phase !== 'running') return;
    for (const record of records) this.#buffer.push({ record, from });
    this.#hunger(false);
    this.#wakeTakers();
  }

  /** What that broker had handed out is lost. */
  #lost(broker: ShareBroker): void {
    this.#buffer = this.#buffer.slice(this.#bufferAt).filter(({ from }) => from !== broker);
    this.#bufferAt = 0;
  }

  #acknowledged(results: readonly AcknowledgeResult[]): void {
    for (const collected of this.#collecting) collected.push(...results);
    this.#settings.onAcknowledged?.(results);
  }

  /** Partitions with the names of their topics, as far as the cluster is known. */
  #places(): SharedPlace[] {
    const { topicNames } = this.#cluster.view;
    return this.#assigned.flatMap(({ topicId, partition }) => {
      const topic = topicNames.get(topicId);
      return topic === undefined ? [] : [{ key: `${topicId} ${partition}`, topic, topicId, partition }];
    });
  }

  /** Tells each broker what to fetch. */
  #place(): void {
    if (this.#phase !== 'running') return;
    const byLeader = new Map<number, SharedPlace[]>();
    let isUnknown = this.#assigned.some(({ topicId }) => !this.#cluster.view.topicNames.has(topicId));
    for (const place of this.#places()) {
      const leaderId = this.#cluster.partition(place.topic, place.partition)?.leaderId ?? -1;
      if (leaderId < 0) { isUnknown = true; continue; }
      const list = byLeader.get(leaderId);
      if (list === undefined) byLeader.set(leaderId, [place]);
      else list.push(place);
    }
    for (const nodeId of byLeader.keys()) if (!this.#brokers.has(nodeId)) this.#brokers.set(nodeId, this.#makeBroker(nodeId));
    for (const [nodeId, broker] of this.#brokers) broker.want(byLeader.get(nodeId) ?? []);
    if (this.#takers.length > 0) this.#hunger(true);
    if (isUnknown) this.#look();
    else this.#looks = 0;
  }

  #makeBroker(nodeId: number): ShareBroker {
    const broker: ShareBroker = new ShareBroker(this.#cluster, this.#settings, nodeId, this.#member.id, this.#lane, {
      arrived: (records) => this.#arrived(broker, records),
      lost: () => this.#lost(broker),
      acknowledged: (results) => this.#acknowledged(results),
      moved: () => this.#look(),
      failed: (error) => this.#fail(error),
    });
    return broker;
  }

  /** Looks the cluster up again, then places partitions anew. */
  #look(): void {
    if (this.#isLooking || this.#phase !== 'running') return;
    this.#isLooking = true;
    const delayMs = this.#looks++ === 0 ? 0 : lookAgainMs;
    this.#cluster.ports.clock.after(delayMs, () => this.#refresh());
  }

  #refresh(): void {
    this.#cluster.refresh('find leaders', this.#cluster.deadline(this.#cluster.options.requestTimeoutMs)).catch((error: unknown) => {
      if (!(error instanceof MillraceError)) throw error;
    }).then(() => { this.#isLooking = false; this.#place(); });
  }
}

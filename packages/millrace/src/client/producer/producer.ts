// client/producer/producer.ts - the producer's door: records in, positions out.
// Owns: encoding choices, partitioning, the memory bound and who waits for it, order of records given. Never: requests (sender.ts).
// D1 records of one partition are stored in the order in which they were given. D2 records waiting take at most bufferBytes: past that send()
// waits its turn and trySend() says no. D3 each record's fate is told exactly once.
// Cost: a record of a batch call is encoded once, straight into its batch, with no promise and no object of its own.
import { deadlineAfter, limits, MillraceError, type Deadline } from '../../base/mod.ts';
import type { Timer } from '../../os/mod.ts';
import type { RecordHeaderInit } from '../../wire/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import type { TopicView } from '../net/metadata.ts';
import { IdentitySource, type NumberSource } from './identity.ts';
import { producerSettings, type ProducerOptions, type ProducerSettings } from './options.ts';
import { BulkSend, SingleSend, type ProducedRecords, type RecordListener } from './outcome.ts';
import { choosePartition, StickyPartition } from './partitioner.ts';
import { PartitionWriter } from './partition-writer.ts';
import type { Bytes, HeadersInit, ProducerRecord, RecordPosition } from './record.ts';
import { RoomQueue } from './room-queue.ts';
import { Sender, type Settled, type TransactionLink } from './sender.ts';

/** Bytes that a record takes in a batch besides key, value and headers, at most. */
const recordOverheadBytes = 36;

interface TopicWriter {
  readonly writers: PartitionWriter[];
  readonly sticky: StickyPartition;
  partitionCount: number;
}

interface Waiting { readonly record: ProducerRecord; readonly listener: RecordListener | null }

/** A topic that is being looked up, with the records that wait for it, in order. */
interface Lookup { readonly waiting: Waiting[]; readonly ended: Promise<void>; readonly end: () => void }

let producersMade = 0;

/** Sends records. Made by client.producer(); `await using` flushes and closes it. */
export class Producer {
  readonly #cluster: Cluster;
  readonly #settings: ProducerSettings;
  readonly #identity: NumberSource;
  readonly #transactions: TransactionLink | null;
  readonly #sender: Sender;
  readonly #topics = new Map<string, TopicWriter>();
  readonly #lookups = new Map<string, Lookup>();
  readonly #roomQueue: RoomQueue;
  #bufferedBytes = 0;
  #failedQuietly: Error | null = null;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closeTimer: Timer | null = null;
  #metadataViews: unknown = null;

  constructor(cluster: Cluster, options: ProducerOptions, transactions: (TransactionLink & NumberSource) | null = null) {
    this.#cluster = cluster;
    this.#settings = producerSettings(options);
    this.#roomQueue = new RoomQueue(cluster.ports.clock, this.#settings.deliveryTimeoutMs);
    this.#transactions = transactions;
    this.#identity = transactions ?? new IdentitySource(cluster, this.#settings.idempotent);
    this.#sender = new Sender(cluster, this.#settings, this.#identity, transactions, `produce-${++producersMade}`, (settled) => this.#settled(settled));
  }

  /** Bytes of records that wait to be stored. */
  get bufferedBytes(): number { return this.#bufferedBytes; }

  /**
   * Sends one record; resolves once it is stored, to where it is. Waits while the buffer is full. Rejects 'message-too-large',
   * 'record-refused', 'topic-not-found', 'not-authorized', 'timeout' (not stored within deliveryTimeoutMs), 'closed'.
   * @example const { partition, offset } = await producer.send({ topic: 'flights', key: 'SFO', value: '{"delay":12}' });
   */
  send(record: ProducerRecord): Promise<RecordPosition> {
    return new Promise((resolve, reject) => {
      const listener = new SingleSend(resolve, reject);
      if (this.#hasRoom()) this.#take(record, listener);
      else if (this.#state !== 'open') reject(closedError());
      else this.#waitForRoom(() => this.#give(record, listener), reject);
    });
  }

  /**
   * Sends many records under one promise; resolves once all are stored and rejects with the first failure otherwise. Takes them as the
   * buffer has room, so the list may be longer than memory if it is an iterator.
   * @example await producer.sendBatch(lines.map((value) => ({ topic: 'lines', value })));
   */
  async sendBatch(records: Iterable<ProducerRecord> | AsyncIterable<ProducerRecord>): Promise<ProducedRecords> {
    const bulk = new BulkSend();
    let given = 0;
    if (Symbol.iterator in records) {
      for (const record of records) {
        if (!this.#hasRoom()) await this.room();
        this.#take(record, bulk);
        given++;
      }
    } else {
      for await (const record of records) {
        if (!this.#hasRoom()) await this.room();
        this.#take(record, bulk);
        given++;
      }
    }
    bulk.complete(given);
    return await bulk.promise;
  }

  /**
   * Takes a record without a promise, or says no (false) when the buffer is full: then wait for room(). What fails is told by onError and
   * makes the next flush() reject. The cheapest way to send.
   */
  trySend(record: ProducerRecord): boolean {
    if (!this.#hasRoom()) return false;
    this.#take(record, null);
    return true;
  }

  /** Resolves once the buffer has room. */
  async room(): Promise<void> {
    if (!this.#hasRoom()) await new Promise<void>((resolve, reject) => this.#waitForRoom(resolve, reject));
  }

  /** Resolves once everything given so far is stored or has failed, whatever is given meanwhile; rejects with the first failure of trySend since the last flush. */
  async flush(): Promise<void> {
    this.#sender.setFlushing(true);
    if (!this.#roomQueue.isEmpty) await new Promise<void>((resolve) => this.#roomQueue.wait(resolve, resolve)); // those before us have given theirs then
    await Promise.all([...this.#lookups.values()].map((lookup) => lookup.ended));
    const batches = [...this.#topics.values()].flatMap((topic) => topic.writers.flatMap((writer) => writer.queue.all()));
    await Promise.all(batches.map((batch) => new Promise<void>((resolve) => batch.whenSettled(resolve))));
    this.#sender.setFlushing(false);
    const failed = this.#failedQuietly;
    this.#failedQuietly = null;
    if (failed) throw failed;
  }

  /** For transactions: fails everything that is not stored with `error`; resolves once nothing is in flight any more. */
  async abandon(error: Error): Promise<void> {
    this.#sender.abandon(error);
    for (const [name, lookup] of this.#lookups) this.#endLookup(name, lookup, error);
    await this.flush().catch(() => {});
    this.#sender.abandon(null);
  }

  /** For transactions: all partitions number their batches from 0 under the next identity. Everything given was settled. */
  renew(): void {
    for (const topic of this.#topics.values()) for (const writer of topic.writers) writer?.queue.renew();
  }

  /** Sends what it holds, for at most `timeoutMs` (deliveryTimeoutMs when left out), fails the rest with 'closed', and closes. */
  async close(timeoutMs: number = this.#settings.deliveryTimeoutMs): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#closeTimer = this.#cluster.ports.clock.after(timeoutMs, () => this.#giveUp());
    await this.flush().catch(() => {});
    this.#closeTimer.cancel();
    this.#giveUp();
  }

  #giveUp(): void {
    this.#state = 'closed';
    for (const [name, lookup] of this.#lookups) this.#endLookup(name, lookup, closedError());
    this.#sender.close(closedError());
    this.#roomQueue.wakeAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #hasRoom(): boolean {
    return this.#bufferedBytes < this.#settings.bufferBytes && this.#roomQueue.isEmpty;
  }

  /** Calls `proceed` in turn, at once when its turn has come (D1); `refuse` with 'overloaded' after the delivery timeout. */
  #waitForRoom(proceed: () => void, refuse: (error: Error) => void): void {
    const { deliveryTimeoutMs, bufferBytes } = this.#settings;
    this.#roomQueue.wait(proceed, () => refuse(new MillraceError('overloaded', `Cannot produce: ${bufferBytes} bytes have waited for ${deliveryTimeoutMs} ms; the server takes less than is sent`, { retry: true })));
  }

  #take(record: ProducerRecord, listener: RecordListener | null): void {
    if (this.#state === 'open') this.#give(record, listener);
    else this.#refuse(closedError(), record.topic, listener);
  }

  /** What was taken before close() is still sent. */
  #give(record: ProducerRecord, listener: RecordListener | null): void {
    if (this.#state === 'closed') return this.#refuse(closedError(), record.topic, listener);
    if (this.#metadataViews !== this.#cluster.view) this.#widen();
    const topic = this.#topics.get(record.topic);
    if (topic && !(record.partition! >= topic.partitionCount)) { // most name no partition: undefined compares false
      this.#place(topic, record, listener);
    } else {
      if (typeof record.topic !== 'string' || record.topic === '') return this.#refuse(new MillraceError('invalid-argument', 'Cannot produce: a record names its topic'), '', listener);
      const lookup = this.#lookups.get(record.topic);
      this.#bufferedBytes += sizeOf(record);
      if (lookup) lookup.waiting.push({ record, listener });
      else this.#lookUp(record.topic, { record, listener });
    }
  }

  #lookUp(name: string, first: Waiting): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const lookup: Lookup = { waiting: [first], ended: promise, end: resolve };
    this.#lookups.set(name, lookup);
    this.#cluster.want([name]);
    this.#find(name, deadlineAfter(this.#cluster.ports.clock, this.#settings.deliveryTimeoutMs)).then(
      (view) => this.#endLookup(name, lookup, view.partitions.length),
      (error: Error) => this.#endLookup(name, lookup, error),
    );
  }

  /** A topic that is known already may have grown: then it is looked at again, once. */
  async #find(name: string, deadline: Deadline): Promise<TopicView> {
    if (this.#topics.has(name)) await this.#cluster.refresh(`find a partition of '${name}'`, deadline);
    return await this.#cluster.topic(name, deadline);
  }

  /** With a count of partitions the records go on to them; with an error they fail. */
  #endLookup(name: string, lookup: Lookup, found: number | Error): void {
    if (this.#lookups.get(name) !== lookup) return; // it was given up before
    this.#lookups.delete(name);
    for (const { record } of lookup.waiting) this.#bufferedBytes -= sizeOf(record);
    if (found instanceof Error) {
      this.#transactions?.failed(found);
      const quietCount = lookup.waiting.filter(({ listener }) => listener === null).length;
      for (const { listener } of lookup.waiting) listener?.refused(found);
      if (quietCount > 0) this.#failQuietly(found, name, -1, quietCount);
    } else {
      this.#widen();
      const topic = this.#topics.get(name) ?? this.#makeTopic(name, found);
      for (const { record, listener } of lookup.waiting) this.#place(topic, record, listener);
    }
    lookup.end();
    this.#wakeForRoom();
  }

  #makeTopic(name: string, partitionCount: number): TopicWriter {
    const { random } = this.#cluster.ports;
    const hasLeader = (partition: number) => (this.#cluster.partition(name, partition)?.leaderId ?? -1) >= 0;
    const topic: TopicWriter = { writers: [], sticky: new StickyPartition(this.#settings.batchBytes, () => random.uint32(), hasLeader), partitionCount };
    this.#topics.set(name, topic);
    return topic;
  }

  #place(topic: TopicWriter, record: ProducerRecord, listener: RecordListener | null): void {
    const { clock } = this.#cluster.ports;
    try {
      const key = record.key ?? null;
      const value = record.value ?? null;
      const headers = record.headers === undefined ? undefined : headerList(record.headers);
      const bytes = sizeOf(record);
      checkRecord(record, bytes);
      let partition = choosePartition(record.topic, key, record.partition, topic.partitionCount, this.#settings.partitioner);
      if (partition < 0) partition = topic.sticky.next(topic.partitionCount, bytes);
      const writer = (topic.writers[partition] ??= this.#makeWriter(record.topic, partition));
      writer.append(record.timestampMs ?? clock.nowMs(), key, value, headers, bytes, listener);
      this.#bufferedBytes += bytes;
      this.#sender.wake(writer);
    } catch (error) {
      this.#refuse(error as Error, record.topic, listener);
    }
  }

  #makeWriter(topic: string, partition: number): PartitionWriter {
    const inFlightMax = this.#settings.idempotent ? limits.client.producerInFlightMax : 1;
    return new PartitionWriter(topic, partition, this.#settings.batchBytes, inFlightMax, () => this.#cluster.ports.clock.monotonicMs(), (refused) => this.#identity.above(refused));
  }

  /** Topics may have grown, and partitions lost their leaders, since the metadata changed. */
  #widen(): void {
    this.#metadataViews = this.#cluster.view;
    for (const [name, topic] of this.#topics) {
      topic.partitionCount = this.#cluster.view.topics.get(name)?.partitions.length ?? topic.partitionCount;
      topic.sticky.review();
    }
  }

  #refuse(error: Error, topic: string, listener: RecordListener | null): void {
    this.#transactions?.failed(error);
    if (listener) listener.refused(error);
    else this.#failQuietly(error, topic, -1, 1);
  }

  /** Records that nobody waits for have failed. */
  #failQuietly(error: Error, topic: string, partition: number, recordCount: number): void {
    this.#failedQuietly ??= error;
    this.#settings.onError?.(error, { topic, partition, recordCount });
  }

  /** Records have their fate. */
  #settled({ batch, recordCount, bufferBytes, error }: Settled): void {
    this.#bufferedBytes -= bufferBytes;
    if (error) this.#transactions?.failed(error);
    if (error && batch.hasQuietRecords) this.#failQuietly(error, batch.topic, batch.partition, recordCount);
    this.#wakeForRoom();
  }

  #wakeForRoom(): void {
    while (!this.#roomQueue.isEmpty && this.#bufferedBytes < this.#settings.bufferBytes) this.#roomQueue.wakeFirst();
  }
}

function closedError(): MillraceError {
  return new MillraceError('closed', 'Cannot produce: the producer was closed');
}

/** Types are gone at run time: a number or an object as a value would be written as nonsense. */
function checkRecord(record: ProducerRecord, bytes: number): void {
  for (const field of ['key', 'value'] as const) {
    const given = record[field];
    if (given !== null && given !== undefined && typeof given !== 'string' && !(given instanceof Uint8Array)) {
      throw new MillraceError('invalid-argument', `Cannot produce to '${record.topic}': the ${field} is neither text nor bytes; encode it first (JSON.stringify)`, { topic: record.topic });
    }
  }
  if (bytes > limits.log.batchBytesMax) throw new MillraceError('message-too-large', `Cannot produce to '${record.topic}': a record of ${bytes} bytes, at most ${limits.log.batchBytesMax} fit`, { topic: record.topic, bytes });
}

/** Bytes a record takes at most, for the memory bound: a character counts as one byte (an estimate for text beyond ASCII). */
function sizeOf(record: ProducerRecord): number {
  const { headers } = record;
  let bytes = recordOverheadBytes + lengthOf(record.key) + lengthOf(record.value);
  if (headers !== undefined) for (const [name, value] of Array.isArray(headers) ? headers : Object.entries(headers)) bytes += 10 + name.length + lengthOf(value);
  return bytes;
}

function lengthOf(bytes: Bytes | null | undefined): number {
  return bytes?.length ?? 0;
}

function headerList(headers: HeadersInit): RecordHeaderInit[] {
  const pairs = Array.isArray(headers) ? (headers as readonly (readonly [string, Bytes | null])[]) : Object.entries(headers as Record<string, Bytes | null>);
  return pairs.map(([key, value]) => ({ key, value }));
}

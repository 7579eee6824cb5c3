// client/producer/transactional-producer.ts - records and offsets that are committed together, or not at all.
// Owns: the beginning and the end of transactions. Never: requests to the coordinator (transaction-link.ts), batches (producer.ts).
// T1 One transaction at a time. T2 A transaction is committed only if everything given to it is stored; else it is aborted, whatever the caller did with
// the error of one record. T3 After an end that nobody knows of, the next transaction begins with a new epoch, which ends the one before.
import { isMillraceError, MillraceError, type Deadline } from '../../base/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import type { Committer, OffsetToCommit } from '../offsets.ts';
import type { ProducedRecords } from './outcome.ts';
import type { ProducerOptions } from './options.ts';
import { Producer } from './producer.ts';
import type { ProducerRecord, RecordPosition } from './record.ts';
import { CoordinatorLink } from './transaction-link.ts';

/** Settings of a producer of transactions. */
export interface TransactionalProducerOptions extends Omit<ProducerOptions, 'acks' | 'idempotent' | 'onError'> {
  /** Names the producer over restarts: a new one of the same name ends what the old one left open, and fences it. Give each instance its own. */
  readonly transactionalId: string;
  /** The server aborts a transaction that is open for longer, in ms (default 60 000). */
  readonly transactionTimeoutMs?: number;
}

/** Whose offsets are committed: a group's name, or a consumer, which must still be its member then. */
export type OffsetOwner = string | { readonly membership: Committer };

/** A transaction under way; valid until the function that got it returns. */
export class Transaction {
  readonly #producer: Producer;
  readonly #link: CoordinatorLink;
  readonly #deadline: () => Deadline;
  readonly #offsets: Promise<void>[] = [];
  #isOver = false;

  constructor(producer: Producer, link: CoordinatorLink, deadline: () => Deadline) {
    this.#producer = producer;
    this.#link = link;
    this.#deadline = deadline;
  }

  /** Sends a record; resolves once it is stored, which readers of committed data see with the commit only. */
  send(record: ProducerRecord): Promise<RecordPosition> {
    this.#check();
    return this.#producer.send(record);
  }

  /** Sends many records under one promise. */
  sendBatch(records: Iterable<ProducerRecord> | AsyncIterable<ProducerRecord>): Promise<ProducedRecords> {
    this.#check();
    return this.#producer.sendBatch(records);
  }

  /**
   * Commits how far a group has come, with the transaction. `offset` is that of the next record to read. Rejects 'rebalance', 'unknown-member' or 'fenced' when
   * the consumer has lost its partitions: then the transaction is aborted.
   * @example await transaction.commitOffsets(consumer, [{ topic: 'orders', partition: 0, offset: record.offset + 1 }]);
   */
  commitOffsets(of: OffsetOwner, offsets: readonly OffsetToCommit[]): Promise<void> {
    this.#check();
    const by = typeof of === 'string' ? { group: of, memberId: '', generation: -1, instanceId: null } : of.membership;
    const done = this.#link.commitOffsets(by, offsets, this.#deadline());
    done.catch((error: Error) => this.#link.failed(error));
    this.#offsets.push(done);
    return done;
  }

  /** Takes nothing more; resolves once all offsets are committed, or one of them was not. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.#offsets);
  }

  #check(): void {
    if (this.#isOver) throw new MillraceError('closed', 'Cannot add to the transaction: it has ended; await what the function given to transact() does');
  }
}

/** Runs transactions. Made by client.transactionalProducer(); `await using` closes it. */
export class TransactionalProducer {
  readonly #cluster: Cluster;
  readonly #link: CoordinatorLink;
  readonly #producer: Producer;
  #running: Promise<unknown> | null = null;
  /** Why the transaction under way cannot be committed. */
  #failure: Error | null = null;
  /** A newer producer has the transactional id: this one is done. */
  #fenced: Error | null = null;
  #isClosed = false;

  constructor(cluster: Cluster, { transactionalId, transactionTimeoutMs, ...options }: TransactionalProducerOptions) {
    if (transactionalId === '') throw new MillraceError('invalid-argument', 'Cannot make a producer: transactionalId is not empty');
    this.#cluster = cluster;
    this.#link = new CoordinatorLink(cluster, transactionalId, transactionTimeoutMs ?? 60_000, (error) => { this.#failure ??= error; });
    this.#producer = new Producer(cluster, options, this.#link);
  }

  /**
   * Runs `work` in a transaction, commits what it sent and answers what it returned; when it throws, or something that it sent is not stored, the transaction
   * is aborted and the error thrown. Rejects 'transaction-aborted' (run it again), 'fenced' (a newer producer of this name took over: stop), or with
   * what the records failed with; 'timeout' when nobody knows whether the commit happened.
   * @example await producer.transact(async (transaction) => { await transaction.send({ topic: 'paid', value: '7' }); });
   */
  async transact<T>(work: (transaction: Transaction) => Promise<T> | T): Promise<T> {
    if (this.#fenced !== null) throw this.#fenced;
    if (this.#isClosed) throw new MillraceError('closed', 'Cannot begin a transaction: the producer was closed');
    if (this.#running !== null) throw new MillraceError('invalid-argument', 'Cannot begin a transaction: another one is under way; make a producer for each that shall run beside others');
    const running = this.#run(work);
    this.#running = running;
    try {
      return await running;
    } catch (error) {
      if (isMillraceError(error, 'fenced')) this.#fenced = error;
      throw error;
    } finally {
      this.#running = null;
    }
  }

  /** Waits for the transaction under way and closes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running?.catch(() => {});
    await this.#producer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.close(); }

  async #run<T>(work: (transaction: Transaction) => Promise<T> | T): Promise<T> {
    this.#failure = null;
    if (await this.#link.begin(this.#deadline())) this.#producer.renew();
    const transaction = new Transaction(this.#producer, this.#link, () => this.#deadline());
    let result: T;
    try {
      result = await work(transaction);
      await transaction.end();
      await this.#producer.flush();
      if (this.#failure !== null) throw this.#failure; // T2
    } catch (error) {
      await transaction.end();
      await this.#abort(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    if (this.#link.isTouched) await this.#commit();
    return result;
  }

  async #commit(): Promise<void> {
    try {
      if (await this.#link.end(true, this.#deadline())) this.#producer.renew();
    } catch (error) {
      this.#link.lose(); // T3
      throw error;
    }
  }

  async #abort(cause: Error): Promise<void> {
    await this.#producer.abandon(new MillraceError('transaction-aborted', `Cannot store the record: its transaction is aborted: ${cause.message}`, { cause }));
    if (!this.#link.isTouched) return;
    try {
      if (await this.#link.end(false, this.#deadline())) this.#producer.renew();
      else this.#link.lose(); // older servers: batches that were given up leave gaps in the numbers
    } catch {
      this.#link.lose(); // T3: the next transaction's beginning aborts this one
    }
  }

  #deadline(): Deadline { return this.#cluster.deadline(this.#cluster.options.requestTimeoutMs * 2); }
}

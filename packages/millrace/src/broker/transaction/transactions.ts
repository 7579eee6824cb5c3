// broker/transaction/transactions.ts - all transactional ids of a node: carries out what transaction.ts decides.
// Owns: the ids in memory and on record, timeouts, the one append that ends a transaction. Never: decisions, forms of requests (routes.ts).
// X1 A transaction ends with one append: the markers of all its partitions, the offsets of its groups and its own record stand in one group of the
// journal. There is no state in which a part of it is decided. X2 What ended is seen by readers of committed data, and answered, once that is durable.
// X3 After a start a transaction is open if and only if a partition, a group or its record says so: newer clients add partitions by producing,
// which costs no write of its own. X4 One that stays open past its timeout is aborted and its producer fenced.
// Format: docs/formats/metadata-topic.md. Cost: one record of about 100 bytes per end, one per addition by an older client.
import { isMillraceError, limits, type Report } from '../../base/mod.ts';
import type { JointAppend, Log } from '../../log/mod.ts';
import type { Clock, Timer } from '../../os/mod.ts';
import { endTransactionBatch, errorCodes } from '../../wire/mod.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { GroupCoordinator } from '../group/mod.ts';
import { KeyedLog } from '../keyed-log.ts';
import type { BrokerMetrics } from '../metrics/broker-metrics.ts';
import type { ProducerIds } from '../produce/producer-ids.ts';
import type { ProducerStore } from '../produce/producer-store.ts';
import type { Topic, TopicPartition } from '../topics/topic.ts';
import type { Topics } from '../topics/topics.ts';
import { decideEnd, epochMax, producerFault, renewalFault, type ProducerEpoch, type Result, type Transaction } from './transaction.ts';
import { readTransaction, transactionText } from './stored-transaction.ts';

const partitionName = '__millrace_transactions-0';
const expireEveryMs = 600_000;
const coordinatorEpoch = 0;

type Open = Transaction<TopicPartition>;
type OngoingPhase = { readonly partitions: Set<TopicPartition>; readonly groups: Set<string> };

/** What the coordinator works with. */
export interface TransactionsOptions {
  readonly log: Log; readonly clock: Clock; readonly config: NodeConfig; readonly topics: Topics; readonly producerIds: ProducerIds;
  readonly producers: ProducerStore; readonly groups: GroupCoordinator; readonly report: Report; readonly metrics: BrokerMetrics;
}

/** An answer with a producer's identity; -1 where there is none. */
export interface Identity extends ProducerEpoch { readonly errorCode: number }

const noIdentity = (errorCode: number): Identity => ({ errorCode, producerId: -1, producerEpoch: -1 });

/** The transactions of a node. */
export class Transactions {
  readonly #options: TransactionsOptions;
  readonly #records: KeyedLog;
  readonly #byId = new Map<string, Open>();
  /** Those that are open, by the monotonic time at which they are aborted. */
  readonly #deadlines = new Map<Open, number>();
  #timer: Timer | null = null;
  #timerAtMs = Infinity;
  #expiry: Timer | null = null;
  #closed = false;

  private constructor(options: TransactionsOptions, records: KeyedLog) {
    this.#options = options;
    this.#records = records;
    options.topics.listen({ topicHidden: (topic) => this.#forgetTopic(topic) });
  }

  /** Brings back every transactional id, and the transactions that were open. Rejects with what the log says. */
  static async open(options: TransactionsOptions): Promise<Transactions> {
    const trouble = (error: unknown) => options.report(`the transactions partition could not be shortened: ${String(error)}`, 'warn');
    const transactions = new Transactions(options, await KeyedLog.open(options.log, options.clock, partitionName, trouble));
    transactions.#restore();
    transactions.#expireLater();
    return transactions;
  }

  /** For looking at. */
  get all(): Iterable<Transaction<TopicPartition>> { return this.#byId.values(); }
  find(id: string): Transaction<TopicPartition> | undefined { return this.#byId.get(id); }

  /** Open transactions, the age of the oldest (0 when there is none), and known ids. */
  figures(nowMs: number): { readonly open: number; readonly oldestMs: number; readonly ids: number } {
    let open = 0;
    let oldestMs = 0;
    for (const { phase } of this.#deadlines.keys()) {
      if (phase.kind !== 'ongoing') continue;
      open++;
      oldestMs = Math.max(oldestMs, nowMs - phase.startedMs);
    }
    return { open, oldestMs, ids: this.#byId.size };
  }

  /** Gives a transactional id a new epoch, ending what its producer has open; calls back once that is durable. */
  begin(id: string, timeoutMs: number, asked: ProducerEpoch, done: (identity: Identity) => void): void {
    const known = this.#byId.get(id);
    const fault = renewalFault(known, asked);
    if (fault !== errorCodes.NONE) return done(noIdentity(fault));
    if (known === undefined || known.producerEpoch >= epochMax) {
      this.#options.producerIds.take().then(
        (producerId) => this.#begin(id, timeoutMs, asked, producerId, done),
        () => done(noIdentity(errorCodes.COORDINATOR_NOT_AVAILABLE)),
      );
    } else this.#begin(id, timeoutMs, asked, null, done);
  }

  /** `freshId`: a new producer id, when the one there is has no epochs left. */
  #begin(id: string, timeoutMs: number, asked: ProducerEpoch, freshId: number | null, done: (identity: Identity) => void): void {
    let known = this.#byId.get(id);
    const fault = renewalFault(known, asked);
    if (fault !== errorCodes.NONE) return done(noIdentity(fault));
    if (known?.phase.kind === 'ending') return done(noIdentity(errorCodes.CONCURRENT_TRANSACTIONS));
    if (known === undefined) {
      if (this.#byId.size >= limits.broker.transactionalIdsMax) return done(noIdentity(errorCodes.COORDINATOR_NOT_AVAILABLE));
      known = { id, producerId: freshId!, producerEpoch: -1, formerProducerId: -1, timeoutMs, phase: { kind: 'empty' }, updatedMs: this.#options.clock.nowMs() };
      this.#byId.set(id, known);
    }
    known.timeoutMs = timeoutMs;
    const answer = (errorCode: number): void => done(errorCode === errorCodes.NONE ? { errorCode, ...identity } : noIdentity(errorCode));
    const identity = this.#next(known, freshId);
    if (known.phase.kind === 'ongoing') return this.#end(known, 'abort', identity, answer, 'empty');
    this.#become(known, identity);
    known.phase = { kind: 'empty' };
    this.#write(known, answer);
  }

  /** The identity that follows: the next epoch, or a new id when there is none left. */
  #next(transaction: Open, freshId: number | null): ProducerEpoch {
    if (transaction.producerEpoch < epochMax) return { producerId: transaction.producerId, producerEpoch: transaction.producerEpoch + 1 };
    return { producerId: freshId!, producerEpoch: 0 };
  }

  #become(transaction: Open, { producerId, producerEpoch }: ProducerEpoch): void {
    if (producerId !== transaction.producerId) transaction.formerProducerId = transaction.producerId;
    transaction.producerId = producerId;
    transaction.producerEpoch = producerEpoch;
    transaction.updatedMs = this.#options.clock.nowMs();
  }

  /**
   * May this producer append to the partition in its transaction? NONE, or why not. With `adds` the partition becomes part of the transaction, which
   * begins if none is open; else it must have been added before.
   */
  admit(id: string, producer: ProducerEpoch, partition: TopicPartition, adds: boolean): number {
    return this.#admit(id, producer, adds, ({ partitions }) => partitions, partition, limits.broker.transactionPartitionsMax);
  }

  /** Adds partitions for an older client; calls back once that is durable. */
  addPartitions(id: string, producer: ProducerEpoch, partitions: readonly TopicPartition[], done: (errorCode: number) => void): void {
    for (const partition of partitions) {
      const fault = this.admit(id, producer, partition, true);
      if (fault !== errorCodes.NONE) return done(fault);
    }
    const transaction = this.#byId.get(id);
    const fault = producerFault(transaction, producer);
    if (fault !== errorCodes.NONE) return done(fault);
    this.#write(transaction!, done);
  }

  /** May this producer commit offsets of a group in its transaction? With `adds` the group becomes part of it. */
  admitGroup(id: string, producer: ProducerEpoch, groupId: string, adds: boolean): number {
    return this.#admit(id, producer, adds, ({ groups }) => groups, groupId, limits.broker.transactionPartitionsMax);
  }

  #admit<T>(id: string, producer: ProducerEpoch, adds: boolean, partsOf: (phase: OngoingPhase) => Set<T>, part: T, partsMax: number): number {
    const transaction = this.#byId.get(id);
    const fault = producerFault(transaction, producer);
    if (fault !== errorCodes.NONE) return fault;
    const { phase } = transaction!;
    if (phase.kind === 'ongoing' && partsOf(phase).has(part)) return errorCodes.NONE;
    if (!adds) return errorCodes.INVALID_TXN_STATE;
    const parts = partsOf(this.#ongoing(transaction!));
    if (parts.size >= partsMax) return errorCodes.INVALID_TXN_STATE;
    parts.add(part);
    return errorCodes.NONE;
  }

  /** Adds a group for an older client; calls back once that is durable. */
  addGroup(id: string, producer: ProducerEpoch, groupId: string, done: (errorCode: number) => void): void {
    const fault = this.admitGroup(id, producer, groupId, true);
    if (fault !== errorCodes.NONE) return done(fault);
    this.#write(this.#byId.get(id)!, done);
  }

  /** Ends a transaction; calls back once that is durable. `raises`: the newer protocol, which gives the producer its next epoch. */
  end(id: string, producer: ProducerEpoch, result: Result, raises: boolean, done: (identity: Identity) => void): void {
    const transaction = this.#byId.get(id);
    const needsId = raises && transaction !== undefined && transaction.producerEpoch >= epochMax;
    if (!needsId) return this.#endFor(id, producer, result, raises, null, done);
    this.#options.producerIds.take().then(
      (freshId) => this.#endFor(id, producer, result, raises, freshId, done),
      () => done(noIdentity(errorCodes.COORDINATOR_NOT_AVAILABLE)),
    );
  }

  #endFor(id: string, producer: ProducerEpoch, result: Result, raises: boolean, freshId: number | null, done: (identity: Identity) => void): void {
    const transaction = this.#byId.get(id);
    const decision = decideEnd(transaction, producer, result, raises);
    if (decision.kind === 'refuse') return done(noIdentity(decision.errorCode));
    const current = transaction!;
    if (decision.kind === 'repeat') return this.#write(current, (errorCode) => done({ errorCode, producerId: current.producerId, producerEpoch: current.producerEpoch }));
    const identity = decision.raise ? this.#next(current, freshId) : { producerId: current.producerId, producerEpoch: current.producerEpoch };
    this.#end(current, result, identity, (errorCode) => done(errorCode === errorCodes.NONE ? { errorCode, ...identity } : noIdentity(errorCode)), 'ended');
  }

  /** Writes an abort marker for a producer whose transaction no coordinator knows any more, or takes the partition out of the one that it has. */
  abortHanging(partition: TopicPartition, { producerId, producerEpoch }: ProducerEpoch, done: (errorCode: number) => void): void {
    if (!partition.transactions.open.has(producerId)) return done(errorCodes.NONE);
    if (producerEpoch < partition.producers.epochOf(producerId)) return done(errorCodes.INVALID_PRODUCER_EPOCH);
    for (const { producerId: known, phase } of this.#byId.values()) if (known === producerId && phase.kind === 'ongoing') phase.partitions.delete(partition);
    const batch = this.#marker('abort', producerId, producerEpoch);
    try {
      const [appended] = this.#options.log.appendTogether([{ partition: partition.log, batches: [batch] }], (error) => {
        if (error === null) partition.decisionsDurable(appended!.baseOffset);
        done(error === null ? errorCodes.NONE : errorCodes.COORDINATOR_NOT_AVAILABLE);
      });
      this.#marked(partition, producerId, producerEpoch, 'abort', appended!.baseOffset, batch.bytes.length);
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      done(errorCodes.COORDINATOR_NOT_AVAILABLE);
    }
  }

  /** No transaction begins or ends any more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#expiry?.cancel();
  }

  #ongoing(transaction: Open): OngoingPhase {
    if (transaction.phase.kind === 'ongoing') return transaction.phase;
    const phase = { kind: 'ongoing', startedMs: this.#options.clock.nowMs(), partitions: new Set<TopicPartition>(), groups: new Set<string>() } as const;
    transaction.phase = phase;
    this.#abortAt(transaction, transaction.timeoutMs);
    return phase;
  }

  /**
   * X1: ends the transaction with one append; `next` is who its producer is from then on. While the log has no room the transaction is neither
   * open nor ended.
   */
  #end(transaction: Open, result: Result, next: ProducerEpoch, done: (errorCode: number) => void, to: 'ended' | 'late' | 'empty'): void {
    const { phase } = transaction;
    const { log, groups } = this.#options;
    const { producerId } = transaction;
    const partitions = phase.kind === 'ongoing' ? [...phase.partitions].filter((partition) => partition.live && partition.transactions.open.has(producerId)) : [];
    // What fences older epochs in the partitions; the last epoch of an id that is used up is left for this.
    const markerEpoch = next.producerId === producerId ? next.producerEpoch : transaction.producerEpoch + 1;
    const before = { ...transaction };
    this.#become(transaction, next);
    transaction.phase = to === 'empty' ? { kind: 'empty' } : { kind: 'ended', result, late: to === 'late' };
    this.#deadlines.delete(transaction);
    let ofGroups: ReturnType<GroupCoordinator['endTransaction']> | null = null;
    try {
      ofGroups = groups.endTransaction(phase.kind === 'ongoing' ? phase.groups : [], producerId, result === 'commit');
      const record = this.#records.joint([{ key: transaction.id, value: transactionText(transaction) }]);
      const markers = partitions.map((partition): JointAppend => ({ partition: partition.log, batches: [this.#marker(result, producerId, markerEpoch)] }));
      const appended = log.appendTogether([...markers, ...(ofGroups.part === null ? [] : [ofGroups.part]), record.part], (error) => {
        if (error === null && phase.kind === 'ongoing') this.#options.metrics.transactionsEnded[result]++;
        ofGroups!.written(error === null ? errorCodes.NONE : errorCodes.COORDINATOR_NOT_AVAILABLE);
        if (error === null) partitions.forEach((partition, index) => { if (partition.live) partition.decisionsDurable(appended[index]!.baseOffset); });
        done(error === null ? errorCodes.NONE : errorCodes.COORDINATOR_NOT_AVAILABLE);
      });
      record.appended();
      ofGroups.appended();
      partitions.forEach((partition, index) => this.#marked(partition, producerId, markerEpoch, result, appended[index]!.baseOffset, markers[index]!.batches[0]!.bytes.length));
    } catch (error) {
      ofGroups?.written(errorCodes.COORDINATOR_NOT_AVAILABLE);
      Object.assign(transaction, before);
      if (!isMillraceError(error, 'overloaded')) {
        if (!isMillraceError(error)) throw error;
        if (phase.kind === 'ongoing') this.#abortAt(transaction, transaction.timeoutMs);
        return done(errorCodes.COORDINATOR_NOT_AVAILABLE);
      }
      transaction.phase = { kind: 'ending' };
      log.whenRoom(() => {
        transaction.phase = phase;
        this.#end(transaction, result, next, done, to);
      });
    }
  }

  #marker(result: Result, producerId: number, producerEpoch: number) {
    const nowMs = this.#options.clock.nowMs();
    return { bytes: endTransactionBatch(result, nowMs, coordinatorEpoch, { producerId, producerEpoch }), offsetCount: 1, maxTimestampMs: nowMs };
  }

  #marked(partition: TopicPartition, producerId: number, producerEpoch: number, result: Result, baseOffset: number, bytes: number): void {
    partition.transactions.decided(producerId, result, baseOffset, false);
    partition.producers.marker(producerId, producerEpoch, this.#options.clock.nowMs());
    this.#options.producers.appended(partition, bytes);
  }

  #write(transaction: Open, done: (errorCode: number) => void): void {
    this.#records.write([{ key: transaction.id, value: transactionText(transaction) }]).then(
      () => done(errorCodes.NONE),
      (error: unknown) => { if (!isMillraceError(error)) throw error; done(errorCodes.COORDINATOR_NOT_AVAILABLE); },
    );
  }

  #restore(): void {
    const byProducer = new Map<number, Open>();
    const { topics, groups, report } = this.#options;
    for (const [id, text] of this.#records.values) {
      const { transaction, open } = readTransaction(id, text);
      this.#byId.set(id, transaction);
      byProducer.set(transaction.producerId, transaction);
      if (open === null) continue;
      this.#reopen(transaction, open.startedMs);
      const phase = this.#ongoing(transaction);
      for (const [topicId, index] of open.partitions) {
        const partition = topics.byId(topicId)?.partitions[index];
        if (partition !== undefined) phase.partitions.add(partition);
      }
      for (const groupId of open.groups) phase.groups.add(groupId);
    }
    for (const topic of topics.all.values()) {
      for (const partition of topic.partitions) {
        for (const { producerId, startedMs, firstOffset } of partition.transactions.open.values()) {
          const transaction = byProducer.get(producerId);
          if (transaction === undefined) { report(`${partition.name}: producer ${producerId} has a transaction open since offset ${firstOffset} that belongs to no transactional id`, 'warn'); continue; }
          this.#reopen(transaction, startedMs);
          this.#ongoing(transaction).partitions.add(partition);
        }
      }
    }
    for (const group of groups.all()) {
      for (const producerId of group.pending.keys()) {
        const transaction = byProducer.get(producerId);
        if (transaction === undefined) { report(`group ${group.id}: producer ${producerId} has offsets pending and belongs to no transactional id`, 'warn'); continue; }
        this.#reopen(transaction, transaction.updatedMs);
        this.#ongoing(transaction).groups.add(group.id);
      }
    }
  }

  /** X3: a start finds that the transaction is open. Its time goes on from when it began. */
  #reopen(transaction: Open, startedMs: number): void {
    if (transaction.phase.kind === 'ongoing') return;
    transaction.phase = { kind: 'ongoing', startedMs, partitions: new Set(), groups: new Set() };
    const goneMs = Math.max(0, this.#options.clock.nowMs() - startedMs);
    this.#abortAt(transaction, Math.max(0, transaction.timeoutMs - goneMs));
  }

  // X4: timeouts, and ids that nobody uses.

  #abortAt(transaction: Open, inMs: number): void {
    const deadlineMs = this.#options.clock.monotonicMs() + inMs;
    this.#deadlines.set(transaction, deadlineMs);
    if (deadlineMs < this.#timerAtMs) this.#aim(deadlineMs);
  }

  /** The timer may come for one that has ended: then it goes on to the next. */
  #aim(atMs: number): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAtMs = atMs;
    if (this.#closed || atMs === Infinity) return;
    this.#timer = this.#options.clock.after(Math.max(0, Math.ceil(atMs - this.#options.clock.monotonicMs())), () => this.#abortLate());
  }

  #abortLate(): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#timerAtMs = Infinity;
    for (const [transaction, deadlineMs] of [...this.#deadlines]) {
      if (deadlineMs > nowMs || transaction.phase.kind !== 'ongoing') continue;
      this.#options.report(`transaction '${transaction.id}' of producer ${transaction.producerId} was open for longer than ${transaction.timeoutMs} ms and is aborted`, 'warn');
      const abort = (freshId: number | null): void => {
        if (transaction.phase.kind === 'ongoing') this.#end(transaction, 'abort', this.#next(transaction, freshId), () => {}, 'late');
      };
      if (transaction.producerEpoch < epochMax) abort(null);
      else this.#options.producerIds.take().then(abort, () => {});
      this.#deadlines.set(transaction, nowMs + transaction.timeoutMs); // tried again, should it not be written
      if (transaction.phase.kind !== 'ongoing') this.#deadlines.delete(transaction);
    }
    let firstMs = Infinity;
    for (const deadlineMs of this.#deadlines.values()) firstMs = Math.min(firstMs, deadlineMs);
    this.#aim(firstMs);
  }

  #expireLater(): void {
    this.#expiry = this.#options.clock.after(expireEveryMs, () => {
      const beforeMs = this.#options.clock.nowMs() - this.#options.config.number('transactional.id.expiration.ms');
      const gone = [...this.#byId.values()].filter(({ phase, updatedMs }) => updatedMs < beforeMs && (phase.kind === 'empty' || phase.kind === 'ended'));
      for (const { id } of gone) this.#byId.delete(id);
      // One that stays on record for want of room is forgotten after the next start.
      if (gone.length > 0) this.#records.write(gone.map(({ id }) => ({ key: id, value: null }))).catch(() => {});
      if (!this.#closed) this.#expireLater();
    });
  }

  #forgetTopic(topic: Topic): void {
    for (const { phase } of this.#byId.values()) {
      if (phase.kind === 'ongoing') for (const partition of topic.partitions) phase.partitions.delete(partition);
    }
  }
}

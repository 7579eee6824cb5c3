// client/producer/transaction-link.ts - what connects a producer's batches with the transaction that they belong to: the identity, the protocol that
// the server speaks, and the partitions that were added.
// Owns: requests to the transaction's coordinator. Never: records (producer.ts), when a transaction begins and ends (transactional-producer.ts).
// K1 In the newer protocol (KIP-890, feature transaction.version 2) a batch adds its partition itself; in the older one no batch is sent
// before its partition was added. K2 An identity that may have been lost is renewed by naming it, so that a newer producer is never fenced by an older one.
import { assert, type Deadline } from '../../base/mod.ts';
import { AddOffsetsToTxn, AddPartitionsToTxn, EndTxn, InitProducerId, TxnOffsetCommit } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster, Target } from '../net/cluster.ts';
import type { BrokerConnection } from '../net/connection.ts';
import type { Committer, OffsetToCommit } from '../offsets.ts';
import { byTopic } from '../partitions.ts';
import type { NumberSource } from './identity.ts';
import type { ProducerIdentity } from './partition-queue.ts';
import type { TransactionLink } from './sender.ts';

const newerLevel = 2;
/** Highest versions of the older protocol. */
const older = { produce: 11, addPartitions: 3, endTxn: 4, txnOffsetCommit: 4 };

/** The link of one transactional id. */
export class CoordinatorLink implements NumberSource, TransactionLink {
  readonly transactionalId: string;
  readonly #cluster: Cluster;
  readonly #timeoutMs: number;
  readonly #onFailed: (error: Error) => void;
  readonly #target: Target;
  #identity: ProducerIdentity | null = null;
  /** The last one that was had, also when it may be lost. */
  #last: ProducerIdentity = { producerId: -1, epoch: -1 };
  #isNewer = true;
  readonly #joined = new Set<string>();
  readonly #groups = new Set<string>();
  #adding = new Map<string, { readonly topic: string; readonly partition: number; readonly wakes: (() => void)[] }>();
  #isAdding = false;
  /** The server did not take partitions into the transaction: it refuses their batches, too, which fails them at once. */
  #isRefused = false;
  /** Something of the transaction may have reached the server. */
  isTouched = false;
  readonly lastError = null;

  constructor(cluster: Cluster, transactionalId: string, timeoutMs: number, onFailed: (error: Error) => void) {
    this.#cluster = cluster;
    this.transactionalId = transactionalId;
    this.#timeoutMs = timeoutMs;
    this.#onFailed = onFailed;
    this.#target = { kind: 'transaction-coordinator', transactionalId };
  }

  get current(): ProducerIdentity | null { return this.#identity; }
  ask(done: () => void): void { done(); }
  above(): ProducerIdentity { return assert(false, 'a transaction does not number its batches anew') as never; }

  /** Makes sure of an identity; true when it is a new one. Rejects 'fenced' when a newer producer has the transactional id. */
  async begin(deadline: Deadline): Promise<boolean> {
    this.#joined.clear();
    this.#groups.clear();
    this.isTouched = false;
    this.#isRefused = false;
    if (this.#identity !== null) return false;
    const what = `begin transactions as '${this.transactionalId}'`;
    const connection = await this.#cluster.connectionFor(this.#target, 'main', deadline);
    this.#isNewer = connection.featureLevel('transaction.version') >= newerLevel;
    const { producerId, epoch: producerEpoch } = this.#last;
    this.#identity = this.#last = await this.#cluster.call(this.#target, InitProducerId, { transactionalId: this.transactionalId, transactionTimeoutMs: this.#timeoutMs, producerId, producerEpoch }, { what, deadline, idempotent: true }, (answer) => {
      if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, what, { transactionalId: this.transactionalId });
      return { producerId: answer.producerId, epoch: answer.producerEpoch };
    });
    return true;
  }

  /** Nobody knows what the server has: the next transaction begins with a new epoch. */
  lose(): void { this.#identity = null; }

  produceVersionMax(_: BrokerConnection): number { return this.#isNewer ? Infinity : older.produce; }

  admits(topic: string, partition: number, wake: () => void): boolean {
    this.isTouched = true;
    const key = `${topic}/${partition}`;
    if (this.#isNewer || this.#isRefused || this.#joined.has(key)) return true;
    const adding = this.#adding.get(key);
    if (adding !== undefined) adding.wakes.push(wake);
    else this.#adding.set(key, { topic, partition, wakes: [wake] });
    this.#cluster.ports.clock.soon(() => this.#addPartitions());
    return false;
  }

  failed(error: Error): void { this.#onFailed(error); }

  #addPartitions(): void {
    if (this.#isAdding || this.#adding.size === 0 || this.#identity === null) return;
    this.#isAdding = true;
    const adding = [...this.#adding.values()];
    this.#adding = new Map();
    const { producerId, epoch } = this.#identity;
    const what = `add partitions to the transaction of '${this.transactionalId}'`;
    this.#cluster.call(this.#target, AddPartitionsToTxn, {
      v3AndBelowTransactionalId: this.transactionalId, v3AndBelowProducerId: producerId, v3AndBelowProducerEpoch: epoch,
      v3AndBelowTopics: [...byTopic(adding, ({ partition }) => partition)].map(([name, partitions]) => ({ name, partitions })),
    }, { what, deadline: this.#deadline(), idempotent: true, versionMax: older.addPartitions }, (answer) => {
      for (const { resultsByPartition } of answer.resultsByTopicV3AndBelow) {
        for (const { partitionErrorCode } of resultsByPartition) if (partitionErrorCode !== 0) throw kafkaError(partitionErrorCode, what, { transactionalId: this.transactionalId });
      }
    }).then(() => { for (const { topic, partition } of adding) this.#joined.add(`${topic}/${partition}`); }, (error: Error) => { this.#isRefused = true; this.#onFailed(error); }).finally(() => {
      this.#isAdding = false;
      for (const { wakes } of adding) for (const wake of wakes) wake();
      this.#addPartitions();
    });
  }

  /** Commits offsets as part of the transaction. */
  async commitOffsets(by: Committer, offsets: readonly OffsetToCommit[], deadline: Deadline): Promise<void> {
    if (offsets.length === 0) return;
    this.isTouched = true;
    const { producerId, epoch: producerEpoch } = this.#identity!;
    const what = `commit offsets of group '${by.group}' in the transaction of '${this.transactionalId}'`;
    const data = { transactionalId: this.transactionalId, group: by.group };
    if (!this.#isNewer && !this.#groups.has(by.group)) {
      await this.#cluster.call(this.#target, AddOffsetsToTxn, { transactionalId: this.transactionalId, producerId, producerEpoch, groupId: by.group }, { what, deadline, idempotent: true }, ({ errorCode }) => {
        if (errorCode !== 0) throw kafkaError(errorCode, what, data);
      });
      this.#groups.add(by.group);
    }
    await this.#cluster.call({ kind: 'coordinator', group: by.group }, TxnOffsetCommit, {
      transactionalId: this.transactionalId, groupId: by.group, producerId, producerEpoch, generationId: by.generation, memberId: by.memberId, groupInstanceId: by.instanceId,
      topics: [...byTopic(offsets, (one) => ({ partitionIndex: one.partition, committedOffset: one.offset, committedLeaderEpoch: one.leaderEpoch ?? -1, committedMetadata: one.metadata ?? '' }))].map(([name, partitions]) => ({ name, partitions })),
    }, { what, deadline, idempotent: true, versionMax: this.#isNewer ? undefined : older.txnOffsetCommit }, (answer) => {
      for (const topic of answer.topics) for (const one of topic.partitions) if (one.errorCode !== 0) throw kafkaError(one.errorCode, what, { ...data, topic: topic.name, partition: one.partitionIndex });
    });
  }

  /** Ends the transaction; true when the next one has a new identity. */
  async end(committed: boolean, deadline: Deadline): Promise<boolean> {
    const { producerId, epoch: producerEpoch } = this.#identity!;
    const what = `${committed ? 'commit' : 'abort'} the transaction of '${this.transactionalId}'`;
    const next = await this.#cluster.call(this.#target, EndTxn, { transactionalId: this.transactionalId, producerId, producerEpoch, committed }, {
      what, deadline, idempotent: true, versionMax: this.#isNewer ? undefined : older.endTxn,
    }, (answer) => {
      if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, what, { transactionalId: this.transactionalId });
      return { producerId: answer.producerId, epoch: answer.producerEpoch };
    });
    if (!this.#isNewer || next.producerId < 0) return false;
    this.#identity = this.#last = next;
    return true;
  }

  #deadline(): Deadline { return this.#cluster.deadline(this.#cluster.options.requestTimeoutMs); }
}

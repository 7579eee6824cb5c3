// testing/sim/node/transactors.ts - clients that write in transactions, in the newer protocol or the older one; some consume what they write from.
// Owns: the protocol as clients speak it: retries of what may be retried, a new beginning after what may not. Never: what is right (testing/histories).
import { AddOffsetsToTxn, AddPartitionsToTxn, EndTxn, errorCodes, InitProducerId, Produce, TxnOffsetCommit } from '../../../wire/mod.ts';
import { epochMs } from '../../fake-clock.ts';
import { nameOf, type TransactionRecord } from '../../histories/mod.ts';
import { expect } from '../log-model.ts';
import { buildBatch } from '../sim-batch.ts';
import { Actor, isFault, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import { keyOf, readCommitted, readPosition, type LedgerTopic } from './committed-readers.ts';

/** How a transactor works. */
export interface TransactorKind {
  /** KIP-890's protocol. */
  readonly newer: boolean;
  /** The partition from which its transactions consume; null for those that only write. */
  readonly consumes: number | null;
}

interface Producer { readonly id: number; epoch: number }
/** What comes next of the transaction under way. */
type Step =
  | { readonly kind: 'consume'; readonly partition: number }
  | { readonly kind: 'write'; readonly partition: number; readonly values: string[] }
  | { readonly kind: 'offset'; readonly partition: number; readonly next: number }
  | { readonly kind: 'end'; readonly commit: boolean };

/** The transaction is lost: the client begins anew, and whatever it had open is aborted by that. */
class Lost extends Error {}
const losing: readonly number[] = [
  errorCodes.INVALID_TXN_STATE, errorCodes.INVALID_PRODUCER_EPOCH, errorCodes.PRODUCER_FENCED, errorCodes.INVALID_PRODUCER_ID_MAPPING, errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
];

/** Writes transaction after transaction under one transactional id; nobody else uses it. */
export class Transactor extends Actor {
  readonly #on: LedgerTopic;
  readonly #kind: TransactorKind;
  #producer: Producer | null = null;
  /** Who it was before it began anew: a copy of it may still be at work somewhere. */
  #former: Producer | null = null;
  readonly #sequences = new Map<number, number>();
  #number = 0;
  #record: TransactionRecord | null = null;
  #steps: Step[] = [];
  readonly #joined = new Set<string>();
  /** From where the next transaction consumes; null when its group must be asked. */
  #position: number | null = null;

  constructor(name: string, stage: Stage, on: LedgerTopic, kind: TransactorKind) {
    super(name, stage);
    this.#on = on;
    this.#kind = kind;
  }

  /** Its group, and the partition whose offsets that has. */
  get group(): { readonly group: string; readonly partition: number } { return { group: `group of ${this.name}`, partition: this.#kind.consumes ?? 0 }; }

  protected override unfinished(): boolean { return this.#record !== null; }

  protected override async act(): Promise<void> {
    await this.stage.client.connect();
    try {
      if (this.#producer === null) return await this.#begin();
      if (this.#former !== null && this.stage.random.chance(0.2)) return await this.#haunt(this.#former);
      if (this.#record === null && this.stage.random.chance(0.05) && !this.stage.resting()) throw new Lost('another one of its name takes over');
      if (this.#record === null) this.#plan();
      await this.#advance();
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      this.trace(`begins anew: ${error.message}`);
      this.#met('begun anew');
      this.#former = this.#producer;
      this.#producer = null;
    }
  }

  /** A new epoch; what was open is aborted by that, unless its end had been asked for and happened. */
  async #begin(): Promise<void> {
    const { stage } = this;
    const answer = await stage.client.call(InitProducerId, this.#kind.newer ? 5 : 3, { transactionalId: this.name, transactionTimeoutMs: stage.random.pick([200, 2_000, 60_000]) });
    if (passes(`${this.name}: InitProducerId`, answer.errorCode, [errorCodes.CONCURRENT_TRANSACTIONS]) || answer.errorCode !== 0) return;
    if (this.#producer !== null) expect(answer.producerEpoch > this.#producer.epoch || answer.producerId !== this.#producer.id, `${this.name}: epoch ${answer.producerEpoch} after ${this.#producer.epoch}`);
    this.#producer = { id: answer.producerId, epoch: answer.producerEpoch };
    this.#sequences.clear();
    if (this.#record !== null && this.#record.commitAskedAt === null) this.#on.history.end(this.#record, 'aborted');
    else if (this.#record !== null) this.#met('never answered');
    this.#forget(null);
  }

  /** What a copy of its former self does that has not heard of the end: nothing of it may count. */
  async #haunt({ id, epoch }: Producer): Promise<void> {
    this.#former = null;
    this.#met('haunted');
    const { client, random } = this.stage;
    const { topic, partitions } = this.#on;
    const timestampMs = epochMs + Math.floor(this.stage.world.time.nowMs);
    const records = buildBatch([{ timestampMs, key: null, value: `${this.name}/zombie` }], { id, epoch, baseSequence: 0, transactional: true });
    const produced = await client.call(Produce, this.#kind.newer ? 12 : 9, { transactionalId: this.name, acks: -1, timeoutMs: 3000, topicData: [{ name: topic, partitionData: [{ index: random.below(partitions), records }] }] });
    const { errorCode } = produced.responses[0]!.partitionResponses[0]!;
    expect(errorCode !== 0, `${this.name}: a batch of its former epoch ${epoch} was appended`);
    const { group, partition } = this.group;
    const committed = await client.call(TxnOffsetCommit, this.#kind.newer ? 5 : 3, {
      transactionalId: this.name, groupId: group, producerId: id, producerEpoch: epoch, topics: [{ name: topic, partitions: [{ partitionIndex: partition, committedOffset: 1_000_000, committedMetadata: null }] }],
    });
    const offsetCode = committed.topics[0]!.partitions[0]!.errorCode;
    expect(offsetCode !== 0, `${this.name}: offsets of its former epoch ${epoch} were taken`);
    const ended = await client.call(EndTxn, 3, { transactionalId: this.name, producerId: id, producerEpoch: epoch, committed: true });
    expect(ended.errorCode !== 0, `${this.name}: its former epoch ${epoch} ended a transaction`);
    this.trace(`haunts with epoch ${epoch}: ${errorCode}, ${offsetCode}, ${ended.errorCode}`);
  }

  #plan(): void {
    const { random } = this.stage;
    if (this.stage.resting()) return;
    this.#record = this.#on.history.begin(this.name, this.#number++);
    if (this.#kind.consumes !== null) {
      this.#steps = [{ kind: 'consume', partition: this.#kind.consumes }];
      return;
    }
    this.#steps = this.#planWrites(random.between(1, 4), [...Array(this.#on.partitions).keys()]);
    if (random.chance(0.4)) this.#steps.splice(random.below(this.#steps.length + 1), 0, { kind: 'offset', partition: 0, next: this.#record.number });
    this.#steps.push({ kind: 'end', commit: random.chance(0.7) });
  }

  #planWrites(count: number, partitions: readonly number[]): Step[] {
    const { random } = this.stage;
    const name = nameOf(this.#record!);
    let index = 0;
    return Array.from({ length: count }, () => {
      const values = Array.from({ length: random.between(1, 3) }, () => `${name}/${index++}${'.'.repeat(random.pick([0, 50, 2000]))}`);
      return { kind: 'write', partition: random.pick(partitions), values };
    });
  }

  /** Goes on with the transaction; a step that failed on the way is done again. */
  async #advance(): Promise<void> {
    const step = this.#steps[0];
    const record = this.#record;
    if (step === undefined || record === null) return;
    if (await this.#do(step, record)) this.#steps.shift();
    else return;
    if (step.kind === 'end') this.#forget(step.commit ? record.consumed.at(-1)?.next ?? null : null);
    else if (this.#steps.length === 0) this.#forget(this.#position);
  }

  #do(step: Step, record: TransactionRecord): Promise<boolean> {
    switch (step.kind) {
      case 'consume': return this.#consume(record, step.partition);
      case 'write': return this.#write(record, step.partition, step.values);
      case 'offset': return this.#commitOffset(record, step.partition, step.next);
      case 'end': return this.#end(record, step.commit);
    }
  }

  #forget(position: number | null): void {
    this.#record = null;
    this.#steps = [];
    this.#joined.clear();
    this.#position = position;
  }

  /** Reads where its group is, and plans what follows from what is there; nothing follows from nothing. */
  async #consume(record: TransactionRecord, partition: number): Promise<boolean> {
    const { random, client } = this.stage;
    const { group } = this.group;
    if (this.#position === null) {
      const committed = await readPosition(client, this.#on, group, partition);
      if (committed === null) return false;
      this.#position = Math.max(0, committed);
    }
    const from = this.#position;
    const read = await readCommitted(client, this.#on, partition, from, random.pick([100, 3_000]), { reader: this.name, session: record.number, transaction: nameOf(record) });
    if (read === null) return false;
    if (read.next === from) {
      this.#on.history.end(record, 'aborted');
      return true;
    }
    record.consumed.push({ group, key: keyOf(this.#on, partition), from, next: read.next });
    this.trace(`consumes ${from} to ${read.next} of ${partition}`);
    const others = [...Array(this.#on.partitions).keys()].filter((other) => other !== partition);
    const steps = [...this.#planWrites(random.between(1, 2), others)];
    steps.splice(random.below(steps.length + 1), 0, { kind: 'offset', partition, next: read.next });
    this.#steps.push(...steps, { kind: 'end', commit: random.chance(0.7) });
    return true;
  }

  async #write(record: TransactionRecord, partition: number, values: string[]): Promise<boolean> {
    const { topic } = this.#on;
    if (!(await this.#join(`partition ${partition}`, async ({ id, epoch }) => (await this.stage.client.call(AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: this.name, v3AndBelowProducerId: id, v3AndBelowProducerEpoch: epoch, v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
    })).resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode))) return false;
    const key = keyOf(this.#on, partition);
    if (!record.writes.some(({ value }) => value === values[0])) record.writes.push(...values.map((value) => ({ key, value, offset: null })));
    const { id, epoch } = this.#producer!;
    const baseSequence = this.#sequences.get(partition) ?? 0;
    const timestampMs = epochMs + Math.floor(this.stage.world.time.nowMs);
    const records = buildBatch(values.map((value) => ({ timestampMs, key: this.name, value })), { id, epoch, baseSequence, transactional: true });
    const ask = () => this.stage.client.send(Produce, this.#kind.newer ? 12 : 9, { transactionalId: this.name, acks: -1, timeoutMs: 3000, topicData: [{ name: topic, partitionData: [{ index: partition, records }] }] }, 4000);
    const twice = this.stage.random.chance(0.1);
    const answer = ask();
    if (twice) ask().catch((error: unknown) => { if (!isFault(error)) this.stage.fail(error); });
    const { errorCode, baseOffset } = (await answer).responses[0]!.partitionResponses[0]!;
    this.trace(`write ${values.length} to ${partition}: ${errorCode} at ${baseOffset}`);
    if (this.#notYet('Produce', errorCode)) return false;
    this.#sequences.set(partition, baseSequence + values.length);
    if (baseOffset >= 0) for (const write of record.writes) if (values.includes(write.value)) write.offset = baseOffset + values.indexOf(write.value);
    return true;
  }

  async #commitOffset(record: TransactionRecord, partition: number, next: number): Promise<boolean> {
    const { group } = this.group;
    if (!(await this.#join('group', async ({ id, epoch }) => (await this.stage.client.call(AddOffsetsToTxn, 3, { transactionalId: this.name, producerId: id, producerEpoch: epoch, groupId: group })).errorCode))) return false;
    if (record.consumed.length === 0) record.consumed.push({ group, key: keyOf(this.#on, partition), from: null, next });
    const { id, epoch } = this.#producer!;
    const answer = await this.stage.client.call(TxnOffsetCommit, this.#kind.newer ? 5 : 3, {
      transactionalId: this.name, groupId: group, producerId: id, producerEpoch: epoch, topics: [{ name: this.#on.topic, partitions: [{ partitionIndex: partition, committedOffset: next, committedMetadata: 'note' }] }],
    });
    return !this.#notYet('TxnOffsetCommit', answer.topics[0]!.partitions[0]!.errorCode);
  }

  async #end(record: TransactionRecord, commit: boolean): Promise<boolean> {
    const { id, epoch } = this.#producer!;
    if (commit) this.#on.history.askCommit(record);
    const answer = await this.stage.client.call(EndTxn, this.#kind.newer ? 5 : 3, { transactionalId: this.name, producerId: id, producerEpoch: epoch, committed: commit });
    this.trace(`${commit ? 'commit' : 'abort'} ${record.number}: ${answer.errorCode}`);
    if (this.#notYet('EndTxn', answer.errorCode)) return false;
    if (this.#kind.newer) {
      expect(answer.producerId !== id || answer.producerEpoch === epoch + 1, `${this.name}: the end of a transaction led from epoch ${epoch} to ${answer.producerEpoch}`);
      this.#producer = { id: answer.producerId, epoch: answer.producerEpoch };
      this.#sequences.clear();
    }
    this.#on.history.end(record, commit ? 'committed' : 'aborted');
    this.#met(`${record.consumed.some(({ from }) => from !== null) ? 'consumed and ' : ''}${commit ? 'committed' : 'aborted'}`);
    return true;
  }

  /** Older clients say what belongs to a transaction before they send it. */
  async #join(what: string, ask: (producer: Producer) => Promise<number>): Promise<boolean> {
    if (this.#kind.newer || this.#joined.has(what)) return true;
    if (this.#notYet(what, await ask(this.#producer!))) return false;
    this.#joined.add(what);
    return true;
  }

  /** True when the same may be asked again; throws Lost when nothing of this transaction may be. */
  #notYet(what: string, errorCode: number): boolean {
    if (losing.includes(errorCode)) throw new Lost(`${what} was answered ${errorCode}`);
    return passes(`${this.name}: ${what}`, errorCode, [errorCodes.CONCURRENT_TRANSACTIONS]) || errorCode !== 0;
  }

  #met(what: string): void { this.stage.coverage.met('transaction', what); }
}

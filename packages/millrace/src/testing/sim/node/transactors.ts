// testing/sim/node/transactors.ts - clients that write in transactions, in the newer protocol or the older one, and readers of what is committed.
// Owns: the protocol as clients speak it: retries of what may be retried, a new beginning after what may not. Never: what is right (ledger.ts).
import { AddOffsetsToTxn, AddPartitionsToTxn, EndTxn, errorCodes, Fetch, InitProducerId, ListOffsets, OffsetFetch, Produce, TxnOffsetCommit } from '../../../wire/mod.ts';
import { epochMs } from '../../fake-clock.ts';
import { expect } from '../log-model.ts';
import { buildBatch, isMarker, recordsOf, splitBatches } from '../sim-batch.ts';
import type { FoundRecord } from '../sim-batch.ts';
import { Actor, isFault, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { RawClient } from './raw-client.ts';

/** A topic whose records are written in transactions. */
export interface LedgerTopic { readonly topic: string; readonly partitions: number; readonly ledger: Ledger }

interface Producer { readonly id: number; epoch: number }
/** What comes next of the transaction under way. */
type Step = { readonly kind: 'write'; readonly partition: number; readonly values: string[] } | { readonly kind: 'offset' } | { readonly kind: 'end'; readonly commit: boolean };

/** The transaction is lost: the client begins anew, and whatever it had open is aborted by that. */
class Lost extends Error {}
const losing: readonly number[] = [
  errorCodes.INVALID_TXN_STATE, errorCodes.INVALID_PRODUCER_EPOCH, errorCodes.PRODUCER_FENCED, errorCodes.INVALID_PRODUCER_ID_MAPPING, errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
];

/** Writes transaction after transaction under one transactional id; nobody else uses it. */
export class Transactor extends Actor {
  readonly #on: LedgerTopic;
  readonly #newer: boolean;
  #producer: Producer | null = null;
  /** Who it was before it began anew: a copy of it may still be at work somewhere. */
  #former: Producer | null = null;
  readonly #sequences = new Map<number, number>();
  #number = 0;
  #entry: Entry | null = null;
  #steps: Step[] = [];
  readonly #joined = new Set<string>();

  constructor(name: string, stage: Stage, on: LedgerTopic, newer: boolean) {
    super(name, stage);
    this.#on = on;
    this.#newer = newer;
  }

  get group(): string { return `group of ${this.name}`; }

  protected override unfinished(): boolean { return this.#entry !== null; }

  protected override async act(): Promise<void> {
    await this.stage.client.connect();
    try {
      if (this.#producer === null) return await this.#begin();
      if (this.#former !== null && this.stage.random.chance(0.2)) return await this.#haunt(this.#former);
      if (this.#entry === null && this.stage.random.chance(0.05) && !this.stage.resting()) throw new Lost('another one of its name takes over');
      if (this.#entry === null) this.#plan();
      await this.#advance();
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      this.trace(`begins anew: ${error.message}`);
      this.#former = this.#producer;
      this.#producer = null;
    }
  }

  /** A new epoch; what was open is aborted by that, unless its end had been asked for and happened. */
  async #begin(): Promise<void> {
    const { stage } = this;
    const answer = await stage.client.call(InitProducerId, this.#newer ? 5 : 3, { transactionalId: this.name, transactionTimeoutMs: stage.random.pick([200, 2_000, 60_000]) });
    if (passes(`${this.name}: InitProducerId`, answer.errorCode, [errorCodes.CONCURRENT_TRANSACTIONS]) || answer.errorCode !== 0) return;
    if (this.#producer !== null) expect(answer.producerEpoch > this.#producer.epoch || answer.producerId !== this.#producer.id, `${this.name}: epoch ${answer.producerEpoch} after ${this.#producer.epoch}`);
    this.#producer = { id: answer.producerId, epoch: answer.producerEpoch };
    this.#sequences.clear();
    if (this.#entry?.ending === 'open') this.#on.ledger.ended(this.#entry, 'aborted');
    this.#forget();
  }

  /** What a copy of its former self does that has not heard of the end: nothing of it may count. */
  async #haunt({ id, epoch }: Producer): Promise<void> {
    this.#former = null;
    const partition = this.stage.random.below(this.#on.partitions);
    const timestampMs = epochMs + Math.floor(this.stage.world.time.nowMs);
    const records = buildBatch([{ timestampMs, key: null, value: `${this.name}/zombie` }], { id, epoch, baseSequence: 0, transactional: true });
    const produced = await this.stage.client.call(Produce, this.#newer ? 12 : 9, { transactionalId: this.name, acks: -1, timeoutMs: 3000, topicData: [{ name: this.#on.topic, partitionData: [{ index: partition, records }] }] });
    const { errorCode } = produced.responses[0]!.partitionResponses[0]!;
    expect(errorCode !== 0, `${this.name}: a batch of its former epoch ${epoch} was appended`);
    const ended = await this.stage.client.call(EndTxn, 3, { transactionalId: this.name, producerId: id, producerEpoch: epoch, committed: true });
    expect(ended.errorCode !== 0, `${this.name}: its former epoch ${epoch} ended a transaction`);
    this.trace(`haunts with epoch ${epoch}: ${errorCode}, ${ended.errorCode}`);
  }

  #plan(): void {
    const { random } = this.stage;
    if (this.stage.resting()) return;
    const number = this.#number++;
    this.#entry = this.#on.ledger.open(this.name, number);
    this.#steps = [];
    for (let k = random.between(1, 4), index = 0; k > 0; k--) {
      const partition = random.below(this.#on.partitions);
      const values = Array.from({ length: random.between(1, 3) }, () => `${this.name}/${number}/${index++}${'.'.repeat(random.pick([0, 50, 2000]))}`);
      this.#steps.push({ kind: 'write', partition, values });
    }
    if (random.chance(0.4)) this.#steps.splice(random.below(this.#steps.length + 1), 0, { kind: 'offset' });
    this.#steps.push({ kind: 'end', commit: random.chance(0.7) });
  }

  /** Goes on with the transaction; a step that failed on the way is done again. */
  async #advance(): Promise<void> {
    const step = this.#steps[0];
    if (step === undefined || this.#entry === null) return;
    const done = step.kind === 'write' ? await this.#write(this.#entry, step.partition, step.values) : step.kind === 'offset' ? await this.#commitOffset(this.#entry) : await this.#end(this.#entry, step.commit);
    if (done) this.#steps.shift();
    if (done && step.kind === 'end') this.#forget();
  }

  #forget(): void {
    this.#entry = null;
    this.#steps = [];
    this.#joined.clear();
  }

  async #write(entry: Entry, partition: number, values: string[]): Promise<boolean> {
    const { topic } = this.#on;
    if (!(await this.#join(`partition ${partition}`, async ({ id, epoch }) => (await this.stage.client.call(AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: this.name, v3AndBelowProducerId: id, v3AndBelowProducerEpoch: epoch, v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
    })).resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode))) return false;
    const sent = entry.values.get(partition) ?? [];
    if (!sent.includes(values[0]!)) entry.values.set(partition, [...sent, ...values]);
    const { id, epoch } = this.#producer!;
    const baseSequence = this.#sequences.get(partition) ?? 0;
    const timestampMs = epochMs + Math.floor(this.stage.world.time.nowMs);
    const records = buildBatch(values.map((value) => ({ timestampMs, key: this.name, value })), { id, epoch, baseSequence, transactional: true });
    const ask = () => this.stage.client.send(Produce, this.#newer ? 12 : 9, { transactionalId: this.name, acks: -1, timeoutMs: 3000, topicData: [{ name: topic, partitionData: [{ index: partition, records }] }] }, 4000);
    const twice = this.stage.random.chance(0.1);
    const answer = ask();
    if (twice) ask().catch((error: unknown) => { if (!isFault(error)) this.stage.fail(error); });
    const { errorCode } = (await answer).responses[0]!.partitionResponses[0]!;
    this.trace(`write ${values.length} to ${partition}: ${errorCode}`);
    if (this.#notYet('Produce', errorCode)) return false;
    this.#sequences.set(partition, baseSequence + values.length);
    return true;
  }

  async #commitOffset(entry: Entry): Promise<boolean> {
    if (!(await this.#join('group', async ({ id, epoch }) => (await this.stage.client.call(AddOffsetsToTxn, 3, { transactionalId: this.name, producerId: id, producerEpoch: epoch, groupId: this.group })).errorCode))) return false;
    entry.offset = entry.number;
    const { id, epoch } = this.#producer!;
    const answer = await this.stage.client.call(TxnOffsetCommit, this.#newer ? 5 : 3, {
      transactionalId: this.name, groupId: this.group, producerId: id, producerEpoch: epoch, topics: [{ name: this.#on.topic, partitions: [{ partitionIndex: 0, committedOffset: entry.number, committedMetadata: 'note' }] }],
    });
    return !this.#notYet('TxnOffsetCommit', answer.topics[0]!.partitions[0]!.errorCode);
  }

  async #end(entry: Entry, commit: boolean): Promise<boolean> {
    const { id, epoch } = this.#producer!;
    if (commit && entry.ending === 'open') entry.ending = 'asked to commit';
    const answer = await this.stage.client.call(EndTxn, this.#newer ? 5 : 3, { transactionalId: this.name, producerId: id, producerEpoch: epoch, committed: commit });
    this.trace(`${commit ? 'commit' : 'abort'} ${entry.number}: ${answer.errorCode}`);
    if (this.#notYet('EndTxn', answer.errorCode)) return false;
    if (this.#newer) {
      expect(answer.producerId !== id || answer.producerEpoch === epoch + 1, `${this.name}: the end of a transaction led from epoch ${epoch} to ${answer.producerEpoch}`);
      this.#producer = { id: answer.producerId, epoch: answer.producerEpoch };
      this.#sequences.clear();
    }
    this.#on.ledger.ended(entry, commit ? 'committed' : 'aborted');
    return true;
  }

  /** Older clients say what belongs to a transaction before they send it. */
  async #join(what: string, ask: (producer: Producer) => Promise<number>): Promise<boolean> {
    if (this.#newer || this.#joined.has(what)) return true;
    if (this.#notYet(what, await ask(this.#producer!))) return false;
    this.#joined.add(what);
    return true;
  }

  /** True when the same may be asked again; throws Lost when nothing of this transaction may be. */
  #notYet(what: string, errorCode: number): boolean {
    if (losing.includes(errorCode)) throw new Lost(`${what} was answered ${errorCode}`);
    return passes(`${this.name}: ${what}`, errorCode, [errorCodes.CONCURRENT_TRANSACTIONS]) || errorCode !== 0;
  }
}

/** Follows the topic as a reader of committed data. */
export class CommittedReader extends Actor {
  readonly #on: LedgerTopic;
  readonly #positions = new Map<number, number>();

  constructor(name: string, stage: Stage, on: LedgerTopic) {
    super(name, stage);
    this.#on = on;
  }

  protected override async act(): Promise<void> {
    const { random, client } = this.stage;
    const partition = random.below(this.#on.partitions);
    const from = random.chance(0.2) ? 0 : this.#positions.get(partition) ?? 0;
    const read = await readCommitted(client, this.#on, partition, from, random.pick([100, 3_000, 1 << 20]));
    if (read === null) return;
    this.#on.ledger.seen(partition, read.records);
    this.#positions.set(partition, Math.max(from, read.next));
  }
}

/** One fetch of committed data; null while a fault lasts. */
async function readCommitted(client: RawClient, { topic }: LedgerTopic, partition: number, from: number, bytesMax: number): Promise<{ records: FoundRecord[]; next: number; stable: number } | null> {
  const answer = await client.call(Fetch, 12, {
    maxWaitMs: 0, minBytes: 1, maxBytes: bytesMax, isolationLevel: 1, sessionId: 0, sessionEpoch: -1, topics: [{ topic, partitions: [{ partition, fetchOffset: from, partitionMaxBytes: bytesMax }] }],
  });
  const found = answer.responses[0]?.partitions[0];
  if (found === undefined || passes('Fetch', found.errorCode)) return null;
  const batches = splitBatches(new Uint8Array(found.records ?? []));
  const records = batches.filter((batch) => !isMarker(batch)).flatMap(recordsOf).filter(({ offset }) => offset >= from);
  const last = batches.at(-1);
  const next = last === undefined ? from : last.baseOffset + last.offsetCount;
  expect(next <= found.lastStableOffset && found.lastStableOffset <= found.highWatermark, `${topic}-${partition}: read to ${next} of ${found.lastStableOffset} stable of ${found.highWatermark}`);
  return { records, next, stable: found.lastStableOffset };
}

/** Reads everything that is committed and compares it; nobody has a transaction under way, so nothing may be open. */
export async function checkLedger(client: RawClient, on: LedgerTopic, transactors: readonly Transactor[]): Promise<void> {
  const found = new Map<number, FoundRecord[]>();
  for (let partition = 0; partition < on.partitions; partition++) {
    const records: FoundRecord[] = [];
    const { offset: end } = (await client.call(ListOffsets, 7, { replicaId: -1, isolationLevel: 0, topics: [{ name: on.topic, partitions: [{ partitionIndex: partition, timestamp: -1 }] }] })).topics[0]!.partitions[0]!;
    for (let from = 0; from < end;) {
      const read = await readCommitted(client, on, partition, from, 1 << 20);
      expect(read !== null && read.next > from, `${on.topic}-${partition}: nothing committed is read at ${from} of ${end}, stable ${read?.stable}`);
      records.push(...read!.records);
      from = read!.next;
    }
    found.set(partition, records);
  }
  on.ledger.checkAll(found);
  for (const { name, group } of transactors) {
    const answer = await client.call(OffsetFetch, 9, { requireStable: true, groups: [{ groupId: group, topics: [{ name: on.topic, partitionIndexes: [0] }] }] });
    const { errorCode, committedOffset } = answer.groups[0]!.topics[0]!.partitions[0]!;
    expect(errorCode === 0, `the offsets of ${group} were answered ${errorCode}`);
    on.ledger.checkOffset(name, committedOffset);
  }
}

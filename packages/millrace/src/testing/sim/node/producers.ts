// testing/sim/node/producers.ts - clients that append: idempotent ones that never give up, plain ones that never try again.
// Owns: sequences, pipelining, doubled requests. Never: what must be there in the end (history.ts).
import { InitProducerId, Produce, errorCodes } from '../../../wire/mod.ts';
import { epochMs } from '../../fake-clock.ts';
import { expect } from '../log-model.ts';
import { buildBatch } from '../sim-batch.ts';
import { Actor, isFault, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import type { PartitionHistory } from './history.ts';

/** A partition to write to. */
export interface Target { readonly topic: string; readonly partition: number; readonly history: PartitionHistory }

const produceVersion = 9;

/** What clients that append share. */
export abstract class ProducerActor extends Actor {
  /** Sends one batch; the answer is the error code and the base offset. */
  protected async produce(target: Target, bytes: Uint8Array, acks: number): Promise<{ errorCode: number; baseOffset: number; logAppendTimeMs: number }> {
    const answer = await this.stage.client.send(Produce, produceVersion, {
      acks, timeoutMs: 3000, topicData: [{ name: target.topic, partitionData: [{ index: target.partition, records: bytes }] }],
    }, 4000);
    const { errorCode, baseOffset, logAppendTimeMs } = answer.responses[0]!.partitionResponses[0]!;
    if (errorCode !== 0 && errorCode !== errorCodes.DUPLICATE_SEQUENCE_NUMBER) expect(baseOffset === -1 && Number(logAppendTimeMs) === -1, `a refused append (${errorCode}) was answered offset ${baseOffset} and time ${logAppendTimeMs}`);
    return { errorCode, baseOffset, logAppendTimeMs: Number(logAppendTimeMs) };
  }

  /** Values of a new batch. */
  protected values(name: string, first: number): string[] {
    const { random } = this.stage;
    const count = random.pick([1, 1, 2, 5, 10]);
    const filler = '.'.repeat(random.pick([0, 10, 100, 1000]) * (random.chance(0.02) ? 100 : 1));
    return Array.from({ length: count }, (_, i) => `${name}/${first + i}/${filler}`);
  }

  protected nowMs(): number { return epochMs + Math.floor(this.stage.world.time.nowMs); }
}

interface Unacked { readonly values: readonly string[]; readonly number: number; readonly baseSequence: number; readonly bytes: Uint8Array }

/** Appends to one partition with a producer id; what was not acknowledged is sent again until it is. */
export class IdempotentProducer extends ProducerActor {
  readonly #target: Target;
  #producer: { id: number; epoch: number } | null = null;
  #sequence = 0;
  /** Records so far, over all epochs. */
  #number = 0;
  #unacked: Unacked[] = [];

  constructor(name: string, stage: Stage, target: Target) {
    super(name, stage);
    this.#target = target;
  }

  protected override unfinished(): boolean { return this.#unacked.length > 0; }

  protected override async act(): Promise<void> {
    await this.stage.client.connect();
    this.#producer ??= await this.#begin();
    if (this.#producer === null) return;
    if (this.#unacked.length === 0 && this.stage.random.chance(0.05)) this.#nextEpoch();
    if (!this.stage.resting()) for (let more = this.stage.random.between(0, 4 - Math.min(4, this.#unacked.length)); more >= 0; more--) this.#add();
    await this.#sendAll();
  }

  async #begin(): Promise<{ id: number; epoch: number } | null> {
    const answer = await this.stage.client.call(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 60_000 });
    if (passes('InitProducerId', answer.errorCode)) return null;
    expect(answer.producerId >= 0 && answer.producerEpoch >= 0, `a producer got the id ${answer.producerId}`);
    return { id: answer.producerId, epoch: answer.producerEpoch };
  }

  #add(): void {
    const values = this.values(this.name, this.#number);
    const bytes = buildBatch(values.map((value) => ({ timestampMs: this.nowMs(), key: this.name, value })), { ...this.#producer!, baseSequence: this.#sequence });
    this.#unacked.push({ values, number: this.#number, baseSequence: this.#sequence, bytes });
    this.#sequence += values.length;
    this.#number += values.length;
  }

  /** As clients do after a failure, once all is answered: the epoch rises, and sequences begin again (KIP-360). */
  #nextEpoch(): void {
    this.#producer = { id: this.#producer!.id, epoch: this.#producer!.epoch + 1 };
    this.#sequence = 0;
    this.trace(`epoch ${this.#producer.epoch}`);
  }

  /** Sends all unacknowledged batches back to back, sometimes one of them twice, and drops from the front what was acknowledged. */
  async #sendAll(): Promise<void> {
    await this.stage.client.connect();
    const batches = this.#unacked.slice(0, 5);
    const twice = this.stage.random.chance(0.1) ? this.stage.random.below(batches.length) : -1;
    const answers = batches.map((batch, index) => {
      const answer = this.#sendOne(batch);
      if (index === twice) this.stage.coverage.met('request doubled', 'Produce');
      if (index === twice) this.#sendOne(batch).catch((error: unknown) => { if (!isFault(error)) this.stage.fail(error); });
      return answer;
    });
    const results = await Promise.allSettled(answers);
    let allBefore = true;
    for (const [index, result] of results.entries()) {
      if (result.status === 'rejected') {
        if (!isFault(result.reason)) throw result.reason;
        allBefore = false;
        continue;
      }
      expect(result.value !== 'out of order' || !allBefore, `${this.name}: ${this.#target.history.name} does not know what came before sequence ${batches[index]!.baseSequence}, which it had acknowledged`);
      if (result.value !== 'acked') allBefore = false;
      else this.#unacked = this.#unacked.filter((batch) => batch !== batches[index]);
    }
  }

  async #sendOne(batch: Unacked): Promise<'acked' | 'out of order' | 'failed'> {
    const { history } = this.#target;
    batch.values.forEach((value, i) => history.sending(value, this.name, batch.number + i, true));
    const { errorCode, baseOffset } = await this.produce(this.#target, batch.bytes, -1);
    this.trace(`${history.name} ${batch.baseSequence} +${batch.values.length}: ${errorCode} at ${baseOffset}`);
    if (errorCode === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER) return 'out of order';
    if (passes(`${this.name}: Produce`, errorCode, [errorCodes.DUPLICATE_SEQUENCE_NUMBER])) return 'failed';
    batch.values.forEach((value, i) => history.acked(value, errorCode === 0 ? baseOffset + i : -1));
    return 'acked';
  }
}

/** Appends each batch once, with acks 0, 1 or all; after a lost connection it goes by a new name, because order ends there. */
export class PlainProducer extends ProducerActor {
  readonly #targets: readonly Target[];
  readonly #numbers = new Map<Target, number>();
  #lost = 0;

  constructor(name: string, stage: Stage, targets: readonly Target[]) {
    super(name, stage);
    this.#targets = targets;
  }

  protected override async act(): Promise<void> {
    const { random, client } = this.stage;
    await client.connect();
    const target = random.pick(this.#targets);
    const name = `${this.name}.${this.#lost}`;
    const first = this.#numbers.get(target) ?? 0;
    const values = this.values(name, first);
    this.#numbers.set(target, first + values.length);
    const bytes = buildBatch(values.map((value) => ({ timestampMs: this.nowMs(), key: null, value })));
    values.forEach((value, i) => target.history.sending(value, name, first + i, false));
    const life = this.stage.life();
    try {
      const { errorCode, baseOffset } = await this.produce(target, bytes, random.pick([1, -1]));
      this.trace(`${target.history.name} ${first} +${values.length}: ${errorCode} at ${baseOffset}`);
      if (passes(`${this.name}: Produce`, errorCode)) return;
      if (target.history.promised === 'page-cache' && life !== this.stage.life()) return; // acknowledged by a node that is gone, and its tail may be too
      values.forEach((value, i) => target.history.acked(value, baseOffset + i));
    } catch (error) {
      this.#lost++;
      this.#numbers.clear();
      throw error;
    }
  }
}

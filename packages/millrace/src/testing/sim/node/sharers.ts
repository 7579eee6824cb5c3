// testing/sim/node/sharers.ts - members of a share group: they fetch, decide, forget, leave and vanish.
// Owns: the protocol as clients speak it. Never: what is right (queue.ts), but for one thing only a member knows: while its connection lives and its lock has surely
// not expired, what it says of a record is not refused.
import {
  DescribeShareGroupOffsets, errorCodes, errorName, Fetch, IncrementalAlterConfigs, Metadata, RecordCursor, ShareAcknowledge, ShareFetch, ShareGroupHeartbeat, type ResponseOf,
} from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { recordsOf, splitBatches, type FoundRecord } from '../sim-batch.ts';
import { Actor, isFault, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import type { Queue } from './queue.ts';
import type { RawClient } from './raw-client.ts';

const groupResource = 32;
const types = { gap: 0, accept: 1, release: 2, reject: 3, renew: 4 } as const;
const sessionFaults: readonly number[] = [errorCodes.SHARE_SESSION_NOT_FOUND, errorCodes.INVALID_SHARE_SESSION_EPOCH, errorCodes.GROUP_ID_NOT_FOUND];
const memberFaults: readonly number[] = [errorCodes.UNKNOWN_MEMBER_ID, errorCodes.FENCED_MEMBER_EPOCH];

interface Held { readonly partition: number; readonly offset: number; /** No later than the server began the lock. */ readonly sinceMs: number }
interface Said extends Held { readonly type: number }
type Batch = { firstOffset: number; lastOffset: number; acknowledgeTypes: number[] };

/** One member. */
export class Sharer extends Actor {
  readonly #queue: Queue;
  readonly #writer: Actor;
  readonly #memberId: string;
  #memberEpoch = 0;
  #topicId = '';
  #sessionEpoch = 0;
  readonly #held = new Map<string, Held>();
  #isDone = false;

  /** `writer` fills the queue: nothing is left to do only when it has stopped. */
  constructor(name: string, stage: Stage, queue: Queue, writer: Actor) {
    super(name, stage);
    this.#queue = queue;
    this.#writer = writer;
    this.#memberId = name.padEnd(22, 'A');
  }

  protected override unfinished(): boolean { return !this.#isDone; }

  protected override async act(): Promise<void> {
    const { random } = this.stage;
    try {
      if (this.#topicId === '' && !(await this.#findTopic())) return;
      if (this.#memberEpoch === 0 || random.chance(0.1)) return await this.#beat();
      if (this.stage.resting()) return await this.#finish();
      const draw = random.fraction();
      if (draw < 0.05) await this.#leave();
      else if (draw < 0.1) this.#vanish();
      else if (draw < 0.5) await this.#fetch(random.chance(0.5) ? this.#choose() : []);
      else await this.#acknowledge(this.#choose());
    } catch (error) {
      if (isFault(error)) this.#lose();
      throw error;
    }
  }

  /** At the end everything that can be had is accepted, until nothing is left to do. */
  async #finish(): Promise<void> {
    const all = [...this.#held.values()].map((held) => ({ ...held, type: types.accept }));
    if (all.length > 0) return await this.#acknowledge(all);
    const isWhole = this.#writer.isAtRest;
    const { groups } = await this.stage.client.call(DescribeShareGroupOffsets, 1, { groups: [{ groupId: this.#queue.group, topics: null }] });
    const partitions = groups[0]!.topics.flatMap((topic) => topic.partitions);
    if (isWhole && groups[0]!.errorCode === 0 && partitions.length === this.#queue.partitions && partitions.every(({ lag }) => lag === 0)) this.#isDone = true;
    else await this.#fetch([]);
  }

  async #findTopic(): Promise<boolean> {
    const { responses } = await this.stage.client.call(IncrementalAlterConfigs, 1, {
      resources: [{ resourceType: groupResource, resourceName: this.#queue.group, configs: Object.entries({
        'share.auto.offset.reset': 'earliest', 'share.record.lock.duration.ms': String(this.#queue.lockMs), 'share.delivery.count.limit': String(this.#queue.deliveriesMax),
        'errors.deadletterqueue.topic.name': this.#queue.deadTopic, 'errors.deadletterqueue.copy.record.enable': 'true',
      }).map(([name, value]) => ({ name, configOperation: 0, value })) }],
    });
    if (passes('IncrementalAlterConfigs', responses[0]!.errorCode)) return false;
    const { topics } = await this.stage.client.call(Metadata, 12, { topics: [{ name: this.#queue.topic }] });
    if (passes('Metadata', topics[0]!.errorCode)) return false;
    this.#topicId = topics[0]!.topicId;
    return true;
  }

  async #beat(): Promise<void> {
    const answer = await this.stage.client.call(ShareGroupHeartbeat, 1, { groupId: this.#queue.group, memberId: this.#memberId, memberEpoch: this.#memberEpoch, subscribedTopicNames: this.#memberEpoch === 0 ? [this.#queue.topic] : null });
    this.trace(`beat: ${errorName(answer.errorCode)} epoch ${answer.memberEpoch}`);
    if (memberFaults.includes(answer.errorCode)) { this.#memberEpoch = 0; return; }
    if (passes('ShareGroupHeartbeat', answer.errorCode)) return;
    expect(answer.memberEpoch >= this.#memberEpoch, `${this.name}: epoch ${answer.memberEpoch} after ${this.#memberEpoch}`);
    this.#memberEpoch = answer.memberEpoch;
  }

  async #leave(): Promise<void> {
    const answer = await this.stage.client.call(ShareGroupHeartbeat, 1, { groupId: this.#queue.group, memberId: this.#memberId, memberEpoch: -1 });
    this.trace(`leaves: ${errorName(answer.errorCode)}`);
    passes('ShareGroupHeartbeat', answer.errorCode, [...memberFaults, errorCodes.GROUP_ID_NOT_FOUND]);
    this.#memberEpoch = 0;
    this.#lose();
  }

  #vanish(): void {
    this.trace('vanishes');
    this.stage.client.drop();
    this.#lose();
  }

  #lose(): void {
    this.#held.clear();
    this.#sessionEpoch = 0;
  }

  /** Something about some of what is held. */
  #choose(): Said[] {
    const { random } = this.stage;
    return [...this.#held.values()].filter(() => random.chance(0.6)).map((held) => ({ ...held, type: random.pick([types.accept, types.accept, types.accept, types.release, types.reject]) }));
  }

  async #fetch(said: readonly Said[]): Promise<void> {
    const { random, world } = this.stage;
    if (this.#sessionEpoch === 0 && said.length > 0) return;
    const life = this.stage.life();
    const sinceMs = world.time.nowMs;
    const topics = this.#sessionEpoch === 0 ? this.#topics([]) : this.#topics(said);
    this.#ask(said);
    const exact = random.chance(0.5);
    const recordsMax = random.between(1, 20);
    const answer = await this.stage.client.call(ShareFetch, 2, {
      groupId: this.#queue.group, memberId: this.#memberId, shareSessionEpoch: this.#sessionEpoch, maxWaitMs: random.pick([0, 50, 300]), minBytes: 1, maxBytes: random.pick([100, 1 << 20]), maxRecords: recordsMax,
      batchSize: 10, shareAcquireMode: exact ? 1 : 0, topics,
    });
    if (this.#isOver(answer.errorCode)) return;
    this.#sessionEpoch++;
    this.#answered(said, new Map(answer.responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex, acknowledgeErrorCode }) => [partitionIndex, acknowledgeErrorCode] as const))), life);
    const count = this.#take(answer, sinceMs, life);
    if (exact) expect(count <= recordsMax, `${this.name}: ${count} records were acquired, at most ${recordsMax} were asked for`);
  }

  /** Notes what was acquired; answers how many records. */
  #take(answer: ResponseOf<typeof ShareFetch>, sinceMs: number, life: number): number {
    let count = 0;
    for (const { partitions } of answer.responses) {
      for (const { partitionIndex: partition, errorCode, records, acquiredRecords } of partitions) {
        if (passes('ShareFetch', errorCode)) continue;
        const found = splitBatches(records ?? new Uint8Array(0)).flatMap(recordsOf);
        for (const { firstOffset, lastOffset, deliveryCount } of acquiredRecords) {
          for (let offset = firstOffset; offset <= lastOffset; offset++) {
            const record = found.find((one) => one.offset === offset);
            expect(record !== undefined, `${this.name}: ${partition}@${offset} was acquired and not sent`);
            this.#queue.delivered(this.name, partition, record, deliveryCount, life, sinceMs);
            this.#held.set(`${partition}/${offset}`, { partition, offset, sinceMs });
            count++;
          }
        }
        this.trace(`gets ${acquiredRecords.map(({ firstOffset, lastOffset, deliveryCount }) => `${partition}@${firstOffset}-${lastOffset}#${deliveryCount}`).join(' ')}`);
      }
    }
    return count;
  }

  async #acknowledge(said: readonly Said[]): Promise<void> {
    if (said.length === 0 || this.#sessionEpoch === 0) return;
    const life = this.stage.life();
    const renews = !this.stage.resting() && this.stage.random.chance(0.2);
    const sent = renews ? said.map((one) => ({ ...one, type: types.renew })) : said;
    const sinceMs = this.stage.world.time.nowMs;
    this.#ask(sent);
    const answer = await this.stage.client.call(ShareAcknowledge, 2, { groupId: this.#queue.group, memberId: this.#memberId, shareSessionEpoch: this.#sessionEpoch, isRenewAck: renews, topics: this.#topics(sent) });
    if (this.#isOver(answer.errorCode)) return;
    this.#sessionEpoch++;
    this.#answered(sent, new Map(answer.responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode] as const))), life, sinceMs);
  }

  #isOver(errorCode: number): boolean {
    if (sessionFaults.includes(errorCode)) { this.#lose(); return true; }
    return passes('share session', errorCode);
  }

  #ask(said: readonly Said[]): void {
    for (const { partition, offset, type } of said) if (type === types.accept || type === types.reject) this.#queue.asked(partition, offset, type === types.accept ? 'accepted' : 'rejected');
  }

  #answered(said: readonly Said[], codes: ReadonlyMap<number, number>, life: number, renewedMs = 0): void {
    const nowMs = this.stage.world.time.nowMs;
    for (const partition of new Set(said.map((one) => one.partition))) {
      const some = said.filter((one) => one.partition === partition);
      const code = codes.get(partition) ?? 0;
      this.trace(`says of ${partition}@${some.map(({ offset, type }) => `${offset}:${type}`).join(' ')}: ${errorName(code)}`);
      const isSure = life === this.stage.life() && some.every(({ sinceMs }) => nowMs < sinceMs + this.#queue.lockMs);
      if (isSure) passes(`${this.name}: what it said of records that it holds`, code);
      else passes('acknowledging', code, [errorCodes.INVALID_RECORD_STATE, errorCodes.INVALID_REQUEST]);
      for (const { offset, type } of some) {
        const key = `${partition}/${offset}`;
        if (type === types.renew) { if (code === 0) this.#held.set(key, { partition, offset, sinceMs: renewedMs }); continue; }
        this.#held.delete(key);
        if (code === 0 && isSure && type !== types.release) this.#queue.decided(partition, offset, type === types.accept ? 'accepted' : 'rejected', nowMs);
      }
      if (code !== 0) for (const { offset } of some) this.#held.delete(`${partition}/${offset}`);
    }
  }

  #topics(said: readonly Said[]) {
    return [{ topicId: this.#topicId, partitions: Array.from({ length: this.#queue.partitions }, (_, partitionIndex) => ({ partitionIndex, acknowledgementBatches: batchesOf(said.filter(({ partition }) => partition === partitionIndex)) })) }];
  }
}

function batchesOf(said: readonly Said[]): Batch[] {
  const batches: Batch[] = [];
  for (const { offset, type } of [...said].sort((a, b) => a.offset - b.offset)) {
    const last = batches.at(-1);
    if (last !== undefined && last.lastOffset + 1 === offset) { last.lastOffset = offset; last.acknowledgeTypes.push(type); }
    else batches.push({ firstOffset: offset, lastOffset: offset, acknowledgeTypes: [type] });
  }
  return batches;
}

/** How many dead letters name each record ('partition/offset'). */
export async function readDeadLetters(client: RawClient, queue: Queue): Promise<Map<string, number>> {
  const letters = new Map<string, number>();
  const text = new TextDecoder();
  for (let offset = 0; ;) {
    const answer = await client.call(Fetch, 12, { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, sessionEpoch: -1, topics: [{ topic: queue.deadTopic, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 << 20 }] }] });
    const batches = splitBatches(answer.responses[0]!.partitions[0]!.records ?? new Uint8Array(0));
    if (batches.length === 0) return letters;
    for (const batch of batches) {
      const records = new RecordCursor().open(batch.bytes);
      while (records.next()) {
        const headers = new Map(records.headers().map(({ key, value }) => [key, text.decode(value ?? new Uint8Array())]));
        const key = `${headers.get('__dlq.errors.partition')}/${headers.get('__dlq.errors.offset')}`;
        letters.set(key, (letters.get(key) ?? 0) + 1);
        offset = records.offset + 1;
      }
    }
  }
}

/** Compares a queue, on which nothing is left to do, with what is in its topic. */
export function checkQueue(queue: Queue, found: readonly (readonly FoundRecord[])[], letters: ReadonlyMap<string, number>): void {
  for (const [partition, records] of found.entries()) queue.check(partition, records, letters);
}

// testing/sim/node/consumer-members.ts - members of a group of the consumer protocol that speak for themselves, heartbeat by heartbeat.
// Owns: the promises of such a group: P1 a partition has one owner at a time: who is told it is told so once nobody else has it whom the group still counts.
// P2 a commit that was confirmed is there for the next owner, and no offset that nobody sent. P3 an epoch
// told to a member only rises while it is in. P4 left alone, the members that are in have all partitions.
import { ConsumerGroupHeartbeat, errorCodes, errorName, OffsetCommit, OffsetFetch, zeroUuid, Metadata } from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { Actor, passes } from './actor.ts';
import type { Stage } from './actor.ts';

/** The node's default session of the consumer protocol. */
const sessionMs = 10_000;
const rebalanceMs = 60_000;
/** Answers that send a member back to its start. */
const fencing: readonly number[] = [errorCodes.FENCED_MEMBER_EPOCH, errorCodes.UNKNOWN_MEMBER_ID, errorCodes.GROUP_ID_NOT_FOUND];

/** What is known of one partition. */
interface Place { owner: ConsumerActor | null; /** Counts its changes of owner. */ turn: number; confirmed: number; sent: number }

/** The truth about a group, shared by its members. */
export class ConsumerGroupTruth {
  readonly group: string;
  readonly topic: string;
  readonly partitions: number;
  readonly #places: Place[];

  constructor(group: string, topic: string, partitions: number) {
    this.group = group;
    this.topic = topic;
    this.partitions = partitions;
    this.#places = Array.from({ length: partitions }, () => ({ owner: null, turn: 0, confirmed: -1, sent: -1 }));
  }

  place(partition: number): Place { return this.#places[partition]!; }

  /** P1. */
  take(member: ConsumerActor, partition: number, nowMs: number): void {
    const place = this.place(partition);
    const { owner } = place;
    expect(owner === null || owner === member || owner.mayBeGone(nowMs), `${this.group}: ${member.name} is told ${partition}, and ${owner?.name} has it`);
    if (owner !== member) { place.owner = member; place.turn++; }
  }

  release(member: ConsumerActor, partition: number): void {
    const place = this.place(partition);
    if (place.owner === member) place.owner = null;
  }
}

/** One member. */
export class ConsumerActor extends Actor {
  readonly #truth: ConsumerGroupTruth;
  #memberId = '';
  #lives = 0;
  #epoch = 0;
  readonly #owns = new Set<number>();
  #told: number[] | null = null;
  #topicId = zeroUuid;
  #isWhole = true;
  /** When the last answered heartbeat was sent. */
  #seenMs = -Infinity;

  constructor(name: string, stage: Stage, truth: ConsumerGroupTruth) {
    super(name, stage);
    this.#truth = truth;
  }

  /** The group may have taken it for gone: it has heard nothing of it for a session. A heartbeat whose answer was lost only makes that later. */
  mayBeGone(nowMs: number): boolean { return nowMs - this.#seenMs >= sessionMs; }

  get partitions(): number { return this.#owns.size; }

  protected override async act(): Promise<void> {
    const { random } = this.stage;
    if (this.#topicId === zeroUuid && !await this.#findTopic()) return;
    if (this.#epoch > 0 && random.chance(0.03)) return await this.leave();
    if (this.#owns.size > 0 && random.chance(0.3)) return await this.#work();
    this.#giveUp(random.chance(0.7));
    await this.beat();
  }

  override async end(): Promise<void> {
    await this.leave();
    await super.end();
  }

  /** One heartbeat: says what it has, takes what it is told. */
  async beat(): Promise<void> {
    if (this.#topicId === zeroUuid && !await this.#findTopic()) return;
    if (this.#epoch === 0 && this.#memberId === '') this.#memberId = `${this.name}-${++this.#lives}`;
    const [sentMs, life, isWhole] = [this.#nowMs(), this.stage.life(), this.#isWhole];
    const owned = [{ topicId: this.#topicId, partitions: [...this.#owns] }];
    this.#isWhole = true; // until it is answered
    const answer = await this.stage.client.call(ConsumerGroupHeartbeat, 1, {
      groupId: this.#truth.group, memberId: this.#memberId, memberEpoch: this.#epoch, topicPartitions: this.#epoch === 0 ? [] : owned,
      ...(isWhole ? { rebalanceTimeoutMs: rebalanceMs, subscribedTopicNames: [this.#truth.topic], subscribedTopicRegex: '' } : {}),
    });
    if (passes('ConsumerGroupHeartbeat', answer.errorCode, fencing)) return;
    this.trace(`heartbeat of epoch ${this.#epoch}: ${errorName(answer.errorCode)} ${answer.memberEpoch}`);
    if (answer.errorCode !== errorCodes.NONE) return this.#startOver();
    this.#isWhole = false;
    this.#seenMs = sentMs;
    expect(answer.memberEpoch > 0 && answer.memberEpoch >= this.#epoch, `${this.#truth.group}: ${this.name} goes from epoch ${this.#epoch} to ${answer.memberEpoch} (life ${life})`); // P3
    this.#epoch = answer.memberEpoch;
    if (answer.assignment !== null) this.#take(answer.assignment.topicPartitions);
  }

  /** Leaves the group; what it had is free. */
  async leave(): Promise<void> {
    if (this.#epoch === 0) return;
    for (const partition of this.#owns) this.#truth.release(this, partition);
    this.#owns.clear();
    this.#isWhole = true; // if nobody hears of it, it is still in, and must be told anew what it has
    const answer = await this.stage.client.call(ConsumerGroupHeartbeat, 1, { groupId: this.#truth.group, memberId: this.#memberId, memberEpoch: -1 });
    if (passes('ConsumerGroupHeartbeat', answer.errorCode, fencing)) return;
    this.trace(`leaves: ${errorName(answer.errorCode)}`);
    this.#startOver();
  }

  /** Beats until it is in, and has given up and taken all that it was told. */
  async settle(): Promise<void> {
    this.#giveUp(true);
    await this.beat();
    await this.sleep(100);
  }

  #take(topicPartitions: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]): void {
    const told = topicPartitions.filter(({ topicId }) => topicId === this.#topicId).flatMap(({ partitions }) => partitions);
    this.#told = told;
    for (const partition of told) {
      if (this.#owns.has(partition)) continue;
      this.#truth.take(this, partition, this.#nowMs());
      this.#owns.add(partition);
    }
  }

  /** Lets go of what it shall not have any more, before it says so. */
  #giveUp(isReady: boolean): void {
    if (this.#told === null || !isReady) return;
    for (const partition of [...this.#owns]) {
      if (this.#told.includes(partition)) continue;
      this.#owns.delete(partition);
      this.#truth.release(this, partition);
    }
  }

  /** A fenced member has lost everything. */
  #startOver(): void {
    for (const partition of this.#owns) this.#truth.release(this, partition);
    this.#owns.clear();
    this.#told = null;
    this.#epoch = 0;
    this.#isWhole = true;
    this.#memberId = '';
    this.#seenMs = -Infinity;
  }

  /** P2: reads where the group is in a partition that it has, and commits further. */
  async #work(): Promise<void> {
    const partition = this.stage.random.pick([...this.#owns]);
    const place = this.#truth.place(partition);
    const [turn, confirmedBefore, epoch] = [place.turn, place.confirmed, this.#epoch];
    const isOwner = () => place.owner === this && place.turn === turn && this.#epoch === epoch;
    const read = await this.stage.client.call(OffsetFetch, 9, { groups: [{ groupId: this.#truth.group, memberId: this.#memberId, memberEpoch: epoch, topics: [{ name: this.#truth.topic, partitionIndexes: [partition] }] }], requireStable: false });
    const group = read.groups[0]!;
    if (passes('OffsetFetch', group.errorCode, [errorCodes.STALE_MEMBER_EPOCH, ...fencing]) || group.errorCode !== 0) return;
    const found = group.topics[0]!.partitions[0]!.committedOffset;
    expect(found >= confirmedBefore && found <= place.sent, `${this.#truth.group}: partition ${partition} is at ${found}, ${confirmedBefore} was confirmed and ${place.sent} sent`);
    if (!isOwner()) return;
    const offset = place.sent + 1;
    place.sent = offset;
    const answer = await this.stage.client.call(OffsetCommit, 9, { groupId: this.#truth.group, memberId: this.#memberId, generationIdOrMemberEpoch: epoch, topics: [{ name: this.#truth.topic, partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: '' }] }] });
    const { errorCode } = answer.topics[0]!.partitions[0]!;
    if (passes('OffsetCommit', errorCode, [errorCodes.STALE_MEMBER_EPOCH, ...fencing]) || errorCode !== 0) return;
    this.trace(`committed ${offset} of ${partition}`);
    place.confirmed = Math.max(place.confirmed, offset);
  }

  async #findTopic(): Promise<boolean> {
    const answer = await this.stage.client.call(Metadata, 12, { topics: [{ name: this.#truth.topic }], allowAutoTopicCreation: false });
    const topic = answer.topics[0]!;
    if (passes('Metadata', topic.errorCode)) return false;
    this.#topicId = topic.topicId;
    return true;
  }

  #nowMs(): number { return this.stage.world.time.nowMs; }
}

/** P4: the members alone have all partitions after a while: one of an earlier life, of which the group was never told that it is over, is missed after its session. */
export async function checkShared(members: readonly ConsumerActor[], truth: ConsumerGroupTruth): Promise<void> {
  for (let round = 0; round < 200; round++) {
    for (const member of members) await member.settle();
    if (members.reduce((sum, member) => sum + member.partitions, 0) === truth.partitions) return;
  }
  expect(false, `${truth.group}: its members have ${members.map((member) => member.partitions).join(' + ')} of ${truth.partitions} partitions`);
}

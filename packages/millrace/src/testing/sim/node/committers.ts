// testing/sim/node/committers.ts - a client that stores how far a group has come, and asks for it again.
// Owns: the promise of committed offsets: what was confirmed is there after any crash, with its metadata.
import { OffsetCommit, OffsetFetch } from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { Actor, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import type { Target } from './producers.ts';

/** Commits rising offsets of one group and one partition. */
export class Committer extends Actor {
  readonly #group: string;
  readonly #target: Target;
  #confirmed = -1;
  #sent = -1;

  constructor(name: string, stage: Stage, target: Target) {
    super(name, stage);
    this.#group = `group of ${name}`;
    this.#target = target;
  }

  protected override async act(): Promise<void> {
    if (this.stage.random.chance(0.6)) await this.#commit();
    else await this.check();
  }

  /** After the time that offsets are kept, nothing is committed. */
  async checkExpired(): Promise<void> {
    const { topic, partition } = this.#target;
    const answer = await this.stage.client.call(OffsetFetch, 8, { groups: [{ groupId: this.#group, topics: [{ name: topic, partitionIndexes: [partition] }] }] });
    const { errorCode, topics } = answer.groups[0]!;
    const found = topics[0]?.partitions[0]?.committedOffset ?? -1;
    expect(errorCode === 0 && found === -1, `${this.#group}: ${found} is still committed, long after it expired (${errorCode})`);
  }

  /** Asks for the committed offset: the last confirmed one, or one sent after it. */
  async check(): Promise<void> {
    const { topic, partition } = this.#target;
    const confirmedBefore = this.#confirmed;
    const answer = await this.stage.client.call(OffsetFetch, 8, { groups: [{ groupId: this.#group, topics: [{ name: topic, partitionIndexes: [partition] }] }] });
    const group = answer.groups[0]!;
    const found = group.topics[0]?.partitions[0];
    if (passes(`${this.name}: OffsetFetch`, group.errorCode) || found === undefined || passes(`${this.name}: OffsetFetch`, found.errorCode)) return;
    this.trace(`committed is ${found.committedOffset}`);
    expect(found.committedOffset >= confirmedBefore, `${this.#group}: committed ${confirmedBefore}, now it is ${found.committedOffset}`);
    expect(found.committedOffset <= this.#sent, `${this.#group}: ${found.committedOffset} was never committed`);
    if (found.committedOffset >= 0) expect(found.metadata === `at ${found.committedOffset}`, `${this.#group}: the metadata of ${found.committedOffset} is '${found.metadata}'`);
  }

  async #commit(): Promise<void> {
    const { topic, partition } = this.#target;
    const offset = this.#sent + this.stage.random.between(1, 10);
    this.#sent = offset;
    const answer = await this.stage.client.call(OffsetCommit, 8, {
      groupId: this.#group, generationIdOrMemberEpoch: -1, memberId: '',
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: `at ${offset}` }] }],
    });
    const { errorCode } = answer.topics[0]!.partitions[0]!;
    this.trace(`commit ${offset}: ${errorCode}`);
    if (!passes(`${this.name}: OffsetCommit`, errorCode)) this.#confirmed = offset;
  }
}

// broker/share/share-group.ts - one share group: its members, and the partitions that it has a state of.
// Owns: these two together, starts of new partitions. Never: decisions (membership.ts, share-partition.ts), requests.
// S1 A member is told of a partition once the group's start in it is durable: what is produced after that is delivered, whatever happens to the node.
import { assert, limits, MillraceError } from '../../base/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { offsetReset } from '../config/group-definitions.ts';
import type { Services } from '../services.ts';
import type { Topic, TopicPartition } from '../topics/topic.ts';
import type { Assignment } from './assignor.ts';
import type { DeadLetterOffice } from './dead-letters.ts';
import { HeldPartition } from './held-partition.ts';
import { newMembership, type Membership } from './membership.ts';
import type { SharePartition } from './moves.ts';
import { newSharePartition } from './share-partition.ts';
import type { ShareLog } from './share-log.ts';
import { shareGroupSettings, type ShareGroupSettings } from './settings.ts';
import { groupKey, groupText, partitionKey, stateText } from './stored-state.ts';

/** What a share group works with. */
export interface ShareGroupOptions { readonly services: Services; readonly log: ShareLog; readonly office: DeadLetterOffice; readonly count: { partitions: number } }

/** A share group. */
export class ShareGroup {
  readonly id: string;
  readonly membership: Membership;
  readonly #options: ShareGroupOptions;
  readonly #partitions = new Map<string, Map<number, HeldPartition>>();
  /** Starts that are being written, by key. */
  readonly #beginning = new Map<string, Promise<void>>();
  #settings: ShareGroupSettings | null = null;
  /** Ends the members that are silent; of share-groups.ts. */
  timer: Timer | null = null;
  /** It is being deleted. */
  isEnding = false;
  #isEnded = false;
  /** The epoch in the last record; -1 when there is none. */
  #epochWritten: number;

  constructor(options: ShareGroupOptions, id: string, epoch: number, isStored: boolean) {
    this.#options = options;
    this.id = id;
    this.membership = newMembership(epoch);
    this.#epochWritten = isStored ? epoch : -1;
  }

  get settings(): ShareGroupSettings { return this.#settings ??= shareGroupSettings(this.#options.services, this.id); }
  /** Configuration changed. */
  forgetSettings(): void { this.#settings = null; }

  /** Kafka's name of its state. */
  get stateName(): 'Stable' | 'Empty' { return this.membership.members.size > 0 ? 'Stable' : 'Empty'; }

  /** All partitions that it has a state of. */
  *partitions(): Iterable<HeldPartition> { for (const byIndex of this.#partitions.values()) yield* byIndex.values(); }
  partition(topicId: string, index: number): HeldPartition | undefined { return this.#partitions.get(topicId)?.get(index); }

  /** Takes a partition up, as the log knows it. */
  hold(source: TopicPartition, state: SharePartition): HeldPartition {
    const { services, log, office, count } = this.#options;
    const held = new HeldPartition({ services, log, office, group: this.id, settings: () => this.settings }, source, state);
    const topicId = source.topic.id;
    const byIndex = this.#partitions.get(topicId);
    if (byIndex === undefined) this.#partitions.set(topicId, new Map([[source.index, held]]));
    else { assert(!byIndex.has(source.index), 'a partition is held once'); byIndex.set(source.index, held); }
    count.partitions++;
    held.advanced(source); // what is no longer there need not be waited for
    return held;
  }

  /** Lets go of everything without writing anything. */
  end(): void {
    this.#isEnded = true;
    this.timer?.cancel();
    for (const held of [...this.partitions()]) this.#forget(held);
  }

  /** Makes sure of a start in all of these (S1). Null when there is nothing to wait for; rejects with what the log says, or 'overloaded' past limits.share.partitionsMax. */
  begin(assignment: Assignment): Promise<unknown> | null {
    if (this.#isEnded) return Promise.reject(new MillraceError('closed', `Cannot read in share group '${this.id}': it was deleted, or the node is closing`));
    const waiting: Promise<void>[] = [];
    for (const [topicId, indexes] of assignment) {
      const topic = this.#options.services.topics.byId(topicId);
      for (const index of topic === undefined ? [] : indexes) {
        if (this.#beginning.size > 0 || this.partition(topicId, index) === undefined) waiting.push(...this.#beginOne(topic!, index));
      }
    }
    return waiting.length === 0 ? null : Promise.all(waiting);
  }

  /** What there is to wait for. */
  #beginOne(topic: Topic, index: number): Promise<void>[] {
    const key = partitionKey(this.id, topic.id, index);
    const underWay = this.#beginning.get(key);
    if (underWay !== undefined) return [underWay];
    if (this.partition(topic.id, index) !== undefined) return [];
    const { count } = this.#options;
    if (count.partitions + this.#beginning.size >= limits.share.partitionsMax) {
      return [Promise.reject(new MillraceError('overloaded', `Cannot read ${topic.name} in share group '${this.id}': the share groups of this node have a state of ${limits.share.partitionsMax} partitions already`))];
    }
    const begun = this.#start(topic.partitions[index]!).then(async (start) => {
      const source = topic.partitions[index]!;
      if (!source.live) return;
      const held = this.hold(source, newSharePartition(start, 0)); // before it is written: a copy of the log's partition that is made meanwhile holds it
      held.isFrozen = true;
      try {
        await this.writeState(held);
        held.thaw();
      } catch (error) {
        this.#forget(held);
        throw error;
      }
    }).finally(() => this.#beginning.delete(key));
    this.#beginning.set(key, begun);
    return [begun];
  }

  /** Where the group begins: share.auto.offset.reset. */
  async #start({ log }: TopicPartition): Promise<number> {
    const { clock, groupConfigs } = this.#options.services;
    const reset = offsetReset(groupConfigs.text(this.id, 'share.auto.offset.reset'));
    assert(reset !== null, 'a configuration in force has been checked');
    if (reset.kind === 'earliest') return log.logStartOffset;
    if (reset.kind !== 'ago') return log.highWatermark;
    return (await log.offsetForTimestamp(Math.max(0, clock.nowMs() - reset.ms)))?.offset ?? log.highWatermark;
  }

  /** Writes all of a partition's state. Resolves once that is durable. */
  writeState(held: HeldPartition): Promise<void> {
    return this.#write(held.key, () => stateText(held.state));
  }

  /** Sets the start of a partition anew (P5), at the end of its log at most. Resolves once that is durable; until then nothing is handed out. */
  async reset(held: HeldPartition, start: number): Promise<void> {
    const state = newSharePartition(Math.min(start, held.source.log.endOffset), held.state.stateEpoch + 1);
    held.isFrozen = true;
    try {
      await this.#write(held.key, () => stateText(state), () => held.replace(state));
    } finally {
      held.thaw();
    }
  }

  /** Forgets the state of a topic. Resolves once that is durable. */
  async forgetTopic(topicId: string): Promise<void> {
    const all = [...this.#partitions.get(topicId)?.values() ?? []];
    for (const held of all) held.isFrozen = true;
    try {
      await Promise.all(all.map((held) => this.#write(held.key, () => null, () => this.#forget(held))));
    } finally {
      for (const held of all) held.thaw();
    }
  }

  #forget(held: HeldPartition): void {
    const { topic, index } = held.source;
    const byIndex = this.#partitions.get(topic.id);
    if (byIndex?.get(index) !== held) return;
    held.end();
    byIndex.delete(index);
    if (byIndex.size === 0) this.#partitions.delete(topic.id);
    this.#options.count.partitions--;
  }

  /** Writes that the group is there, and its epoch if that rose; resolves once durable. */
  async writeEpoch(): Promise<void> {
    const epoch = this.membership.groupEpoch;
    if (epoch === this.#epochWritten) return;
    this.#epochWritten = epoch;
    await this.#write(groupKey(this.id), () => groupText(epoch));
  }

  /** Takes back every record of the group; `appended` is called when that stands in the log. Resolves once durable. */
  async writeEnd(appended: () => void): Promise<void> {
    const keys = [...this.partitions()].map(({ key }) => key);
    await Promise.all([...keys.map((key) => this.#write(key, () => null)), this.#write(groupKey(this.id), () => null, appended)]);
  }

  /** All of its records, as far as they stand in the log. */
  *image(): Iterable<readonly [string, string]> {
    yield [groupKey(this.id), groupText(Math.max(0, this.#epochWritten))];
    for (const held of this.partitions()) yield [held.key, stateText(held.state)];
  }

  #write(key: string, value: () => string | null, appended: () => void = () => {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#options.log.append({ key, value, deadLetters: [], appended, done: (error) => (error === null ? resolve() : reject(error)) });
    });
  }
}

// client/consumer/holdings.ts - the partitions a consumer holds: taking them up at the right offset, and letting them go in order.
// Owns: PartitionStates, where each begins, seeks, resets. Never: who assigns (group-member.ts, or the caller by hand), fetching, committing.
import { MillraceError, withDeadline, type Deadline } from '../../base/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import { zeroTopicId } from '../net/metadata.ts';
import { committedOffsets, listOffsets, type CommittedOffset, type OffsetSpec } from '../offsets.ts';
import { partitionKey, type TopicPartition } from '../partitions.ts';
import type { Divergence } from './epoch-check.ts';
import type { AssignedPartition, ConsumerSettings, StartAt } from './options.ts';
import { PartitionState } from './partition-state.ts';

/** A partition to take up. */
export interface PartitionToTake extends AssignedPartition {
  /** All that is in it is new to this consumer: without a committed offset it begins at its start. */
  readonly isYoung?: boolean;
}

/** The partitions of one consumer. */
export class Holdings {
  readonly states = new Map<string, PartitionState>();
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  #turn = 0;

  constructor(cluster: Cluster, settings: ConsumerSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
  }

  /** The held partition. Throws 'invalid-argument' for one that is not. */
  state(topic: string, partition: number): PartitionState {
    const state = this.states.get(partitionKey(topic, partition));
    if (!state) throw new MillraceError('invalid-argument', `Cannot use '${partitionKey(topic, partition)}': this consumer does not hold it now`, { topic, partition });
    return state;
  }

  get partitions(): TopicPartition[] {
    return [...this.states.values()].map(({ topic, partition }) => ({ topic, partition }));
  }

  /** Takes partitions up; resolves once their offsets are known. */
  async take(partitions: readonly PartitionToTake[], deadline: Deadline): Promise<PartitionState[]> {
    const taken = partitions.map(({ topic, partition, from, isYoung }) => {
      const state = new PartitionState(topic, partition, partitionKey(topic, partition));
      this.states.set(state.key, state);
      return { state, from, isYoung };
    });
    for (const topic of new Set(partitions.map((one) => one.topic))) await this.#cluster.topic(topic, deadline);
    for (const { state } of taken) state.topicId = this.#cluster.view.topics.get(state.topic)?.topicId ?? zeroTopicId;
    const committed = await this.#committed(taken.filter(({ from }) => from === undefined || from === 'committed').map(({ state }) => state), deadline);
    const places: { state: PartitionState; at: OffsetSpec | { readonly offset: number } }[] = [];
    for (const { state, from, isYoung } of taken) {
      const last = committed.get(state.key);
      state.committed = last?.offset ?? -1;
      if (last !== undefined) state.seek(last.offset, last.leaderEpoch);
      else places.push({ state, at: from === undefined || from === 'committed' ? isYoung ? 'earliest' : this.#resetSpec(state) : from });
    }
    await this.#seekAll(places, deadline);
    return taken.map(({ state }) => state);
  }

  /** Lets partitions go: nothing more is handed out, and what is in work may finish until the deadline. Drop them afterwards. */
  async release(partitions: readonly TopicPartition[], deadline: Deadline): Promise<PartitionState[]> {
    const states = this.#those(partitions);
    for (const state of states) state.isHeld = false;
    const idle = Promise.all(states.map((state) => state.whenIdle()));
    await withDeadline(this.#cluster.ports.clock, deadline, 'finish work', idle).catch(() => {});
    return states;
  }

  /** Forgets partitions at once. */
  drop(partitions: readonly TopicPartition[]): void {
    for (const state of this.#those(partitions)) {
      state.isHeld = false;
      state.drop();
      this.states.delete(state.key);
    }
  }

  /** A partition with records to hand out that nobody is working on, each in its turn. */
  nextReady(isBusy: (state: PartitionState) => boolean): PartitionState | null {
    const states = [...this.states.values()];
    for (let i = 0; i < states.length; i++) {
      const index = (this.#turn + i) % states.length;
      const state = states[index]!;
      if (!state.isReady || isBusy(state)) continue;
      this.#turn = index + 1;
      return state;
    }
    return null;
  }

  /** Moves a held partition. */
  async seek(state: PartitionState, at: StartAt, deadline: Deadline): Promise<void> {
    if (at !== 'committed') return await this.#seekAll([{ state, at }], deadline);
    const last = (await this.#committed([state], deadline)).get(state.key);
    if (last !== undefined) state.seek(last.offset, last.leaderEpoch);
    else await this.#seekAll([{ state, at: this.#resetSpec(state) }], deadline);
  }

  /** The position is not in the partition any more: goes where the settings say, or throws 'offset-out-of-range'. */
  async reset(state: PartitionState, deadline: Deadline): Promise<void> {
    const { offsetReset } = this.#settings;
    if (offsetReset === 'error') {
      throw new MillraceError('offset-out-of-range', `Cannot read '${state.key}' at offset ${state.fetchOffset}: it is not there (any more); seek, or set offsetReset`, {
        topic: state.topic, partition: state.partition, offset: state.fetchOffset,
      });
    }
    await this.#seekAll([{ state, at: offsetReset }], deadline);
  }

  /**
   * The leader has other records before the position than those that were read: its log was cut at `at`, or nobody knows where (null). Goes back to
   * there, or throws 'offset-out-of-range' when that is not wanted and records that were handed out are gone.
   */
  async diverged(state: PartitionState, at: Divergence | null, deadline: Deadline): Promise<void> {
    if (at === null) return await this.reset(state, deadline);
    if (at.offset < state.position && this.#settings.offsetReset === 'error') {
      throw new MillraceError('offset-out-of-range', `Cannot go on with '${state.key}' at offset ${state.position}: the log was cut at ${at.offset} when its leader changed, and what was read from there on is gone; seek to ${at.offset}, or set offsetReset`, {
        topic: state.topic, partition: state.partition, offset: state.position, divergentOffset: at.offset, divergentEpoch: at.epoch,
      });
    }
    const { committable } = state.tracker; // what is in work comes again
    state.seek(Math.min(at.offset, committable), at.offset <= committable ? at.epoch : -1);
  }

  /** The topic was deleted and another one created under its name: begins with that one, where the group has committed for it or else at its start, for all of it is new. */
  async recreated(state: PartitionState, deadline: Deadline): Promise<void> {
    if (this.#settings.offsetReset === 'error') {
      throw new MillraceError('offset-out-of-range', `Cannot go on with '${state.key}': the topic was deleted and created anew, and offsetReset is 'error'`, { topic: state.topic, partition: state.partition });
    }
    const last = (await this.#committed([state], deadline)).get(state.key);
    if (last !== undefined) { state.committed = last.offset; state.seek(last.offset, last.leaderEpoch); }
    else await this.#seekAll([{ state, at: 'earliest' }], deadline);
  }

  #those(partitions: readonly TopicPartition[]): PartitionState[] {
    return partitions.flatMap(({ topic, partition }) => this.states.get(partitionKey(topic, partition)) ?? []);
  }

  #resetSpec(state: PartitionState): OffsetSpec {
    const { offsetReset, group } = this.#settings;
    if (offsetReset !== 'error') return offsetReset;
    throw new MillraceError('offset-out-of-range', `Cannot begin with '${state.key}': ${group === null ? 'no start was given' : `group '${group}' has committed nothing`}, and offsetReset is 'error'`, {
      topic: state.topic, partition: state.partition,
    });
  }

  async #committed(states: readonly PartitionState[], deadline: Deadline): Promise<Map<string, CommittedOffset>> {
    const { group, isolation } = this.#settings;
    if (group === null || states.length === 0) return new Map();
    const offsets = await committedOffsets(this.#cluster, group, states, { deadline, isolation });
    return new Map(offsets.map((one) => [partitionKey(one.topic, one.partition), one]));
  }

  async #seekAll(places: readonly { state: PartitionState; at: OffsetSpec | { readonly offset: number } }[], deadline: Deadline): Promise<void> {
    const asked: { state: PartitionState; at: OffsetSpec }[] = [];
    for (const { state, at } of places) {
      if (typeof at === 'object' && 'offset' in at) state.seek(at.offset);
      else asked.push({ state, at });
    }
    if (asked.length === 0) return;
    const query = (list: readonly { state: PartitionState; at: OffsetSpec }[]) => listOffsets(this.#cluster, list.map(({ state, at }) => ({ topic: state.topic, partition: state.partition, at })), { deadline, isolation: this.#settings.isolation });
    const found = await query(asked);
    const later = asked.filter((_one, index) => found[index]!.offset < 0).map(({ state }) => ({ state, at: 'latest' as const })); // no record is that young: wait for the next
    const ends = await query(later);
    asked.forEach(({ state }, index) => { if (found[index]!.offset >= 0) state.seek(found[index]!.offset, found[index]!.leaderEpoch); });
    later.forEach(({ state }, index) => state.seek(ends[index]!.offset, ends[index]!.leaderEpoch));
  }
}

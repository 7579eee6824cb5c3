// client/consumer/committer.ts - commits a consumer's offsets, one request after the other.
// Owns: what was committed last, and the order of commits. Never: what is done (OffsetTracker says it).
// C1 commits go one at a time, so that an older one never arrives after a newer one. C2 without offsets of its own a commit covers what is done,
// as it is when its turn comes, and never less than what was committed by hand since the last seek. C3 a commit names the topic that was read,
// by its id: once another one has its name, the commit is refused. C4 a commit that was overtaken by a new epoch of the same member is sent again in it.
import { isMillraceError, type Deadline } from '../../base/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import { zeroTopicId } from '../net/metadata.ts';
import { commitOffsets, type Committer as CommitAs, type OffsetToCommit } from '../offsets.ts';
import { partitionKey } from '../partitions.ts';
import type { PartitionState } from './partition-state.ts';

/** Commits for one consumer. */
export class OffsetCommitter {
  readonly #cluster: Cluster;
  readonly #member: CommittingMember;
  #last: Promise<unknown> = Promise.resolve();

  constructor(cluster: Cluster, member: CommittingMember) {
    this.#cluster = cluster;
    this.#member = member;
  }

  /** Commits what is done in these partitions and not committed yet. */
  async commitDone(states: Iterable<PartitionState>, deadline: Deadline): Promise<void> {
    const byKey = new Map([...states].map((state) => [state.key, state]));
    await this.#inTurn(() => this.#send([...byKey.values()].flatMap(doneOffset), byKey, deadline));
  }

  /** Commits exactly these; `states` learn of it. */
  async commit(offsets: readonly OffsetToCommit[], states: ReadonlyMap<string, PartitionState>, deadline: Deadline): Promise<void> {
    const seekCounts = new Map([...states].map(([key, state]) => [key, state.seekCount]));
    await this.#inTurn(async () => {
      await this.#send(offsets, states, deadline);
      for (const one of offsets) {
        const key = partitionKey(one.topic, one.partition);
        const state = states.get(key);
        if (state && state.seekCount === seekCounts.get(key) && isOf(state, one)) state.committedByHand = one.offset;
      }
    });
  }

  async #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => {}); // C1: the next one goes whatever became of this one
    await turn;
  }

  /** C4. */
  async #commitAs(offsets: readonly OffsetToCommit[], deadline: Deadline): Promise<void> {
    for (;;) {
      const as = this.#member.as();
      try {
        return await commitOffsets(this.#cluster, as, offsets, { deadline });
      } catch (error) {
        const isStale = isMillraceError(error) && error.data['kafkaCode'] === errorCodes.STALE_MEMBER_EPOCH;
        if (isStale && await this.#member.renewed(as.generation, deadline).catch(() => false)) continue;
        this.#member.failed(error, as.generation);
        throw error;
      }
    }
  }

  async #send(offsets: readonly OffsetToCommit[], states: ReadonlyMap<string, PartitionState>, deadline: Deadline): Promise<void> {
    if (offsets.length === 0) return;
    await this.#commitAs(offsets, deadline);
    for (const one of offsets) {
      const state = states.get(partitionKey(one.topic, one.partition));
      if (state && isOf(state, one)) state.committed = one.offset;
    }
  }
}

/** Whose offsets they are. */
export interface CommittingMember {
  /** The member and its generation at the time of a commit. */
  as(): CommitAs;
  /** A commit failed. */
  failed(error: unknown, generation: number): void;
  /** Whether the commit of this generation may be tried in another one. */
  renewed(generation: number, deadline: Deadline): Promise<boolean>;
}

function isOf(state: PartitionState, offset: OffsetToCommit): boolean {
  return offset.topicId === undefined || offset.topicId === state.topicId;
}

/** What a commit of what is done says of one partition: nothing when that is committed already. */
function doneOffset(state: PartitionState): OffsetToCommit[] {
  const offset = Math.max(state.tracker.committable, state.committedByHand);
  return state.isPositioned && offset !== state.committed ? [{ topic: state.topic, topicId: topicIdOf(state), partition: state.partition, offset, leaderEpoch: state.epochs.before(offset) }] : [];
}

/** The id to commit under; nothing when the server has none. */
export function topicIdOf(of: { readonly topicId: string }): string | undefined {
  return of.topicId === zeroTopicId ? undefined : of.topicId;
}

// client/consumer/epoch-check.ts - asks a new leader whether it has the records that were read from the one before (KIP-320).
// Owns: OffsetForLeaderEpoch and what its answers mean. Never: when to ask (fetcher.ts), what follows (holdings.ts).
// V1 a position whose record before it is of epoch E is good when the leader's records of E and before reach up to it.
import type { Deadline } from '../../base/mod.ts';
import { errorCodes as E, OffsetForLeaderEpoch } from '../../wire/mod.ts';
import type { Cluster } from '../net/cluster.ts';
import { byTopic, partitionKey } from '../partitions.ts';

/** Where the records of a leader part from those that were read: what is from `offset` on, is not what it was. */
export interface Divergence { readonly offset: number; readonly epoch: number }

/** What a leader says of a position. */
export type EpochVerdict =
  | { readonly kind: 'same' }
  /** `at` is null when the leader does not know where. */
  | { readonly kind: 'diverged'; readonly at: Divergence | null }
  | { readonly kind: 'refused'; readonly errorCode: number };

/** A position to check. */
export interface EpochQuestion {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Of the record before `offset`. */
  readonly epoch: number;
  /** The leader's, as the client knows it. */
  readonly leaderEpoch: number;
}

/** Older ones are for brokers among themselves. */
const versionMin = 3;

/** Asks one broker about partitions that it leads; verdicts by partition key. A broker that cannot be asked says 'same', as it does in Java. */
export async function checkEpochs(cluster: Cluster, nodeId: number, questions: readonly EpochQuestion[], deadline: Deadline): Promise<Map<string, EpochVerdict>> {
  const verdicts = new Map<string, EpochVerdict>(questions.map((one) => [partitionKey(one.topic, one.partition), { kind: 'same' }]));
  const connection = await cluster.connection(nodeId, 'main', deadline);
  if (!connection.speaks(OffsetForLeaderEpoch) || connection.versionOf(OffsetForLeaderEpoch) < versionMin) return verdicts;
  const answer = await connection.call(OffsetForLeaderEpoch, {
    replicaId: -1,
    topics: [...byTopic(questions, (one) => ({ partition: one.partition, currentLeaderEpoch: one.leaderEpoch, leaderEpoch: one.epoch }))].map(([topic, partitions]) => ({ topic, partitions })),
  }, { deadline });
  const offsets = new Map(questions.map((one) => [partitionKey(one.topic, one.partition), one.offset]));
  for (const { topic, partitions } of answer.topics) {
    for (const one of partitions) {
      const key = partitionKey(topic, one.partition);
      const offset = offsets.get(key);
      if (offset !== undefined) verdicts.set(key, verdictOf(one.errorCode, { offset: one.endOffset, epoch: one.leaderEpoch }, offset));
    }
  }
  return verdicts;
}

/** V1. A leader that knows nothing of the epoch, nor of one before it, gives -1. */
export function verdictOf(errorCode: number, end: Divergence, offset: number): EpochVerdict {
  if (errorCode !== E.NONE) return { kind: 'refused', errorCode };
  if (end.offset < 0 || end.epoch < 0) return { kind: 'diverged', at: null };
  return end.offset < offset ? { kind: 'diverged', at: end } : { kind: 'same' };
}

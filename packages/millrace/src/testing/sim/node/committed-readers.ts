// testing/sim/node/committed-readers.ts - readers of committed data in the simulation, and the reading of everything in the end.
// Owns: one fetch and how it is recorded. Never: what is right (testing/histories).
import { Fetch, ListOffsets, OffsetFetch, errorCodes } from '../../../wire/mod.ts';
import { checkHistory, describeAnomalies, type HistoryRecorder, type Seen } from '../../histories/mod.ts';
import { expect } from '../log-model.ts';
import { isMarker, recordsOf, splitBatches } from '../sim-batch.ts';
import { Actor, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import type { RawClient } from './raw-client.ts';

/** A topic whose records are written in transactions, and what its clients recorded. */
export interface LedgerTopic { readonly topic: string; readonly partitions: number; readonly history: HistoryRecorder }

/** A partition's name in the history. */
export const keyOf = ({ topic }: LedgerTopic, partition: number): string => `${topic}-${partition}`;

/** Who reads: a session of a reader, perhaps for a transaction. */
export interface ReadingAs { readonly reader: string; readonly session: number; readonly transaction: string | null }

/** Follows the topic as a reader of committed data; begins anew now and then. */
export class CommittedReader extends Actor {
  readonly #on: LedgerTopic;
  readonly #positions = new Map<number, number>();
  #session = 0;

  constructor(name: string, stage: Stage, on: LedgerTopic) {
    super(name, stage);
    this.#on = on;
  }

  protected override async act(): Promise<void> {
    const { random, client } = this.stage;
    const partition = random.below(this.#on.partitions);
    if (random.chance(0.1)) {
      this.#session++;
      this.#positions.clear();
    }
    const from = this.#positions.get(partition) ?? 0;
    const read = await readCommitted(client, this.#on, partition, from, random.pick([100, 3_000, 1 << 20]), { reader: this.name, session: this.#session, transaction: null });
    if (read !== null) this.#positions.set(partition, read.next);
  }
}

/** One fetch of committed data, recorded; null while a fault lasts. */
export async function readCommitted(client: RawClient, on: LedgerTopic, partition: number, from: number, bytesMax: number, as: ReadingAs | null): Promise<{ records: Seen[]; next: number; stable: number } | null> {
  const { topic, history } = on;
  const startedAt = history.now();
  const answer = await client.call(Fetch, 12, {
    maxWaitMs: 0, minBytes: 1, maxBytes: bytesMax, isolationLevel: 1, sessionId: 0, sessionEpoch: -1, topics: [{ topic, partitions: [{ partition, fetchOffset: from, partitionMaxBytes: bytesMax }] }],
  });
  const endedAt = history.now();
  const found = answer.responses[0]?.partitions[0];
  if (found === undefined || passes('Fetch', found.errorCode)) return null;
  const batches = splitBatches(new Uint8Array(found.records ?? []));
  const records = batches.filter((batch) => !isMarker(batch)).flatMap(recordsOf).filter(({ offset }) => offset >= from);
  const last = batches.at(-1);
  const next = last === undefined ? from : last.baseOffset + last.offsetCount;
  const { lastStableOffset: stable, highWatermark } = found;
  expect(next <= stable && stable <= highWatermark, `${topic}-${partition}: read to ${next} of ${stable} stable of ${highWatermark}`);
  const key = keyOf(on, partition);
  if (as !== null) history.polls.push({ ...as, key, from, next, records, startedAt, endedAt });
  history.stableEnds.push({ key, offset: stable, startedAt, endedAt });
  return { records, next, stable };
}

/** The committed offset of a group, recorded; -1 for none, null while a transaction or a fault keeps it open. */
export async function readPosition(client: RawClient, on: LedgerTopic, group: string, partition: number): Promise<number | null> {
  const { topic, history } = on;
  const startedAt = history.now();
  const answer = await client.call(OffsetFetch, 9, { requireStable: true, groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: [partition] }] }] });
  const { errorCode, topics } = answer.groups[0]!;
  const found = topics[0]?.partitions[0];
  const unstable = [errorCodes.UNSTABLE_OFFSET_COMMIT];
  if (passes('OffsetFetch', errorCode, unstable) || errorCode !== 0 || found === undefined || passes('OffsetFetch', found.errorCode, unstable) || found.errorCode !== 0) return null;
  history.positions.push({ group, key: keyOf(on, partition), offset: found.committedOffset, startedAt, endedAt: history.now() });
  return found.committedOffset;
}

/** Reads everything that is committed, and where the groups are, and judges the whole history; nobody has a transaction under way, so nothing may be open. */
export async function judgeLedger(client: RawClient, on: LedgerTopic, groups: readonly { readonly group: string; readonly partition: number }[]): Promise<void> {
  for (let partition = 0; partition < on.partitions; partition++) {
    const records: Seen[] = [];
    const { offset: end } = (await client.call(ListOffsets, 7, { replicaId: -1, isolationLevel: 0, topics: [{ name: on.topic, partitions: [{ partitionIndex: partition, timestamp: -1 }] }] })).topics[0]!.partitions[0]!;
    for (let from = 0; from < end;) {
      const read = await readCommitted(client, on, partition, from, 1 << 20, null);
      expect(read !== null && read.next > from, `${keyOf(on, partition)}: nothing committed is read at ${from} of ${end}, stable ${read?.stable}`);
      records.push(...read!.records);
      from = read!.next;
    }
    on.history.finals.set(keyOf(on, partition), records);
  }
  for (const { group, partition } of groups) expect(await readPosition(client, on, group, partition) !== null, `the offsets of '${group}' are told`);
  const anomalies = checkHistory(on.history);
  expect(anomalies.length === 0, describeAnomalies(anomalies));
}

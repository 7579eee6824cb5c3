// broker/metrics/group-lag.ts - how far groups are behind, in records and in time.
// Owns: the walk over committed offsets, and looking up in the log when old records came. Never: what a group is.
// L1 Lag in records: the high watermark less the committed offset, as Kafka's tools say it. L2 Lag in seconds: how long the first record that the
// group has not committed has been there; 0 when there is none, or only markers of transactions, which nobody waits for. L3 What came before
// the node started is as old as its own timestamp says, and at least as old as the node; a record without a timestamp is as old as the node.
// Cost of a look-up: one batch read, of at most limits.metrics.lookUpsPerScrape positions a time; each is remembered.
import { isMillraceError, limits } from '../../base/mod.ts';
import { BatchCursor } from '../../wire/mod.ts';
import type { Group } from '../group/group.ts';
import type { TopicPartition } from '../topics/topic.ts';
import type { Topics } from '../topics/topics.ts';

/** A group's place in one partition. */
export interface GroupPlace {
  readonly topic: string;
  readonly partition: number;
  readonly committedOffset: number;
  readonly lagRecords: number;
  /** Null while it is not known. */
  readonly lagMs: number | null;
}

/** Where the group stands in each partition of a topic that it has committed; partitions that are gone are left out. */
export function* placesOf(group: Group, topic: string, topics: Topics, nowMs: number): Iterable<GroupPlace> {
  const served = topics.byName(topic);
  if (served === undefined) return;
  for (const [index, { offset: committedOffset }] of group.offsets.get(topic) ?? []) {
    const partition = served.partitions[index];
    if (partition === undefined) continue;
    const lagRecords = Math.max(0, partition.log.highWatermark - committedOffset);
    yield { topic, partition: index, committedOffset, lagRecords, lagMs: lagRecords === 0 ? 0 : lagMsOf(partition, committedOffset, nowMs) };
  }
}

function lagMsOf(partition: TopicPartition, committedOffset: number, nowMs: number): number | null {
  const first = firstUnread(partition, committedOffset);
  if (partition.arrivals.isPastData(first)) return 0;
  const cameMs = partition.arrivals.timeOf(first);
  return cameMs === null ? null : Math.max(0, nowMs - cameMs);
}

/** What retention took before the group came is not waiting any more. */
const firstUnread = (partition: TopicPartition, committedOffset: number): number => Math.max(committedOffset, partition.log.logStartOffset);

/**
 * Looks up when records came that groups have not read yet and that are older than this node's life; `startedMs` is its beginning. `pause` lets others
 * have the thread.
 */
export async function findLagTimes(groups: Iterable<Group>, topics: Topics, startedMs: number, pause: () => Promise<void>): Promise<void> {
  const unknown: Unknown[] = [];
  let looked = 0;
  for (const group of [...groups].slice(0, limits.metrics.groupsMax)) {
    for (const topic of [...group.offsets.keys()]) {
      looked += collectUnknown(group, topic, topics, unknown);
      if (looked < looksPerTurn) continue;
      looked = 0;
      await pause();
    }
  }
  for (let from = 0; from < unknown.length; from += limits.metrics.lookUpsAtOnce) {
    await Promise.all(unknown.slice(from, from + limits.metrics.lookUpsAtOnce).map(([partition, offset]) => findTime(partition, offset, startedMs)));
  }
}

type Unknown = readonly [partition: TopicPartition, offset: number];
const looksPerTurn = 1_000;

/** Adds what must be looked up; answers how much was looked at. */
function collectUnknown(group: Group, topic: string, topics: Topics, unknown: Unknown[]): number {
  const offsets = group.offsets.get(topic);
  if (offsets === undefined) return 0;
  for (const [index, { offset }] of offsets) {
    if (unknown.length >= limits.metrics.lookUpsPerScrape) return 0;
    const partition = topics.partition(topic, index);
    if (partition === undefined || offset >= partition.log.highWatermark) continue;
    const first = firstUnread(partition, offset);
    if (!partition.arrivals.isPastData(first) && partition.arrivals.timeOf(first) === null) unknown.push([partition, first]);
  }
  return offsets.size;
}

async function findTime(partition: TopicPartition, offset: number, startedMs: number): Promise<void> {
  try {
    const first = await firstData(partition, offset);
    if (first === null) return partition.arrivals.foundDataEnd(offset);
    const { timestampMs } = first;
    partition.arrivals.found(offset, partition.arrivals.timeOf(first.offset) ?? (timestampMs < 0 ? startedMs : Math.min(timestampMs, startedMs)));
  } catch (error) {
    if (!isMillraceError(error)) throw error; // it was deleted, or cannot be read: the next scrape looks again
  }
}

/** The first batch of a producer at `offset` or behind it, its timestamp -1 for none; null when there are markers only. */
async function firstData(partition: TopicPartition, offset: number): Promise<{ readonly offset: number; readonly timestampMs: number } | null> {
  for (let at = offset; at < partition.log.highWatermark;) {
    const read = await partition.log.read(at, 1, true);
    try {
      const batches = read.parts.length === 0 ? null : new BatchCursor(read.parts[0]!);
      if (batches?.next() !== true || read.nextOffset <= at) return { offset: at, timestampMs: -1 };
      if (!batches.isControl) return { offset: at, timestampMs: batches.maxTimestampMs };
      at = read.nextOffset;
    } finally {
      read.release();
    }
  }
  return null;
}

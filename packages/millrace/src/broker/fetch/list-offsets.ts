// broker/fetch/list-offsets.ts - ListOffsets: the ends of partitions, and the first record from a time on.
// Special times: -1 end, -2 start, -3 largest timestamp (from version 7), -4 start of what is local (8), -5 end of what is archived (9),
// -6 start of what is not archived yet (11). Nothing is archived here: -4 is the start, -5 and -6 are nowhere.
import { isMillraceError } from '../../base/mod.ts';
import { errorCodes, ListOffsets, type RequestOf, type ResponseInit } from '../../wire/mod.ts';
import type { Handler } from '../handlers.ts';
import { leaderEpoch, type Services } from '../services.ts';
import type { Partition } from '../../log/mod.ts';
import type { TopicPartition } from '../topics/topic.ts';

type PartitionRequest = RequestOf<typeof ListOffsets>['topics'][number]['partitions'][number];
type PartitionAnswer = NonNullable<NonNullable<ResponseInit<typeof ListOffsets>['topics']>[number]['partitions']>[number];

/** First version that knows each special time. */
const specialTimes = new Map([[-1, 1], [-2, 1], [-3, 7], [-4, 8], [-5, 9], [-6, 11]]);

interface Found { readonly offset: number; readonly timestampMs: number; readonly leaderEpoch: number }
const nowhere: Found = { offset: -1, timestampMs: -1, leaderEpoch: -1 };
const at = (offset: number, timestampMs = -1): Found => ({ offset, timestampMs, leaderEpoch });

/** The handler of ListOffsets. */
export function listOffsetsHandler(services: Services): Handler<typeof ListOffsets> {
  return (request, context) => {
    const { version } = context;
    const repeated = repeatedPartitions(request.topics);
    Promise.all(request.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map((asked) => {
        const { partitionIndex } = asked;
        if (repeated.has(`${name}/${partitionIndex}`)) return refused(partitionIndex, errorCodes.INVALID_REQUEST);
        const partition = services.topics.partition(name, partitionIndex);
        if (partition === undefined) return refused(partitionIndex, errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
        return answer(partition, asked, version, request.isolationLevel === 1);
      })),
    }))).then((topics) => context.reply({ topics }));
  };
}

async function answer({ log, lastStableOffset }: TopicPartition, asked: PartitionRequest, version: number, committedOnly: boolean): Promise<PartitionAnswer> {
  const { partitionIndex, timestamp } = asked;
  if (asked.currentLeaderEpoch > leaderEpoch) return refused(partitionIndex, errorCodes.UNKNOWN_LEADER_EPOCH);
  const since = timestamp < 0 ? specialTimes.get(timestamp) : 1;
  if (since === undefined || version < since) return refused(partitionIndex, errorCodes.UNSUPPORTED_VERSION);
  try {
    const found = await find(log, timestamp, committedOnly ? lastStableOffset : log.highWatermark);
    return { partitionIndex, errorCode: errorCodes.NONE, timestamp: found.timestampMs, offset: found.offset, leaderEpoch: found.leaderEpoch };
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return refused(partitionIndex, error.code === 'topic-not-found' ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.KAFKA_STORAGE_ERROR);
  }
}

/** `end`: first offset that the asker may not see. */
async function find(log: Partition, timestamp: number, end: number): Promise<Found> {
  switch (timestamp) {
    case -1: return at(end);
    case -2:
    case -4: return at(log.logStartOffset);
    case -5:
    case -6: return nowhere;
    case -3: return findTime(log, log.maxTimestamp.timestampMs, end);
    default: return findTime(log, timestamp, end);
  }
}

/** The first record from a time on; the largest timestamp leads to the first record that has it. */
async function findTime(log: Partition, timestampMs: number, end: number): Promise<Found> {
  if (timestampMs < 0 || timestampMs === Infinity) return nowhere;
  const found = await log.offsetForTimestamp(timestampMs);
  return found === null || found.offset >= end ? nowhere : at(found.offset, found.timestampMs);
}

const refused = (partitionIndex: number, errorCode: number): PartitionAnswer => ({ partitionIndex, errorCode, timestamp: -1, offset: -1, leaderEpoch: -1 });

function repeatedPartitions(topics: RequestOf<typeof ListOffsets>['topics']): ReadonlySet<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { name, partitions } of topics) {
    for (const { partitionIndex } of partitions) {
      const key = `${name}/${partitionIndex}`;
      if (seen.has(key)) repeated.add(key);
      seen.add(key);
    }
  }
  return repeated;
}

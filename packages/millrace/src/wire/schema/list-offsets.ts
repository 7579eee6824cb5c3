// wire/schema/list-offsets.ts - ListOffsets (key 2), versions 1-11.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, int8, string, struct, wide64 } from '../field.ts';

/** Finds offsets by timestamp, and the first and last of a partition. */
export const ListOffsets = api({
  name: 'ListOffsets', key: 2, versions: '1-11', flexible: '6+',
  request: {
    replicaId: int32(),
    isolationLevel: int8('2+'),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        currentLeaderEpoch: int32('4+', { default: -1 }),
        timestamp: wide64(),
      })),
    })),
    timeoutMs: int32('10+'),
  },
  response: {
    throttleTimeMs: int32('2+'),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
        timestamp: wide64({ default: -1 }),
        offset: int64({ default: -1 }),
        leaderEpoch: int32('4+', { default: -1 }),
      })),
    })),
  },
});

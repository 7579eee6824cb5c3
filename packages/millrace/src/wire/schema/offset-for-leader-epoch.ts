// wire/schema/offset-for-leader-epoch.ts - OffsetForLeaderEpoch (key 23), versions 2-4.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, string, struct } from '../field.ts';

/** Finds where a leader epoch ended, to detect truncation. */
export const OffsetForLeaderEpoch = api({
  name: 'OffsetForLeaderEpoch', key: 23, versions: '2-4', flexible: '4+',
  request: {
    replicaId: int32('3+', { default: -2 }),
    topics: array(struct({
      topic: string(),
      partitions: array(struct({
        partition: int32(),
        currentLeaderEpoch: int32({ default: -1 }),
        leaderEpoch: int32(),
      })),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array(struct({
      topic: string(),
      partitions: array(struct({
        errorCode: int16(),
        partition: int32(),
        leaderEpoch: int32({ default: -1 }),
        endOffset: int64({ default: -1 }),
      })),
    })),
  },
});

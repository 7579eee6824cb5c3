// wire/schema/offset-fetch.ts - OffsetFetch (key 9), versions 1-10.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, nullable, string, struct, uuid, wide64 } from '../field.ts';

/** Reads how far groups have come. */
export const OffsetFetch = api({
  name: 'OffsetFetch', key: 9, versions: '1-10', flexible: '6+',
  request: {
    groupId: string('1-7'),
    topics: nullable(array(struct({
      name: string(),
      partitionIndexes: array(int32()),
    }), '1-7'), '2+'),
    groups: array(struct({
      groupId: string(),
      memberId: nullable(string('9+', { default: null })),
      memberEpoch: int32('9+', { default: -1 }),
      topics: nullable(array(struct({
        name: string('8-9'),
        topicId: uuid('10+'),
        partitionIndexes: array(int32()),
      }))),
    }), '8+'),
    requireStable: bool('7+'),
  },
  response: {
    throttleTimeMs: int32('3+'),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        committedOffset: wide64(),
        committedLeaderEpoch: int32('5+', { default: -1 }),
        metadata: nullable(string()),
        errorCode: int16(),
      })),
    }), '1-7'),
    errorCode: int16('2-7'),
    groups: array(struct({
      groupId: string(),
      topics: array(struct({
        name: string('8-9'),
        topicId: uuid('10+'),
        partitions: array(struct({
          partitionIndex: int32(),
          committedOffset: wide64(),
          committedLeaderEpoch: int32({ default: -1 }),
          metadata: nullable(string()),
          errorCode: int16(),
        })),
      })),
      errorCode: int16(),
    }), '8+'),
  },
});

// wire/schema/offset-commit.ts - OffsetCommit (key 8), versions 2-10.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, nullable, string, struct, uuid, wide64 } from '../field.ts';

/** Stores how far a group has come. */
export const OffsetCommit = api({
  name: 'OffsetCommit', key: 8, versions: '2-10', flexible: '8+',
  request: {
    groupId: string(),
    generationIdOrMemberEpoch: int32({ default: -1 }),
    memberId: string(),
    groupInstanceId: nullable(string('7+', { default: null })),
    retentionTimeMs: wide64('2-4', { default: -1 }),
    topics: array(struct({
      name: string('2-9'),
      topicId: uuid('10+'),
      partitions: array(struct({
        partitionIndex: int32(),
        committedOffset: wide64(),
        committedLeaderEpoch: int32('6+', { default: -1 }),
        committedMetadata: nullable(string()),
      })),
    })),
  },
  response: {
    throttleTimeMs: int32('3+'),
    topics: array(struct({
      name: string('2-9'),
      topicId: uuid('10+'),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
      })),
    })),
  },
});

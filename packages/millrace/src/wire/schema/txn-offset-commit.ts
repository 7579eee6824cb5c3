// wire/schema/txn-offset-commit.ts - TxnOffsetCommit (key 28), versions 0-5.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, nullable, string, struct, wide64 } from '../field.ts';

/** Stores how far a group has come, as part of a transaction. */
export const TxnOffsetCommit = api({
  name: 'TxnOffsetCommit', key: 28, versions: '0-5', flexible: '3+',
  request: {
    transactionalId: string(),
    groupId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    generationId: int32('3+', { default: -1 }),
    memberId: string('3+'),
    groupInstanceId: nullable(string('3+', { default: null })),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        committedOffset: wide64(),
        committedLeaderEpoch: int32('2+', { default: -1 }),
        committedMetadata: nullable(string()),
      })),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
      })),
    })),
  },
});

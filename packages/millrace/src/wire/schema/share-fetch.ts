// wire/schema/share-fetch.ts - ShareFetch (key 78), versions 1-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int64, int8, nullable, records, string, struct, uuid, wide64 } from '../field.ts';

/** Acquires records for a member of a share group, and acknowledges earlier ones (KIP-932). */
export const ShareFetch = api({
  name: 'ShareFetch', key: 78, versions: '1-2', flexible: '0+',
  request: {
    groupId: nullable(string({ default: null })),
    memberId: nullable(string()),
    shareSessionEpoch: int32(),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 2147483647 }),
    maxRecords: int32(),
    batchSize: int32(),
    shareAcquireMode: int8('2+'),
    isRenewAck: bool('2+'),
    topics: array(struct({
      topicId: uuid(),
      partitions: array(struct({
        partitionIndex: int32(),
        acknowledgementBatches: array(struct({
          firstOffset: wide64(),
          lastOffset: wide64(),
          acknowledgeTypes: array(int8()),
        })),
      })),
    })),
    forgottenTopicsData: array(struct({
      topicId: uuid(),
      partitions: array(int32()),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string({ default: null })),
    acquisitionLockTimeoutMs: int32(),
    responses: array(struct({
      topicId: uuid(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: nullable(string({ default: null })),
        acknowledgeErrorCode: int16(),
        acknowledgeErrorMessage: nullable(string({ default: null })),
        currentLeader: struct({
          leaderId: int32(),
          leaderEpoch: int32(),
        }),
        records: records(),
        acquiredRecords: array(struct({
          firstOffset: int64(),
          lastOffset: int64(),
          deliveryCount: int16(),
        })),
      })),
    })),
    nodeEndpoints: array(struct({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: nullable(string({ default: null })),
    })),
  },
});

// wire/schema/share-acknowledge.ts - ShareAcknowledge (key 79), versions 1-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int8, nullable, string, struct, uuid, wide64 } from '../field.ts';

/** Acknowledges records acquired in a share group (KIP-932). */
export const ShareAcknowledge = api({
  name: 'ShareAcknowledge', key: 79, versions: '1-2', flexible: '0+',
  request: {
    groupId: nullable(string({ default: null })),
    memberId: nullable(string()),
    shareSessionEpoch: int32(),
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
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string({ default: null })),
    acquisitionLockTimeoutMs: int32('2+'),
    responses: array(struct({
      topicId: uuid(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: nullable(string({ default: null })),
        currentLeader: struct({
          leaderId: int32(),
          leaderEpoch: int32(),
        }),
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

// wire/schema/share-group-heartbeat.ts - ShareGroupHeartbeat (key 76), versions 1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, nullable, string, struct, uuid } from '../field.ts';

const topicPartitionsOfResponse = {
  topicId: uuid(),
  partitions: array(int32()),
};

/** Joins, keeps alive, assigns and leaves in a share group (KIP-932). */
export const ShareGroupHeartbeat = api({
  name: 'ShareGroupHeartbeat', key: 76, versions: '1', flexible: '0+',
  request: {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32(),
    rackId: nullable(string({ default: null })),
    subscribedTopicNames: nullable(array(string(), { default: null })),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string({ default: null })),
    memberId: nullable(string({ default: null })),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    assignment: nullable(struct({
      topicPartitions: array(struct(topicPartitionsOfResponse)),
    }, { default: null })),
  },
});

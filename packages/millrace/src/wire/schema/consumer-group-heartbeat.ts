// wire/schema/consumer-group-heartbeat.ts - ConsumerGroupHeartbeat (key 68), versions 0-1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, nullable, string, struct, uuid } from '../field.ts';

const topicPartitionsOfResponse = {
  topicId: uuid(),
  partitions: array(int32()),
};

/** Joins, keeps alive, assigns and leaves in the consumer group protocol (KIP-848). */
export const ConsumerGroupHeartbeat = api({
  name: 'ConsumerGroupHeartbeat', key: 68, versions: '0-1', flexible: '0+',
  request: {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32(),
    instanceId: nullable(string({ default: null })),
    rackId: nullable(string({ default: null })),
    rebalanceTimeoutMs: int32({ default: -1 }),
    subscribedTopicNames: nullable(array(string(), { default: null })),
    subscribedTopicRegex: nullable(string('1+', { default: null })),
    serverAssignor: nullable(string({ default: null })),
    topicPartitions: nullable(array(struct({
      topicId: uuid(),
      partitions: array(int32()),
    }), { default: null })),
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

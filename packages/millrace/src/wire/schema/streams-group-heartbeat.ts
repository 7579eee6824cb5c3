// wire/schema/streams-group-heartbeat.ts - StreamsGroupHeartbeat (key 88), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int64, int8, nullable, string, struct, uint16 } from '../field.ts';

const keyValueOfRequest = {
  key: string(),
  value: string(),
};

const topicInfoOfRequest = {
  name: string(),
  partitions: int32(),
  replicationFactor: int16(),
  topicConfigs: array(struct(keyValueOfRequest)),
};

const taskIdsOfRequest = {
  subtopologyId: string(),
  partitions: array(int32()),
};

const endpointOfRequest = {
  host: string(),
  port: uint16(),
};

const taskOffsetOfRequest = {
  subtopologyId: string(),
  partition: int32(),
  offset: int64(),
};

const statusOfResponse = {
  statusCode: int8(),
  statusDetail: string(),
};

const taskIdsOfResponse = {
  subtopologyId: string(),
  partitions: array(int32()),
};

const endpointOfResponse = {
  host: string(),
  port: uint16(),
};

const topicPartitionOfResponse = {
  topic: string(),
  partitions: array(int32()),
};

/** Joins, keeps alive, assigns and leaves in a streams group (KIP-1071). */
export const StreamsGroupHeartbeat = api({
  name: 'StreamsGroupHeartbeat', key: 88, versions: '0', flexible: '0+',
  request: {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32(),
    endpointInformationEpoch: int32(),
    instanceId: nullable(string({ default: null })),
    rackId: nullable(string({ default: null })),
    rebalanceTimeoutMs: int32({ default: -1 }),
    topology: nullable(struct({
      epoch: int32(),
      subtopologies: array(struct({
        subtopologyId: string(),
        sourceTopics: array(string()),
        sourceTopicRegex: array(string()),
        stateChangelogTopics: array(struct(topicInfoOfRequest)),
        repartitionSinkTopics: array(string()),
        repartitionSourceTopics: array(struct(topicInfoOfRequest)),
        copartitionGroups: array(struct({
          sourceTopics: array(int16()),
          sourceTopicRegex: array(int16()),
          repartitionSourceTopics: array(int16()),
        })),
      })),
    }, { default: null })),
    activeTasks: nullable(array(struct(taskIdsOfRequest), { default: null })),
    standbyTasks: nullable(array(struct(taskIdsOfRequest), { default: null })),
    warmupTasks: nullable(array(struct(taskIdsOfRequest), { default: null })),
    processId: nullable(string({ default: null })),
    userEndpoint: nullable(struct(endpointOfRequest, { default: null })),
    clientTags: nullable(array(struct(keyValueOfRequest), { default: null })),
    taskOffsets: nullable(array(struct(taskOffsetOfRequest), { default: null })),
    taskEndOffsets: nullable(array(struct(taskOffsetOfRequest), { default: null })),
    shutdownApplication: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string({ default: null })),
    memberId: string(),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    acceptableRecoveryLag: int32(),
    taskOffsetIntervalMs: int32(),
    status: nullable(array(struct(statusOfResponse))),
    activeTasks: nullable(array(struct(taskIdsOfResponse), { default: null })),
    standbyTasks: nullable(array(struct(taskIdsOfResponse), { default: null })),
    warmupTasks: nullable(array(struct(taskIdsOfResponse), { default: null })),
    endpointInformationEpoch: int32(),
    partitionsByUserEndpoint: nullable(array(struct({
      userEndpoint: struct(endpointOfResponse),
      activePartitions: array(struct(topicPartitionOfResponse)),
      standbyPartitions: array(struct(topicPartitionOfResponse)),
    }), { default: null })),
  },
});

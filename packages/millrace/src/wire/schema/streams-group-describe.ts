// wire/schema/streams-group-describe.ts - StreamsGroupDescribe (key 89), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int64, nullable, string, struct, uint16 } from '../field.ts';

const keyValueOfResponse = {
  key: string(),
  value: string(),
};

const topicInfoOfResponse = {
  name: string(),
  partitions: int32(),
  replicationFactor: int16(),
  topicConfigs: array(struct(keyValueOfResponse)),
};

const endpointOfResponse = {
  host: string(),
  port: uint16(),
};

const taskOffsetOfResponse = {
  subtopologyId: string(),
  partition: int32(),
  offset: int64(),
};

const taskIdsOfResponse = {
  subtopologyId: string(),
  partitions: array(int32()),
};

const assignmentOfResponse = {
  activeTasks: array(struct(taskIdsOfResponse)),
  standbyTasks: array(struct(taskIdsOfResponse)),
  warmupTasks: array(struct(taskIdsOfResponse)),
};

/** Shows the members and tasks of streams groups (KIP-1071). */
export const StreamsGroupDescribe = api({
  name: 'StreamsGroupDescribe', key: 89, versions: '0', flexible: '0+',
  request: {
    groupIds: array(string()),
    includeAuthorizedOperations: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    groups: array(struct({
      errorCode: int16(),
      errorMessage: nullable(string({ default: null })),
      groupId: string(),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      topology: nullable(struct({
        epoch: int32(),
        subtopologies: nullable(array(struct({
          subtopologyId: string(),
          sourceTopics: array(string()),
          repartitionSinkTopics: array(string()),
          stateChangelogTopics: array(struct(topicInfoOfResponse)),
          repartitionSourceTopics: array(struct(topicInfoOfResponse)),
        }), { default: null })),
      }, { default: null })),
      members: array(struct({
        memberId: string(),
        memberEpoch: int32(),
        instanceId: nullable(string({ default: null })),
        rackId: nullable(string({ default: null })),
        clientId: string(),
        clientHost: string(),
        topologyEpoch: int32(),
        processId: string(),
        userEndpoint: nullable(struct(endpointOfResponse, { default: null })),
        clientTags: array(struct(keyValueOfResponse)),
        taskOffsets: array(struct(taskOffsetOfResponse)),
        taskEndOffsets: array(struct(taskOffsetOfResponse)),
        assignment: struct(assignmentOfResponse),
        targetAssignment: struct(assignmentOfResponse),
        isClassic: bool(),
      })),
      authorizedOperations: int32({ default: -2147483648 }),
    })),
  },
});

// wire/schema/consumer-group-describe.ts - ConsumerGroupDescribe (key 69), versions 0-1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int8, nullable, string, struct, uuid } from '../field.ts';

const topicPartitionsOfResponse = {
  topicId: uuid(),
  topicName: string(),
  partitions: array(int32()),
};

const assignmentOfResponse = {
  topicPartitions: array(struct(topicPartitionsOfResponse)),
};

/** Shows the members and assignments of consumer groups (KIP-848). */
export const ConsumerGroupDescribe = api({
  name: 'ConsumerGroupDescribe', key: 69, versions: '0-1', flexible: '0+',
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
      assignorName: string(),
      members: array(struct({
        memberId: string(),
        instanceId: nullable(string({ default: null })),
        rackId: nullable(string({ default: null })),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array(string()),
        subscribedTopicRegex: nullable(string({ default: null })),
        assignment: struct(assignmentOfResponse),
        targetAssignment: struct(assignmentOfResponse),
        memberType: int8('1+', { default: -1 }),
      })),
      authorizedOperations: int32({ default: -2147483648 }),
    })),
  },
});

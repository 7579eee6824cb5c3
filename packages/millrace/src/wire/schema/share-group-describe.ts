// wire/schema/share-group-describe.ts - ShareGroupDescribe (key 77), versions 1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, nullable, string, struct, uuid } from '../field.ts';

const topicPartitionsOfResponse = {
  topicId: uuid(),
  topicName: string(),
  partitions: array(int32()),
};

const assignmentOfResponse = {
  topicPartitions: array(struct(topicPartitionsOfResponse)),
};

/** Shows the members and assignments of share groups (KIP-932). */
export const ShareGroupDescribe = api({
  name: 'ShareGroupDescribe', key: 77, versions: '1', flexible: '0+',
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
        rackId: nullable(string({ default: null })),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array(string()),
        assignment: struct(assignmentOfResponse),
      })),
      authorizedOperations: int32({ default: -2147483648 }),
    })),
  },
});

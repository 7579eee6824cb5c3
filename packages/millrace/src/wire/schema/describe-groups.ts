// wire/schema/describe-groups.ts - DescribeGroups (key 15), versions 0-6.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, bytes, int16, int32, nullable, string, struct } from '../field.ts';

/** Shows the members and assignments of classic groups. */
export const DescribeGroups = api({
  name: 'DescribeGroups', key: 15, versions: '0-6', flexible: '5+',
  request: {
    groups: array(string()),
    includeAuthorizedOperations: bool('3+'),
  },
  response: {
    throttleTimeMs: int32('1+'),
    groups: array(struct({
      errorCode: int16(),
      errorMessage: nullable(string('6+', { default: null })),
      groupId: string(),
      groupState: string(),
      protocolType: string(),
      protocolData: string(),
      members: array(struct({
        memberId: string(),
        groupInstanceId: nullable(string('4+', { default: null })),
        clientId: string(),
        clientHost: string(),
        memberMetadata: bytes(),
        memberAssignment: bytes(),
      })),
      authorizedOperations: int32('3+', { default: -2147483648 }),
    })),
  },
});

// wire/schema/leave-group.ts - LeaveGroup (key 13), versions 0-5.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, nullable, string, struct } from '../field.ts';

/** Takes members out of a classic group at once. */
export const LeaveGroup = api({
  name: 'LeaveGroup', key: 13, versions: '0-5', flexible: '4+',
  request: {
    groupId: string(),
    memberId: string('0-2'),
    members: array(struct({
      memberId: string(),
      groupInstanceId: nullable(string({ default: null })),
      reason: nullable(string('5+', { default: null })),
    }), '3+'),
  },
  response: {
    throttleTimeMs: int32('1+'),
    errorCode: int16(),
    members: array(struct({
      memberId: string(),
      groupInstanceId: nullable(string()),
      errorCode: int16(),
    }), '3+'),
  },
});

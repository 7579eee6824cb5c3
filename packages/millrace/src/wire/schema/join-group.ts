// wire/schema/join-group.ts - JoinGroup (key 11), versions 0-9.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, bytes, int16, int32, nullable, string, struct } from '../field.ts';

/** Enters a classic group and waits for its next generation. */
export const JoinGroup = api({
  name: 'JoinGroup', key: 11, versions: '0-9', flexible: '6+',
  request: {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32('1+', { default: -1 }),
    memberId: string(),
    groupInstanceId: nullable(string('5+', { default: null })),
    protocolType: string(),
    protocols: array(struct({
      name: string(),
      metadata: bytes(),
    })),
    reason: nullable(string('8+', { default: null })),
  },
  response: {
    throttleTimeMs: int32('2+'),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: nullable(string('7+', { default: null })),
    protocolName: nullable(string(), '7+'),
    leader: string(),
    skipAssignment: bool('9+'),
    memberId: string(),
    members: array(struct({
      memberId: string(),
      groupInstanceId: nullable(string('5+', { default: null })),
      metadata: bytes(),
    })),
  },
});

// wire/schema/sync-group.ts - SyncGroup (key 14), versions 0-5.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bytes, int16, int32, nullable, string, struct } from '../field.ts';

/** Hands the leader's assignment to the members of a classic group. */
export const SyncGroup = api({
  name: 'SyncGroup', key: 14, versions: '0-5', flexible: '4+',
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: nullable(string('3+', { default: null })),
    protocolType: nullable(string('5+', { default: null })),
    protocolName: nullable(string('5+', { default: null })),
    assignments: array(struct({
      memberId: string(),
      assignment: bytes(),
    })),
  },
  response: {
    throttleTimeMs: int32('1+'),
    errorCode: int16(),
    protocolType: nullable(string('5+', { default: null })),
    protocolName: nullable(string('5+', { default: null })),
    assignment: bytes(),
  },
});

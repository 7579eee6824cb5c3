// wire/schema/heartbeat.ts - Heartbeat (key 12), versions 0-4.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { int16, int32, nullable, string } from '../field.ts';

/** Keeps a member of a classic group alive and tells it of a rebalance. */
export const Heartbeat = api({
  name: 'Heartbeat', key: 12, versions: '0-4', flexible: '4+',
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: nullable(string('3+', { default: null })),
  },
  response: {
    throttleTimeMs: int32('1+'),
    errorCode: int16(),
  },
});

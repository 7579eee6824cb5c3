// wire/schema/find-coordinator.ts - FindCoordinator (key 10), versions 0-6.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Names the broker that keeps a group, a transaction or a share group. */
export const FindCoordinator = api({
  name: 'FindCoordinator', key: 10, versions: '0-6', flexible: '3+',
  request: {
    key: string('0-3'),
    keyType: int8('1+'),
    coordinatorKeys: array(string(), '4+'),
  },
  response: {
    throttleTimeMs: int32('1+'),
    errorCode: int16('0-3'),
    errorMessage: nullable(string('1-3')),
    nodeId: int32('0-3'),
    host: string('0-3'),
    port: int32('0-3'),
    coordinators: array(struct({
      key: string(),
      nodeId: int32(),
      host: string(),
      port: int32(),
      errorCode: int16(),
      errorMessage: nullable(string()),
    }), '4+'),
  },
});

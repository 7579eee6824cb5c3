// wire/schema/alter-partition-reassignments.ts - AlterPartitionReassignments (key 45), versions 0-1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, nullable, string, struct } from '../field.ts';

/** Starts or cancels moves of replicas between brokers. */
export const AlterPartitionReassignments = api({
  name: 'AlterPartitionReassignments', key: 45, versions: '0-1', flexible: '0+',
  request: {
    timeoutMs: int32({ default: 60000 }),
    allowReplicationFactorChange: bool('1+', { default: true }),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        replicas: nullable(array(int32(), { default: null })),
      })),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    allowReplicationFactorChange: bool('1+', { default: true }),
    errorCode: int16(),
    errorMessage: nullable(string()),
    responses: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: nullable(string()),
      })),
    })),
  },
});

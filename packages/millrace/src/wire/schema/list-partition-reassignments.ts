// wire/schema/list-partition-reassignments.ts - ListPartitionReassignments (key 46), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, nullable, string, struct } from '../field.ts';

/** Lists moves of replicas that are under way. */
export const ListPartitionReassignments = api({
  name: 'ListPartitionReassignments', key: 46, versions: '0', flexible: '0+',
  request: {
    timeoutMs: int32({ default: 60000 }),
    topics: nullable(array(struct({
      name: string(),
      partitionIndexes: array(int32()),
    }), { default: null })),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string()),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        replicas: array(int32()),
        addingReplicas: array(int32()),
        removingReplicas: array(int32()),
      })),
    })),
  },
});

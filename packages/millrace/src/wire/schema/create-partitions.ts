// wire/schema/create-partitions.ts - CreatePartitions (key 37), versions 0-3.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, nullable, string, struct } from '../field.ts';

/** Adds partitions to topics. */
export const CreatePartitions = api({
  name: 'CreatePartitions', key: 37, versions: '0-3', flexible: '2+',
  request: {
    topics: array(struct({
      name: string(),
      count: int32(),
      assignments: nullable(array(struct({
        brokerIds: array(int32()),
      }))),
    })),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    results: array(struct({
      name: string(),
      errorCode: int16(),
      errorMessage: nullable(string({ default: null })),
    })),
  },
});

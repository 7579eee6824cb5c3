// wire/schema/elect-leaders.ts - ElectLeaders (key 43), versions 0-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Asks for leader elections. */
export const ElectLeaders = api({
  name: 'ElectLeaders', key: 43, versions: '0-2', flexible: '2+',
  request: {
    electionType: int8('1+'),
    topicPartitions: nullable(array(struct({
      topic: string(),
      partitions: array(int32()),
    }))),
    timeoutMs: int32({ default: 60000 }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16('1+'),
    replicaElectionResults: array(struct({
      topic: string(),
      partitionResult: array(struct({
        partitionId: int32(),
        errorCode: int16(),
        errorMessage: nullable(string()),
      })),
    })),
  },
});

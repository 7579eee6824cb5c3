// wire/schema/metadata.ts - Metadata (key 3), versions 0-13.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, nullable, string, struct, uuid } from '../field.ts';

/** Names the brokers, topics, partitions and leaders. */
export const Metadata = api({
  name: 'Metadata', key: 3, versions: '0-13', flexible: '9+',
  request: {
    topics: nullable(array(struct({
      topicId: uuid('10+'),
      name: nullable(string(), '10+'),
    })), '1+'),
    allowAutoTopicCreation: bool('4+', { default: true }),
    includeClusterAuthorizedOperations: bool('8-10'),
    includeTopicAuthorizedOperations: bool('8+'),
  },
  response: {
    throttleTimeMs: int32('3+'),
    brokers: array(struct({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: nullable(string('1+', { default: null })),
    })),
    clusterId: nullable(string('2+', { default: null })),
    controllerId: int32('1+', { default: -1 }),
    topics: array(struct({
      errorCode: int16(),
      name: nullable(string(), '12+'),
      topicId: uuid('10+'),
      isInternal: bool('1+'),
      partitions: array(struct({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32('7+', { default: -1 }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        offlineReplicas: array(int32(), '5+'),
      })),
      topicAuthorizedOperations: int32('8+', { default: -2147483648 }),
    })),
    clusterAuthorizedOperations: int32('8-10', { default: -2147483648 }),
    errorCode: int16('13+'),
  },
});

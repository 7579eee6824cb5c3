// wire/schema/describe-quorum.ts - DescribeQuorum (key 55), versions 0-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, nullable, string, struct, uint16, uuid } from '../field.ts';

const replicaStateOfResponse = {
  replicaId: int32(),
  replicaDirectoryId: uuid('2+'),
  logEndOffset: int64(),
  lastFetchTimestamp: int64('1+', { default: -1 }),
  lastCaughtUpTimestamp: int64('1+', { default: -1 }),
};

/** Reports the metadata quorum and how far its replicas have come. */
export const DescribeQuorum = api({
  name: 'DescribeQuorum', key: 55, versions: '0-2', flexible: '0+',
  request: {
    topics: array(struct({
      topicName: string(),
      partitions: array(struct({
        partitionIndex: int32(),
      })),
    })),
  },
  response: {
    errorCode: int16(),
    errorMessage: nullable(string('2+')),
    topics: array(struct({
      topicName: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: nullable(string('2+')),
        leaderId: int32(),
        leaderEpoch: int32(),
        highWatermark: int64(),
        currentVoters: array(struct(replicaStateOfResponse)),
        observers: array(struct(replicaStateOfResponse)),
      })),
    })),
    nodes: array(struct({
      nodeId: int32(),
      listeners: array(struct({
        name: string(),
        host: string(),
        port: uint16(),
      })),
    }), '2+'),
  },
});

// wire/schema/describe-topic-partitions.ts - DescribeTopicPartitions (key 75), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, nullable, string, struct, uuid } from '../field.ts';

/** Names topics and partitions page by page. */
export const DescribeTopicPartitions = api({
  name: 'DescribeTopicPartitions', key: 75, versions: '0', flexible: '0+',
  request: {
    topics: array(struct({
      name: string(),
    })),
    responsePartitionLimit: int32({ default: 2000 }),
    cursor: nullable(struct({
      topicName: string(),
      partitionIndex: int32(),
    }, { default: null })),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array(struct({
      errorCode: int16(),
      name: nullable(string()),
      topicId: uuid(),
      isInternal: bool(),
      partitions: array(struct({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ default: -1 }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        eligibleLeaderReplicas: nullable(array(int32(), { default: null })),
        lastKnownElr: nullable(array(int32(), { default: null })),
        offlineReplicas: array(int32()),
      })),
      topicAuthorizedOperations: int32({ default: -2147483648 }),
    })),
    nextCursor: nullable(struct({
      topicName: string(),
      partitionIndex: int32(),
    }, { default: null })),
  },
});

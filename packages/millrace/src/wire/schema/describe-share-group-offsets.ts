// wire/schema/describe-share-group-offsets.ts - DescribeShareGroupOffsets (key 90), versions 0-1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, nullable, string, struct, uuid } from '../field.ts';

/** Reads where share groups stand in partitions. */
export const DescribeShareGroupOffsets = api({
  name: 'DescribeShareGroupOffsets', key: 90, versions: '0-1', flexible: '0+',
  request: {
    groups: array(struct({
      groupId: string(),
      topics: nullable(array(struct({
        topicName: string(),
        partitions: array(int32()),
      }))),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    groups: array(struct({
      groupId: string(),
      topics: array(struct({
        topicName: string(),
        topicId: uuid(),
        partitions: array(struct({
          partitionIndex: int32(),
          startOffset: int64(),
          leaderEpoch: int32(),
          lag: int64('1+', { default: -1 }),
          errorCode: int16(),
          errorMessage: nullable(string({ default: null })),
        })),
      })),
      errorCode: int16(),
      errorMessage: nullable(string({ default: null })),
    })),
  },
});

// wire/schema/alter-share-group-offsets.ts - AlterShareGroupOffsets (key 91), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, nullable, string, struct, uuid, wide64 } from '../field.ts';

/** Sets where a share group starts in partitions. */
export const AlterShareGroupOffsets = api({
  name: 'AlterShareGroupOffsets', key: 91, versions: '0', flexible: '0+',
  request: {
    groupId: string(),
    topics: array(struct({
      topicName: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        startOffset: wide64(),
      })),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string({ default: null })),
    responses: array(struct({
      topicName: string(),
      topicId: uuid(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: nullable(string({ default: null })),
      })),
    })),
  },
});

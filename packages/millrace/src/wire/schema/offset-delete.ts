// wire/schema/offset-delete.ts - OffsetDelete (key 47), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, string, struct } from '../field.ts';

/** Deletes the offsets a group stored for partitions. */
export const OffsetDelete = api({
  name: 'OffsetDelete', key: 47, versions: '0', flexible: 'none',
  request: {
    groupId: string(),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
      })),
    })),
  },
  response: {
    errorCode: int16(),
    throttleTimeMs: int32(),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
      })),
    })),
  },
});

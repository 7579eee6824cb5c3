// wire/schema/delete-records.ts - DeleteRecords (key 21), versions 0-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int64, string, struct, wide64 } from '../field.ts';

/** Raises the first offset of partitions. */
export const DeleteRecords = api({
  name: 'DeleteRecords', key: 21, versions: '0-2', flexible: '2+',
  request: {
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        offset: wide64(),
      })),
    })),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        lowWatermark: int64(),
        errorCode: int16(),
      })),
    })),
  },
});

// wire/schema/delete-share-group-offsets.ts - DeleteShareGroupOffsets (key 92), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, nullable, string, struct, uuid } from '../field.ts';

/** Deletes where a share group stands in topics. */
export const DeleteShareGroupOffsets = api({
  name: 'DeleteShareGroupOffsets', key: 92, versions: '0', flexible: '0+',
  request: {
    groupId: string(),
    topics: array(struct({
      topicName: string(),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string({ default: null })),
    responses: array(struct({
      topicName: string(),
      topicId: uuid(),
      errorCode: int16(),
      errorMessage: nullable(string({ default: null })),
    })),
  },
});

// wire/schema/delete-groups.ts - DeleteGroups (key 42), versions 0-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, string, struct } from '../field.ts';

/** Deletes empty groups with their offsets. */
export const DeleteGroups = api({
  name: 'DeleteGroups', key: 42, versions: '0-2', flexible: '2+',
  request: {
    groupsNames: array(string()),
  },
  response: {
    throttleTimeMs: int32(),
    results: array(struct({
      groupId: string(),
      errorCode: int16(),
    })),
  },
});

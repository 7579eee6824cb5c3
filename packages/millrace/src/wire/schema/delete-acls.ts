// wire/schema/delete-acls.ts - DeleteAcls (key 31), versions 1-3.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Removes access rules that match filters. */
export const DeleteAcls = api({
  name: 'DeleteAcls', key: 31, versions: '1-3', flexible: '2+',
  request: {
    filters: array(struct({
      resourceTypeFilter: int8(),
      resourceNameFilter: nullable(string()),
      patternTypeFilter: int8({ default: 3 }),
      principalFilter: nullable(string()),
      hostFilter: nullable(string()),
      operation: int8(),
      permissionType: int8(),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    filterResults: array(struct({
      errorCode: int16(),
      errorMessage: nullable(string()),
      matchingAcls: array(struct({
        errorCode: int16(),
        errorMessage: nullable(string()),
        resourceType: int8(),
        resourceName: string(),
        patternType: int8({ default: 3 }),
        principal: string(),
        host: string(),
        operation: int8(),
        permissionType: int8(),
      })),
    })),
  },
});

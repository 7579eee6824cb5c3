// wire/schema/create-acls.ts - CreateAcls (key 30), versions 1-3.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Adds access rules. */
export const CreateAcls = api({
  name: 'CreateAcls', key: 30, versions: '1-3', flexible: '2+',
  request: {
    creations: array(struct({
      resourceType: int8(),
      resourceName: string(),
      resourcePatternType: int8({ default: 3 }),
      principal: string(),
      host: string(),
      operation: int8(),
      permissionType: int8(),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    results: array(struct({
      errorCode: int16(),
      errorMessage: nullable(string()),
    })),
  },
});

// wire/schema/alter-configs.ts - AlterConfigs (key 33), versions 0-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Replaces all settings of a resource; superseded by IncrementalAlterConfigs. */
export const AlterConfigs = api({
  name: 'AlterConfigs', key: 33, versions: '0-2', flexible: '2+',
  request: {
    resources: array(struct({
      resourceType: int8(),
      resourceName: string(),
      configs: array(struct({
        name: string(),
        value: nullable(string()),
      })),
    })),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    responses: array(struct({
      errorCode: int16(),
      errorMessage: nullable(string()),
      resourceType: int8(),
      resourceName: string(),
    })),
  },
});

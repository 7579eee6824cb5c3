// wire/schema/incremental-alter-configs.ts - IncrementalAlterConfigs (key 44), versions 0-1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Sets, deletes, appends to and subtracts from single settings. */
export const IncrementalAlterConfigs = api({
  name: 'IncrementalAlterConfigs', key: 44, versions: '0-1', flexible: '1+',
  request: {
    resources: array(struct({
      resourceType: int8(),
      resourceName: string(),
      configs: array(struct({
        name: string(),
        configOperation: int8(),
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

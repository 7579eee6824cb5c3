// wire/schema/list-config-resources.ts - ListConfigResources (key 74), versions 0-1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int8, string, struct } from '../field.ts';

/** Lists resources that have settings. */
export const ListConfigResources = api({
  name: 'ListConfigResources', key: 74, versions: '0-1', flexible: '0+',
  request: {
    resourceTypes: array(int8(), '1+'),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    configResources: array(struct({
      resourceName: string(),
      resourceType: int8('1+', { default: 16 }),
    })),
  },
});

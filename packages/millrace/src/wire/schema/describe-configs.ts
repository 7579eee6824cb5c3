// wire/schema/describe-configs.ts - DescribeConfigs (key 32), versions 1-4.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Reads the settings of topics, brokers and groups, with where each came from. */
export const DescribeConfigs = api({
  name: 'DescribeConfigs', key: 32, versions: '1-4', flexible: '4+',
  request: {
    resources: array(struct({
      resourceType: int8(),
      resourceName: string(),
      configurationKeys: nullable(array(string())),
    })),
    includeSynonyms: bool(),
    includeDocumentation: bool('3+'),
  },
  response: {
    throttleTimeMs: int32(),
    results: array(struct({
      errorCode: int16(),
      errorMessage: nullable(string()),
      resourceType: int8(),
      resourceName: string(),
      configs: array(struct({
        name: string(),
        value: nullable(string()),
        readOnly: bool(),
        configSource: int8({ default: -1 }),
        isSensitive: bool(),
        synonyms: array(struct({
          name: string(),
          value: nullable(string()),
          source: int8(),
        })),
        configType: int8('3+'),
        documentation: nullable(string('3+')),
      })),
    })),
  },
});

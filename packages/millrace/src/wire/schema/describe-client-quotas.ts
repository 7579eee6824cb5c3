// wire/schema/describe-client-quotas.ts - DescribeClientQuotas (key 48), versions 0-1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, float64, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Lists quotas that match a filter. */
export const DescribeClientQuotas = api({
  name: 'DescribeClientQuotas', key: 48, versions: '0-1', flexible: '1+',
  request: {
    components: array(struct({
      entityType: string(),
      matchType: int8(),
      match: nullable(string()),
    })),
    strict: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string()),
    entries: nullable(array(struct({
      entity: array(struct({
        entityType: string(),
        entityName: nullable(string()),
      })),
      values: array(struct({
        key: string(),
        value: float64(),
      })),
    }))),
  },
});

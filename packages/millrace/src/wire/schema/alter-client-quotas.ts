// wire/schema/alter-client-quotas.ts - AlterClientQuotas (key 49), versions 0-1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, float64, int16, int32, nullable, string, struct } from '../field.ts';

/** Sets and removes quotas. */
export const AlterClientQuotas = api({
  name: 'AlterClientQuotas', key: 49, versions: '0-1', flexible: '1+',
  request: {
    entries: array(struct({
      entity: array(struct({
        entityType: string(),
        entityName: nullable(string()),
      })),
      ops: array(struct({
        key: string(),
        value: float64(),
        remove: bool(),
      })),
    })),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    entries: array(struct({
      errorCode: int16(),
      errorMessage: nullable(string()),
      entity: array(struct({
        entityType: string(),
        entityName: nullable(string()),
      })),
    })),
  },
});

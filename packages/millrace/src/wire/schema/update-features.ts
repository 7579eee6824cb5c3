// wire/schema/update-features.ts - UpdateFeatures (key 57), versions 0-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Raises or lowers finalized feature levels. */
export const UpdateFeatures = api({
  name: 'UpdateFeatures', key: 57, versions: '0-2', flexible: '0+',
  request: {
    timeoutMs: int32({ default: 60000 }),
    featureUpdates: array(struct({
      feature: string(),
      maxVersionLevel: int16(),
      allowDowngrade: bool('0'),
      upgradeType: int8('1+', { default: 1 }),
    })),
    validateOnly: bool('1+'),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string()),
    results: array(struct({
      feature: string(),
      errorCode: int16(),
      errorMessage: nullable(string()),
    }), '0-1'),
  },
});

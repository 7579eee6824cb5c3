// wire/schema/api-versions.ts - ApiVersions (key 18), versions 0-4.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int64, string, struct } from '../field.ts';

/** Tells which messages, versions and features the broker speaks; the first request of every client. */
export const ApiVersions = api({
  name: 'ApiVersions', key: 18, versions: '0-4', flexible: '3+',
  request: {
    clientSoftwareName: string('3+'),
    clientSoftwareVersion: string('3+'),
  },
  response: {
    errorCode: int16(),
    apiKeys: array(struct({
      apiKey: int16(),
      minVersion: int16(),
      maxVersion: int16(),
    })),
    throttleTimeMs: int32('1+'),
    supportedFeatures: array(struct({
      name: string(),
      minVersion: int16(),
      maxVersion: int16(),
    }), '3+', { tag: 0 }),
    finalizedFeaturesEpoch: int64('3+', { default: -1, tag: 1 }),
    finalizedFeatures: array(struct({
      name: string(),
      maxVersionLevel: int16(),
      minVersionLevel: int16(),
    }), '3+', { tag: 2 }),
    zkMigrationReady: bool('3+', { tag: 3 }),
  },
});

// wire/schema/alter-user-scram-credentials.ts - AlterUserScramCredentials (key 51), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bytes, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Sets and removes SCRAM credentials. */
export const AlterUserScramCredentials = api({
  name: 'AlterUserScramCredentials', key: 51, versions: '0', flexible: '0+',
  request: {
    deletions: array(struct({
      name: string(),
      mechanism: int8(),
    })),
    upsertions: array(struct({
      name: string(),
      mechanism: int8(),
      iterations: int32(),
      salt: bytes(),
      saltedPassword: bytes(),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    results: array(struct({
      user: string(),
      errorCode: int16(),
      errorMessage: nullable(string()),
    })),
  },
});

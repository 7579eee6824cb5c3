// wire/schema/describe-user-scram-credentials.ts - DescribeUserScramCredentials (key 50), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Lists which SCRAM credentials users have. */
export const DescribeUserScramCredentials = api({
  name: 'DescribeUserScramCredentials', key: 50, versions: '0', flexible: '0+',
  request: {
    users: nullable(array(struct({
      name: string(),
    }))),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string()),
    results: array(struct({
      user: string(),
      errorCode: int16(),
      errorMessage: nullable(string()),
      credentialInfos: array(struct({
        mechanism: int8(),
        iterations: int32(),
      })),
    })),
  },
});

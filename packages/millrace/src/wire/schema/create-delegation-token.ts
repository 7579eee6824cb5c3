// wire/schema/create-delegation-token.ts - CreateDelegationToken (key 38), versions 1-3.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bytes, int16, int32, int64, nullable, string, struct, wide64 } from '../field.ts';

/** Makes a delegation token. */
export const CreateDelegationToken = api({
  name: 'CreateDelegationToken', key: 38, versions: '1-3', flexible: '2+',
  request: {
    ownerPrincipalType: nullable(string('3+')),
    ownerPrincipalName: nullable(string('3+')),
    renewers: array(struct({
      principalType: string(),
      principalName: string(),
    })),
    maxLifetimeMs: wide64(),
  },
  response: {
    errorCode: int16(),
    principalType: string(),
    principalName: string(),
    tokenRequesterPrincipalType: string('3+'),
    tokenRequesterPrincipalName: string('3+'),
    issueTimestampMs: int64(),
    expiryTimestampMs: int64(),
    maxTimestampMs: int64(),
    tokenId: string(),
    hmac: bytes(),
    throttleTimeMs: int32(),
  },
});

// wire/schema/describe-delegation-token.ts - DescribeDelegationToken (key 41), versions 1-3.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bytes, int16, int32, int64, nullable, string, struct } from '../field.ts';

/** Lists delegation tokens. */
export const DescribeDelegationToken = api({
  name: 'DescribeDelegationToken', key: 41, versions: '1-3', flexible: '2+',
  request: {
    owners: nullable(array(struct({
      principalType: string(),
      principalName: string(),
    }))),
  },
  response: {
    errorCode: int16(),
    tokens: array(struct({
      principalType: string(),
      principalName: string(),
      tokenRequesterPrincipalType: string('3+'),
      tokenRequesterPrincipalName: string('3+'),
      issueTimestamp: int64(),
      expiryTimestamp: int64(),
      maxTimestamp: int64(),
      tokenId: string(),
      hmac: bytes(),
      renewers: array(struct({
        principalType: string(),
        principalName: string(),
      })),
    })),
    throttleTimeMs: int32(),
  },
});

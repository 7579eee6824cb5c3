// wire/schema/expire-delegation-token.ts - ExpireDelegationToken (key 40), versions 1-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { bytes, int16, int32, int64, wide64 } from '../field.ts';

/** Ends a delegation token. */
export const ExpireDelegationToken = api({
  name: 'ExpireDelegationToken', key: 40, versions: '1-2', flexible: '2+',
  request: {
    hmac: bytes(),
    expiryTimePeriodMs: wide64(),
  },
  response: {
    errorCode: int16(),
    expiryTimestampMs: int64(),
    throttleTimeMs: int32(),
  },
});

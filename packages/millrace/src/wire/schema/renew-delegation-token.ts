// wire/schema/renew-delegation-token.ts - RenewDelegationToken (key 39), versions 1-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { bytes, int16, int32, int64, wide64 } from '../field.ts';

/** Prolongs a delegation token. */
export const RenewDelegationToken = api({
  name: 'RenewDelegationToken', key: 39, versions: '1-2', flexible: '2+',
  request: {
    hmac: bytes(),
    renewPeriodMs: wide64(),
  },
  response: {
    errorCode: int16(),
    expiryTimestampMs: int64(),
    throttleTimeMs: int32(),
  },
});

// wire/schema/sasl-authenticate.ts - SaslAuthenticate (key 36), versions 0-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { bytes, int16, nullable, string, wide64 } from '../field.ts';

/** Carries the bytes of a SASL exchange. */
export const SaslAuthenticate = api({
  name: 'SaslAuthenticate', key: 36, versions: '0-2', flexible: '2+',
  request: {
    authBytes: bytes(),
  },
  response: {
    errorCode: int16(),
    errorMessage: nullable(string()),
    authBytes: bytes(),
    sessionLifetimeMs: wide64('1+'),
  },
});

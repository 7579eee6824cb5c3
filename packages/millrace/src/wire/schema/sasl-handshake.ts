// wire/schema/sasl-handshake.ts - SaslHandshake (key 17), versions 0-1.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, string } from '../field.ts';

/** Chooses a SASL mechanism. */
export const SaslHandshake = api({
  name: 'SaslHandshake', key: 17, versions: '0-1', flexible: 'none',
  request: {
    mechanism: string(),
  },
  response: {
    errorCode: int16(),
    mechanisms: array(string()),
  },
});

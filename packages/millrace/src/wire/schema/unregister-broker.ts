// wire/schema/unregister-broker.ts - UnregisterBroker (key 64), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { int16, int32, nullable, string } from '../field.ts';

/** Removes a broker from the cluster. */
export const UnregisterBroker = api({
  name: 'UnregisterBroker', key: 64, versions: '0', flexible: '0+',
  request: {
    brokerId: int32(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string()),
  },
});

// wire/schema/push-telemetry.ts - PushTelemetry (key 72), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { bool, bytes, int16, int32, int8, uuid } from '../field.ts';

/** Receives a client's metrics (KIP-714). */
export const PushTelemetry = api({
  name: 'PushTelemetry', key: 72, versions: '0', flexible: '0+',
  request: {
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    terminating: bool(),
    compressionType: int8(),
    metrics: bytes(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
  },
});

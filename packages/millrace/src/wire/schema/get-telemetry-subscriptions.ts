// wire/schema/get-telemetry-subscriptions.ts - GetTelemetrySubscriptions (key 71), versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int8, string, uuid } from '../field.ts';

/** Tells a client which metrics to push (KIP-714). */
export const GetTelemetrySubscriptions = api({
  name: 'GetTelemetrySubscriptions', key: 71, versions: '0', flexible: '0+',
  request: {
    clientInstanceId: uuid(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    acceptedCompressionTypes: array(int8()),
    pushIntervalMs: int32(),
    telemetryMaxBytes: int32(),
    deltaTemporality: bool(),
    requestedMetrics: array(string()),
  },
});

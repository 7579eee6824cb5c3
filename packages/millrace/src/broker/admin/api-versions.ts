// broker/admin/api-versions.ts - ApiVersions: what this node speaks. The first request of every client.
// V1 Nothing is advertised that is not served, with one exception that clients need: Produce from version 0 (see produceAdvertisedMin).
// Source: KIP-35, KIP-511, KIP-584.
import { ApiVersions, errorCodes } from '../../wire/mod.ts';
import type { Handler, Route } from '../handlers.ts';

/**
 * Older librdkafka decides by the lowest advertised version of Produce whether a broker knows compression: from 3 on it would silently stop
 * compressing (KAFKA-18659). Versions 0-2 themselves are refused, as Kafka 4 does.
 */
export const produceAdvertisedMin = 0;

/**
 * What clients may use. transaction.version 2 is KIP-890, group.version 1 is KIP-848, share.version 1 is KIP-932. Before version 4 of the request a feature from 0 on may not be told: old clients would not take the answer (KAFKA-17011).
 */
const supportedFeatures = [{ name: 'group.version', minVersion: 1, maxVersion: 1 }, { name: 'share.version', minVersion: 1, maxVersion: 1 }, { name: 'transaction.version', minVersion: 1, maxVersion: 2 }];
const finalizedFeatures = [
  { name: 'group.version', minVersionLevel: 1, maxVersionLevel: 1 }, { name: 'share.version', minVersionLevel: 1, maxVersionLevel: 1 }, { name: 'transaction.version', minVersionLevel: 2, maxVersionLevel: 2 },
];

const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;
const validatedFrom = 3;

/** The handler; `routes` is asked at each call because the table contains this handler. */
export function apiVersionsHandler(routes: () => readonly Route[]): Handler<typeof ApiVersions> {
  return (request, context) => {
    const named = softwareName.test(request.clientSoftwareName) && softwareName.test(request.clientSoftwareVersion);
    if (context.version >= validatedFrom && !named) return context.reply({ errorCode: errorCodes.INVALID_REQUEST });
    const apiKeys = routes().map(({ api, versions, advertisedMin }) => ({ apiKey: api.key, minVersion: advertisedMin, maxVersion: versions.max }));
    context.reply({ errorCode: errorCodes.NONE, apiKeys, supportedFeatures, finalizedFeaturesEpoch: 0, finalizedFeatures });
  };
}

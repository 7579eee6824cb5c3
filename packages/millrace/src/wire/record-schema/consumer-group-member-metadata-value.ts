// wire/record-schema/consumer-group-member-metadata-value.ts - ConsumerGroupMemberMetadataValue, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { array, bytes, int32, nullable, string, struct } from '../field.ts';

/** A member of a consumer group as it describes itself. */
export const ConsumerGroupMemberMetadataValue = message({
  name: 'ConsumerGroupMemberMetadataValue', versions: '0', flexible: '0+',
  fields: {
    instanceId: nullable(string()),
    rackId: nullable(string()),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: array(string()),
    subscribedTopicRegex: nullable(string()),
    rebalanceTimeoutMs: int32({ default: -1 }),
    serverAssignor: nullable(string()),
    classicMemberMetadata: nullable(struct({
      sessionTimeoutMs: int32(),
      supportedProtocols: array(struct({
        name: string(),
        metadata: bytes(),
      })),
    }, { default: null, tag: 0 })),
  },
});

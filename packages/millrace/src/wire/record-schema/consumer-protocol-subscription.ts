// wire/record-schema/consumer-protocol-subscription.ts - ConsumerProtocolSubscription, versions 0-3.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { array, bytes, int32, nullable, string, struct } from '../field.ts';

/** What a consumer sends as metadata of a JoinGroup protocol. */
export const ConsumerProtocolSubscription = message({
  name: 'ConsumerProtocolSubscription', versions: '0-3', flexible: 'none',
  fields: {
    topics: array(string()),
    userData: nullable(bytes({ default: null })),
    ownedPartitions: array(struct({
      topic: string(),
      partitions: array(int32()),
    }), '1+'),
    generationId: int32('2+', { default: -1 }),
    rackId: nullable(string('3+', { default: null })),
  },
});

// wire/record-schema/consumer-group-metadata-value.ts - ConsumerGroupMetadataValue, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { bits64, int32 } from '../field.ts';

/** A consumer group: its epoch, and a fingerprint of the topics it reads. */
export const ConsumerGroupMetadataValue = message({
  name: 'ConsumerGroupMetadataValue', versions: '0', flexible: '0+',
  fields: {
    epoch: int32(),
    metadataHash: bits64({ tag: 0 }),
  },
});

// wire/record-schema/consumer-group-metadata-key.ts - ConsumerGroupMetadataKey, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { string } from '../field.ts';

/** Key of a consumer group (record type 3). */
export const ConsumerGroupMetadataKey = message({
  name: 'ConsumerGroupMetadataKey', versions: '0', flexible: 'none',
  fields: {
    groupId: string(),
  },
});

// wire/record-schema/consumer-group-target-assignment-metadata-key.ts - ConsumerGroupTargetAssignmentMetadataKey, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { string } from '../field.ts';

/** Key of a consumer group's assignment (record type 6). */
export const ConsumerGroupTargetAssignmentMetadataKey = message({
  name: 'ConsumerGroupTargetAssignmentMetadataKey', versions: '0', flexible: 'none',
  fields: {
    groupId: string(),
  },
});

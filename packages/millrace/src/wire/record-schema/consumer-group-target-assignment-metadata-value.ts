// wire/record-schema/consumer-group-target-assignment-metadata-value.ts - ConsumerGroupTargetAssignmentMetadataValue, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { int32, int64 } from '../field.ts';

/** The epoch for which a consumer group's partitions were divided last. */
export const ConsumerGroupTargetAssignmentMetadataValue = message({
  name: 'ConsumerGroupTargetAssignmentMetadataValue', versions: '0', flexible: '0+',
  fields: {
    assignmentEpoch: int32(),
    assignmentTimestamp: int64({ tag: 0 }),
  },
});

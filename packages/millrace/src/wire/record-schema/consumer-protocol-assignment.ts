// wire/record-schema/consumer-protocol-assignment.ts - ConsumerProtocolAssignment, versions 0-3.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { array, bytes, int32, nullable, string, struct } from '../field.ts';

/** What a consumer gets as assignment of a SyncGroup. */
export const ConsumerProtocolAssignment = message({
  name: 'ConsumerProtocolAssignment', versions: '0-3', flexible: 'none',
  fields: {
    assignedPartitions: array(struct({
      topic: string(),
      partitions: array(int32()),
    })),
    userData: nullable(bytes({ default: null })),
  },
});

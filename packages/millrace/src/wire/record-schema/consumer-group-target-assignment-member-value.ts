// wire/record-schema/consumer-group-target-assignment-member-value.ts - ConsumerGroupTargetAssignmentMemberValue, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { array, int32, struct, uuid } from '../field.ts';

/** What a member of a consumer group is to have. */
export const ConsumerGroupTargetAssignmentMemberValue = message({
  name: 'ConsumerGroupTargetAssignmentMemberValue', versions: '0', flexible: '0+',
  fields: {
    topicPartitions: array(struct({
      topicId: uuid(),
      partitions: array(int32()),
    })),
  },
});

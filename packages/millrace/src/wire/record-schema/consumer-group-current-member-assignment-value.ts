// wire/record-schema/consumer-group-current-member-assignment-value.ts - ConsumerGroupCurrentMemberAssignmentValue, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { array, int32, int8, nullable, struct, uuid } from '../field.ts';

const topicPartitionsFields = {
  topicId: uuid(),
  partitions: array(int32()),
  assignmentEpochs: nullable(array(int32(), { default: null, tag: 0 })),
};

/** What a member of a consumer group has, and what it is to give up. */
export const ConsumerGroupCurrentMemberAssignmentValue = message({
  name: 'ConsumerGroupCurrentMemberAssignmentValue', versions: '0', flexible: '0+',
  fields: {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: array(struct(topicPartitionsFields)),
    partitionsPendingRevocation: array(struct(topicPartitionsFields)),
  },
});

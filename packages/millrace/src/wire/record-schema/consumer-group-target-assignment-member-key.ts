// wire/record-schema/consumer-group-target-assignment-member-key.ts - ConsumerGroupTargetAssignmentMemberKey, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { string } from '../field.ts';

/** Key of what a member of a consumer group is to have (record type 7). */
export const ConsumerGroupTargetAssignmentMemberKey = message({
  name: 'ConsumerGroupTargetAssignmentMemberKey', versions: '0', flexible: 'none',
  fields: {
    groupId: string(),
    memberId: string(),
  },
});

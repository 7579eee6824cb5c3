// wire/record-schema/consumer-group-current-member-assignment-key.ts - ConsumerGroupCurrentMemberAssignmentKey, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { string } from '../field.ts';

/** Key of what a member of a consumer group has (record type 8). */
export const ConsumerGroupCurrentMemberAssignmentKey = message({
  name: 'ConsumerGroupCurrentMemberAssignmentKey', versions: '0', flexible: 'none',
  fields: {
    groupId: string(),
    memberId: string(),
  },
});

// wire/record-schema/consumer-group-member-metadata-key.ts - ConsumerGroupMemberMetadataKey, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { string } from '../field.ts';

/** Key of a member of a consumer group (record type 5). */
export const ConsumerGroupMemberMetadataKey = message({
  name: 'ConsumerGroupMemberMetadataKey', versions: '0', flexible: 'none',
  fields: {
    groupId: string(),
    memberId: string(),
  },
});

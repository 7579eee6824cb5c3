// wire/record-schema/mod.ts - structs that live in records and in opaque fields.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
export { OffsetCommitKey } from './offset-commit-key.ts';
export { OffsetCommitValue } from './offset-commit-value.ts';
export { GroupMetadataKey } from './group-metadata-key.ts';
export { GroupMetadataValue } from './group-metadata-value.ts';
export { ConsumerGroupMetadataKey } from './consumer-group-metadata-key.ts';
export { ConsumerGroupMetadataValue } from './consumer-group-metadata-value.ts';
export { ConsumerGroupMemberMetadataKey } from './consumer-group-member-metadata-key.ts';
export { ConsumerGroupMemberMetadataValue } from './consumer-group-member-metadata-value.ts';
export { ConsumerGroupTargetAssignmentMetadataKey } from './consumer-group-target-assignment-metadata-key.ts';
export { ConsumerGroupTargetAssignmentMetadataValue } from './consumer-group-target-assignment-metadata-value.ts';
export { ConsumerGroupTargetAssignmentMemberKey } from './consumer-group-target-assignment-member-key.ts';
export { ConsumerGroupTargetAssignmentMemberValue } from './consumer-group-target-assignment-member-value.ts';
export { ConsumerGroupCurrentMemberAssignmentKey } from './consumer-group-current-member-assignment-key.ts';
export { ConsumerGroupCurrentMemberAssignmentValue } from './consumer-group-current-member-assignment-value.ts';
export { ConsumerGroupRegularExpressionKey } from './consumer-group-regular-expression-key.ts';
export { ConsumerGroupRegularExpressionValue } from './consumer-group-regular-expression-value.ts';
export { ConsumerProtocolSubscription } from './consumer-protocol-subscription.ts';
export { ConsumerProtocolAssignment } from './consumer-protocol-assignment.ts';
export { ControlRecordTypeSchema } from './control-record-type-schema.ts';
export { EndTxnMarker } from './end-txn-marker.ts';

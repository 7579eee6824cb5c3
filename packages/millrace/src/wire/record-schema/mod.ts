// wire/record-schema/mod.ts - structs that live in records and in opaque fields.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
export { OffsetCommitKey } from './offset-commit-key.ts';
export { OffsetCommitValue } from './offset-commit-value.ts';
export { GroupMetadataKey } from './group-metadata-key.ts';
export { GroupMetadataValue } from './group-metadata-value.ts';
export { ConsumerProtocolSubscription } from './consumer-protocol-subscription.ts';
export { ConsumerProtocolAssignment } from './consumer-protocol-assignment.ts';
export { ControlRecordTypeSchema } from './control-record-type-schema.ts';
export { EndTxnMarker } from './end-txn-marker.ts';

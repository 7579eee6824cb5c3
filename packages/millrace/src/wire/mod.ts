// wire/mod.ts - the door of floor 1: Kafka's protocol as bytes. Nothing here touches a socket, a disk or a clock.
export type { Api, Message, RequestInit, RequestOf, ResponseInit, ResponseOf, ValueInit, ValueOf } from './api.ts';
export { isFlexible } from './api.ts';
export type { VersionRange } from './versions.ts';
export { inVersions } from './versions.ts';
export * from './codec.ts';
export * from './error-codes.ts';
export { isUuid, uuidBytes, uuidText, zeroUuid } from './uuid.ts';
export * from './schema/mod.ts';
export { ImportBatches } from './own/import-batches.ts';
export * from './record-schema/mod.ts';
export * from './batch.ts';
export * from './batch-builder.ts';
export * from './batch-cursor.ts';
export * from './compression.ts';
export * from './control-record.ts';
export * from './record-cursor.ts';
export * from './sasl/mod.ts';
export * from './acl-numbers.ts';

// broker/group/records.ts - groups and offsets as records of `__consumer_offsets`, in Kafka's own form.
// Owns: keys, values and their versions. Never: batches, and when anything is written (group-log.ts).
// Format: docs/formats/consumer-offsets.md. Key version 1 names an offset, 2 a group, 3-8 and 16 are of consumer groups; values carry their own version.
import {
  decodeMessageAt, decodeVersioned, encodeMessage, encodePrefixed, encodeVersioned, GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue, zeroUuid, type BatchBuilder, type ValueOf,
} from '../../wire/mod.ts';
import { consumerKey, consumerValue, isConsumerRecordType, readConsumerRecord } from './consumer/codec.ts';
import type { ConsumerRecord } from './consumer/consumer-record.ts';
import type { GroupRecord, GroupValue } from './effects.ts';
import type { Committed } from './group.ts';

/** A group's record as read back: all fields are there. */
export type StoredGroupValue = ValueOf<typeof GroupMetadataValue>;

/** What one record says. A null value takes it back; 'unknown' is a kind of record that this version does not know. */
export type StoredRecord =
  | { readonly kind: 'group'; readonly groupId: string; readonly value: StoredGroupValue | null }
  | { readonly kind: 'offset'; readonly groupId: string; readonly topic: string; readonly partition: number; readonly value: Committed | null }
  | { readonly kind: 'pending'; readonly groupId: string; readonly producerId: number; readonly topic: string; readonly partition: number; readonly value: Committed | null }
  | { readonly kind: 'consumer'; readonly groupId: string; readonly record: ConsumerRecord }
  | { readonly kind: 'unknown'; readonly keyVersion: number };

/** What can be written: a null value is a tombstone. */
export type WritableRecord = Exclude<GroupRecord, { kind: 'forget' }>;

const offsetKeyVersion = 1;
const groupKeyVersion = 2;
/** One of our own: Kafka keeps such offsets in transactional batches, which nobody but a coordinator reads. */
const pendingKeyVersion = 100;
const pendingPrefixBytes = 10;
const groupValueVersion = 3;

/** Adds a record to a batch. */
export function addRecord(builder: BatchBuilder, nowMs: number, groupId: string, record: WritableRecord): void {
  if (record.kind === 'group') builder.append(nowMs, groupKey(groupId), record.value && groupValueBytes(record.value));
  else if (record.kind === 'consumer') builder.append(nowMs, consumerKey(groupId, record.record), consumerValue(record.record));
  else if (record.kind === 'pending') builder.append(nowMs, pendingKey(record.producerId, groupId, record.topic, record.partition), record.value && offsetValueBytes(record.value));
  else builder.append(nowMs, offsetKey(groupId, record.topic, record.partition), record.value && offsetValueBytes(record.value));
}

/** Key of a group's record. */
export function groupKey(groupId: string): Uint8Array {
  return encodePrefixed(GroupMetadataKey, groupKeyVersion, 0, { group: groupId });
}

/** Value of a group's record. */
export function groupValueBytes(value: GroupValue): Uint8Array {
  return encodeVersioned(GroupMetadataValue, groupValueVersion, value);
}

/** Key of an offset's record. */
export function offsetKey(groupId: string, topic: string, partition: number): Uint8Array {
  return encodePrefixed(OffsetCommitKey, offsetKeyVersion, 0, { group: groupId, topic, partition });
}

/** Key of an offset of a transaction that is not decided: version, producer id, then as an offset's key. */
export function pendingKey(producerId: number, groupId: string, topic: string, partition: number): Uint8Array {
  const name = encodeMessage(OffsetCommitKey, 0, { group: groupId, topic, partition });
  const key = new Uint8Array(pendingPrefixBytes + name.length);
  const view = new DataView(key.buffer);
  view.setInt16(0, pendingKeyVersion);
  view.setBigInt64(2, BigInt(producerId));
  key.set(name, pendingPrefixBytes);
  return key;
}

/** Value of an offset's record. Only version 1 carries an end of life, only version 4 a topic id; else it is 3, the most widely read. */
export function offsetValueBytes(value: Committed): Uint8Array {
  const version = value.expireTimestampMs >= 0 ? 1 : value.topicId === zeroUuid ? 3 : 4;
  return encodeVersioned(OffsetCommitValue, version, {
    offset: value.offset, leaderEpoch: value.leaderEpoch, metadata: value.metadata, commitTimestamp: value.commitTimestampMs,
    expireTimestamp: value.expireTimestampMs, topicId: value.topicId,
  });
}

/** Reads a record. Throws 'invalid-bytes' or 'unsupported-version' for a known kind that does not decode. The bytes may be reused after. */
export function readRecord(key: Uint8Array, value: Uint8Array | null): StoredRecord {
  const keyVersion = key.length < 2 ? -1 : (key[0]! << 8) | key[1]!;
  if (keyVersion === groupKeyVersion) {
    const { group } = decodeMessageAt(GroupMetadataKey, 0, key, 2);
    return { kind: 'group', groupId: group, value: value === null ? null : decodeVersioned(GroupMetadataValue, value.slice()).value };
  }
  if (keyVersion === 0 || keyVersion === offsetKeyVersion) {
    const { group, topic, partition } = decodeMessageAt(OffsetCommitKey, 0, key, 2);
    return { kind: 'offset', groupId: group, topic, partition, value: value === null ? null : readOffset(value) };
  }
  if (keyVersion === pendingKeyVersion && key.length >= pendingPrefixBytes) {
    const producerId = Number(new DataView(key.buffer, key.byteOffset, key.length).getBigInt64(2));
    const { group, topic, partition } = decodeMessageAt(OffsetCommitKey, 0, key, pendingPrefixBytes);
    return { kind: 'pending', groupId: group, producerId, topic, partition, value: value === null ? null : readOffset(value) };
  }
  if (isConsumerRecordType(keyVersion)) return { kind: 'consumer', ...readConsumerRecord(keyVersion, key, value) };
  return { kind: 'unknown', keyVersion };
}

function readOffset(bytes: Uint8Array): Committed {
  const { value } = decodeVersioned(OffsetCommitValue, bytes);
  return {
    offset: value.offset, leaderEpoch: value.leaderEpoch, metadata: value.metadata, commitTimestampMs: value.commitTimestamp,
    expireTimestampMs: value.expireTimestamp, topicId: value.topicId,
  };
}

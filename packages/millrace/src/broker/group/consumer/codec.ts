// broker/group/consumer/codec.ts - a consumer group's records as bytes, in Kafka's own form.
// Owns: keys and values of record types 3, 5-8 and 16. Never: which are written (change.ts).
// Format: docs/formats/consumer-offsets.md.
import {
  ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue, ConsumerGroupMetadataKey,
  ConsumerGroupMetadataValue, ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue, ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue,
  ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue, decodeMessageAt, decodeVersioned, encodePrefixed, encodeVersioned,
} from '../../../wire/mod.ts';
import type { ConsumerRecord, ConsumerRecordName } from './consumer-record.ts';

const keyBytesOf = 2;

const types: Readonly<Record<ConsumerRecordName, number>> = { epoch: 3, member: 5, 'assignment-epoch': 6, target: 7, current: 8, pattern: 16 };
const names = new Map(Object.entries(types).map(([name, type]) => [type, name as ConsumerRecordName]));

/** Whether keys of this type name a record of a consumer group. */
export function isConsumerRecordType(type: number): boolean {
  return names.has(type);
}

/** Key of a record. */
export function consumerKey(groupId: string, { name, of }: ConsumerRecord): Uint8Array {
  const type = types[name];
  switch (name) {
    case 'epoch': return encodePrefixed(ConsumerGroupMetadataKey, type, 0, { groupId });
    case 'member': return encodePrefixed(ConsumerGroupMemberMetadataKey, type, 0, { groupId, memberId: of });
    case 'assignment-epoch': return encodePrefixed(ConsumerGroupTargetAssignmentMetadataKey, type, 0, { groupId });
    case 'target': return encodePrefixed(ConsumerGroupTargetAssignmentMemberKey, type, 0, { groupId, memberId: of });
    case 'current': return encodePrefixed(ConsumerGroupCurrentMemberAssignmentKey, type, 0, { groupId, memberId: of });
    case 'pattern': return encodePrefixed(ConsumerGroupRegularExpressionKey, type, 0, { groupId, regularExpression: of });
  }
}

/** Value of a record; null for a tombstone. */
export function consumerValue(record: ConsumerRecord): Uint8Array | null {
  if (record.value === null) return null;
  switch (record.name) {
    case 'epoch': return encodeVersioned(ConsumerGroupMetadataValue, 0, record.value);
    case 'member': return encodeVersioned(ConsumerGroupMemberMetadataValue, 0, record.value);
    case 'assignment-epoch': return encodeVersioned(ConsumerGroupTargetAssignmentMetadataValue, 0, record.value);
    case 'target': return encodeVersioned(ConsumerGroupTargetAssignmentMemberValue, 0, record.value);
    case 'current': return encodeVersioned(ConsumerGroupCurrentMemberAssignmentValue, 0, record.value);
    case 'pattern': return encodeVersioned(ConsumerGroupRegularExpressionValue, 0, record.value);
  }
}

/** Reads a record whose key has one of these types. Throws 'invalid-bytes' or 'unsupported-version'. The bytes may be reused after. */
export function readConsumerRecord(type: number, key: Uint8Array, value: Uint8Array | null): { readonly groupId: string; readonly record: ConsumerRecord } {
  const own = value?.slice() ?? null;
  switch (names.get(type)!) {
    case 'epoch': {
      const { groupId } = decodeMessageAt(ConsumerGroupMetadataKey, 0, key, keyBytesOf);
      return { groupId, record: { name: 'epoch', of: '', value: own && decodeVersioned(ConsumerGroupMetadataValue, own).value } };
    }
    case 'member': {
      const { groupId, memberId } = decodeMessageAt(ConsumerGroupMemberMetadataKey, 0, key, keyBytesOf);
      return { groupId, record: { name: 'member', of: memberId, value: own && decodeVersioned(ConsumerGroupMemberMetadataValue, own).value } };
    }
    case 'assignment-epoch': {
      const { groupId } = decodeMessageAt(ConsumerGroupTargetAssignmentMetadataKey, 0, key, keyBytesOf);
      return { groupId, record: { name: 'assignment-epoch', of: '', value: own && decodeVersioned(ConsumerGroupTargetAssignmentMetadataValue, own).value } };
    }
    case 'target': {
      const { groupId, memberId } = decodeMessageAt(ConsumerGroupTargetAssignmentMemberKey, 0, key, keyBytesOf);
      return { groupId, record: { name: 'target', of: memberId, value: own && decodeVersioned(ConsumerGroupTargetAssignmentMemberValue, own).value } };
    }
    case 'current': {
      const { groupId, memberId } = decodeMessageAt(ConsumerGroupCurrentMemberAssignmentKey, 0, key, keyBytesOf);
      return { groupId, record: { name: 'current', of: memberId, value: own && decodeVersioned(ConsumerGroupCurrentMemberAssignmentValue, own).value } };
    }
    case 'pattern': {
      const { groupId, regularExpression } = decodeMessageAt(ConsumerGroupRegularExpressionKey, 0, key, keyBytesOf);
      return { groupId, record: { name: 'pattern', of: regularExpression, value: own && decodeVersioned(ConsumerGroupRegularExpressionValue, own).value } };
    }
  }
}

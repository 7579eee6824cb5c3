// broker/group/consumer/consumer-protocol.ts - what consumers of the classic protocol say inside of JoinGroup and are told inside of SyncGroup.
// Owns: those bytes, as far as the node must understand them itself. Never: who gets what.
import { isMillraceError } from '../../../base/mod.ts';
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription, decodeMessageAt, encodeVersioned, type Message, type ValueOf } from '../../../wire/mod.ts';
import type { GroupTopics } from '../ports.ts';
import { listsOf, type HeldPartitions } from './partitions.ts';

/** A subscription, as far as it matters here. */
export interface Subscription {
  readonly topics: readonly string[];
  readonly owned: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
  readonly rackId: string | null;
}

const versionBytes = 2;

/** Reads a subscription; null when the bytes are none. */
export function subscriptionOf(bytes: Uint8Array | undefined): Subscription | null {
  const read = bytes === undefined ? null : decoded(ConsumerProtocolSubscription, bytes);
  return read && { topics: read.topics, owned: read.ownedPartitions, rackId: read.rackId };
}

/** Reads an assignment; empty bytes are an empty one, null when they are none. */
export function assignmentOf(bytes: Uint8Array): ValueOf<typeof ConsumerProtocolAssignment> | null {
  return bytes.length === 0 ? { assignedPartitions: [], userData: null } : decoded(ConsumerProtocolAssignment, bytes);
}

/** Writes an assignment in the version that the member's subscription has. */
export function assignmentBytes(held: HeldPartitions, topics: GroupTopics, subscription: Uint8Array): Uint8Array {
  const assignedPartitions = listsOf(held).flatMap(({ topicId, partitions }) => {
    const topic = topics.nameOf(topicId);
    return topic === null ? [] : [{ topic, partitions }];
  });
  return encodeVersioned(ConsumerProtocolAssignment, Math.min(versionOf(subscription), ConsumerProtocolAssignment.versions.max), { assignedPartitions, userData: null });
}

function versionOf(bytes: Uint8Array): number {
  return bytes.length < versionBytes ? 0 : Math.max(0, new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getInt16(0));
}

/** A later version begins as the last known one does. */
function decoded<M extends Message<any>>(message: M, bytes: Uint8Array): ValueOf<M> | null {
  if (bytes.length < versionBytes) return null;
  try {
    return decodeMessageAt(message, Math.min(versionOf(bytes), message.versions.max), bytes, versionBytes);
  } catch (error) {
    if (isMillraceError(error)) return null;
    throw error;
  }
}

// broker/group/subscription.ts - the topics that consumers of a group subscribe to.
// Owns: reading the start of ConsumerProtocolSubscription, which all its versions share. Never: assigning.
// Cost: once per generation, the names of the topics.
import { consumerProtocolType, metadataFor, type Group } from './group.ts';

/**
 * Topics of all members' subscriptions under the group's protocol. Null when they cannot be known: not consumers, no protocol yet,
 * or metadata of another form. A group of consumers without members subscribes to nothing.
 */
export function subscribedTopics(group: Group): ReadonlySet<string> | null {
  if (group.protocolType !== consumerProtocolType) return null;
  const topics = new Set<string>();
  for (const member of group.members.values()) {
    const own = group.protocolName === null ? null : topicsOf(metadataFor(member, group.protocolName));
    if (own === null) return null;
    for (const topic of own) topics.add(topic);
  }
  return topics;
}

/**
 * Topics of one subscription: after an int16 version, an int32 count of int16-long names; the rest differs by version and is
 * not read. Null when the bytes do not hold that.
 */
export function topicsOf(metadata: Uint8Array): string[] | null {
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength);
  if (metadata.length < 6 || view.getInt16(0) < 0) return null;
  const count = view.getInt32(2);
  if (count < 0 || count * 2 > metadata.length) return null;
  const topics: string[] = [];
  let at = 6;
  for (let i = 0; i < count; i++) {
    if (at + 2 > metadata.length) return null;
    const bytes = view.getInt16(at);
    at += 2;
    if (bytes < 0 || at + bytes > metadata.length) return null;
    topics.push(text.decode(metadata.subarray(at, at + bytes)));
    at += bytes;
  }
  return topics;
}

const text = new TextDecoder();

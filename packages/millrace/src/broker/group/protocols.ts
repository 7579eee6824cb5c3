// broker/group/protocols.ts - which protocol a group takes, and whether a newcomer fits.
// Owns: the vote. Never: what a protocol's metadata says (subscription.ts reads only topics).
import { assert } from '../../base/mod.ts';
import { metadataFor, type Group, type Member, type Protocol } from './group.ts';

/** Whether a member with these protocols can be in the group: a first member sets the type, later ones must share type and a protocol. */
export function fits(group: Group, protocolType: string, protocols: readonly Protocol[]): boolean {
  if (protocolType === '' || protocols.length === 0) return false;
  if (group.members.size === 0) return true;
  if (group.protocolType !== protocolType) return false;
  return protocols.some((protocol) => isCommon(group, protocol.name));
}

/**
 * The protocol with most votes among those that all members offer; each member votes for the first of those in its own list.
 * Equal votes go to the one that the earliest member likes better.
 */
export function electProtocol(group: Group): string {
  const votes = new Map<string, number>();
  for (const member of group.members.values()) {
    const choice = member.protocols.find((protocol) => isCommon(group, protocol.name));
    assert(choice !== undefined, 'members of a group share a protocol');
    votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  let [elected, most] = ['', 0];
  for (const [name, count] of votes) if (count > most) [elected, most] = [name, count];
  return elected;
}

/** Whether every member offers the protocol. */
function isCommon(group: Group, name: string): boolean {
  return group.offered.get(name) === group.members.size;
}

/** Counts a member's protocols in (`by` 1) or out (-1). */
export function countProtocols(group: Group, protocols: readonly Protocol[], by: 1 | -1): void {
  for (const name of new Set(protocols.map((protocol) => protocol.name))) {
    const count = (group.offered.get(name) ?? 0) + by;
    if (count === 0) group.offered.delete(name);
    else group.offered.set(name, count);
  }
}

/** Whether a member offers exactly what it offered before, in the same order: then a join again changes nothing. */
export function offersTheSame(member: Member, protocols: readonly Protocol[]): boolean {
  return member.protocols.length === protocols.length && member.protocols.every((known, index) => {
    const offered = protocols[index]!;
    return known.name === offered.name && sameBytes(known.metadata, offered.metadata);
  });
}

/** Own copies: a request's bytes lie in its frame, which must not live as long as the member. */
export function ownProtocols(protocols: readonly Protocol[]): Protocol[] {
  return protocols.map(({ name, metadata }) => ({ name, metadata: metadata.slice() }));
}

/** The members of the current generation with their metadata, as its leader gets them. */
export function membersForLeader(group: Group): { memberId: string; groupInstanceId: string | null; metadata: Uint8Array }[] {
  return [...group.members.values()].map((member) => ({
    memberId: member.id, groupInstanceId: member.instanceId, metadata: metadataFor(member, group.protocolName),
  }));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

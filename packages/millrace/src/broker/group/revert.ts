// broker/group/revert.ts - a change of a consumer group was refused by the log: the group goes back to what the log says.
// Owns: that way back. Never: offsets, which count only once they are durable.
// Members learn of it by what they are told next: an epoch that is not the group's fences them, and they join again.
import { errorCodes } from '../../wire/mod.ts';
import { forgetClassic } from './consumer/migrate.ts';
import type { GroupImage } from './image.ts';
import { restoreMembership } from './restore.ts';
import { endWaiting, enter, type Turn } from './turn.ts';

/** Brings the membership back from the records that the log has taken. */
export function revert(turn: Turn, stored: GroupImage | null): void {
  const { group } = turn;
  if (group.phase.kind === 'dead') return;
  for (const member of group.members.values()) endWaiting(turn, member, errorCodes.COORDINATOR_NOT_AVAILABLE);
  forgetClassic(group);
  group.protocolType = null;
  group.subscribedTopics = null;
  enter(turn, { kind: 'empty' });
  if (stored !== null) restoreMembership(turn, stored);
}

// broker/group/step.ts - one event in, effects out: the whole of a group's behaviour passes here.
// Owns: which part handles which event. Never: clocks, storage, promises: time comes with the event, storage is an effect.
// P1 Every request's ticket is answered once: in its own step, in the step of 'written', or in the step that ends its wait.
import { unreachable } from '../../base/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import { heartbeatClassicMember, joinConsumer, leaveConsumer, syncConsumer } from './consumer/classic-members.ts';
import { consumerHeartbeat } from './consumer/heartbeat.ts';
import { becomeEmptyClassic } from './consumer/migrate.ts';
import { topicsChanged } from './consumer/topics-changed.ts';
import type { ConsumerMembership } from './consumer/membership.ts';
import type { Effect, GroupEvent, JoinEvent, Now } from './effects.ts';
import type { Group } from './group.ts';
import { join } from './join.ts';
import { commit, commitWritten, deleteGroup, deleteOffsets, groupDeleted, offsetsGone, topicGone } from './offsets.ts';
import { expireOffsets } from './retention.ts';
import { decide, decisionWritten, pend, pendingWritten } from './pending.ts';
import { revert } from './revert.ts';
import { heartbeat, leave, stop, tick } from './session.ts';
import { assignmentWritten, sync } from './sync.ts';
import { joinRefused, reply, type Turn } from './turn.ts';

/**
 * Handles one event: changes `group` and returns what the shell has to do, in order.
 * @example for (const effect of step(group, { kind: 'tick' }, now)) execute(effect);
 */
export function step(group: Group, event: GroupEvent, now: Now): Effect[] {
  const turn: Turn = { group, now, effects: [] };
  const membership = membershipOf(group);
  switch (event.kind) {
    case 'join': joinEither(turn, event); break;
    case 'sync': membership ? syncConsumer(turn, membership, event) : sync(turn, event); break;
    case 'heartbeat': membership ? heartbeatClassicMember(turn, membership, event) : heartbeat(turn, event); break;
    case 'leave': membership ? leaveConsumer(turn, membership, event) : leave(turn, event); break;
    case 'consumer-heartbeat': consumerHeartbeat(turn, event); break;
    case 'topics-changed': topicsChanged(turn, event.matching); break;
    case 'commit': commit(turn, event); break;
    case 'pend': pend(turn, event); break;
    case 'decide': decide(turn, event.producerId, event.committed); break;
    case 'delete-offsets': deleteOffsets(turn, event.to, event.partitions); break;
    case 'delete': deleteGroup(turn, event.to); break;
    case 'topic-gone': topicGone(turn, event.topic); break;
    case 'expire-offsets': expireOffsets(turn, event.retentionMs); break;
    case 'tick': tick(turn); break;
    case 'stop': stop(turn); break;
    case 'written': written(turn, event); break;
    default: unreachable(event);
  }
  return turn.effects;
}

function membershipOf({ phase }: Group): ConsumerMembership | null {
  return phase.kind === 'consumer' ? phase.membership : null;
}

/** Who joins a consumer group by the classic protocol becomes one of its members; an empty one becomes a classic group. */
function joinEither(turn: Turn, event: JoinEvent): void {
  const membership = membershipOf(turn.group);
  if (membership !== null && membership.members.size > 0) return joinConsumer(turn, membership, event, (again) => join(turn, again));
  if (membership !== null) becomeEmptyClassic(turn, membership);
  join(turn, event);
}

function written(turn: Turn, { purpose, errorCode, stored }: Extract<GroupEvent, { kind: 'written' }>): void {
  turn.group.writesInFlight--;
  switch (purpose.kind) {
    case 'assignment': return assignmentWritten(turn, purpose, errorCode);
    case 'takeover': return reply(turn, purpose.to, errorCode === errorCodes.NONE ? purpose.reply : joinRefused(errorCode, ''));
    case 'commit': return commitWritten(turn, purpose, errorCode);
    case 'pending': return pendingWritten(turn, purpose, errorCode);
    case 'decided': return decisionWritten(turn, purpose, errorCode);
    case 'offsets-gone': return offsetsGone(turn, purpose, errorCode);
    case 'delete': return groupDeleted(turn, purpose, errorCode);
    case 'consumer':
      purpose.writes.settled(turn, purpose.number, errorCode === errorCodes.NONE);
      return errorCode === errorCodes.NONE && !purpose.writes.broken ? undefined : revert(turn, stored ?? null);
    case 'note': return;
    default: unreachable(purpose);
  }
}

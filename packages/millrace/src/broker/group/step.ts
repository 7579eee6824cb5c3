// broker/group/step.ts - one event in, effects out: the whole of a group's behaviour passes here.
// Owns: which part handles which event. Never: clocks, storage, promises: time comes with the event, storage is an effect.
// P1 Every request's ticket is answered once: in its own step, in the step of 'written', or in the step that ends its wait.
import { unreachable } from '../../base/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import type { Effect, GroupEvent, Now, Purpose } from './effects.ts';
import type { Group } from './group.ts';
import { join } from './join.ts';
import { commit, commitWritten, deleteGroup, deleteOffsets, groupDeleted, offsetsGone, topicGone } from './offsets.ts';
import { expireOffsets } from './retention.ts';
import { decide, decisionWritten, pend, pendingWritten } from './pending.ts';
import { heartbeat, leave, stop, tick } from './session.ts';
import { assignmentWritten, sync } from './sync.ts';
import { joinRefused, reply, type Turn } from './turn.ts';

/**
 * Handles one event: changes `group` and returns what the shell has to do, in order.
 * @example for (const effect of step(group, { kind: 'tick' }, now)) execute(effect);
 */
export function step(group: Group, event: GroupEvent, now: Now): Effect[] {
  const turn: Turn = { group, now, effects: [] };
  switch (event.kind) {
    case 'join': join(turn, event); break;
    case 'sync': sync(turn, event); break;
    case 'heartbeat': heartbeat(turn, event); break;
    case 'leave': leave(turn, event); break;
    case 'commit': commit(turn, event); break;
    case 'pend': pend(turn, event); break;
    case 'decide': decide(turn, event.producerId, event.committed); break;
    case 'delete-offsets': deleteOffsets(turn, event.to, event.partitions); break;
    case 'delete': deleteGroup(turn, event.to); break;
    case 'topic-gone': topicGone(turn, event.topic); break;
    case 'expire-offsets': expireOffsets(turn, event.retentionMs); break;
    case 'tick': tick(turn); break;
    case 'stop': stop(turn); break;
    case 'written': written(turn, event.purpose, event.errorCode); break;
    default: unreachable(event);
  }
  return turn.effects;
}

function written(turn: Turn, purpose: Purpose, errorCode: number): void {
  turn.group.writesInFlight--;
  switch (purpose.kind) {
    case 'assignment': return assignmentWritten(turn, purpose, errorCode);
    case 'takeover': return reply(turn, purpose.to, errorCode === errorCodes.NONE ? purpose.reply : joinRefused(errorCode, ''));
    case 'commit': return commitWritten(turn, purpose, errorCode);
    case 'pending': return pendingWritten(turn, purpose, errorCode);
    case 'decided': return decisionWritten(turn, purpose, errorCode);
    case 'offsets-gone': return offsetsGone(turn, purpose, errorCode);
    case 'delete': return groupDeleted(turn, purpose, errorCode);
    case 'note': return;
    default: unreachable(purpose);
  }
}

// broker/group/membership-requests.ts - JoinGroup, SyncGroup, Heartbeat and LeaveGroup in all their versions.
// Owns: what differs by version. Never: decisions about the group (step.ts).
// Versions: JoinGroup 0 has no rebalance timeout; 4 brings names first; 7 allows no protocol name; 9 lets a leader skip. SyncGroup 5
// must bring protocol type and name, which are checked. LeaveGroup 3 takes several members and answers for each; before, the one answer is on top.
import { errorCodes, type Heartbeat, type JoinGroup, type LeaveGroup, type RequestOf, type SyncGroup } from '../../wire/mod.ts';
import type { RequestContext } from '../handlers.ts';
import type { GroupCoordinator } from './coordinator.ts';
import type { JoinReply, LeaveReply } from './effects.ts';
import { joinRefused, syncRefused } from './turn.ts';

/** Answers JoinGroup. */
export function joinGroup(groups: GroupCoordinator, request: RequestOf<typeof JoinGroup>, context: RequestContext<typeof JoinGroup>): void {
  const { groupId, memberId, groupInstanceId, sessionTimeoutMs } = request;
  const { version } = context;
  // Before version 7 a protocol's name cannot be null.
  const answer = (body: JoinReply) => context.reply(version < 7 && body.protocolName === null ? { ...body, protocolName: '' } : body);
  if (groupId === '') return answer(joinRefused(errorCodes.INVALID_GROUP_ID, memberId));
  const event = {
    kind: 'join', to: { answer }, memberId, instanceId: groupInstanceId,
    freshId: memberId === '' ? groups.newMemberId(groupInstanceId ?? context.clientId ?? '') : '',
    clientId: context.clientId ?? '', clientHost: `/${context.connection.host}`,
    protocolType: request.protocolType, protocols: request.protocols,
    sessionTimeoutMs, rebalanceTimeoutMs: request.rebalanceTimeoutMs < 0 ? sessionTimeoutMs : request.rebalanceTimeoutMs,
    nameFirst: version >= 4, canSkipAssignment: version >= 9,
  } as const;
  if (memberId !== '') {
    if (!groups.send(groupId, event)) answer(joinRefused(errorCodes.UNKNOWN_MEMBER_ID, memberId));
  } else if (!groups.sendOrCreate(groupId, event)) {
    answer(joinRefused(errorCodes.GROUP_MAX_SIZE_REACHED, memberId));
  }
}

/** Answers SyncGroup. */
export function syncGroup(groups: GroupCoordinator, request: RequestOf<typeof SyncGroup>, context: RequestContext<typeof SyncGroup>): void {
  if (request.groupId === '') return context.reply(syncRefused(errorCodes.INVALID_GROUP_ID));
  const incomplete = context.version >= 5 && (request.protocolType === null || request.protocolName === null);
  if (incomplete) return context.reply(syncRefused(errorCodes.INCONSISTENT_GROUP_PROTOCOL));
  const sent = groups.send(request.groupId, {
    kind: 'sync', to: { answer: (body) => context.reply(body) }, memberId: request.memberId, instanceId: request.groupInstanceId,
    generation: request.generationId, protocolType: request.protocolType, protocolName: request.protocolName, assignments: request.assignments,
  });
  if (!sent) context.reply(syncRefused(errorCodes.UNKNOWN_MEMBER_ID));
}

/** Answers Heartbeat. */
export function heartbeat(groups: GroupCoordinator, request: RequestOf<typeof Heartbeat>, context: RequestContext<typeof Heartbeat>): void {
  if (request.groupId === '') return context.reply({ errorCode: errorCodes.INVALID_GROUP_ID });
  const sent = groups.send(request.groupId, {
    kind: 'heartbeat', to: { answer: (body) => context.reply(body) }, memberId: request.memberId, instanceId: request.groupInstanceId, generation: request.generationId,
  });
  if (!sent) context.reply({ errorCode: errorCodes.UNKNOWN_MEMBER_ID });
}

/** Answers LeaveGroup. */
export function leaveGroup(groups: GroupCoordinator, request: RequestOf<typeof LeaveGroup>, context: RequestContext<typeof LeaveGroup>): void {
  if (request.groupId === '') return context.reply({ errorCode: errorCodes.INVALID_GROUP_ID });
  const members = context.version < 3
    ? [{ memberId: request.memberId, instanceId: null }]
    : request.members.map(({ memberId, groupInstanceId }) => ({ memberId, instanceId: groupInstanceId }));
  const answer = (body: LeaveReply) => context.reply(context.version < 3 ? { errorCode: body.errorCode || (body.members?.[0]?.errorCode ?? 0) } : body);
  if (groups.send(request.groupId, { kind: 'leave', to: { answer }, members })) return;
  const errorCode = errorCodes.UNKNOWN_MEMBER_ID;
  answer({ errorCode: errorCodes.NONE, members: members.map(({ memberId, instanceId }) => ({ memberId, groupInstanceId: instanceId, errorCode })) });
}

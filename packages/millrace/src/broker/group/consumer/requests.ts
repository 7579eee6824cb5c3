// broker/group/consumer/requests.ts - ConsumerGroupHeartbeat and ConsumerGroupDescribe in all their versions.
// Owns: what makes a request invalid whoever sends it, the forms of answers. Never: decisions about the group (heartbeat.ts, leaving.ts).
// Versions: from ConsumerGroupHeartbeat 1 on clients make the members' ids and may subscribe by a pattern; before, the node gives an id to who has none.
import { errorCodes, type ConsumerGroupDescribe, type ConsumerGroupHeartbeat, type RequestOf } from '../../../wire/mod.ts';
import { groupOperations, operationsNotAsked } from '../../admin/authorized-operations.ts';
import type { RequestContext } from '../../handlers.ts';
import type { GroupCoordinator } from '../coordinator.ts';
import type { ConsumerHeartbeatReply } from '../effects.ts';
import { preferredAssignor } from './assign.ts';
import { refused } from './heartbeat.ts';
import { awayEpoch, consumerStateName, leaveEpoch, type ConsumerMember, type ConsumerMembership } from './membership.ts';
import { listsOf, type HeldPartitions, type PartitionSet } from './partitions.ts';
import type { Matched } from './topic-patterns.ts';

type HeartbeatRequest = RequestOf<typeof ConsumerGroupHeartbeat>;

const ownIdsVersion = 1;

/** Answers ConsumerGroupHeartbeat. A pattern is matched to the topics first, which takes a while when it is new and there are many. */
export function consumerGroupHeartbeat(groups: GroupCoordinator, request: HeartbeatRequest, context: RequestContext<typeof ConsumerGroupHeartbeat>): void {
  const fault = requestFault(groups, request, context.version);
  if (fault !== null) return context.reply(fault);
  const { subscribedTopicRegex: text } = request;
  if (text === null) return send(groups, request, context, null);
  if (text === '') return send(groups, request, context, { text, topics: [], fault: null });
  groups.matchPattern(text, context.connection, (matched) => send(groups, request, context, { text, ...matched }));
}

function send(groups: GroupCoordinator, request: HeartbeatRequest, context: RequestContext<typeof ConsumerGroupHeartbeat>, pattern: ({ readonly text: string } & Matched) | null): void {
  const { groupId, memberEpoch, instanceId, rackId, rebalanceTimeoutMs, subscribedTopicNames: topics, serverAssignor: assignor, topicPartitions: owned } = request;
  const memberId = request.memberId === '' ? groups.newUuid() : request.memberId;
  const answer = (body: ConsumerHeartbeatReply) => context.reply(body);
  const event = {
    kind: 'consumer-heartbeat', to: { answer }, memberId, memberEpoch, instanceId, rackId, rebalanceTimeoutMs, topics, pattern, assignor, owned,
    clientId: context.clientId ?? '', clientHost: `/${context.connection.host}`,
  } as const;
  if (memberEpoch === 0 ? groups.sendOrCreate(groupId, event) : groups.send(groupId, event)) return groups.memberSeen(groupId, memberId, context.connection, pattern !== null);
  answer(memberEpoch === 0 ? refused(errorCodes.GROUP_MAX_SIZE_REACHED, 'the node keeps no more groups') : refused(errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} not found.`));
}

function requestFault(groups: GroupCoordinator, request: HeartbeatRequest, version: number): ConsumerHeartbeatReply | null {
  const { assignors } = groups.settings.consumer;
  const why = invalidity(request, version);
  if (why !== null) return refused(errorCodes.INVALID_REQUEST, why);
  if (request.serverAssignor === null || assignors.includes(request.serverAssignor)) return null;
  return refused(errorCodes.UNSUPPORTED_ASSIGNOR, `ServerAssignor ${request.serverAssignor} is not supported. Supported assignors: ${assignors.join(', ')}.`);
}

function invalidity(request: HeartbeatRequest, version: number): string | null {
  const { groupId, memberId, memberEpoch, instanceId, rackId, rebalanceTimeoutMs, subscribedTopicNames, subscribedTopicRegex, topicPartitions } = request;
  const isBlank = (text: string | null) => text !== null && text.trim() === '';
  if ((version >= ownIdsVersion || memberEpoch > 0 || memberEpoch === leaveEpoch) && isBlank(memberId)) return "MemberId can't be empty.";
  if (isBlank(groupId)) return "GroupId can't be empty.";
  if (isBlank(instanceId)) return "InstanceId can't be empty.";
  if (isBlank(rackId)) return "RackId can't be empty.";
  if (memberEpoch === 0) {
    if (rebalanceTimeoutMs === -1) return 'RebalanceTimeoutMs must be provided in first request.';
    if (topicPartitions === null || topicPartitions.length > 0) return 'TopicPartitions must be empty when (re-)joining.';
    if (subscribedTopicNames === null && subscribedTopicRegex === null) return 'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.';
  }
  if (memberEpoch === awayEpoch && instanceId === null) return "InstanceId can't be null.";
  return memberEpoch < awayEpoch ? 'MemberEpoch is invalid.' : null;
}

/** Answers ConsumerGroupDescribe. */
export function consumerGroupDescribe(groups: GroupCoordinator, request: RequestOf<typeof ConsumerGroupDescribe>, context: RequestContext<typeof ConsumerGroupDescribe>): void {
  const authorizedOperations = request.includeAuthorizedOperations ? groupOperations : operationsNotAsked;
  context.reply({
    groups: request.groupIds.map((groupId) => {
      const phase = groups.find(groupId)?.phase;
      if (groupId === '') return missing(groupId, errorCodes.INVALID_GROUP_ID, 'The group id is empty.');
      if (phase === undefined || phase.kind === 'dead') return missing(groupId, errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} not found.`);
      if (phase.kind !== 'consumer') return missing(groupId, errorCodes.GROUP_ID_NOT_FOUND, `Group ${groupId} is not a consumer group.`);
      return { ...described(groups, groupId, phase.membership), authorizedOperations };
    }),
  });
}

function missing(groupId: string, errorCode: number, errorMessage: string) {
  return { errorCode, errorMessage, groupId, groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [], authorizedOperations: operationsNotAsked };
}

function described(groups: GroupCoordinator, groupId: string, membership: ConsumerMembership) {
  return {
    errorCode: errorCodes.NONE, errorMessage: null, groupId, groupState: consumerStateName(membership), groupEpoch: membership.epoch, assignmentEpoch: membership.assignmentEpoch,
    assignorName: preferredAssignor(membership, groups.settings.consumer),
    members: [...membership.members.values()].map((member) => describedMember(groups, member)),
  };
}

const classicMember = 0;
const consumerMember = 1;

function describedMember(groups: GroupCoordinator, member: ConsumerMember) {
  return {
    memberId: member.id, instanceId: member.instanceId, rackId: member.rackId, memberEpoch: member.epoch, clientId: member.clientId, clientHost: member.clientHost,
    subscribedTopicNames: [...member.topics],
    subscribedTopicRegex: member.pattern === '' ? null : member.pattern,
    assignment: named(groups, member.assigned), targetAssignment: named(groups, member.target), memberType: member.classic === null ? consumerMember : classicMember,
  };
}

/** Topics that are gone are left out: they have no name any more. */
function named(groups: GroupCoordinator, partitions: HeldPartitions | PartitionSet) {
  return {
    topicPartitions: listsOf(partitions).flatMap(({ topicId, partitions: indexes }) => {
      const topicName = groups.topics.nameOf(topicId);
      return topicName === null ? [] : [{ topicId, topicName, partitions: indexes }];
    }),
  };
}

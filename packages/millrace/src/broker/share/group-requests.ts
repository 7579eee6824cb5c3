// broker/share/group-requests.ts - ShareGroupHeartbeat and ShareGroupDescribe.
// Owns: the checks of a heartbeat's form, in Kafka's words; the forms of answers. Never: membership itself (membership.ts).
import { errorCodes, type RequestOf, type ResponseInit, type ShareGroupDescribe, type ShareGroupHeartbeat } from '../../wire/mod.ts';
import { groupOperations, operationsNotAsked } from '../admin/authorized-operations.ts';
import type { RequestContext } from '../handlers.ts';
import type { Assignment } from './assignor.ts';
import type { ShareMember } from './membership.ts';
import type { ShareGroup } from './share-group.ts';
import type { ShareGroups } from './share-groups.ts';

const epochJoin = 0;
const epochLeave = -1;
/** The only assignor there is. */
const assignorName = 'simple';

type HeartbeatRequest = RequestOf<typeof ShareGroupHeartbeat>;

/** Answers ShareGroupHeartbeat. */
export function shareGroupHeartbeat(groups: ShareGroups, request: HeartbeatRequest, context: RequestContext<typeof ShareGroupHeartbeat>): void {
  const { groupId, memberId, memberEpoch, rackId, subscribedTopicNames: topics } = request;
  const refuse = (errorCode: number, errorMessage: string) => context.reply({ errorCode, errorMessage });
  const fault = faultOf(request);
  if (fault !== null) return refuse(errorCodes.INVALID_REQUEST, fault);
  if (memberEpoch === epochLeave) return leave(groups, request, context);
  groups.heartbeat(groupId, { memberId, memberEpoch, rackId, topics, clientId: context.clientId ?? '', clientHost: `/${context.connection.host}` }, (answer) => {
    if (answer.kind === 'refused') return refuse(answer.errorCode, answer.message);
    const { member, assignment } = answer;
    const heartbeatIntervalMs = groups.find(groupId)?.settings.heartbeatIntervalMs ?? 0;
    context.reply({ memberId: member.id, memberEpoch: member.epoch, heartbeatIntervalMs, assignment: assignment === null ? null : { topicPartitions: topicPartitions(assignment) } });
  });
}

function faultOf({ groupId, memberId, memberEpoch, rackId, subscribedTopicNames: topics }: HeartbeatRequest): string | null {
  if (memberId === '') return "MemberId can't be empty.";
  if (groupId === '') return "GroupId can't be empty.";
  if (rackId === '') return "RackId can't be empty.";
  if (memberEpoch === epochJoin && (topics === null || topics.length === 0)) return 'SubscribedTopicNames must be set in first request.';
  return memberEpoch < epochLeave ? 'MemberEpoch is invalid.' : null;
}

function leave(groups: ShareGroups, { groupId, memberId }: HeartbeatRequest, context: RequestContext<typeof ShareGroupHeartbeat>): void {
  const group = groups.find(groupId);
  if (group === undefined) return context.reply({ errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage: `Share group ${groupId} not found.` });
  if (!groups.leave(group, memberId)) return context.reply({ errorCode: errorCodes.UNKNOWN_MEMBER_ID, errorMessage: `Member ${memberId} is not a member of group ${groupId}.` });
  context.reply({ memberId, memberEpoch: epochLeave });
}

const topicPartitions = (assignment: Assignment) => [...assignment].map(([topicId, indexes]) => ({ topicId, partitions: [...indexes] }));

type Described = NonNullable<ResponseInit<typeof ShareGroupDescribe>['groups']>[number];

/** Answers ShareGroupDescribe. */
export function shareGroupDescribe(groups: ShareGroups, request: RequestOf<typeof ShareGroupDescribe>, context: RequestContext<typeof ShareGroupDescribe>): void {
  context.reply({
    groups: request.groupIds.map((groupId): Described => {
      if (groupId === '') return { groupId, groupState: '', errorCode: errorCodes.INVALID_GROUP_ID, errorMessage: null, assignorName: '', members: [] };
      const group = groups.find(groupId);
      if (group === undefined) return { groupId, groupState: 'Dead', errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} not found.`, assignorName: '', members: [] };
      return describe(groups, group, request.includeAuthorizedOperations);
    }),
  });
}

function describe({ services }: ShareGroups, group: ShareGroup, withOperations: boolean): Described {
  const { membership } = group;
  const nameOf = (topicId: string): string => services.topics.byId(topicId)?.name ?? '';
  const describeMember = ({ id, rackId, epoch, clientId, clientHost, topics, assignment }: ShareMember) => ({
    memberId: id, rackId, memberEpoch: epoch, clientId, clientHost, subscribedTopicNames: [...topics],
    assignment: { topicPartitions: topicPartitions(assignment).map((one) => ({ ...one, topicName: nameOf(one.topicId) })) },
  });
  return {
    groupId: group.id, groupState: group.stateName, errorCode: errorCodes.NONE, errorMessage: null, groupEpoch: membership.groupEpoch, assignmentEpoch: membership.assignmentEpoch, assignorName,
    members: [...membership.members.values()].map(describeMember), authorizedOperations: withOperations ? groupOperations : operationsNotAsked,
  };
}

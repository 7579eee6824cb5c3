// broker/group/admin-requests.ts - FindCoordinator, ListGroups, DescribeGroups and DeleteGroups in all their versions.
// Owns: what differs by version. Never: the deletion itself (offsets.ts).
// Versions: FindCoordinator 4 asks for several keys at once. ListGroups 4 filters by state, 5 by type. DescribeGroups 6 says that a
// group is missing; before, a missing group is one in the state Dead.
import { errorCodes, type DeleteGroups, type DescribeGroups, type FindCoordinator, type ListGroups, type RequestOf } from '../../wire/mod.ts';
import { groupOperations, operationsNotAsked } from '../admin/authorized-operations.ts';
import type { RequestContext } from '../handlers.ts';
import type { GroupCoordinator } from './coordinator.ts';
import { metadataFor, noBytes, type Group, type Member } from './group.ts';
import { stateName, typeName } from './state-name.ts';

const coordinatorOfGroup = 0;
const coordinatorOfTransaction = 1;

/** Answers FindCoordinator: this node, at the address of the listener that was asked. */
export function findCoordinator(nodeId: number, request: RequestOf<typeof FindCoordinator>, context: RequestContext<typeof FindCoordinator>): void {
  const { advertisedHost: host, advertisedPort: port } = context.connection.listener;
  const refusal = refusalOf(request.keyType);
  const found = refusal ?? { errorCode: errorCodes.NONE, errorMessage: null, nodeId, host, port };
  if (context.version < 4) context.reply(found);
  else context.reply({ coordinators: request.coordinatorKeys.map((key) => ({ key, ...found })) });
}

/** Share groups are not there: an error that clients do not retry, or they would wait for ever. */
function refusalOf(keyType: number) {
  if (keyType === coordinatorOfGroup || keyType === coordinatorOfTransaction) return null;
  const nowhere = { nodeId: -1, host: '', port: -1 };
  return { errorCode: errorCodes.INVALID_REQUEST, errorMessage: `This node coordinates nothing of type ${keyType}.`, ...nowhere };
}

/** Answers ListGroups. Filters take names in any case; an empty filter takes all. */
export function listGroups(groups: GroupCoordinator, request: RequestOf<typeof ListGroups>, context: RequestContext<typeof ListGroups>): void {
  const states = new Set(request.statesFilter.map((state) => state.toLowerCase()));
  const types = new Set(request.typesFilter.map((type) => type.toLowerCase()));
  const listed = [];
  for (const group of groups.all()) {
    const groupState = stateName(group);
    if (group.phase.kind === 'dead' || (states.size > 0 && !states.has(groupState.toLowerCase())) || (types.size > 0 && !types.has(typeName(group)))) continue;
    listed.push({ groupId: group.id, protocolType: group.protocolType ?? '', groupState, groupType: typeName(group) });
  }
  context.reply({ errorCode: errorCodes.NONE, groups: listed });
}

/** Answers DescribeGroups. */
export function describeGroups(groups: GroupCoordinator, request: RequestOf<typeof DescribeGroups>, context: RequestContext<typeof DescribeGroups>): void {
  const authorizedOperations = request.includeAuthorizedOperations ? groupOperations : operationsNotAsked;
  context.reply({
    groups: request.groups.map((groupId) => {
      const group = groups.find(groupId);
      const described = group === undefined || group.phase.kind === 'dead' || group.phase.kind === 'consumer' ? missing(groupId, context.version, group?.phase.kind === 'consumer') : describe(group);
      return described.errorCode === errorCodes.NONE ? { ...described, authorizedOperations } : described;
    }),
  });
}

function missing(groupId: string, version: number, isConsumer: boolean) {
  const said = version < 6
    ? { errorCode: errorCodes.NONE, errorMessage: null }
    : { errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage: isConsumer ? `Group ${groupId} is not a classic group.` : `Group ${groupId} not found.` };
  return { ...said, groupId, groupState: 'Dead', protocolType: '', protocolData: '', members: [] };
}

/** Subscriptions and protocol are told while the group is stable: in between they change. */
function describe(group: Group) {
  const stable = group.phase.kind === 'stable';
  return {
    errorCode: errorCodes.NONE, errorMessage: null, groupId: group.id, groupState: stateName(group), protocolType: group.protocolType ?? '',
    protocolData: stable ? group.protocolName ?? '' : '',
    members: [...group.members.values()].map((member) => describeMember(member, stable ? group.protocolName : null)),
  };
}

function describeMember(member: Member, protocolName: string | null) {
  return {
    memberId: member.id, groupInstanceId: member.instanceId, clientId: member.clientId, clientHost: member.clientHost,
    memberMetadata: protocolName === null ? noBytes : metadataFor(member, protocolName), memberAssignment: member.assignment,
  };
}

/** Answers DeleteGroups, once all of it is durable. */
export function deleteGroups(groups: GroupCoordinator, request: RequestOf<typeof DeleteGroups>, context: RequestContext<typeof DeleteGroups>): void {
  const names = [...new Set(request.groupsNames)];
  const results = names.map((groupId) => ({ groupId, errorCode: errorCodes.NONE as number }));
  let waiting = results.length;
  const settled = () => { if (--waiting === 0) context.reply({ results }); };
  if (waiting === 0) return context.reply({ results });
  for (const result of results) {
    const answer = ({ errorCode }: { errorCode: number }) => { result.errorCode = errorCode; settled(); };
    if (!groups.send(result.groupId, { kind: 'delete', to: { answer } })) answer({ errorCode: errorCodes.GROUP_ID_NOT_FOUND });
  }
}

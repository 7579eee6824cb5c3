// broker/authorization/group-guards.ts - what requests about groups and their offsets need, and how refusals are told.
// Owns: the rules of classic groups and offsets, as Apache Kafka's KafkaApis has them. Those of KIP-848 and of share groups: member-guards.ts.
import {
  aclOperations as O, aclResources, DeleteGroups, DescribeGroups, errorCodes, FindCoordinator, Heartbeat, JoinGroup, LeaveGroup, ListGroups, OffsetCommit, OffsetDelete, OffsetFetch,
  SyncGroup, type RequestOf, type ResponseInit,
} from '../../wire/mod.ts';
import { completing, divide, passAllowed, refusals, type Asker, type Guard } from './guard.ts';
import { rule, type Rule } from './rule.ts';

const groupRefused = refusals.group.errorCode;
const topicRefused = refusals.topic.errorCode;
const noBytes = new Uint8Array();

const offsetCommit: Guard<typeof OffsetCommit> = (request, context, client, pass) => {
  const rows = (topics: RequestOf<typeof OffsetCommit>['topics'], errorCode: number) => topics.map(({ name, topicId, partitions }) => ({
    name, topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }));
  if (!client.mayGroup(O.read, request.groupId)) return context.reply({ topics: rows(request.topics, groupRefused) });
  passAllowed(request, context, pass, {
    list: request.topics,
    passes: ({ name, topicId }) => {
      const known = context.version >= 10 ? client.topics.byId(topicId)?.name : name;
      return known === undefined || client.mayTopic(O.read, known);
    },
    narrowed: (topics) => ({ ...request, topics }),
    completed: (body, topics) => ({ ...body, topics: [...body.topics ?? [], ...rows([...topics], topicRefused)] }),
  });
};

/** Topics whose offsets are asked for; null for all. */
type AskedTopics = readonly { readonly name: string; readonly topicId?: string; readonly partitionIndexes: readonly number[] }[] | null;
const offsetRow = (errorCode: number) => (partitionIndex: number) => ({ partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode });
const offsetRows = (topics: NonNullable<AskedTopics>, errorCode: number) => topics.map(({ name, topicId, partitionIndexes }) => ({
  name, ...(topicId === undefined ? {} : { topicId }), partitions: partitionIndexes.map(offsetRow(errorCode)),
}));

const offsetFetch: Guard<typeof OffsetFetch> = (request, context, client, pass) => {
  if (context.version >= 8) return offsetFetchOfMany(request, context, client, pass);
  const { groupId, topics } = request;
  if (!client.mayGroup(O.describe, groupId)) {
    return context.reply({ errorCode: groupRefused, topics: context.version < 2 ? offsetRows(topics ?? [], groupRefused) : [] });
  }
  if (topics === null) return pass(request, completing(context, (body) => ({ ...body, topics: describable(client, body.topics ?? []) })));
  passAllowed(request, context, pass, {
    list: topics, passes: ({ name }) => client.mayTopic(O.describe, name),
    narrowed: (allowed) => ({ ...request, topics: allowed }),
    completed: (body, refused) => ({ ...body, topics: [...body.topics ?? [], ...offsetRows(refused, topicRefused)] }),
  });
};

const offsetFetchOfMany: Guard<typeof OffsetFetch> = (request, context, client, pass) => {
  const byId = context.version >= 10;
  const { allowed, refused } = divide(request.groups, ({ groupId }) => client.mayGroup(O.describe, groupId));
  const refusedTopics = new Map<string, ReturnType<typeof offsetRows>>();
  const groups = allowed.map((group) => {
    if (group.topics === null) return group;
    const topics = divide(group.topics, ({ name, topicId }) => {
      const known = byId ? client.topics.byId(topicId)?.name : name;
      return known === undefined || client.mayTopic(O.describe, known);
    });
    refusedTopics.set(group.groupId, offsetRows(topics.refused, topicRefused));
    return { ...group, topics: topics.allowed };
  });
  const rows = refused.map(({ groupId }) => ({ groupId, topics: [], errorCode: groupRefused }));
  if (groups.length === 0 && rows.length > 0) return context.reply({ groups: rows });
  pass({ ...request, groups }, completing(context, (body) => ({
    ...body,
    groups: [...(body.groups ?? []).map((group) => {
      const more = refusedTopics.get(group.groupId!);
      if (group.errorCode !== errorCodes.NONE) return group;
      return { ...group, topics: more === undefined ? describable(client, group.topics ?? [], byId) : [...group.topics ?? [], ...more] };
    }), ...rows],
  })));
};

/** Of all topics of a group those that the client may describe. */
function describable<T extends { readonly name?: string; readonly topicId?: string }>(client: Asker, topics: readonly T[], byId = false): T[] {
  return topics.filter(({ name, topicId }) => {
    const known = byId ? client.topics.byId(topicId ?? '')?.name ?? name : name;
    return known !== undefined && client.could(O.describe, aclResources.topic, known);
  });
}

const findCoordinator: Guard<typeof FindCoordinator> = (request, context, client, pass) => {
  const refusal = coordinatorRefusals[request.keyType];
  const isAllowed = (key: string): boolean => {
    switch (request.keyType) {
      case 0: return client.mayGroup(O.describe, key);
      case 1: return client.mayTransaction(O.describe, key);
      case 2: return client.mayCluster(O.cluster_action);
      default: return true; // the handler says that there is no such type
    }
  };
  const nowhere = { ...refusal, nodeId: -1, host: '', port: -1 };
  if (context.version < 4) return isAllowed(request.key) ? pass(request) : context.reply(nowhere);
  passAllowed(request, context, pass, {
    list: request.coordinatorKeys, passes: isAllowed,
    narrowed: (coordinatorKeys) => ({ ...request, coordinatorKeys }),
    completed: (body, keys) => ({ ...body, coordinators: [...body.coordinators ?? [], ...keys.map((key) => ({ key, ...nowhere }))] }),
  });
};

const coordinatorRefusals: Readonly<Record<number, { readonly errorCode: number; readonly errorMessage: string }>> = { 0: refusals.group, 1: refusals.transaction, 2: refusals.cluster };

const joinGroup: Guard<typeof JoinGroup> = (request, context, client, pass) => {
  if (client.mayGroup(O.read, request.groupId)) return pass(request);
  context.reply({ errorCode: groupRefused, generationId: -1, protocolType: null, protocolName: context.version < 7 ? '' : null, leader: '', memberId: '', members: [] });
};

const syncGroup: Guard<typeof SyncGroup> = (request, context, client, pass) => {
  if (client.mayGroup(O.read, request.groupId)) return pass(request);
  context.reply({ errorCode: groupRefused, protocolType: null, protocolName: null, assignment: noBytes });
};

const heartbeat: Guard<typeof Heartbeat> = (request, context, client, pass) => (client.mayGroup(O.read, request.groupId) ? pass(request) : context.reply({ errorCode: groupRefused }));
const leaveGroup: Guard<typeof LeaveGroup> = (request, context, client, pass) => (client.mayGroup(O.read, request.groupId) ? pass(request) : context.reply({ errorCode: groupRefused, members: [] }));

const describeGroups: Guard<typeof DescribeGroups> = (request, context, client, pass) => {
  const { allowed, refused } = divide(request.groups, (groupId) => client.mayGroup(O.describe, groupId));
  const rows = refused.map((groupId) => ({ ...refusals.group, groupId, groupState: '', protocolType: '', protocolData: '', members: [] }));
  if (allowed.length === 0 && rows.length > 0) return context.reply({ groups: rows });
  pass({ ...request, groups: allowed }, completing(context, (body) => ({
    ...body,
    groups: [...(body.groups ?? []).map((group) => (request.includeAuthorizedOperations && group.errorCode === errorCodes.NONE ? { ...group, authorizedOperations: client.groupOperations(group.groupId!) } : group)), ...rows],
  })));
};

/** Who may not describe the cluster sees the groups that it may describe, and no error. */
const listGroups: Guard<typeof ListGroups> = (request, context, client, pass) => {
  if (client.couldCluster(O.describe)) return pass(request);
  pass(request, completing(context, (body) => ({ ...body, groups: (body.groups ?? []).filter(({ groupId }) => client.could(O.describe, aclResources.group, groupId!)) })));
};

const deleteGroups: Guard<typeof DeleteGroups> = (request, context, client, pass) => passAllowed(request, context, pass, {
  list: request.groupsNames, passes: (groupId) => client.mayGroup(O.delete, groupId),
  narrowed: (groupsNames) => ({ ...request, groupsNames }),
  completed: (body, groups) => ({ ...body, results: [...body.results ?? [], ...groups.map((groupId) => ({ groupId, errorCode: groupRefused }))] }),
});

const offsetDelete: Guard<typeof OffsetDelete> = (request, context, client, pass) => {
  if (!client.mayGroup(O.delete, request.groupId)) return context.reply({ errorCode: groupRefused });
  passAllowed(request, context, pass, {
    list: request.topics, passes: ({ name }) => client.mayTopic(O.read, name),
    narrowed: (topics) => ({ ...request, topics }),
    completed: (body: ResponseInit<typeof OffsetDelete>, topics) => ((body.errorCode ?? errorCodes.NONE) !== errorCodes.NONE ? body : {
      ...body, topics: [...body.topics ?? [], ...topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: topicRefused })) }))],
    }),
  });
};

/** Rules of the requests about classic groups and offsets. */
export const groupRules: readonly Rule[] = [
  rule(OffsetCommit, 'READ on the group and on each topic', offsetCommit),
  rule(OffsetFetch, 'DESCRIBE on the group and on each topic', offsetFetch),
  rule(FindCoordinator, 'DESCRIBE on the group or transactional id; CLUSTER_ACTION on the cluster for share groups', findCoordinator),
  rule(JoinGroup, 'READ on the group', joinGroup),
  rule(Heartbeat, 'READ on the group', heartbeat),
  rule(LeaveGroup, 'READ on the group', leaveGroup),
  rule(SyncGroup, 'READ on the group', syncGroup),
  rule(DescribeGroups, 'DESCRIBE on each group', describeGroups),
  rule(ListGroups, 'DESCRIBE on the cluster; without it, DESCRIBE on each group that is listed', listGroups),
  rule(DeleteGroups, 'DELETE on each group', deleteGroups),
  rule(OffsetDelete, 'DELETE on the group and READ on each topic', offsetDelete),
];

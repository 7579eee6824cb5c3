// broker/authorization/member-guards.ts - what requests of the newer group protocols need: consumer groups (KIP-848) and share groups (KIP-932).
// Owns: their rules, as Apache Kafka's KafkaApis has them. Never: topics that a pattern finds (group/consumer/pattern-readers.ts).
import {
  aclOperations as O, aclResources, AlterShareGroupOffsets, ConsumerGroupDescribe, ConsumerGroupHeartbeat, DeleteShareGroupOffsets, DescribeShareGroupOffsets, errorCodes, ShareAcknowledge,
  ShareFetch, ShareGroupDescribe, ShareGroupHeartbeat, zeroUuid, type ResponseInit,
} from '../../wire/mod.ts';
import { completing } from '../completing.ts';
import { divide, passAllowed, refusals, type Asker, type Guard } from './guard.ts';
import { rule, type Rule } from './rule.ts';

const topicRefused = refusals.topic.errorCode;

/** Whether all topics that a member wants may be described; all are looked at, so that each refusal is told. */
function mayDescribeAll(client: Asker, topics: readonly string[] | null): boolean {
  return (topics ?? []).filter((name) => !client.mayTopic(O.describe, name)).length === 0;
}

const consumerGroupHeartbeat: Guard<typeof ConsumerGroupHeartbeat> = (request, context, client, pass) => {
  if (!client.mayGroup(O.read, request.groupId)) return context.reply(refusals.group);
  if (!mayDescribeAll(client, request.subscribedTopicNames)) return context.reply(refusals.topic);
  pass(request);
};

const shareGroupHeartbeat: Guard<typeof ShareGroupHeartbeat> = (request, context, client, pass) => {
  if (!client.mayGroup(O.read, request.groupId)) return context.reply(refusals.group);
  if (!mayDescribeAll(client, request.subscribedTopicNames)) return context.reply(refusals.topic);
  pass(request);
};

interface DescribedTopics { readonly topicPartitions?: readonly { readonly topicName?: string }[] }
interface DescribedGroup {
  readonly errorCode?: number;
  readonly groupId?: string;
  readonly members?: readonly { readonly subscribedTopicNames?: readonly string[]; readonly assignment?: DescribedTopics; readonly targetAssignment?: DescribedTopics }[];
}

const usesHidden = 'The described group uses topics that the client is not authorized to describe.';

/** A described group as the client may see it: one whose members use a topic that it may not describe is not shown. */
function shownGroup<G extends DescribedGroup>(client: Asker, group: G, withOperations: boolean): G {
  if (group.errorCode !== errorCodes.NONE) return group;
  const names = new Set((group.members ?? []).flatMap(({ assignment, targetAssignment }) => [assignment, targetAssignment].flatMap((topics) => (topics?.topicPartitions ?? []).map(({ topicName }) => topicName ?? ''))));
  for (const member of group.members ?? []) for (const name of member.subscribedTopicNames ?? []) names.add(name);
  if ([...names].some((name) => !client.could(O.describe, aclResources.topic, name))) return { ...group, errorCode: topicRefused, errorMessage: usesHidden, members: [] };
  return withOperations ? { ...group, authorizedOperations: client.groupOperations(group.groupId ?? '') } : group;
}

const consumerGroupDescribe: Guard<typeof ConsumerGroupDescribe> = (request, context, client, pass) => {
  const { allowed, refused } = divide(request.groupIds, (groupId) => client.mayGroup(O.describe, groupId));
  const rows = refused.map((groupId) => ({ groupId, ...refusals.group }));
  if (allowed.length === 0 && rows.length > 0) return context.reply({ groups: rows });
  pass({ ...request, groupIds: allowed }, completing(context, (body) => ({ ...body, groups: [...(body.groups ?? []).map((group) => shownGroup(client, group, request.includeAuthorizedOperations)), ...rows] })));
};

const shareGroupDescribe: Guard<typeof ShareGroupDescribe> = (request, context, client, pass) => {
  const { allowed, refused } = divide(request.groupIds, (groupId) => client.mayGroup(O.describe, groupId));
  const rows = refused.map((groupId) => ({ groupId, ...refusals.group }));
  if (allowed.length === 0 && rows.length > 0) return context.reply({ groups: rows });
  pass({ ...request, groupIds: allowed }, completing(context, (body) => ({ ...body, groups: [...(body.groups ?? []).map((group) => shownGroup(client, group, request.includeAuthorizedOperations)), ...rows] })));
};

const mayRead = (client: Asker) => ({ topicId }: { readonly topicId: string }): boolean => {
  const name = client.topics.byId(topicId)?.name;
  return name === undefined || client.mayTopic(O.read, name);
};

type FetchedTopic = NonNullable<ResponseInit<typeof ShareFetch>['responses']>[number];

/** A session holds topics that a request does not name: what is told of them is looked at, too. */
const shareFetch: Guard<typeof ShareFetch> = (request, context, client, pass) => {
  if (!client.mayGroup(O.read, request.groupId ?? '')) return context.reply(refusals.group);
  const { allowed, refused } = divide(request.topics, mayRead(client));
  const rows: FetchedTopic[] = refused.map(({ topicId, partitions }) => ({ topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...refusals.topic })) }));
  pass(refused.length === 0 ? request : { ...request, topics: allowed }, completing(context, (body) => ({
    ...body,
    responses: [...(body.responses ?? []).map((topic): FetchedTopic => (mayRead(client)({ topicId: topic.topicId ?? zeroUuid }) ? topic
      : { ...topic, partitions: (topic.partitions ?? []).map(({ partitionIndex }) => ({ partitionIndex: partitionIndex!, ...refusals.topic })) })), ...rows],
  })));
};

const shareAcknowledge: Guard<typeof ShareAcknowledge> = (request, context, client, pass) => {
  if (!client.mayGroup(O.read, request.groupId ?? '')) return context.reply(refusals.group);
  const { allowed, refused } = divide(request.topics, mayRead(client));
  const rows = refused.map(({ topicId, partitions }) => ({ topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...refusals.topic })) }));
  if (rows.length === 0) return pass(request);
  pass({ ...request, topics: allowed }, completing(context, (body) => ({ ...body, responses: [...body.responses ?? [], ...rows] })));
};

const describeShareGroupOffsets: Guard<typeof DescribeShareGroupOffsets> = (request, context, client, pass) => {
  const { allowed, refused } = divide(request.groups, ({ groupId }) => client.mayGroup(O.describe, groupId));
  const hidden = new Map<string, { topicName: string; topicId: string; partitions: { partitionIndex: number; errorCode: number; errorMessage: string; startOffset: number }[] }[]>();
  const groups = allowed.map((group) => {
    if (group.topics === null) return group;
    const topics = divide(group.topics, ({ topicName }) => client.mayTopic(O.describe, topicName));
    hidden.set(group.groupId, topics.refused.map(({ topicName, partitions }) => ({ topicName, topicId: zeroUuid, partitions: partitions.map((partitionIndex) => ({ partitionIndex, ...refusals.topic, startOffset: -1 })) })));
    return { ...group, topics: topics.allowed };
  });
  const rows = refused.map(({ groupId }) => ({ groupId, topics: [], ...refusals.group }));
  if (groups.length === 0 && rows.length > 0) return context.reply({ groups: rows });
  pass({ ...request, groups }, completing(context, (body) => ({
    ...body,
    groups: [...(body.groups ?? []).map((group) => {
      if (group.errorCode !== errorCodes.NONE) return group;
      const more = hidden.get(group.groupId!);
      return { ...group, topics: more === undefined ? (group.topics ?? []).filter(({ topicName }) => client.could(O.describe, aclResources.topic, topicName!)) : [...group.topics ?? [], ...more] };
    }), ...rows],
  })));
};

const alterShareGroupOffsets: Guard<typeof AlterShareGroupOffsets> = (request, context, client, pass) => {
  if (!client.mayGroup(O.read, request.groupId)) return context.reply(refusals.group);
  passAllowed(request, context, pass, {
    list: request.topics, passes: ({ topicName }) => client.mayTopic(O.read, topicName),
    narrowed: (topics) => ({ ...request, topics }),
    completed: (body, topics) => ({ ...body, responses: [...body.responses ?? [], ...topics.map(({ topicName, partitions }) => ({
      topicName, topicId: zeroUuid, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...refusals.topic })),
    }))] }),
  });
};

const deleteShareGroupOffsets: Guard<typeof DeleteShareGroupOffsets> = (request, context, client, pass) => {
  if (!client.mayGroup(O.delete, request.groupId)) return context.reply(refusals.group);
  passAllowed(request, context, pass, {
    list: request.topics, passes: ({ topicName }) => client.mayTopic(O.read, topicName),
    narrowed: (topics) => ({ ...request, topics }),
    completed: (body, topics) => ({ ...body, responses: [...body.responses ?? [], ...topics.map(({ topicName }) => ({ topicName, topicId: zeroUuid, ...refusals.topic }))] }),
  });
};

/** Rules of the newer group protocols. */
export const memberRules: readonly Rule[] = [
  rule(ConsumerGroupHeartbeat, 'READ on the group and DESCRIBE on each topic of the subscription', consumerGroupHeartbeat),
  rule(ConsumerGroupDescribe, 'DESCRIBE on each group and on all topics that its members use', consumerGroupDescribe),
  rule(ShareGroupHeartbeat, 'READ on the group and DESCRIBE on each topic of the subscription', shareGroupHeartbeat),
  rule(ShareGroupDescribe, 'DESCRIBE on each group and on all topics that its members use', shareGroupDescribe),
  rule(ShareFetch, 'READ on the group and on each topic', shareFetch),
  rule(ShareAcknowledge, 'READ on the group and on each topic', shareAcknowledge),
  rule(DescribeShareGroupOffsets, 'DESCRIBE on each group and on each topic', describeShareGroupOffsets),
  rule(AlterShareGroupOffsets, 'READ on the group and on each topic', alterShareGroupOffsets),
  rule(DeleteShareGroupOffsets, 'DELETE on the group and READ on each topic', deleteShareGroupOffsets),
];

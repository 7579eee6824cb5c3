// broker/authorization/request-cases.ts - for the tests of this room and of test/conformance: requests of one user, the rules in force, and what is to be answered.
// Owns: the table. Never: who runs it: the same rows are put to Millrace and to Apache Kafka 4.3, and their answers compared.
// The world of each row: topics 'orders' and 'secret' of one partition each, a group 'billing' that has committed for both, the user alice, who has no
// rights but those of the row, and two rules for somebody else that let 'secret' be spoken of.
import {
  aclOperations, aclPatterns, aclPermissions, aclResources, AddOffsetsToTxn, AddPartitionsToTxn, AlterClientQuotas, AlterConfigs, AlterShareGroupOffsets, AlterUserScramCredentials, ApiVersions, BatchBuilder,
  ConsumerGroupDescribe, ConsumerGroupHeartbeat, CreateAcls, CreatePartitions, CreateTopics, DeleteAcls, DeleteGroups, DeleteRecords, DeleteShareGroupOffsets, DeleteTopics, DescribeAcls,
  DescribeClientQuotas, DescribeCluster, DescribeConfigs, DescribeGroups, DescribeLogDirs, DescribeProducers, DescribeShareGroupOffsets, DescribeTopicPartitions, DescribeTransactions, DescribeUserScramCredentials, ElectLeaders, EndTxn, errorName, Fetch,
  FindCoordinator, Heartbeat, ImportBatches, IncrementalAlterConfigs, InitProducerId, JoinGroup, LeaveGroup, ListConfigResources, ListGroups, ListOffsets, ListPartitionReassignments, ListTransactions, Metadata,
  OffsetCommit, OffsetDelete, OffsetFetch, OffsetForLeaderEpoch, Produce, ShareAcknowledge, ShareFetch, ShareGroupDescribe, ShareGroupHeartbeat, SyncGroup, TxnOffsetCommit, WriteTxnMarkers, zeroUuid, type AclOperationName, type AclPermissionName, type AclResourceName, type Api, type RequestInit,
  type ResponseOf,
} from '../../wire/mod.ts';

import type { Acl } from './acl.ts';

/** One user's connection. */
export interface CaseClient {
  ask<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>): Promise<ResponseOf<A>>;
  /** The id of a topic of the world. */
  idOf(topic: 'orders' | 'secret'): string;
  /** A name that was not used before. */
  fresh(word: string): string;
  /** True when the connection has ended. */
  isOver(): Promise<boolean>;
}

/** A row of the table. */
export interface RequestCase {
  readonly what: string;
  /** Rules of alice: 'allow alice read topic orders' and the like. */
  readonly rules: readonly string[];
  readonly ask: (client: CaseClient) => Promise<unknown>;
  readonly expect: unknown;
  /** Why Apache Kafka answers otherwise; it is not asked then. */
  readonly notKafka?: string;
}

/** 'allow alice read topic orders' with 'prefixed' and 'from HOST' behind it where wanted; the word everybody stands for User:*. */
export function ruleOf(text: string): Acl {
  const match = /^(allow|deny) (\S+) (\S+) (\S+) (\S+)( prefixed)?(?: from (\S+))?$/.exec(text);
  if (match === null) throw new Error(`'${text}' is no rule`);
  const [, permission, who, operation, resource, name, prefixed, host] = match;
  return {
    permission: aclPermissions[permission as AclPermissionName], principal: who === 'everybody' ? 'User:*' : `User:${who}`, operation: aclOperations[operation as AclOperationName],
    resourceType: aclResources[resource as AclResourceName], name: name!, patternType: prefixed === undefined ? aclPatterns.literal : aclPatterns.prefixed, host: host ?? '*',
  };
}

const name = (row: { errorCode: number }): string => errorName(row.errorCode);

/** A batch with one record. */
function batch(producer: { transactional?: boolean; producerId?: number; producerEpoch?: number; baseSequence?: number } = {}): Uint8Array {
  const builder = new BatchBuilder();
  builder.append(1_700_000_000_000, null, 'value');
  return builder.finish(producer);
}

const produce = (topics: readonly string[], version = 9, options: { transactionalId?: string; transactional?: boolean } = {}) => async (client: CaseClient) => {
  const topicData = topics.map((topic) => ({
    ...(version >= 13 ? { topicId: client.idOf(topic as 'orders') } : { name: topic }),
    partitionData: [{ index: 0, records: batch(options.transactional === true ? { transactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 } : {}) }],
  }));
  const { responses } = await client.ask(Produce, version, { transactionalId: options.transactionalId ?? null, acks: -1, timeoutMs: 5000, topicData });
  return Object.fromEntries(responses.map((row) => [version >= 13 ? topics.find((topic) => client.idOf(topic as 'orders') === row.topicId) : row.name, name(row.partitionResponses[0]!)]));
};

const fetched = (topics: readonly string[], version = 12) => async (client: CaseClient) => {
  const asked = topics.map((topic) => ({
    ...(version >= 13 ? { topicId: client.idOf(topic as 'orders') } : { topic }), partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100_000, currentLeaderEpoch: -1 }],
  }));
  const { responses } = await client.ask(Fetch, version, { replicaId: -1, maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, isolationLevel: 0, sessionId: 0, sessionEpoch: -1, topics: asked });
  return Object.fromEntries(responses.map((row) => [version >= 13 ? topics.find((topic) => client.idOf(topic as 'orders') === row.topicId) : row.topic, name(row.partitions[0]!)]));
};

const listOffsets = (topics: readonly string[]) => async (client: CaseClient) => {
  const answer = await client.ask(ListOffsets, 5, { replicaId: -1, isolationLevel: 0, topics: topics.map((topic) => ({ name: topic, partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }] })) });
  return Object.fromEntries(answer.topics.map((row) => [row.name, name(row.partitions[0]!)]));
};

const metadata = (topics: readonly string[] | null, version = 9, options: { create?: boolean; operations?: boolean } = {}) => async (client: CaseClient) => {
  const answer = await client.ask(Metadata, version, {
    topics: topics === null ? null : topics.map((topic) => ({ name: topic })), allowAutoTopicCreation: options.create ?? false,
    includeTopicAuthorizedOperations: options.operations ?? false, includeClusterAuthorizedOperations: (options.operations ?? false) && version <= 10,
  });
  const rows = answer.topics.filter((row) => !row.name!.startsWith('__')).map((row) => [row.name, options.operations ? [name(row), row.topicAuthorizedOperations] : name(row)] as const);
  const found = Object.fromEntries([...rows].sort(([a], [b]) => (a! < b! ? -1 : 1)));
  return options.operations ? { ...found, cluster: answer.clusterAuthorizedOperations } : found;
};

/** A new topic, asked for with the right to have it made: whether it is refused, not whether it is there yet. */
const autoCreate = async (client: CaseClient) => {
  const topic = client.fresh('auto');
  const answer = await client.ask(Metadata, 9, { topics: [{ name: topic }], allowAutoTopicCreation: true });
  return errorName(answer.topics[0]!.errorCode) === 'TOPIC_AUTHORIZATION_FAILED' ? 'refused' : 'created';
};

const metadataById = async (client: CaseClient) => {
  const answer = await client.ask(Metadata, 12, { topics: [{ name: null, topicId: client.idOf('orders') }], allowAutoTopicCreation: false });
  return answer.topics.map((row) => [row.name, row.topicId === client.idOf('orders'), name(row)]);
};

const createTopics = (word: string) => async (client: CaseClient) => {
  const answer = await client.ask(CreateTopics, 7, { topics: [{ name: client.fresh(word), numPartitions: 1, replicationFactor: 1 }], timeoutMs: 10_000, validateOnly: true });
  const row = answer.topics[0]!;
  return [name(row), errorName(row.topicConfigErrorCode), row.numPartitions, (row.configs?.length ?? 0) > 0];
};

const deleteTopics = (version: number, topics: readonly ('orders' | 'secret' | 'missing')[], byId = false) => async (client: CaseClient) => {
  const answer = version < 6
    ? await client.ask(DeleteTopics, version, { topicNames: [...topics], timeoutMs: 10_000 })
    : await client.ask(DeleteTopics, version, { topics: topics.map((topic) => (byId ? { name: null, topicId: client.idOf(topic as 'orders') } : { name: topic, topicId: zeroUuid })), timeoutMs: 10_000 });
  return answer.responses.map((row) => [row.name, name(row)]).sort();
};

const deleteRecords = async (client: CaseClient) => {
  const answer = await client.ask(DeleteRecords, 2, { topics: ['orders', 'secret'].map((topic) => ({ name: topic, partitions: [{ partitionIndex: 0, offset: 0 }] })), timeoutMs: 10_000 });
  return Object.fromEntries(answer.topics.map((row) => [row.name, name(row.partitions[0]!)]));
};

const createPartitions = async (client: CaseClient) => {
  const answer = await client.ask(CreatePartitions, 3, { topics: [{ name: 'orders', count: 1, assignments: null }, { name: 'secret', count: 1, assignments: null }], timeoutMs: 10_000, validateOnly: true });
  return Object.fromEntries(answer.results.map((row) => [row.name, name(row)]));
};

const describeTopicPartitions = (topics: readonly string[]) => async (client: CaseClient) => {
  const answer = await client.ask(DescribeTopicPartitions, 0, { topics: topics.map((topic) => ({ name: topic })), responsePartitionLimit: 100, cursor: null });
  return Object.fromEntries(answer.topics.filter((row) => !row.name!.startsWith('__')).map((row) => [row.name, [name(row), row.errorCode === 0 ? row.topicAuthorizedOperations : null]]).sort());
};

const describeProducers = async (client: CaseClient) => {
  const answer = await client.ask(DescribeProducers, 0, { topics: [{ name: 'orders', partitionIndexes: [0] }, { name: 'secret', partitionIndexes: [0] }] });
  return Object.fromEntries(answer.topics.map((row) => [row.name, name(row.partitions[0]!)]));
};

const offsetForLeaderEpoch = async (client: CaseClient) => {
  const answer = await client.ask(OffsetForLeaderEpoch, 4, { replicaId: -1, topics: ['orders', 'secret'].map((topic) => ({ topic, partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] })) });
  return Object.fromEntries(answer.topics.map((row) => [row.topic, name(row.partitions[0]!)]));
};

const offsetCommit = (version = 8) => async (client: CaseClient) => {
  const answer = await client.ask(OffsetCommit, version, {
    groupId: 'billing', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null,
    topics: (['orders', 'secret'] as const).map((topic) => ({ ...(version >= 10 ? { topicId: client.idOf(topic) } : { name: topic }), partitions: [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }] })),
  });
  return Object.fromEntries(answer.topics.map((row) => [version >= 10 ? (row.topicId === client.idOf('orders') ? 'orders' : 'secret') : row.name, name(row.partitions[0]!)]));
};

const offsetFetch = (version: number, topics: readonly ('orders' | 'secret')[] | null) => async (client: CaseClient) => {
  const asked = topics?.map((topic) => ({ ...(version >= 10 ? { topicId: client.idOf(topic) } : { name: topic }), partitionIndexes: [0] })) ?? null;
  const answer = version < 8
    ? await client.ask(OffsetFetch, version, { groupId: 'billing', topics: asked as { name: string; partitionIndexes: number[] }[] | null })
    : await client.ask(OffsetFetch, version, { groups: [{ groupId: 'billing', memberId: null, memberEpoch: -1, topics: asked as { name: string; partitionIndexes: number[] }[] | null }] });
  const group = version < 8 ? answer : answer.groups[0]!;
  const rows = group.topics as readonly { name: string; topicId?: string; partitions: readonly { errorCode: number; committedOffset: number }[] }[];
  return { group: name(group), ...Object.fromEntries(rows.map((row) => [version >= 10 ? (row.topicId === client.idOf('orders') ? 'orders' : 'secret') : row.name, name(row.partitions[0]!)]).sort()) };
};

const findCoordinator = (keyType: number, key: string) => async (client: CaseClient) => {
  const one = await client.ask(FindCoordinator, 3, { key, keyType });
  const many = await client.ask(FindCoordinator, 4, { keyType, coordinatorKeys: [key] });
  const settled = (code: number): string => (errorName(code).endsWith('AUTHORIZATION_FAILED') ? errorName(code) : 'found');
  return [settled(one.errorCode), settled(many.coordinators[0]!.errorCode)];
};

const member = async (client: CaseClient) => {
  const group = { groupId: 'billing', memberId: 'nobody' };
  const [joined, synced, beaten, left] = [
    await client.ask(JoinGroup, 5, { ...group, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, groupInstanceId: null, protocolType: 'consumer', protocols: [{ name: 'range', metadata: new Uint8Array(8) }] }),
    await client.ask(SyncGroup, 3, { ...group, generationId: 1, groupInstanceId: null, assignments: [] }),
    await client.ask(Heartbeat, 3, { ...group, generationId: 1, groupInstanceId: null }),
    await client.ask(LeaveGroup, 2, group),
  ];
  return [joined, synced, beaten, left].map(name);
};

/** All requests of share groups, in a group that does not exist: whoever may ask is told of that, or gets it made. */
const shareGroup = async (client: CaseClient) => {
  const [groupId, memberId] = ['queue', 'm'];
  const beat = await client.ask(ShareGroupHeartbeat, 1, { groupId, memberId, memberEpoch: 1, subscribedTopicNames: null });
  const described = await client.ask(ShareGroupDescribe, 1, { groupIds: [groupId], includeAuthorizedOperations: false });
  const fetched = await client.ask(ShareFetch, 1, { groupId, memberId, shareSessionEpoch: 7, maxWaitMs: 0, minBytes: 1, maxRecords: 1, batchSize: 1, topics: [], forgottenTopicsData: [] });
  const acknowledged = await client.ask(ShareAcknowledge, 1, { groupId, memberId, shareSessionEpoch: 7, topics: [] });
  const offsets = await client.ask(DescribeShareGroupOffsets, 0, { groups: [{ groupId, topics: null }] });
  const altered = await client.ask(AlterShareGroupOffsets, 0, { groupId, topics: [] });
  const deleted = await client.ask(DeleteShareGroupOffsets, 0, { groupId, topics: [] });
  return [beat, described.groups[0]!, fetched, acknowledged, offsets.groups[0]!, altered, deleted].map((row) => name(row) === G);
};
/** The requests of the consumer protocol, by a member that the group does not have. */
const consumerGroup = async (client: CaseClient) => {
  const beat = await client.ask(ConsumerGroupHeartbeat, 1, { groupId: 'consumers', memberId: 'm', memberEpoch: 1, subscribedTopicNames: null, subscribedTopicRegex: null, serverAssignor: null, topicPartitions: null });
  const described = await client.ask(ConsumerGroupDescribe, 1, { groupIds: ['consumers'], includeAuthorizedOperations: false });
  return [beat, described.groups[0]!].map((row) => name(row) === G);
};
const describeGroups = async (client: CaseClient) => {
  const answer = await client.ask(DescribeGroups, 5, { groups: ['billing'], includeAuthorizedOperations: true });
  return [name(answer.groups[0]!), answer.groups[0]!.errorCode === 0 ? answer.groups[0]!.authorizedOperations : null];
};

const listGroups = async (client: CaseClient) => {
  const answer = await client.ask(ListGroups, 4, {});
  return [name(answer), answer.groups.map(({ groupId }) => groupId).filter((id) => id === 'billing')];
};

const deleteGroups = async (client: CaseClient) => (await client.ask(DeleteGroups, 2, { groupsNames: ['no-such-group'] })).results.map(name);

const offsetDelete = async (client: CaseClient) => {
  const answer = await client.ask(OffsetDelete, 0, { groupId: 'billing', topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }, { name: 'secret', partitions: [{ partitionIndex: 0 }] }] });
  return { group: name(answer), ...Object.fromEntries(answer.topics.map((row) => [row.name, name(row.partitions[0]!)]).sort()) };
};

const initProducerId = (transactionalId: string | null) => async (client: CaseClient) => {
  for (;;) { // a coordinator may still be electing itself
    const answer = await client.ask(InitProducerId, 4, { transactionalId, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 });
    if (!['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'CONCURRENT_TRANSACTIONS'].includes(name(answer))) return name(answer);
  }
};

const transacted = { transactionalId: 'tx', producerId: 987_654, producerEpoch: 3 };

const addPartitions = (version: number) => async (client: CaseClient) => {
  const topics = ['orders', 'secret'].map((topic) => ({ name: topic, partitions: [0] }));
  const answer = version < 4
    ? await client.ask(AddPartitionsToTxn, version, { v3AndBelowTransactionalId: transacted.transactionalId, v3AndBelowProducerId: transacted.producerId, v3AndBelowProducerEpoch: transacted.producerEpoch, v3AndBelowTopics: topics })
    : await client.ask(AddPartitionsToTxn, version, { transactions: [{ ...transacted, verifyOnly: false, topics }] });
  const rows = version < 4 ? answer.resultsByTopicV3AndBelow : answer.resultsByTransaction[0]!.topicResults;
  return Object.fromEntries(rows.map((row) => [row.name, errorName(row.resultsByPartition[0]!.partitionErrorCode)]).sort());
};

const addOffsets = async (client: CaseClient) => name(await client.ask(AddOffsetsToTxn, 3, { ...transacted, groupId: 'billing' }));
const endTransaction = async (client: CaseClient) => name(await client.ask(EndTxn, 3, { ...transacted, committed: true }));
const commitInTransaction = async (client: CaseClient) => {
  const answer = await client.ask(TxnOffsetCommit, 3, {
    ...transacted, groupId: 'billing', generationId: -1, memberId: '', groupInstanceId: null, topics: ['orders', 'secret'].map((topic) => ({ name: topic, partitions: [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }] })),
  });
  const refusal = (code: number): string => (errorName(code).endsWith('AUTHORIZATION_FAILED') ? errorName(code) : 'let through');
  return Object.fromEntries(answer.topics.map((row) => [row.name, refusal(row.partitions[0]!.errorCode)]).sort());
};
const describeTransactions = async (client: CaseClient) => (await client.ask(DescribeTransactions, 0, { transactionalIds: ['tx-unknown'] })).transactionStates.map(name);
const listTransactions = async (client: CaseClient) => name(await client.ask(ListTransactions, 1, { durationFilter: -1 }));
const writeMarkers = async (client: CaseClient) => {
  const answer = await client.ask(WriteTxnMarkers, 1, { markers: [{ producerId: 987_654, producerEpoch: 3, transactionResult: false, coordinatorEpoch: 0, topics: [{ name: 'no-such-topic', partitionIndexes: [0] }] }] });
  return answer.markers.flatMap((marker) => marker.topics.flatMap((topic) => topic.partitions.map(name)));
};

const describeConfigs = async (client: CaseClient) => {
  const answer = await client.ask(DescribeConfigs, 4, { resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: ['retention.ms'] }, { resourceType: 4, resourceName: '1', configurationKeys: ['num.partitions'] }] });
  return answer.results.map((row) => [row.resourceType, name(row)]).sort();
};
const alterConfigs = async (client: CaseClient) => {
  const answer = await client.ask(AlterConfigs, 2, { resources: [{ resourceType: 2, resourceName: 'orders', configs: [] }], validateOnly: true });
  return answer.responses.map(name);
};
const incrementalAlterConfigs = async (client: CaseClient) => {
  const answer = await client.ask(IncrementalAlterConfigs, 1, {
    resources: [{ resourceType: 2, resourceName: 'orders', configs: [{ name: 'retention.ms', configOperation: 0, value: '604800000' }] }, { resourceType: 4, resourceName: '', configs: [{ name: 'log.retention.ms', configOperation: 0, value: '604800000' }] }], validateOnly: true,
  });
  return answer.responses.map((row) => [row.resourceType, name(row)]).sort();
};

const describeLogDirs = async (client: CaseClient) => {
  const answer = await client.ask(DescribeLogDirs, 4, { topics: [] });
  return [name(answer), answer.results.length];
};
const listConfigResources = async (client: CaseClient) => name(await client.ask(ListConfigResources, 1, { resourceTypes: [2] }));
const importBatches = async (client: CaseClient) => {
  const { topics } = await client.ask(ImportBatches, 0, { topics: [{ name: 'orders', source: 'elsewhere', partitions: [{ index: 0, records: null }] }] });
  return name(topics[0]!.partitions[0]!);
};
const listReassignments = async (client: CaseClient) => name(await client.ask(ListPartitionReassignments, 0, { timeoutMs: 10_000, topics: null }));
const electLeaders = async (client: CaseClient) => {
  const answer = await client.ask(ElectLeaders, 2, { electionType: 0, topicPartitions: [{ topic: 'orders', partitions: [0] }], timeoutMs: 10_000 });
  return [name(answer), answer.replicaElectionResults.map((row) => name(row.partitionResult[0]!))];
};
const describeCluster = async (client: CaseClient) => {
  const answer = await client.ask(DescribeCluster, 1, { includeClusterAuthorizedOperations: true });
  return [name(answer), answer.clusterAuthorizedOperations];
};
const acls = async (client: CaseClient) => {
  const one = { resourceType: 2, resourceName: 'nothing', resourcePatternType: 3, principal: 'User:none', host: '*', operation: 3, permissionType: 3 };
  const described = await client.ask(DescribeAcls, 3, { resourceTypeFilter: 2, resourceNameFilter: 'nothing', patternTypeFilter: 3, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 });
  const created = await client.ask(CreateAcls, 3, { creations: [{ ...one, resourceName: '' }] });
  const deleted = await client.ask(DeleteAcls, 3, { filters: [{ resourceTypeFilter: 2, resourceNameFilter: 'nothing', patternTypeFilter: 3, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 }] });
  return [name(described), created.results.map(name)[0], deleted.filterResults.map(name)[0]];
};
const quotas = async (client: CaseClient) => {
  const described = await client.ask(DescribeClientQuotas, 1, { components: [{ entityType: 'user', matchType: 0, match: 'nobody' }], strict: true });
  const altered = await client.ask(AlterClientQuotas, 1, { entries: [{ entity: [{ entityType: 'user', entityName: 'nobody' }], ops: [{ key: 'producer_byte_rate', value: 1000, remove: false }] }], validateOnly: true });
  return [name(described), altered.entries.map(name)[0]];
};

const scramUsers = async (client: CaseClient) => {
  // A user by name: asked for all, Apache Kafka 4.3 never answers who has no right.
  const described = await client.ask(DescribeUserScramCredentials, 0, { users: [{ name: 'nobody' }] });
  const altered = await client.ask(AlterUserScramCredentials, 0, { deletions: [{ name: 'nobody', mechanism: 1 }] });
  return [name(described), altered.results.map(name)[0]];
};

const T = 'TOPIC_AUTHORIZATION_FAILED';
const G = 'GROUP_AUTHORIZATION_FAILED';
const C = 'CLUSTER_AUTHORIZATION_FAILED';
const X = 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED';
const ok = 'NONE';

/** The bit field of operations by their numbers. */
const bits = (...operations: number[]): number => operations.reduce((field, operation) => field | (1 << operation), 0);
const notAsked = -(2 ** 31);

const may = (...rights: string[]): string[] => rights.map((right) => `allow alice ${right}`);

/** All rows. */
export const requestCases: readonly RequestCase[] = [
  { what: 'produce: nothing', rules: [], ask: produce(['orders', 'secret']), expect: { orders: T, secret: T } },
  { what: 'produce: write on one', rules: may('write topic orders'), ask: produce(['orders', 'secret']), expect: { orders: ok, secret: T } },
  { what: 'produce: write by prefix', rules: may('write topic ord prefixed'), ask: produce(['orders', 'secret']), expect: { orders: ok, secret: T } },
  { what: 'produce: write on all, denied on one', rules: [...may('write topic *'), 'deny alice write topic secret'], ask: produce(['orders', 'secret']), expect: { orders: ok, secret: T } },
  { what: 'produce: to a topic that is not there', rules: may('write topic orders'), ask: produce(['missing']), expect: { missing: T } },
  { what: 'produce: to a topic that is not there, with the right', rules: may('write topic *'), ask: produce(['missing']), expect: { missing: 'UNKNOWN_TOPIC_OR_PARTITION' } },
  { what: 'produce 13: by id', rules: may('write topic orders'), ask: produce(['orders', 'secret'], 13), expect: { orders: ok, secret: T } },
  { what: 'produce: a transaction without its id', rules: may('write topic orders'), ask: produce(['orders'], 9, { transactionalId: 'tx', transactional: true }), expect: { orders: X } },
  { what: 'produce: an id without a transaction', rules: may('write topic orders'), ask: produce(['orders'], 9, { transactionalId: 'tx' }), expect: { orders: ok } },
  { what: 'produce: reading is not writing', rules: may('read topic orders', 'describe topic orders'), ask: produce(['orders']), expect: { orders: T } },
  { what: 'produce: from elsewhere', rules: ['allow alice write topic orders from 10.99.0.1'], ask: produce(['orders']), expect: { orders: T } },
  { what: 'fetch: nothing', rules: [], ask: fetched(['orders', 'secret']), expect: { orders: T, secret: T } },
  { what: 'fetch: read on one', rules: may('read topic orders'), ask: fetched(['orders', 'secret']), expect: { orders: ok, secret: T } },
  { what: 'fetch: describing is not reading', rules: may('describe topic orders', 'write topic orders'), ask: fetched(['orders']), expect: { orders: T } },
  { what: 'fetch: denied to everybody', rules: [...may('all topic orders'), 'deny everybody read topic orders'], ask: fetched(['orders']), expect: { orders: T } },
  { what: 'fetch: what is not there', rules: may('read topic orders'), ask: fetched(['missing']), expect: { missing: T } },
  { what: 'fetch: what is not there, with the right', rules: may('read topic miss prefixed'), ask: fetched(['missing']), expect: { missing: 'UNKNOWN_TOPIC_OR_PARTITION' } },
  { what: 'fetch 13: by id', rules: may('read topic orders'), ask: fetched(['orders', 'secret'], 13), expect: { orders: ok, secret: T } },
  { what: 'list offsets: nothing', rules: [], ask: listOffsets(['orders']), expect: { orders: T } },
  { what: 'list offsets: describe', rules: may('describe topic orders'), ask: listOffsets(['orders', 'secret']), expect: { orders: ok, secret: T } },
  { what: 'list offsets: implied by write', rules: may('write topic orders'), ask: listOffsets(['orders']), expect: { orders: ok } },
  { what: 'list offsets: not implied by create', rules: may('create topic orders'), ask: listOffsets(['orders']), expect: { orders: T } },
  { what: 'metadata: all, nothing', rules: [], ask: metadata(null), expect: {} },
  { what: 'metadata: all, one', rules: may('describe topic orders'), ask: metadata(null), expect: { orders: ok } },
  { what: 'metadata: named, one', rules: may('read topic orders'), ask: metadata(['orders', 'secret']), expect: { orders: ok, secret: T } },
  { what: 'metadata: named, missing and not to be known', rules: may('describe topic orders'), ask: metadata(['missing']), expect: { missing: T } },
  { what: 'metadata: named, missing', rules: may('describe topic missing'), ask: metadata(['missing']), expect: { missing: 'UNKNOWN_TOPIC_OR_PARTITION' } },
  { what: 'metadata: what may be done', rules: may('read topic orders', 'alter_configs topic orders', 'describe cluster kafka-cluster'), ask: metadata(['orders'], 9, { operations: true }), expect: { orders: [ok, bits(3, 8, 10, 11)], cluster: bits(8) } },
  { what: 'metadata: what may be done, by everything', rules: may('all topic orders', 'all cluster kafka-cluster'), ask: metadata(['orders'], 9, { operations: true }), expect: { orders: [ok, bits(3, 4, 5, 6, 7, 8, 10, 11)], cluster: bits(5, 7, 8, 9, 10, 11, 12) } },
  { what: 'metadata: what may be done on the cluster, without describing it', rules: may('describe topic orders', 'create cluster kafka-cluster'), ask: metadata(['orders'], 9, { operations: true }), expect: { orders: [ok, bits(8)], cluster: 0 } },
  { what: 'metadata: what may be done, from version 11 on not for the cluster', rules: may('describe topic orders'), ask: metadata(['orders'], 11, { operations: true }), expect: { orders: [ok, bits(8)], cluster: notAsked } },
  { what: 'metadata: a topic made on the way, without the right', rules: may('describe topic auto prefixed', 'write topic auto prefixed'), ask: autoCreate, expect: 'refused' },
  { what: 'metadata: a topic made on the way', rules: may('describe topic auto prefixed', 'create topic auto prefixed'), ask: autoCreate, expect: 'created' },
  { what: 'metadata: a topic made on the way, by a right on the cluster', rules: may('describe topic auto prefixed', 'create cluster kafka-cluster'), ask: autoCreate, expect: 'created' },
  { what: 'metadata: a topic made on the way that may not be described', rules: may('create cluster kafka-cluster'), ask: autoCreate, expect: 'refused' },
  { what: 'metadata by id: nothing', rules: [], ask: metadataById, expect: [[null, true, T]] },
  { what: 'metadata by id: describe', rules: may('describe topic orders'), ask: metadataById, expect: [['orders', true, ok]] },
  { what: 'create a topic: nothing', rules: [], ask: createTopics('made'), expect: [T, ok, -1, false] },
  { what: 'create a topic: on the cluster', rules: may('create cluster kafka-cluster'), ask: createTopics('made'), expect: [ok, T, -1, false] },
  { what: 'create a topic: by its prefix', rules: may('create topic made prefixed'), ask: createTopics('made'), expect: [ok, T, -1, false] },
  { what: 'create a topic: and see its configuration', rules: may('create topic made prefixed', 'describe_configs topic made prefixed'), ask: createTopics('made'), expect: [ok, ok, 1, true] },
  { what: 'create a topic: of another prefix', rules: may('create topic other prefixed'), ask: createTopics('made'), expect: [T, ok, -1, false] },
  { what: 'create a topic: allowed on the cluster, denied by name', rules: [...may('create cluster kafka-cluster'), 'deny alice create topic made prefixed'], ask: createTopics('made'), expect: [ok, T, -1, false] },
  { what: 'delete topics 5: nothing', rules: [], ask: deleteTopics(5, ['secret']), expect: [['secret', T]] },
  { what: 'delete topics 5: describing is not enough', rules: may('describe topic secret'), ask: deleteTopics(5, ['secret']), expect: [['secret', T]] },
  { what: 'delete topics 5: what is not there', rules: may('describe topic missing'), ask: deleteTopics(5, ['missing']), expect: [['missing', 'UNKNOWN_TOPIC_OR_PARTITION']] },
  { what: 'delete topics 5: what is not there and must not be known', rules: [], ask: deleteTopics(5, ['missing']), expect: [['missing', T]] },
  { what: 'delete topics 6: by id, nothing', rules: [], ask: deleteTopics(6, ['secret'], true), expect: [[null, T]] },
  { what: 'delete topics 6: by id, described', rules: may('describe topic secret'), ask: deleteTopics(6, ['secret'], true), expect: [['secret', T]] },
  { what: 'delete topics 6: by name, described', rules: may('describe topic secret'), ask: deleteTopics(6, ['secret', 'orders']), expect: [['orders', T], ['secret', T]] },
  { what: 'delete records: nothing', rules: [], ask: deleteRecords, expect: { orders: T, secret: T } },
  { what: 'delete records: delete', rules: may('delete topic orders'), ask: deleteRecords, expect: { orders: ok, secret: T } },
  { what: 'delete records: writing is not deleting', rules: may('write topic orders'), ask: deleteRecords, expect: { orders: T, secret: T } },
  { what: 'create partitions: nothing', rules: [], ask: createPartitions, expect: { orders: T, secret: T } },
  { what: 'create partitions: alter', rules: may('alter topic orders'), ask: createPartitions, expect: { orders: 'INVALID_PARTITIONS', secret: T } },
  { what: 'describe partitions: all', rules: may('read topic orders'), ask: describeTopicPartitions([]), expect: { orders: [ok, bits(3, 8)] } },
  { what: 'describe partitions: nothing of all', rules: [], ask: describeTopicPartitions([]), expect: {} },
  { what: 'describe partitions: named', rules: may('describe topic orders'), ask: describeTopicPartitions(['orders', 'secret']), expect: { orders: [ok, bits(8)], secret: [T, null] } },
  { what: 'describe producers: nothing', rules: [], ask: describeProducers, expect: { orders: T, secret: T } },
  { what: 'describe producers: read', rules: may('read topic orders'), ask: describeProducers, expect: { orders: ok, secret: T } },
  { what: 'describe producers: describing is not enough', rules: may('describe topic orders'), ask: describeProducers, expect: { orders: T, secret: T } },
  { what: 'leader epochs: nothing', rules: [], ask: offsetForLeaderEpoch, expect: { orders: T, secret: T } },
  { what: 'leader epochs: describe', rules: may('describe topic orders'), ask: offsetForLeaderEpoch, expect: { orders: ok, secret: T } },
  { what: 'leader epochs: as a broker', rules: may('cluster_action cluster kafka-cluster'), ask: offsetForLeaderEpoch, expect: { orders: ok, secret: ok } },
  { what: 'commit: nothing', rules: [], ask: offsetCommit(), expect: { orders: G, secret: G } },
  { what: 'commit: the topics alone', rules: may('read topic *'), ask: offsetCommit(), expect: { orders: G, secret: G } },
  { what: 'commit: the group alone', rules: may('read group billing'), ask: offsetCommit(), expect: { orders: T, secret: T } },
  { what: 'commit: both', rules: may('read group billing', 'read topic orders'), ask: offsetCommit(), expect: { orders: ok, secret: T } },
  { what: 'commit: by the group\'s prefix', rules: may('read group bill prefixed', 'read topic orders'), ask: offsetCommit(), expect: { orders: ok, secret: T } },
  { what: 'commit 10: by id', rules: may('read group billing', 'read topic orders'), ask: offsetCommit(10), expect: { orders: ok, secret: T } },
  { what: 'commit: describing the topic is not enough', rules: may('read group billing', 'describe topic orders'), ask: offsetCommit(), expect: { orders: T, secret: T } },
  { what: 'committed 7: nothing', rules: [], ask: offsetFetch(7, ['orders', 'secret']), expect: { group: G } },
  { what: 'committed 7: the group alone', rules: may('describe group billing'), ask: offsetFetch(7, ['orders', 'secret']), expect: { group: ok, orders: T, secret: T } },
  { what: 'committed 7: one topic', rules: may('read group billing', 'describe topic orders'), ask: offsetFetch(7, ['orders', 'secret']), expect: { group: ok, orders: ok, secret: T } },
  { what: 'committed 7: all that may be seen', rules: may('describe group billing', 'describe topic orders'), ask: offsetFetch(7, null), expect: { group: ok, orders: ok } },
  { what: 'committed 8: nothing', rules: [], ask: offsetFetch(8, ['orders']), expect: { group: G } },
  { what: 'committed 8: one topic', rules: may('describe group billing', 'describe topic orders'), ask: offsetFetch(8, ['orders', 'secret']), expect: { group: ok, orders: ok, secret: T } },
  { what: 'committed 8: all that may be seen', rules: may('describe group billing', 'describe topic secret'), ask: offsetFetch(8, null), expect: { group: ok, secret: ok } },
  { what: 'committed 10: one topic by id', rules: may('describe group billing', 'describe topic orders'), ask: offsetFetch(10, ['orders', 'secret']), expect: { group: ok, orders: ok, secret: T } },
  { what: 'coordinator of a group: nothing', rules: [], ask: findCoordinator(0, 'billing'), expect: [G, G] },
  { what: 'coordinator of a group: describe', rules: may('describe group billing'), ask: findCoordinator(0, 'billing'), expect: ['found', 'found'] },
  { what: 'coordinator of a transaction: nothing', rules: [], ask: findCoordinator(1, 'tx'), expect: [X, X] },
  { what: 'coordinator of a transaction: write', rules: may('write transactional_id tx'), ask: findCoordinator(1, 'tx'), expect: ['found', 'found'] },
  { what: 'member: nothing', rules: [], ask: member, expect: [G, G, G, G] },
  { what: 'member: describing is not enough', rules: may('describe group billing'), ask: member, expect: [G, G, G, G] },
  { what: 'member: read', rules: may('read group billing'), ask: member, expect: ['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'] },
  { what: 'a consumer group: nothing', rules: [], ask: consumerGroup, expect: [true, true] },
  { what: 'a consumer group: describe', rules: may('describe group consumers'), ask: consumerGroup, expect: [true, false] },
  { what: 'a consumer group: read', rules: may('read group consumers'), ask: consumerGroup, expect: [false, false] },
  { what: 'a share group: nothing', rules: [], ask: shareGroup, expect: [true, true, true, true, true, true, true] },
  { what: 'a share group: describe', rules: may('describe group queue'), ask: shareGroup, expect: [true, false, true, true, false, true, true] },
  { what: 'a share group: read', rules: may('read group queue'), ask: shareGroup, expect: [false, false, false, false, false, false, true] },
  { what: 'a share group: delete', rules: may('delete group queue'), ask: shareGroup, expect: [true, false, true, true, false, true, false] },
  { what: 'describe a group: nothing', rules: [], ask: describeGroups, expect: [G, null] },
  { what: 'describe a group: read', rules: may('read group billing'), ask: describeGroups, expect: [ok, bits(3, 8)] },
  { what: 'describe a group: everything', rules: may('all group billing'), ask: describeGroups, expect: [ok, bits(3, 6, 8, 10, 11)] },
  { what: 'list groups: nothing', rules: [], ask: listGroups, expect: [ok, []] },
  { what: 'list groups: one', rules: may('describe group billing'), ask: listGroups, expect: [ok, ['billing']] },
  { what: 'list groups: by the cluster', rules: may('describe cluster kafka-cluster'), ask: listGroups, expect: [ok, ['billing']] },
  { what: 'delete groups: nothing', rules: [], ask: deleteGroups, expect: [G] },
  { what: 'delete groups: delete', rules: may('delete group no-such prefixed'), ask: deleteGroups, expect: ['GROUP_ID_NOT_FOUND'] },
  { what: 'delete offsets: nothing', rules: [], ask: offsetDelete, expect: { group: G } },
  { what: 'delete offsets: reading the group is not enough', rules: may('read group billing', 'read topic *'), ask: offsetDelete, expect: { group: G } },
  { what: 'delete offsets: the group alone', rules: may('delete group billing'), ask: offsetDelete, expect: { group: ok, orders: T, secret: T } },
  { what: 'producer id: nothing', rules: [], ask: initProducerId(null), expect: C },
  { what: 'producer id: a right of its own', rules: may('idempotent_write cluster kafka-cluster'), ask: initProducerId(null), expect: ok },
  { what: 'producer id: by writing anywhere', rules: may('write topic some-other-topic'), ask: initProducerId(null), expect: ok },
  { what: 'producer id: reading anywhere is not enough', rules: may('read topic orders'), ask: initProducerId(null), expect: C },
  { what: 'producer id: writing anywhere, denied everywhere', rules: [...may('write topic orders'), 'deny alice write topic *'], ask: initProducerId(null), expect: C },
  { what: 'producer id: of a transaction, nothing', rules: may('idempotent_write cluster kafka-cluster', 'write topic *'), ask: initProducerId('tx-a'), expect: X },
  { what: 'producer id: of a transaction', rules: may('write transactional_id tx-a'), ask: initProducerId('tx-a'), expect: ok },
  { what: 'add partitions 3: nothing', rules: [], ask: addPartitions(3), expect: { orders: X, secret: X } },
  { what: 'add partitions 3: without the topics', rules: may('write transactional_id tx'), ask: addPartitions(3), expect: { orders: T, secret: T } },
  { what: 'add partitions 3: one topic refused keeps the other out', rules: may('write transactional_id tx', 'write topic orders'), ask: addPartitions(3), expect: { orders: 'OPERATION_NOT_ATTEMPTED', secret: T } },
  { what: 'add partitions 3: all', rules: may('write transactional_id tx', 'write topic *'), ask: addPartitions(3), expect: { orders: 'INVALID_PRODUCER_ID_MAPPING', secret: 'INVALID_PRODUCER_ID_MAPPING' } },
  { what: 'add partitions 4: nothing', rules: [], ask: addPartitions(4), expect: { orders: X, secret: X }, notKafka: 'Kafka takes version 4 from brokers alone' },
  { what: 'add partitions 5: one topic refused keeps the other out', rules: may('write transactional_id tx', 'write topic orders'), ask: addPartitions(5), expect: { orders: 'OPERATION_NOT_ATTEMPTED', secret: T }, notKafka: 'Kafka takes version 4 and later from brokers alone' },
  { what: 'add partitions 5: all, by a client', rules: may('write transactional_id tx', 'write topic *'), ask: addPartitions(5), expect: { orders: 'INVALID_PRODUCER_ID_MAPPING', secret: 'INVALID_PRODUCER_ID_MAPPING' }, notKafka: 'Kafka takes version 4 and later from brokers alone' },
  { what: 'add offsets: nothing', rules: [], ask: addOffsets, expect: X },
  { what: 'add offsets: without the group', rules: may('write transactional_id tx'), ask: addOffsets, expect: G },
  { what: 'add offsets: both', rules: may('write transactional_id tx', 'read group billing'), ask: addOffsets, expect: 'INVALID_PRODUCER_ID_MAPPING' },
  { what: 'end a transaction: nothing', rules: may('describe transactional_id tx'), ask: endTransaction, expect: X },
  { what: 'end a transaction: write', rules: may('write transactional_id tx'), ask: endTransaction, expect: 'INVALID_PRODUCER_ID_MAPPING' },
  { what: 'commit in a transaction: nothing', rules: [], ask: commitInTransaction, expect: { orders: X, secret: X } },
  { what: 'commit in a transaction: without the group', rules: may('write transactional_id tx'), ask: commitInTransaction, expect: { orders: G, secret: G } },
  { what: 'commit in a transaction: one topic', rules: may('write transactional_id tx', 'read group billing', 'read topic orders'), ask: commitInTransaction, expect: { orders: 'let through', secret: T } },
  { what: 'describe transactions: nothing', rules: [], ask: describeTransactions, expect: [X] },
  { what: 'describe transactions: describe', rules: may('describe transactional_id tx prefixed'), ask: describeTransactions, expect: ['TRANSACTIONAL_ID_NOT_FOUND'] },
  { what: 'list transactions: nothing', rules: [], ask: listTransactions, expect: ok },
  { what: 'markers: nothing', rules: [], ask: writeMarkers, expect: [C] },
  { what: 'markers: alter', rules: may('alter cluster kafka-cluster'), ask: writeMarkers, expect: ['UNKNOWN_TOPIC_OR_PARTITION'] },
  { what: 'markers: as a broker', rules: may('cluster_action cluster kafka-cluster'), ask: writeMarkers, expect: ['UNKNOWN_TOPIC_OR_PARTITION'] },
  { what: 'describe configs: nothing', rules: [], ask: describeConfigs, expect: [[2, T], [4, C]] },
  { what: 'describe configs: of the topic', rules: may('describe_configs topic orders'), ask: describeConfigs, expect: [[2, ok], [4, C]] },
  { what: 'describe configs: of the broker, which altering implies', rules: may('alter_configs cluster kafka-cluster'), ask: describeConfigs, expect: [[2, T], [4, ok]] },
  { what: 'alter configs: nothing', rules: may('describe_configs topic orders'), ask: alterConfigs, expect: [T] },
  { what: 'alter configs: of the topic', rules: may('alter_configs topic orders'), ask: alterConfigs, expect: [ok] },
  { what: 'alter configs one by one: nothing', rules: may('alter topic orders'), ask: incrementalAlterConfigs, expect: [[2, T], [4, C]] },
  { what: 'alter configs one by one: of the topic', rules: may('alter_configs topic ord prefixed'), ask: incrementalAlterConfigs, expect: [[2, ok], [4, C]] },
  { what: 'alter configs one by one: of the broker', rules: may('alter_configs cluster kafka-cluster'), ask: incrementalAlterConfigs, expect: [[2, T], [4, ok]] },
  { what: 'log folders: nothing', rules: [], ask: describeLogDirs, expect: [C, 0] },
  { what: 'log folders: describe', rules: may('describe cluster kafka-cluster'), ask: describeLogDirs, expect: [ok, 1] },
  { what: 'batches of a move: a right to write is not enough', rules: may('all topic orders'), ask: importBatches, expect: C, notKafka: "Millrace's own" },
  { what: 'batches of a move: alter', rules: may('alter cluster kafka-cluster'), ask: importBatches, expect: 'INVALID_REQUEST', notKafka: "Millrace's own; orders was not created for a move" },
  { what: 'configured resources: nothing', rules: [], ask: listConfigResources, expect: C },
  { what: 'configured resources: describe configs', rules: may('describe_configs cluster kafka-cluster'), ask: listConfigResources, expect: ok },
  { what: 'reassignments: nothing', rules: [], ask: listReassignments, expect: C },
  { what: 'reassignments: describe', rules: may('describe cluster kafka-cluster'), ask: listReassignments, expect: ok },
  { what: 'elections: nothing', rules: [], ask: electLeaders, expect: [C, [C]] },
  { what: 'elections: alter', rules: may('alter cluster kafka-cluster'), ask: electLeaders, expect: [ok, ['ELECTION_NOT_NEEDED']] },
  { what: 'the cluster: nothing', rules: [], ask: describeCluster, expect: [ok, 0] },
  { what: 'the cluster: describe', rules: may('describe cluster kafka-cluster'), ask: describeCluster, expect: [ok, bits(8)] },
  { what: 'the cluster: alter', rules: may('alter cluster kafka-cluster'), ask: describeCluster, expect: [ok, bits(7, 8)] },
  { what: 'rules: nothing', rules: [], ask: acls, expect: [C, C, C] },
  { what: 'rules: describe', rules: may('describe cluster kafka-cluster'), ask: acls, expect: [ok, C, C] },
  { what: 'rules: alter', rules: may('alter cluster kafka-cluster'), ask: acls, expect: [ok, 'INVALID_REQUEST', ok] },
  { what: 'quotas: nothing', rules: [], ask: quotas, expect: [C, C] },
  { what: 'quotas: describe', rules: may('describe_configs cluster kafka-cluster'), ask: quotas, expect: [ok, C] },
  { what: 'quotas: alter', rules: may('alter_configs cluster kafka-cluster'), ask: quotas, expect: [ok, ok] },
  { what: 'users of SCRAM without a right', rules: [], ask: scramUsers, expect: [C, C] },
  { what: 'users of SCRAM with the rights to describe and alter', rules: ['allow alice describe cluster kafka-cluster', 'allow alice alter cluster kafka-cluster'], ask: scramUsers, expect: [ok, 'RESOURCE_NOT_FOUND'] },
  { what: 'versions: everybody', rules: ['deny alice all cluster kafka-cluster'], ask: async (client) => name(await client.ask(ApiVersions, 3, { clientSoftwareName: 'x', clientSoftwareVersion: '1' })), expect: ok },
];

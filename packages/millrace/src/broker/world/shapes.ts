// broker/world/shapes.ts - where each request names topics, groups and transactions, and where its answer has room for an error.
// Owns: the table, cutting a request in a part that is served and one that is refused, and joining the answers. Never: why something is refused.
// Messages are treated as plain objects here, by the names of their fields: the codec writes what a version carries and ignores the rest.
import {
  AddOffsetsToTxn, AddPartitionsToTxn, AlterConfigs, AlterShareGroupOffsets, ConsumerGroupDescribe, ConsumerGroupHeartbeat, CreatePartitions, CreateTopics, DeleteGroups, DeleteRecords,
  DeleteShareGroupOffsets, DescribeConfigs, DescribeGroups, DescribeProducers, DescribeShareGroupOffsets, DescribeTransactions, EndTxn, Fetch, FindCoordinator, Heartbeat,
  IncrementalAlterConfigs, InitProducerId, JoinGroup, LeaveGroup, ListGroups, ListOffsets, ListTransactions, Metadata, OffsetCommit, OffsetDelete, OffsetFetch, OffsetForLeaderEpoch,
  Produce, ShareAcknowledge, ShareFetch, ShareGroupDescribe, ShareGroupHeartbeat, SyncGroup, TxnOffsetCommit,
} from '../../wire/mod.ts';

/** A message by the names of its fields. */
export type Fields = Record<string, any>;

/** Which broker of a cluster answers. */
export type Server = 'leader' | 'group' | 'transaction' | 'any';

/** A request about partitions, topic by topic. */
export interface PartitionShape {
  readonly kind: 'partitions';
  readonly server: Server;
  /** Field with the topics, of a topic's name, with its partitions, with a partition's number ('' when partitions are plain numbers). */
  readonly topics: string; readonly name: string; readonly partitions: string; readonly index: string;
  /** The same of the answer. */
  readonly answers: string; readonly answerPartitions: string; readonly answerIndex: string;
  readonly errorField: string;
  /** What an answer about a refused partition must say besides. */
  readonly refused: Fields;
  readonly group?: string;
}

/** A request about a list of things, each answered for itself. */
export interface ItemShape {
  readonly kind: 'items';
  readonly server: Server;
  readonly items: string;
  /** Field of an item that names it; '' when items are plain names. */
  readonly name: string;
  readonly answers: string;
  readonly answerName: string;
  /** Fields that the answer about an item repeats. */
  readonly repeated?: readonly string[];
  readonly refused?: Fields;
  /** The same, where it depends on the item. */
  refusedItem?(item: Fields, errorCode: number): Fields;
  /** Items are topics. */
  readonly areTopics?: boolean;
}

/** A request with one answer. */
export interface SingleShape { readonly kind: 'single'; readonly server: Server; readonly name?: string; refused?(request: Fields, version: number): Fields }

/** How a request can be refused. */
export type Shape = PartitionShape | ItemShape | SingleShape;

const noBytes: readonly Uint8Array[] = [];
const partitions = (server: Server, of: Partial<PartitionShape> = {}): PartitionShape => ({
  kind: 'partitions', server, topics: 'topics', name: 'name', partitions: 'partitions', index: 'partitionIndex', answers: 'topics', answerPartitions: 'partitions', answerIndex: 'partitionIndex',
  errorField: 'errorCode', refused: {}, ...of,
});
const groupItems = (items: string, name: string, answers: string): ItemShape => ({ kind: 'items', server: 'group', items, name, answers, answerName: 'groupId' });
const topicItems = (answers: string): ItemShape => ({ kind: 'items', server: 'any', items: 'topics', name: 'name', answers, answerName: 'name', areTopics: true });
const resources = (answers: string): ItemShape => ({ kind: 'items', server: 'any', items: 'resources', name: 'resourceName', answers, answerName: 'resourceName', repeated: ['resourceType'] });
/** Each partition of a transaction is refused for itself. */
const refusedTransaction = ({ topics }: Fields, errorCode: number): Fields => ({
  topicResults: (topics as Fields[]).map(({ name, partitions: indexes }) => ({ name, resultsByPartition: (indexes as number[]).map((partitionIndex) => ({ partitionIndex, partitionErrorCode: errorCode })) })),
});
const ofGroup: SingleShape = { kind: 'single', server: 'group', name: 'groupId' };
const ofTransaction: SingleShape = { kind: 'single', server: 'transaction', name: 'transactionalId' };

const byVersion: ReadonlyMap<number, (version: number) => Shape> = new Map<number, (version: number) => Shape>([
  [Produce.key, () => partitions('leader', { topics: 'topicData', partitions: 'partitionData', index: 'index', answers: 'responses', answerPartitions: 'partitionResponses', answerIndex: 'index', refused: { baseOffset: -1 } })],
  [Fetch.key, () => partitions('leader', { name: 'topic', index: 'partition', answers: 'responses', refused: { highWatermark: -1, abortedTransactions: null, records: noBytes } })],
  [ListOffsets.key, () => partitions('leader')],
  [OffsetForLeaderEpoch.key, () => partitions('leader', { name: 'topic', index: 'partition', answerIndex: 'partition' })],
  [DeleteRecords.key, () => partitions('leader', { refused: { lowWatermark: -1 } })],
  [DescribeProducers.key, () => partitions('leader', { partitions: 'partitionIndexes', index: '' })],
  [ShareFetch.key, () => partitions('leader', { answers: 'responses', refused: { records: noBytes }, group: 'groupId' })],
  [ShareAcknowledge.key, () => partitions('leader', { answers: 'responses', group: 'groupId' })],
  [OffsetCommit.key, () => partitions('group', { group: 'groupId' })],
  [TxnOffsetCommit.key, () => partitions('group', { group: 'groupId' })],
  [AddPartitionsToTxn.key, (version) => (version >= 4
    ? { kind: 'items', server: 'transaction', items: 'transactions', name: 'transactionalId', answers: 'resultsByTransaction', answerName: 'transactionalId', refusedItem: refusedTransaction }
    : partitions('transaction', { topics: 'v3AndBelowTopics', index: '', answers: 'resultsByTopicV3AndBelow', answerPartitions: 'resultsByPartition', errorField: 'partitionErrorCode', group: 'v3AndBelowTransactionalId' }))],
  [OffsetFetch.key, (version) => (version >= 8 ? groupItems('groups', 'groupId', 'groups') : version >= 2 ? ofGroup
    : partitions('group', { partitions: 'partitionIndexes', index: '', refused: { committedOffset: -1, metadata: '' }, group: 'groupId' }))],
  [DescribeGroups.key, () => groupItems('groups', '', 'groups')],
  [DeleteGroups.key, () => groupItems('groupsNames', '', 'results')],
  [ConsumerGroupDescribe.key, () => groupItems('groupIds', '', 'groups')],
  [ShareGroupDescribe.key, () => groupItems('groupIds', '', 'groups')],
  [DescribeShareGroupOffsets.key, () => groupItems('groups', 'groupId', 'groups')],
  [JoinGroup.key, () => ({ ...ofGroup, refused: ({ memberId }: Fields, version: number) => ({ memberId, protocolName: version < 7 ? '' : null }) })],
  [SyncGroup.key, () => ofGroup],
  [Heartbeat.key, () => ofGroup],
  [LeaveGroup.key, () => ofGroup],
  [OffsetDelete.key, () => ofGroup],
  [ConsumerGroupHeartbeat.key, () => ofGroup],
  [ShareGroupHeartbeat.key, () => ofGroup],
  [AlterShareGroupOffsets.key, () => ofGroup],
  [DeleteShareGroupOffsets.key, () => ofGroup],
  [InitProducerId.key, () => ({ ...ofTransaction, refused: () => ({ producerId: -1, producerEpoch: -1 }) })],
  [AddOffsetsToTxn.key, () => ofTransaction],
  [EndTxn.key, () => ofTransaction],
  [DescribeTransactions.key, () => ({ kind: 'items', server: 'transaction', items: 'transactionalIds', name: '', answers: 'transactionStates', answerName: 'transactionalId' })],
  [FindCoordinator.key, (version) => (version >= 4
    ? { kind: 'items', server: 'any', items: 'coordinatorKeys', name: '', answers: 'coordinators', answerName: 'key', refused: { nodeId: -1, port: -1, errorMessage: null } }
    : { kind: 'single', server: 'any', name: 'key', refused: () => ({ nodeId: -1, port: -1, errorMessage: null }) })],
  [ListGroups.key, () => ({ kind: 'single', server: 'any' })],
  [ListTransactions.key, () => ({ kind: 'single', server: 'any' })],
  [Metadata.key, () => ({ ...topicItems('topics'), repeated: ['topicId'] })],
  [CreateTopics.key, () => ({ ...topicItems('topics'), refused: { errorMessage: null, configs: [] } })],
  [CreatePartitions.key, () => ({ ...topicItems('results'), refused: { errorMessage: null } })],
  [DescribeConfigs.key, () => ({ ...resources('results'), refused: { errorMessage: null, configs: [] } })],
  [AlterConfigs.key, () => ({ ...resources('responses'), refused: { errorMessage: null } })],
  [IncrementalAlterConfigs.key, () => ({ ...resources('responses'), refused: { errorMessage: null } })],
]);

/** How a request of this api and version can be refused; undefined for one that cannot. */
export const shapeOf = (apiKey: number, version: number): Shape | undefined => byVersion.get(apiKey)?.(version);
/** True when answers of this api have a place for an error. */
export const canFail = (apiKey: number): boolean => byVersion.has(apiKey);

/** Names of the topics of a request; `nameOf` finds those that are named by id. */
export function topicsOf(shape: Shape | undefined, request: Fields, nameOf: (topicId: string) => string | undefined): string[] {
  if (shape?.kind === 'partitions') return (request[shape.topics] as Fields[]).map((topic) => topicName(shape, topic, nameOf));
  if (shape?.kind === 'items' && shape.areTopics === true) return ((request[shape.items] ?? []) as Fields[]).map((item) => (item[shape.name] as string | null) ?? nameOf(item['topicId'] as string) ?? '');
  return [];
}

/** Groups or transactional ids that a request is about. */
export function groupsOf(shape: Shape | undefined, request: Fields): string[] {
  if (shape === undefined) return [];
  const one = shape.kind === 'single' ? shape.name : shape.kind === 'partitions' ? shape.group : undefined;
  if (one !== undefined) return typeof request[one] === 'string' ? [request[one]] : [];
  if (shape.kind !== 'items' || shape.areTopics === true || shape.name === 'resourceName') return [];
  return ((request[shape.items] ?? []) as (Fields | string)[]).map((item) => itemName(shape, item));
}

const itemName = (shape: ItemShape, item: Fields | string): string => (shape.name === '' ? (item as string) : ((item as Fields)[shape.name] as string));

/** A topic's name, also where the version names it by id. */
export function topicName(shape: PartitionShape, topic: Fields, nameOf: (topicId: string) => string | undefined): string {
  const name = topic[shape.name] as string | undefined;
  return name !== undefined && name !== '' ? name : nameOf(topic['topicId'] as string) ?? '';
}

/** The number of a partition in a request. */
export const partitionIndex = (shape: PartitionShape, partition: Fields | number): number => (shape.index === '' ? (partition as number) : ((partition as Fields)[shape.index] as number));

/** Why one partition, or one thing, is refused: an error's number with what else its answer says; null when it is not. */
export interface Refusal { readonly errorCode: number; readonly besides?: Fields }

/** A request in two: what may be served (null for nothing), and answers about the rest (empty for none). */
export interface Cut { readonly served: Fields | null; readonly refused: readonly Fields[] }

/** Cuts a request about partitions. */
export function cutPartitions(shape: PartitionShape, request: Fields, nameOf: (topicId: string) => string | undefined, judge: (topic: string, index: number, partition: Fields | number) => Refusal | null): Cut {
  const served: Fields[] = [];
  const refused: Fields[] = [];
  for (const topic of request[shape.topics] as Fields[]) {
    const name = topicName(shape, topic, nameOf);
    const kept: unknown[] = [];
    const answers: Fields[] = [];
    for (const partition of topic[shape.partitions] as (Fields | number)[]) {
      const index = partitionIndex(shape, partition);
      const refusal = judge(name, index, partition);
      if (refusal === null) kept.push(partition);
      else answers.push({ ...shape.refused, ...refusal.besides, [shape.answerIndex]: index, [shape.errorField]: refusal.errorCode });
    }
    if (kept.length > 0) served.push(answers.length === 0 ? topic : { ...topic, [shape.partitions]: kept });
    if (answers.length > 0) refused.push({ ...topicOf(topic), [shape.answerPartitions]: answers });
  }
  if (refused.length === 0) return { served: request, refused };
  return { served: served.length === 0 ? null : { ...request, [shape.topics]: served }, refused };
}

/** What names a topic in both directions. */
const topicOf = ({ name, topic, topicId }: Fields): Fields => ({ ...(name === undefined ? {} : { name }), ...(topic === undefined ? {} : { topic }), ...(topicId === undefined ? {} : { topicId }) });

/** Cuts a request about a list of things. A list that is null stands for all of them and is served whole. */
export function cutItems(shape: ItemShape, request: Fields, judge: (name: string) => Refusal | null): Cut {
  const items = request[shape.items] as (Fields | string)[] | null;
  const served: unknown[] = [];
  const refused: Fields[] = [];
  for (const item of items ?? []) {
    const name = itemName(shape, item);
    const refusal = judge(name);
    if (refusal === null) { served.push(item); continue; }
    const repeated = Object.fromEntries((shape.repeated ?? []).map((field) => [field, (item as Fields)[field]]));
    refused.push({ ...shape.refused, ...shape.refusedItem?.(item as Fields, refusal.errorCode), ...refusal.besides, ...repeated, [shape.answerName]: name, errorCode: refusal.errorCode });
  }
  if (refused.length === 0) return { served: request, refused };
  return { served: served.length === 0 ? null : { ...request, [shape.items]: served }, refused };
}

/** The answer to the part that was served, and those about the rest, as one. */
export function joinAnswers(shape: PartitionShape | ItemShape, body: Fields, refused: readonly Fields[]): Fields {
  if (refused.length === 0) return body;
  const answers = [...((body[shape.answers] ?? []) as Fields[])];
  if (shape.kind === 'items') return { ...body, [shape.answers]: [...answers, ...refused] };
  for (const topic of refused) {
    const at = answers.findIndex((one) => one[shape.name] === topic[shape.name] && one['topicId'] === topic['topicId']);
    if (at < 0) answers.push(topic);
    else answers[at] = { ...answers[at]!, [shape.answerPartitions]: [...(answers[at]![shape.answerPartitions] as Fields[]), ...(topic[shape.answerPartitions] as Fields[])] };
  }
  return { ...body, [shape.answers]: answers };
}

/** The answer of work that was done, with an error where `judge` wants one. */
export function spoilAnswer(shape: Shape, body: Fields, nameOf: (topicId: string) => string | undefined, judge: (name: string) => Refusal | null): Fields {
  if (shape.kind === 'single') return { ...body, errorCode: judge('')?.errorCode ?? body['errorCode'] };
  const answers = (body[shape.answers] ?? []) as Fields[];
  if (shape.kind === 'items') return { ...body, [shape.answers]: answers.map((one) => spoiled(one, judge(String(one[shape.answerName] ?? '')), { ...shape.refused, ...(shape.areTopics === true ? { partitions: [] } : {}) }, 'errorCode')) };
  return {
    ...body,
    [shape.answers]: answers.map((topic) => {
      const refusal = judge(topicName(shape, topic, nameOf));
      return { ...topic, [shape.answerPartitions]: (topic[shape.answerPartitions] as Fields[]).map((one) => spoiled(one, refusal, shape.refused, shape.errorField)) };
    }),
  };
}

const spoiled = (answer: Fields, refusal: Refusal | null, refused: Fields, errorField: string): Fields => (refusal === null || answer[errorField] !== 0 ? answer : { ...answer, ...refused, [errorField]: refusal.errorCode });

/** UNSTABLE_OFFSET_COMMIT has its place with each offset, and is told to who asked for stable ones. */
export function withUnstableOffsets(request: Fields, body: Fields, errorCode: number): Fields {
  if (request['requireStable'] !== true) return body;
  const spoil = (topics: Fields[] | undefined): Fields[] => (topics ?? []).map((topic) => ({ ...topic, partitions: (topic['partitions'] as Fields[]).map((one) => ({ ...one, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode })) }));
  return { ...body, topics: spoil(body['topics'] as Fields[] | undefined), groups: ((body['groups'] ?? []) as Fields[]).map((group) => ({ ...group, topics: spoil(group['topics'] as Fields[]) })) };
}

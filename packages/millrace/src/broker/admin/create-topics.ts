// broker/admin/create-topics.ts - CreateTopics and CreatePartitions: what may be created, and Kafka's words when it may not.
// Owns: the checks of a request. Never: the creation (topics/topics.ts).
import { isMillraceError, limits } from '../../base/mod.ts';
import { CreatePartitions, CreateTopics, errorCodes, zeroUuid, type RequestOf, type ResponseInit } from '../../wire/mod.ts';
import { checkTopicConfig, schemasOf, topicConfigLevels } from '../config/topic-config.ts';
import { topicDefinitions } from '../config/topic-definitions.ts';
import type { Handler } from '../handlers.ts';
import { QuotaExceeded, type MutationQuota } from '../quotas/quotas.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import { topicNameFault } from '../topics/topic-name.ts';
import { TopicRefused } from '../topics/topics.ts';
import { configSourceNumber } from './config-sources.ts';

type CreatableTopic = RequestOf<typeof CreateTopics>['topics'][number];
type CreatedAnswer = NonNullable<ResponseInit<typeof CreateTopics>['topics']>[number];

/** Why a topic or its partitions are not created. */
class Refusal extends Error {
  readonly errorCode: number;
  constructor(errorCode: number, message: string) {
    super(message);
    this.errorCode = errorCode;
  }
}

const byDefault = -1;

/** The handler of CreateTopics. */
export function createTopicsHandler(services: Services): Handler<typeof CreateTopics> {
  return (request, context) => {
    const repeated = repeatedNames(request.topics);
    const seen = new Set<string>();
    const wanted = request.topics.filter(({ name }) => !seen.has(name) && seen.add(name));
    const quota = services.quotas.mutation({ principal: context.connection.principal, clientId: context.clientId }, context.version >= strictCreationVersion);
    Promise.all(wanted.map(async (topic): Promise<CreatedAnswer> => {
      try {
        if (repeated.has(topic.name)) throw new Refusal(errorCodes.INVALID_REQUEST, 'the request names the topic more than once');
        return await create(services, topic, request.validateOnly, quota);
      } catch (error) {
        return { name: topic.name, topicId: zeroUuid, ...refusalOf(error, topic.name), numPartitions: -1, replicationFactor: -1, configs: [] };
      }
    })).then((topics) => context.reply({ topics, throttleTimeMs: quota.pauseMs }));
  };
}

/** From these versions on a change over the quota is refused; before, the client only pauses. */
const strictCreationVersion = 6;
const strictGrowthVersion = 3;

async function create(services: Services, topic: CreatableTopic, validateOnly: boolean, quota: MutationQuota): Promise<CreatedAnswer> {
  const { name } = topic;
  const fault = topicNameFault(name);
  if (fault !== null) throw new Refusal(errorCodes.INVALID_TOPIC_EXCEPTION, `Topic name is invalid: ${fault}`);
  if (services.topics.isTaken(name)) throw new TopicRefused('exists');
  const partitionCount = topic.assignments.length > 0 ? assignedPartitions(topic, services.brokerIds) : askedPartitions(topic, services);
  const config = checkedConfig(topic);
  await checkSchemas(services, config);
  const refusal = services.topics.refusalOfCreate(name);
  if (refusal !== null) throw refusal;
  quota.take(partitionCount);
  const id = validateOnly ? zeroUuid : (await services.topics.create(name, partitionCount, config)).id;
  if (!validateOnly) services.report(`topic ${name} created with ${partitionCount} partition${partitionCount === 1 ? '' : 's'}`, 'info', { event: 'topic-created', topic: name, partitions: partitionCount });
  return { name, topicId: id, errorCode: errorCodes.NONE, errorMessage: null, numPartitions: partitionCount, replicationFactor: services.brokerIds.length, configs: describedConfig(services, config) };
}

/** -1 stands for the default in every version, as on Kafka's brokers: kafkajs sends it in version 3, before KIP-464 wrote it down. */
function askedPartitions(topic: CreatableTopic, services: Services): number {
  const { numPartitions, replicationFactor } = topic;
  if (numPartitions === 0 || numPartitions < byDefault) {
    throw new Refusal(errorCodes.INVALID_PARTITIONS, `Number of partitions was set to an invalid non-positive value: ${numPartitions}`);
  }
  if (replicationFactor === 0 || replicationFactor < byDefault) {
    throw new Refusal(errorCodes.INVALID_REPLICATION_FACTOR, `Replication factor must be larger than 0, or -1 to use the default value: ${replicationFactor}`);
  }
  const brokers = services.brokerIds.length;
  if (replicationFactor > brokers) {
    throw new Refusal(errorCodes.INVALID_REPLICATION_FACTOR, `Unable to replicate the partition ${replicationFactor} time(s): ${brokers === 1 ? 'there is one node' : `there are ${brokers} brokers`}`);
  }
  return checkedCount(numPartitions === byDefault ? services.config.number('num.partitions') : numPartitions);
}

function assignedPartitions(topic: CreatableTopic, brokers: readonly number[]): number {
  if (topic.numPartitions !== byDefault) throw new Refusal(errorCodes.INVALID_REQUEST, 'A manual partition assignment was specified, but numPartitions was not set to -1.');
  if (topic.replicationFactor !== byDefault) throw new Refusal(errorCodes.INVALID_REQUEST, 'A manual partition assignment was specified, but replication factor was not set to -1.');
  const indexes = topic.assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b);
  if (indexes.some((index, at) => index !== at)) {
    throw new Refusal(errorCodes.INVALID_REPLICA_ASSIGNMENT, 'partitions must be a consecutive 0-based integer sequence, each named once');
  }
  for (const { brokerIds } of topic.assignments) checkAssignment(brokerIds, brokers);
  return checkedCount(indexes.length);
}

/** Where one node plays several brokers each of them is a replica of everything: which ones are named makes no difference. */
function checkAssignment(brokerIds: readonly number[], brokers: readonly number[]): void {
  if (brokerIds.length > 0 && new Set(brokerIds).size === brokerIds.length && brokerIds.every((id) => brokers.includes(id))) return;
  const known = brokers.length === 1 ? `the only broker is ${brokers[0]}, and it takes one replica` : `the brokers are ${brokers.join(', ')}, and each takes one replica`;
  throw new Refusal(errorCodes.INVALID_REPLICA_ASSIGNMENT, `The manual partition assignment names brokers ${brokerIds.join(', ') || '(none)'}: ${known}`);
}

function checkedCount(partitionCount: number): number {
  if (partitionCount <= limits.broker.partitionsPerTopicMax) return partitionCount;
  throw new Refusal(errorCodes.INVALID_PARTITIONS, `${partitionCount} partitions are more than the ${limits.broker.partitionsPerTopicMax} that a topic may have`);
}

function checkedConfig(topic: CreatableTopic): ReadonlyMap<string, string> {
  const config = new Map<string, string>();
  for (const { name, value } of topic.configs) {
    if (value === null) throw new Refusal(errorCodes.INVALID_CONFIG, `Null value not supported for topic configs: ${name}`);
    config.set(name, value);
  }
  try {
    checkTopicConfig(config);
  } catch (error) {
    if (!isMillraceError(error, 'invalid-argument')) throw error;
    throw new Refusal(errorCodes.INVALID_CONFIG, error.message);
  }
  return config;
}

/** A schema that cannot be used is refused before anything is made. */
async function checkSchemas(services: Services, config: ReadonlyMap<string, string>): Promise<void> {
  const schemas = schemasOf(config.get('millrace.key.schema'), config.get('millrace.value.schema'));
  if (schemas !== null) await services.validator.check(schemas).catch((error: unknown) => { throw isMillraceError(error, 'invalid-argument') ? new Refusal(errorCodes.INVALID_CONFIG, error.message) : error; });
}

function describedConfig(services: Services, config: ReadonlyMap<string, string>): CreatedAnswer['configs'] {
  return [...topicDefinitions.keys()].map((name) => {
    const [inForce] = topicConfigLevels(config, services.config, name);
    return { name, value: inForce?.text ?? null, readOnly: false, configSource: configSourceNumber(inForce?.source ?? 'default'), isSensitive: false };
  });
}

/** The handler of CreatePartitions. */
export function createPartitionsHandler(services: Services): Handler<typeof CreatePartitions> {
  return (request, context) => {
    const repeated = repeatedNames(request.topics);
    const seen = new Set<string>();
    const wanted = request.topics.filter(({ name }) => !seen.has(name) && seen.add(name));
    const quota = services.quotas.mutation({ principal: context.connection.principal, clientId: context.clientId }, context.version >= strictGrowthVersion);
    Promise.all(wanted.map(async ({ name, count, assignments }) => {
      try {
        if (repeated.has(name)) throw new Refusal(errorCodes.INVALID_REQUEST, 'the request names the topic more than once');
        await grow(services, name, count, assignments, request.validateOnly, quota);
        return { name, errorCode: errorCodes.NONE, errorMessage: null };
      } catch (error) {
        return { name, ...refusalOf(error, name) };
      }
    })).then((results) => context.reply({ results, throttleTimeMs: quota.pauseMs }));
  };
}

async function grow(services: Services, name: string, count: number, assignments: readonly { brokerIds: number[] }[] | null, validateOnly: boolean, quota: MutationQuota): Promise<void> {
  const topic = services.topics.byName(name);
  if (topic === undefined) throw new TopicRefused('not-found');
  const now = topic.partitions.length;
  if (topic.internal) throw new Refusal(errorCodes.INVALID_PARTITIONS, `topic ${name} is the node's own and keeps its ${now} partition(s)`);
  if (count === now) throw new Refusal(errorCodes.INVALID_PARTITIONS, `Topic already has ${now} partition(s).`);
  if (count < now) throw new Refusal(errorCodes.INVALID_PARTITIONS, `The topic ${name} currently has ${now} partition(s); ${count} would not be an increase.`);
  checkedCount(count);
  if (assignments !== null) {
    if (assignments.length !== count - now) {
      throw new Refusal(errorCodes.INVALID_REPLICA_ASSIGNMENT, `Attempted to add ${count - now} additional partition(s), but only ${assignments.length} assignment(s) were specified.`);
    }
    for (const { brokerIds } of assignments) checkAssignment(brokerIds, services.brokerIds);
  }
  quota.take(count - now);
  if (validateOnly) return;
  await services.topics.grow(name, count);
  services.report(`topic ${name} has now ${count} partitions`);
}

/** Kafka's error code and message for anything that creating can throw. */
export function refusalOf(error: unknown, name: string): { errorCode: number; errorMessage: string } {
  if (error instanceof Refusal || error instanceof QuotaExceeded) return { errorCode: error.errorCode, errorMessage: error.message };
  if (error instanceof TopicRefused) return { errorCode: topicErrorCode(error), errorMessage: topicErrorMessage(error, name) };
  if (isMillraceError(error, 'overloaded') && error.data['partitionsMax'] !== undefined) return { errorCode: errorCodes.POLICY_VIOLATION, errorMessage: error.message };
  return { errorCode: storageErrorCode(error), errorMessage: (error as Error).message };
}

function topicErrorCode({ why }: TopicRefused): number {
  switch (why) {
    case 'exists': return errorCodes.TOPIC_ALREADY_EXISTS;
    case 'collides': return errorCodes.INVALID_TOPIC_EXCEPTION;
    case 'not-found': return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    case 'busy': return errorCodes.REASSIGNMENT_IN_PROGRESS;
    case 'fewer-partitions':
    case 'same-partitions': return errorCodes.INVALID_PARTITIONS;
  }
}

function topicErrorMessage({ why, other }: TopicRefused, name: string): string {
  switch (why) {
    case 'exists': return `Topic '${name}' already exists.`;
    case 'collides': return `Topic '${name}' collides with existing topic: ${other}`;
    case 'not-found': return 'This server does not host this topic-partition.';
    case 'busy': return `Another change of topic '${name}' is under way.`;
    case 'fewer-partitions':
    case 'same-partitions': return `Topic '${name}' would not get more partitions.`;
  }
}

function repeatedNames(topics: readonly { readonly name: string }[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { name } of topics) {
    if (seen.has(name)) repeated.add(name);
    seen.add(name);
  }
  return repeated;
}

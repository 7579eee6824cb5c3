// broker/authorization/cluster-guards.ts - what requests about the cluster, its settings, rules, quotas and users need, and how refusals are told.
// Owns: their rules, as Apache Kafka's KafkaApis and ControllerApis have them.
import {
  aclOperations as O, AlterClientQuotas, AlterConfigs, AlterPartitionReassignments, AlterUserScramCredentials, ApiVersions, CreateAcls, DeleteAcls, DescribeAcls, DescribeClientQuotas,
  DescribeCluster, DescribeConfigs, DescribeLogDirs, DescribeQuorum, DescribeUserScramCredentials, ElectLeaders, ImportBatches, IncrementalAlterConfigs, ListConfigResources, ListPartitionReassignments,
  SaslAuthenticate, SaslHandshake, UpdateFeatures,
} from '../../wire/mod.ts';
import { completing, passAllowed, refusals, type Asker, type Guard } from './guard.ts';
import { rule, type Rule } from './rule.ts';

const { cluster } = refusals;

/** Kinds of resources with configuration, by their numbers in the messages, which are not those of access rules. */
const configOf = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const;

interface ConfigResource { readonly resourceType: number; readonly resourceName: string }

/** Why a resource's configuration may not be read or changed; null when it may, or when there is no such kind and the handler says so. */
function configRefusal(client: Asker, operation: number, { resourceType, resourceName }: ConfigResource) {
  switch (resourceType) {
    case configOf.topic: return client.mayTopic(operation, resourceName) ? null : refusals.topic;
    case configOf.group: return client.mayGroup(operation, resourceName) ? null : refusals.group;
    case configOf.broker:
    case configOf.brokerLogger:
    case configOf.clientMetrics: return client.mayCluster(operation) ? null : cluster;
    default: return null;
  }
}

const refusedRow = ({ resourceType, resourceName }: ConfigResource) => ({
  ...(resourceType === configOf.topic ? refusals.topic : resourceType === configOf.group ? refusals.group : cluster), resourceType, resourceName,
});

const describeConfigs: Guard<typeof DescribeConfigs> = (request, context, client, pass) => passAllowed(request, context, pass, {
  list: request.resources, passes: (resource) => configRefusal(client, O.describe_configs, resource) === null,
  narrowed: (resources) => ({ ...request, resources }),
  completed: (body, resources) => ({ ...body, results: [...body.results ?? [], ...resources.map((resource) => ({ ...refusedRow(resource), configs: [] }))] }),
});

const alterConfigs: Guard<typeof AlterConfigs> = (request, context, client, pass) => passAllowed(request, context, pass, {
  list: request.resources, passes: (resource) => configRefusal(client, O.alter_configs, resource) === null,
  narrowed: (resources) => ({ ...request, resources }),
  completed: (body, resources) => ({ ...body, responses: [...body.responses ?? [], ...resources.map(refusedRow)] }),
});

const incrementalAlterConfigs: Guard<typeof IncrementalAlterConfigs> = (request, context, client, pass) => passAllowed(request, context, pass, {
  list: request.resources, passes: (resource) => configRefusal(client, O.alter_configs, resource) === null,
  narrowed: (resources) => ({ ...request, resources }),
  completed: (body, resources) => ({ ...body, responses: [...body.responses ?? [], ...resources.map(refusedRow)] }),
});

const describeCluster: Guard<typeof DescribeCluster> = (request, context, client, pass) => {
  if (!request.includeClusterAuthorizedOperations) return pass(request);
  pass(request, completing(context, (body) => ((body.errorCode ?? 0) === 0 ? { ...body, clusterAuthorizedOperations: client.clusterOperations() } : body)));
};

const describeLogDirs: Guard<typeof DescribeLogDirs> = (request, context, client, pass) => (client.mayCluster(O.describe) ? pass(request) : context.reply({ errorCode: cluster.errorCode, results: [] }));
const listConfigResources: Guard<typeof ListConfigResources> = (request, context, client, pass) => (client.mayCluster(O.describe_configs) ? pass(request) : context.reply({ errorCode: cluster.errorCode }));
const listReassignments: Guard<typeof ListPartitionReassignments> = (request, context, client, pass) => (client.mayCluster(O.describe) ? pass(request) : context.reply({ ...cluster, topics: [] }));
const describeQuorum: Guard<typeof DescribeQuorum> = (request, context, client, pass) => (client.mayCluster(O.describe) ? pass(request) : context.reply(cluster));
const updateFeatures: Guard<typeof UpdateFeatures> = (request, context, client, pass) => (client.mayCluster(O.alter) ? pass(request) : context.reply(cluster));

const alterReassignments: Guard<typeof AlterPartitionReassignments> = (request, context, client, pass) => {
  if (client.mayCluster(O.alter)) return pass(request);
  context.reply({ ...cluster, responses: request.topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...cluster })) })) });
};

const electLeaders: Guard<typeof ElectLeaders> = (request, context, client, pass) => {
  if (client.mayCluster(O.alter)) return pass(request);
  context.reply({ errorCode: cluster.errorCode, replicaElectionResults: (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic, partitionResult: partitions.map((partitionId) => ({ partitionId, ...cluster })),
  })) });
};

const describeAcls: Guard<typeof DescribeAcls> = (request, context, client, pass) => (client.mayCluster(O.describe) ? pass(request) : context.reply({ ...cluster, resources: [] }));
const createAcls: Guard<typeof CreateAcls> = (request, context, client, pass) => (client.mayCluster(O.alter) ? pass(request) : context.reply({ results: request.creations.map(() => cluster) }));
const deleteAcls: Guard<typeof DeleteAcls> = (request, context, client, pass) => {
  if (client.mayCluster(O.alter)) return pass(request);
  context.reply({ filterResults: request.filters.map(() => ({ ...cluster, matchingAcls: [] })) });
};

const describeQuotas: Guard<typeof DescribeClientQuotas> = (request, context, client, pass) => (client.mayCluster(O.describe_configs) ? pass(request) : context.reply({ ...cluster, entries: null }));
const alterQuotas: Guard<typeof AlterClientQuotas> = (request, context, client, pass) => {
  if (client.mayCluster(O.alter_configs)) return pass(request);
  context.reply({ entries: request.entries.map(({ entity }) => ({ ...cluster, entity })) });
};

const describeUsers: Guard<typeof DescribeUserScramCredentials> = (request, context, client, pass) => (client.mayCluster(O.describe) ? pass(request) : context.reply({ ...cluster, results: [] }));
const alterUsers: Guard<typeof AlterUserScramCredentials> = (request, context, client, pass) => {
  if (client.mayCluster(O.alter)) return pass(request);
  const users = new Set([...request.deletions, ...request.upsertions].map(({ name }) => name));
  context.reply({ results: [...users].map((user) => ({ user, ...cluster })) });
};

/** Millrace's own request, by which a topic is moved here: who may use it writes at any offset. */
const importBatches: Guard<typeof ImportBatches> = (request, context, client, pass) => {
  if (client.mayCluster(O.alter)) return pass(request);
  context.reply({ topics: request.topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ index }) => ({ index, ...cluster })) })) });
};

/** Rules of the requests about the cluster. */
export const clusterRules: readonly Rule[] = [
  rule(SaslHandshake, '', 'nobody asks'),
  rule(ApiVersions, '', 'nobody asks'),
  rule(SaslAuthenticate, '', 'nobody asks'),
  rule(DescribeAcls, 'DESCRIBE on the cluster', describeAcls),
  rule(CreateAcls, 'ALTER on the cluster', createAcls),
  rule(DeleteAcls, 'ALTER on the cluster', deleteAcls),
  rule(DescribeConfigs, 'DESCRIBE_CONFIGS on the topic or group; on the cluster for a broker', describeConfigs),
  rule(AlterConfigs, 'ALTER_CONFIGS on the topic or group; on the cluster for a broker', alterConfigs),
  rule(DescribeLogDirs, 'DESCRIBE on the cluster', describeLogDirs),
  rule(ElectLeaders, 'ALTER on the cluster', electLeaders),
  rule(IncrementalAlterConfigs, 'ALTER_CONFIGS on the topic or group; on the cluster for a broker', incrementalAlterConfigs),
  rule(AlterPartitionReassignments, 'ALTER on the cluster', alterReassignments),
  rule(ListPartitionReassignments, 'DESCRIBE on the cluster', listReassignments),
  rule(DescribeClientQuotas, 'DESCRIBE_CONFIGS on the cluster', describeQuotas),
  rule(AlterClientQuotas, 'ALTER_CONFIGS on the cluster', alterQuotas),
  rule(DescribeUserScramCredentials, 'DESCRIBE on the cluster', describeUsers),
  rule(AlterUserScramCredentials, 'ALTER on the cluster', alterUsers),
  rule(DescribeQuorum, 'DESCRIBE on the cluster', describeQuorum),
  rule(UpdateFeatures, 'ALTER on the cluster', updateFeatures),
  rule(DescribeCluster, 'nothing; DESCRIBE on the cluster to be told what one may do there', describeCluster),
  rule(ListConfigResources, 'DESCRIBE_CONFIGS on the cluster', listConfigResources),
  rule(ImportBatches, 'ALTER on the cluster', importBatches),
];

// broker/world/replies.ts - answers of the node, told as one broker of several would tell them.
// Owns: brokers, leaders, epochs and coordinators in answers; what is left out because another broker keeps it. Never: the answers' content otherwise.
import {
  ApiVersions, DescribeCluster, DescribeConfigs, DescribeLogDirs, DescribeTopicPartitions, FindCoordinator, IncrementalAlterConfigs, AlterConfigs, ListConfigResources, ListGroups,
  ListTransactions, Metadata, type Api,
} from '../../wire/mod.ts';
import type { ListenerInfo } from '../handlers.ts';
import type { Cast } from './cast.ts';
import type { Release } from './releases.ts';
import type { Fields } from './shapes.ts';

/** What a rewrite may look at. */
export interface Rewriting { readonly cast: Cast; readonly release: Release | null; readonly listener: ListenerInfo; readonly request: Fields; readonly version: number }

type Rewrite = (body: Fields, of: Rewriting) => Fields;
const brokerResource = 4;

const rewrites: ReadonlyMap<number, Rewrite> = new Map<number, Rewrite>([
  [ApiVersions.key, apiVersions],
  [Metadata.key, metadata],
  [FindCoordinator.key, findCoordinator],
  [DescribeCluster.key, describeCluster],
  [DescribeTopicPartitions.key, (body, of) => ({ ...body, topics: (body['topics'] as Fields[]).map((topic) => withLeaders(topic, of)) })],
  [DescribeLogDirs.key, describeLogDirs],
  [ListGroups.key, (body, of) => ({ ...body, groups: ((body['groups'] ?? []) as Fields[]).filter((group) => isMine(of, 'group', group['groupId'])) })],
  [ListTransactions.key, (body, of) => ({ ...body, transactionStates: ((body['transactionStates'] ?? []) as Fields[]).filter((one) => isMine(of, 'transaction', one['transactionalId'])) })],
  [DescribeConfigs.key, (body, of) => resourcesAs(body, 'results', mainId(of), nodeId(of))],
  [AlterConfigs.key, (body, of) => resourcesAs(body, 'responses', mainId(of), nodeId(of))],
  [IncrementalAlterConfigs.key, (body, of) => resourcesAs(body, 'responses', mainId(of), nodeId(of))],
  [ListConfigResources.key, listConfigResources],
]);

/** True for an api whose answers depend on who answers. */
export const isRewritten = (api: Api<any, any>): boolean => rewrites.has(api.key);

/** The answer as the broker behind this listener gives it. */
export function rewritten(api: Api<any, any>, body: Fields, of: Rewriting): Fields {
  return rewrites.get(api.key)?.(body, of) ?? body;
}

/** A request that names the broker behind this listener, as the node understands it. */
export function addressed(api: Api<any, any>, request: Fields, of: Rewriting): Fields {
  const altersConfigs = api.key === DescribeConfigs.key || api.key === AlterConfigs.key || api.key === IncrementalAlterConfigs.key;
  return altersConfigs ? resourcesAs(request, 'resources', nodeId(of), mainId(of)) : request;
}

const nodeId = ({ cast, listener }: Rewriting): number => cast.nodeOf(listener);
const mainId = ({ cast }: Rewriting): number => cast.nodeIds[0]!;
const isMine = (of: Rewriting, kind: 'group' | 'transaction', name: unknown): boolean => of.cast.coordinatorOf(kind, name as string) === nodeId(of);

/** Features that the release has not are left out, levels that it does not know lowered. */
function apiVersions(body: Fields, { release }: Rewriting): Fields {
  if (release === null) return body;
  const supported = ((body['supportedFeatures'] ?? []) as Fields[]).flatMap((feature) => {
    const max = Math.min(feature['maxVersion'] as number, release.features.get(feature['name'] as string)?.max ?? 0);
    return max >= (feature['minVersion'] as number) && max > 0 ? [{ ...feature, maxVersion: max }] : [];
  });
  const finalized = ((body['finalizedFeatures'] ?? []) as Fields[]).flatMap((feature) => {
    const level = Math.min(feature['maxVersionLevel'] as number, release.features.get(feature['name'] as string)?.finalized ?? 0);
    return level > 0 ? [{ ...feature, maxVersionLevel: level, minVersionLevel: Math.min(feature['minVersionLevel'] as number, level) }] : [];
  });
  return { ...body, supportedFeatures: supported, finalizedFeatures: finalized };
}

function metadata(body: Fields, of: Rewriting): Fields {
  const rack = (body['brokers'] as Fields[])[0]?.['rack'] ?? null;
  return {
    ...body,
    brokers: of.cast.nodeIds.map((id) => ({ nodeId: id, ...of.cast.address(id, of.listener), rack })),
    topics: (body['topics'] as Fields[]).map((topic) => withLeaders(topic, of)),
  };
}

/** Every broker serves the same log: each is a replica in step. The leader is named first. */
function withLeaders(topic: Fields, { cast }: Rewriting): Fields {
  const name = topic['name'] as string | null;
  if (name === null) return topic;
  return {
    ...topic,
    partitions: ((topic['partitions'] ?? []) as Fields[]).map((partition) => {
      const index = partition['partitionIndex'] as number;
      const leaderId = cast.leaderOf(name, index);
      const nodes = [leaderId, ...cast.nodeIds.filter((id) => id !== leaderId)];
      return { ...partition, leaderId, leaderEpoch: cast.epochOf(name, index), replicaNodes: nodes, isrNodes: nodes };
    }),
  };
}

function findCoordinator(body: Fields, of: Rewriting): Fields {
  const kind = of.request['keyType'] === 1 ? 'transaction' : 'group';
  const place = (answer: Fields, key: string): Fields => {
    if (answer['errorCode'] !== 0) return answer;
    const id = of.cast.coordinatorOf(kind, key);
    return { ...answer, nodeId: id, ...of.cast.address(id, of.listener) };
  };
  if (of.version < 4) return place(body, of.request['key'] as string);
  return { ...body, coordinators: (body['coordinators'] as Fields[]).map((one) => place(one, one['key'] as string)) };
}

function describeCluster(body: Fields, of: Rewriting): Fields {
  const brokers = body['brokers'] as Fields[] | undefined;
  if (brokers === undefined || brokers.length === 0) return body;
  const { rack } = brokers[0]!;
  return { ...body, brokers: of.cast.nodeIds.map((id) => ({ brokerId: id, ...of.cast.address(id, of.listener), rack })) };
}

/** Each broker tells of the partitions that it leads, so that their sum is right. */
function describeLogDirs(body: Fields, of: Rewriting): Fields {
  const mine = (topic: Fields): Fields => ({ ...topic, partitions: (topic['partitions'] as Fields[]).filter((one) => of.cast.leaderOf(topic['name'] as string, one['partitionIndex'] as number) === nodeId(of)) });
  return {
    ...body,
    results: (body['results'] as Fields[]).map((folder) => ({ ...folder, topics: ((folder['topics'] ?? []) as Fields[]).map(mine).filter((topic) => (topic['partitions'] as Fields[]).length > 0) })),
  };
}

function resourcesAs(message: Fields, list: string, from: number, to: number): Fields {
  if (from === to) return message;
  const renamed = (one: Fields): Fields => (one['resourceType'] === brokerResource && one['resourceName'] === String(from) ? { ...one, resourceName: String(to) } : one);
  return { ...message, [list]: ((message[list] ?? []) as Fields[]).map(renamed) };
}

function listConfigResources(body: Fields, of: Rewriting): Fields {
  const others = of.cast.nodeIds.slice(1);
  const listed = (body['configResources'] ?? []) as Fields[];
  const own = listed.find((one) => one['resourceType'] === brokerResource);
  return own === undefined ? body : { ...body, configResources: [...listed, ...others.map((id) => ({ ...own, resourceName: String(id) }))] };
}

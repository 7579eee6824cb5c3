// client/admin/configs.ts - reading and changing settings of topics, brokers and groups.
import type { Deadline } from '../../base/mod.ts';
import { DescribeConfigs, IncrementalAlterConfigs } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster, Target } from '../net/cluster.ts';

/** What has settings. A broker is named by its node id; '' names the defaults of all brokers. */
export interface ConfigResource { readonly kind: 'topic' | 'broker' | 'group'; readonly name: string }

/** One setting. */
export interface ConfigEntry {
  readonly name: string;
  /** Null when it has none or is secret. */
  readonly value: string | null;
  readonly source: 'topic' | 'broker-dynamic' | 'broker-dynamic-default' | 'broker-static' | 'default' | 'group' | 'unknown';
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
}

/** Settings of one resource. */
export interface ConfigDescription extends ConfigResource { readonly configs: readonly ConfigEntry[] }

/** Changes to one resource. `append` and `subtract` are for settings that are lists. */
export interface ConfigChange extends ConfigResource {
  readonly set?: Readonly<Record<string, string | number | boolean>>;
  /** Back to the default. */
  readonly unset?: readonly string[];
  readonly append?: Readonly<Record<string, string>>;
  readonly subtract?: Readonly<Record<string, string>>;
}

const kindNumbers = { topic: 2, broker: 4, group: 32 } as const;
const sources: Readonly<Record<number, ConfigEntry['source']>> = { 1: 'topic', 2: 'broker-dynamic', 3: 'broker-dynamic-default', 4: 'broker-static', 5: 'default', 8: 'group' };
const operations = { set: 0, unset: 1, append: 2, subtract: 3 } as const;

/** Reads settings, all of them or those in `names`. */
export async function describeConfigs(cluster: Cluster, resources: readonly ConfigResource[], names: readonly string[] | null, deadline: Deadline): Promise<ConfigDescription[]> {
  return await eachTarget(resources, async (target, mine) => await cluster.call(target, DescribeConfigs, {
    resources: mine.map((one) => ({ resourceType: kindNumbers[one.kind], resourceName: one.name, configurationKeys: names })),
    includeSynonyms: false, includeDocumentation: false,
  }, { what: 'describe configs', deadline, idempotent: true }, (answer) => answer.results.map((one, index) => {
    if (one.errorCode !== 0) throw kafkaError(one.errorCode, `describe configs of '${one.resourceName}'`, { name: one.resourceName, retry: false }, one.errorMessage);
    return {
      kind: mine[index]!.kind, name: one.resourceName,
      configs: one.configs.map((entry) => ({
        name: entry.name, value: entry.value, source: sources[entry.configSource] ?? 'unknown', isReadOnly: entry.readOnly, isSensitive: entry.isSensitive,
      })),
    };
  })));
}

/** Changes settings one by one; those not named stay. Throws the first failure. */
export async function alterConfigs(cluster: Cluster, changes: readonly ConfigChange[], validateOnly: boolean, deadline: Deadline): Promise<void> {
  await eachTarget(changes, async (target, mine) => {
    await cluster.call(target, IncrementalAlterConfigs, {
      resources: mine.map((change) => ({ resourceType: kindNumbers[change.kind], resourceName: change.name, configs: operationsOf(change) })),
      validateOnly,
    }, { what: 'alter configs', deadline, idempotent: false }, (answer) => {
      for (const one of answer.responses) if (one.errorCode !== 0) throw kafkaError(one.errorCode, `alter configs of '${one.resourceName}'`, { name: one.resourceName, retry: false }, one.errorMessage);
    });
    return [];
  });
}

function operationsOf(change: ConfigChange): { name: string; configOperation: number; value: string | null }[] {
  const pairs = (kind: 'set' | 'append' | 'subtract') => Object.entries(change[kind] ?? {}).map(([name, value]) => ({ name, configOperation: operations[kind], value: String(value) }));
  return [...pairs('set'), ...(change.unset ?? []).map((name) => ({ name, configOperation: operations.unset, value: null })), ...pairs('append'), ...pairs('subtract')];
}

/** Settings of one broker are its own to tell and to change; all others any broker knows. */
async function eachTarget<R extends ConfigResource, T>(resources: readonly R[], ask: (target: Target, mine: readonly R[]) => Promise<T[]>): Promise<T[]> {
  const shared = resources.filter((one) => one.kind !== 'broker' || one.name === '');
  const own = resources.filter((one) => one.kind === 'broker' && one.name !== '');
  const answers = [...(shared.length > 0 ? [ask({ kind: 'any' }, shared)] : []), ...own.map((one) => ask({ kind: 'broker', nodeId: Number(one.name) }, [one]))];
  return (await Promise.all(answers)).flat();
}

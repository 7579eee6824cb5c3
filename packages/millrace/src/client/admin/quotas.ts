// client/admin/quotas.ts - quotas of users, client ids and addresses: listing, setting, taking back.
// Owns: the form of entities. Never: what counts for a client: the servers decide.
import { MillraceError, type Deadline } from '../../base/mod.ts';
import { AlterClientQuotas, DescribeClientQuotas } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';

/** Whom a quota is for: a user, a client id, both, or an address. Null is the default for those without one of their own. */
export interface QuotaEntity { readonly user?: string | null; readonly clientId?: string | null; readonly ip?: string | null }

/** What can be limited: bytes per second, per cent of a thread, changes of topics per second, and for addresses connections per second. */
export type QuotaKey = 'producer_byte_rate' | 'consumer_byte_rate' | 'request_percentage' | 'controller_mutation_rate' | 'connection_creation_rate';

/** The quotas of one entity. */
export interface EntityQuotas { readonly entity: QuotaEntity; readonly quotas: Readonly<Partial<Record<QuotaKey, number>>> }

/** Changes of one entity. */
export interface QuotaChange { readonly entity: QuotaEntity; readonly set?: Readonly<Partial<Record<QuotaKey, number>>>; readonly unset?: readonly QuotaKey[] }

/** Which entities are meant: a name, null for the default, true for all that have this part. */
export interface QuotaFilter {
  readonly user?: string | null | true;
  readonly clientId?: string | null | true;
  readonly ip?: string | null | true;
  /** Only entities of exactly these parts. */
  readonly exact?: boolean;
}

const typeNames = { user: 'user', clientId: 'client-id', ip: 'ip' } as const;
type Part = keyof typeof typeNames;
const parts = Object.keys(typeNames) as Part[];
const matchTypes = { exact: 0, default: 1, any: 2 } as const;

/** Entities that pass the filter, with their quotas. */
export async function describeQuotas(cluster: Cluster, filter: QuotaFilter, deadline: Deadline): Promise<EntityQuotas[]> {
  const components = parts.flatMap((part) => {
    const want = filter[part];
    if (want === undefined) return [];
    const matchType = want === true ? matchTypes.any : want === null ? matchTypes.default : matchTypes.exact;
    return [{ entityType: typeNames[part], matchType, match: typeof want === 'string' ? want : null }];
  });
  return await cluster.call({ kind: 'any' }, DescribeClientQuotas, { components, strict: filter.exact ?? false }, { what: 'list quotas', deadline, idempotent: true }, (answer) => {
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, 'list quotas', {}, answer.errorMessage);
    return (answer.entries ?? []).map(({ entity, values }) => ({
      entity: Object.fromEntries(entity.map(({ entityType, entityName }) => [parts.find((part) => typeNames[part] === entityType) ?? entityType, entityName])),
      quotas: Object.fromEntries(values.map(({ key, value }) => [key, value])),
    }));
  });
}

/** Sets and takes back quotas; those not named stay. Throws the first failure: changes of other entities may have been made. */
export async function alterQuotas(cluster: Cluster, changes: readonly QuotaChange[], validateOnly: boolean, deadline: Deadline): Promise<void> {
  if (changes.length === 0) return;
  const entries = changes.map(({ entity, set, unset }) => ({
    entity: parts.flatMap((part) => (entity[part] === undefined ? [] : [{ entityType: typeNames[part], entityName: entity[part]! }])),
    ops: [...Object.entries(set ?? {}).map(([key, value]) => ({ key, value, remove: false })), ...(unset ?? []).map((key) => ({ key, value: 0, remove: true }))],
  }));
  for (const { entity } of entries) if (entity.length === 0) throw new MillraceError('invalid-argument', 'Cannot set quotas: an entity needs a user, a clientId or an ip');
  await cluster.call({ kind: 'controller' }, AlterClientQuotas, { entries, validateOnly }, { what: 'set quotas', deadline, idempotent: true }, (answer) => {
    for (const one of answer.entries) {
      const whom = one.entity.map(({ entityType, entityName }) => `${entityType} ${entityName === null ? 'by default' : `'${entityName}'`}`).join(', ');
      if (one.errorCode !== 0) throw kafkaError(one.errorCode, `set quotas of ${whom}`, {}, one.errorMessage);
    }
  });
}

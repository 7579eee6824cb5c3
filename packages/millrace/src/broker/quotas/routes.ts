// broker/quotas/routes.ts - DescribeClientQuotas and AlterClientQuotas in all their versions.
// Owns: the filters of the one, the checks of the other's form, and the forms of their answers. Never: quotas (quotas.ts), who may ask (authorization/cluster-guards.ts).
import { AlterClientQuotas, DescribeClientQuotas, errorCodes, type RequestOf } from '../../wire/mod.ts';
import { route, type Handler, type Route } from '../handlers.ts';
import { entityKey, isEntityType, isFault, readEntity, type Entity, type EntityType, type QuotaFault } from './entity.ts';
import type { Alteration, Quotas } from './quotas.ts';

/** Routes for keys 48 and 49. */
export function quotaRoutes(quotas: Quotas): Route[] {
  return [route(DescribeClientQuotas, describeQuotas(quotas)), route(AlterClientQuotas, alterQuotas(quotas))];
}

/** How a type of name must be in an entity: this name (null is the default), or any. */
type Wanted = ReadonlyMap<EntityType, { readonly kind: 'exact'; readonly name: string | null } | { readonly kind: 'any' }>;
const matches = { exact: 0, default: 1, any: 2 } as const;

function describeQuotas(quotas: Quotas): Handler<typeof DescribeClientQuotas> {
  return (request, context) => {
    const wanted = readFilter(request.components);
    if (isFilterFault(wanted)) return context.reply({ errorCode: wanted.errorCode, errorMessage: wanted.message, entries: null });
    const found = wanted.size === 0 && request.strict ? [] : quotas.all().filter(({ entity }) => fits(entity, wanted, request.strict));
    context.reply({
      errorCode: errorCodes.NONE, errorMessage: null,
      entries: found.map(({ entity, values }) => ({
        entity: [...entity].map(([entityType, entityName]) => ({ entityType, entityName })),
        values: [...values].map(([key, value]) => ({ key, value })),
      })),
    });
  };
}

const isFilterFault = (result: Wanted | QuotaFault): result is QuotaFault => 'errorCode' in result;

function readFilter(components: RequestOf<typeof DescribeClientQuotas>['components']): Wanted | QuotaFault {
  const refused = (message: string, errorCode: number = errorCodes.INVALID_REQUEST): QuotaFault => ({ errorCode, message });
  const wanted = new Map<EntityType, { kind: 'exact'; name: string | null } | { kind: 'any' }>();
  for (const { entityType, matchType, match } of components) {
    if (entityType === '') return refused('Invalid empty entity type.');
    if (!isEntityType(entityType)) return refused(`Unsupported entity type ${entityType}`, errorCodes.UNSUPPORTED_VERSION);
    if (wanted.has(entityType)) return refused(`Entity type ${entityType} cannot appear more than once in the filter.`);
    if (matchType === matches.exact && match === null) return refused('Request specified MATCH_TYPE_EXACT, but set match string to null.');
    if (matchType === matches.default && match !== null) return refused('Request specified MATCH_TYPE_DEFAULT, but also specified a match string.');
    if (matchType === matches.any && match !== null) return refused('Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.');
    if (matchType < matches.exact || matchType > matches.any) return refused(`Unknown match type ${matchType}`);
    wanted.set(entityType, matchType === matches.any ? { kind: 'any' } : { kind: 'exact', name: match });
  }
  if (wanted.has('ip') && wanted.size > 1) return refused('Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.');
  return wanted;
}

function fits(entity: Entity, wanted: Wanted, strict: boolean): boolean {
  if (strict && entity.size !== wanted.size) return false;
  for (const [type, want] of wanted) {
    if (!entity.has(type) || (want.kind === 'exact' && entity.get(type) !== want.name)) return false;
  }
  return true;
}

function alterQuotas(quotas: Quotas): Handler<typeof AlterClientQuotas> {
  return ({ entries, validateOnly }, context) => {
    const read = readEntries(entries);
    const alterations = read.filter((one): one is Alteration => !('errorCode' in one));
    void quotas.alter(alterations, validateOnly).then((faults) => {
      let next = 0;
      context.reply({
        entries: entries.map(({ entity }, index) => {
          const one = read[index]!;
          const fault = 'errorCode' in one ? one : faults[next++]!;
          return { errorCode: fault?.errorCode ?? errorCodes.NONE, errorMessage: fault?.message ?? null, entity };
        }),
      });
    });
  };
}

function readEntries(entries: RequestOf<typeof AlterClientQuotas>['entries']): (Alteration | QuotaFault)[] {
  const seen = new Set<string>();
  return entries.map(({ entity: parts, ops }) => {
    const entity = readEntity(parts);
    if (isFault(entity)) return entity;
    const key = entityKey(entity);
    if (seen.has(key)) return { errorCode: errorCodes.INVALID_REQUEST, message: 'Ignoring duplicate entity' };
    seen.add(key);
    const changes = new Map<string, number | null>();
    for (const { key: name, value, remove } of ops) {
      if (changes.has(name)) return { errorCode: errorCodes.INVALID_REQUEST, message: `Duplicate quota key ${name} not updating quota for this entity` };
      changes.set(name, remove ? null : value);
    }
    return { entity, changes };
  });
}

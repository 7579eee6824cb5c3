// broker/quotas/entity.ts - whom a quota is for: a user, a client id, both, or an address; each by name or as the default for those without one.
// Owns: which combinations and keys there are, Kafka's words for wrong ones, the text under which an entity is kept. Never: which quotas are set (quota-table.ts).
import { limits } from '../../base/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import { parseAddress } from '../authorization/host-pattern.ts';

/** Kinds of names in an entity. */
export type EntityType = 'user' | 'client-id' | 'ip';

/** One name of an entity; null is the default. */
export interface EntityPart { readonly type: EntityType; readonly name: string | null }

/** An entity: its parts by type. */
export type Entity = ReadonlyMap<EntityType, string | null>;

/** Why something about a quota is refused. */
export interface QuotaFault { readonly errorCode: number; readonly message: string }

/** What a quota may be, by its key, and its kind of number. */
const keysOfClients: Readonly<Record<string, 'whole' | 'fraction'>> = { producer_byte_rate: 'whole', consumer_byte_rate: 'whole', request_percentage: 'fraction', controller_mutation_rate: 'fraction' };
const keysOfAddresses: Readonly<Record<string, 'whole' | 'fraction'>> = { connection_creation_rate: 'whole' };
const wholeMax: Readonly<Record<string, number>> = { connection_creation_rate: 2 ** 31 - 1 };

const entityTypes: readonly string[] = ['user', 'client-id', 'ip'];
const refused = (message: string): QuotaFault => ({ errorCode: errorCodes.INVALID_REQUEST, message });

/** Whether the text is a kind of name. */
export const isEntityType = (text: string): text is EntityType => entityTypes.includes(text);

/** The entity that a request names, or why it is none. */
export function readEntity(parts: readonly { readonly entityType: string; readonly entityName: string | null }[]): Entity | QuotaFault {
  if (parts.length === 0) return refused('Invalid empty client quota entity');
  const entity = new Map<EntityType, string | null>();
  for (const { entityType, entityName } of parts) {
    if (!isEntityType(entityType)) return refused(`Unhandled client quota entity type: ${entityType}`);
    if (entity.has(entityType)) return refused(`Invalid client quota entity, duplicate entity entry ${entityType}`);
    if (entityName === '') return refused(`Empty ${entityType} not supported`);
    if (entityName !== null && entityName.length > limits.broker.quotaNameLengthMax) return refused(`The name of a ${entityType} may have ${limits.broker.quotaNameLengthMax} characters at most`);
    entity.set(entityType, entityName);
  }
  const ip = entity.get('ip');
  if (ip === undefined) return entity;
  if (entity.size > 1) return refused('Invalid quota entity combination, IP entity should not be combined with User or ClientId');
  return ip === null || parseAddress(ip) !== null ? entity : refused(`${ip} is not a valid IP address.`);
}

/** Whether readEntity found a fault. */
export const isFault = (result: Entity | QuotaFault): result is QuotaFault => 'errorCode' in result;

/** Why the entity cannot have this quota; null when it can. */
export function valueFault(entity: Entity, key: string, value: number): QuotaFault | null {
  const keys = entity.has('ip') ? keysOfAddresses : keysOfClients;
  const kind = Object.hasOwn(keys, key) ? keys[key] : undefined;
  if (kind === undefined) return refused(`Invalid configuration key ${key}`);
  if (!(value > 0)) return refused(`Quota ${key} must be greater than 0`);
  if (kind === 'fraction') return Number.isFinite(value) ? null : refused(`Quota ${key} must be a number`);
  const max = wholeMax[key] ?? 2 ** 63;
  if (value > max) return refused(`Proposed value for ${key} is too large for ${key in wholeMax ? 'an INT' : 'a LONG'}.`);
  return Math.abs(Math.trunc(value + 1e-6) - value) > 1e-6 ? refused(`${key} cannot be a fractional value.`) : null;
}

/** The same for the same entity, different for any other. */
export function entityKey(entity: Entity): string {
  return JSON.stringify([...entity].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The entity of a key. */
export function entityOf(key: string): Entity {
  return new Map(JSON.parse(key) as [EntityType, string | null][]);
}

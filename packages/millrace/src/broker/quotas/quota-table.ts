// broker/quotas/quota-table.ts - which quotas are set, and which of them a client has.
// Owns: Kafka's order of precedence. Never: use (meters.ts), requests (routes.ts), durability (quotas.ts).
// Q1 For each key the first of these counts: user and client id, user and default client, user, default user and client id, default user
// and default client, default user, client id, default client. Q2 Who shares a quota: all clients of a user for a user's quota, all users of a client id for a
// client's, and nobody for a quota of both.
import { plainHost } from '../authorization/host-pattern.ts';
import { entityKey, entityOf, type Entity, type EntityType } from './entity.ts';

/** A quota's values by key. */
export type QuotaValues = ReadonlyMap<string, number>;

/** The limit that counts for a client, and who shares it. */
export interface Limit { readonly value: number; readonly sharedBy: string }

/** Quotas of entities. */
export class QuotaTable {
  readonly #byEntity = new Map<string, QuotaValues>();
  #addressCount = 0;

  get size(): number { return this.#byEntity.size; }
  /** Whether there are quotas of users and client ids. */
  get hasClients(): boolean { return this.#byEntity.size > this.#addressCount; }
  /** Whether there are quotas of addresses. */
  get hasAddresses(): boolean { return this.#addressCount > 0; }

  /** Sets all values of an entity; none takes it out. */
  set(entity: Entity, values: QuotaValues): void {
    const key = entityKey(entity);
    const before = this.#byEntity.size;
    if (values.size === 0) this.#byEntity.delete(key);
    else this.#byEntity.set(key, values);
    if (entity.has('ip')) this.#addressCount += this.#byEntity.size - before;
  }

  valuesOf(entity: Entity): QuotaValues { return this.#byEntity.get(entityKey(entity)) ?? none; }

  /** Every entity with its values. */
  all(): { readonly entity: Entity; readonly values: QuotaValues }[] {
    return [...this.#byEntity].map(([key, values]) => ({ entity: entityOf(key), values }));
  }

  /** Q1, Q2: the limit of a key for a user's client; null for none. */
  limitOf(key: string, user: string, clientId: string): Limit | null {
    for (const [parts, sharedBy] of levels(user, clientId)) {
      const value = this.#byEntity.get(entityKey(new Map(parts)))?.get(key);
      if (value !== undefined) return { value, sharedBy };
    }
    return null;
  }

  /** Connections per second that an address may make; null for no limit. */
  connectionRateOf(host: string): number | null {
    const at = (name: string | null) => this.#byEntity.get(entityKey(new Map([['ip' as const, name]])))?.get('connection_creation_rate');
    return at(plainHost(host)) ?? at(null) ?? null;
  }
}

const none: QuotaValues = new Map();

type Parts = readonly (readonly [EntityType, string | null])[];

function levels(user: string, clientId: string): (readonly [Parts, string])[] {
  const both = JSON.stringify([user, clientId]);
  const ofUser = JSON.stringify([user]);
  const ofClient = JSON.stringify([null, clientId]);
  const named = clientId !== '';
  return [
    ...named ? [[[['client-id', clientId], ['user', user]], both], [[['client-id', null], ['user', user]], both]] as const : [],
    [[['user', user]], ofUser],
    ...named ? [[[['client-id', clientId], ['user', null]], both], [[['client-id', null], ['user', null]], both]] as const : [],
    [[['user', null]], ofUser],
    ...named ? [[[['client-id', clientId]], ofClient], [[['client-id', null]], ofClient]] as const : [],
  ];
}

// broker/quotas/quotas.ts - the quotas of a node: kept as facts, measured, and told as pauses that clients must make.
// Owns: the quotas in force, use against them. Never: how a pause is made (metering.ts), the forms of requests (routes.ts).
// V1 A quota counts once it is durable. V2 Without quotas nothing is measured. V3 Use is never refused for its amount: who is over a limit pauses.
// Fetched bytes: an answer that would pass the limit is put off, with its pause told, unless its client has had nothing in the windows that
// count: a batch larger than the windows allow gets through, and its client pauses after it.
// Records: one per entity under the key 'quota/...' of the metadata partition; docs/formats/metadata-topic.md.
import { limits, MillraceError } from '../../base/mod.ts';
import type { Clock } from '../../os/mod.ts';
import { errorCodes } from '../../wire/mod.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { KeyedLog } from '../keyed-log.ts';
import { storageErrorCode } from '../storage-errors.ts';
import { entityKey, entityOf, valueFault, type Entity, type QuotaFault } from './entity.ts';
import { Meters } from './meters.ts';
import { QuotaTable, type Limit, type QuotaValues } from './quota-table.ts';
import { TokenBucket, WindowRate, type Windows } from './rate.ts';

const keyPrefix = 'quota/';

/** What use of a client is measured by windows, by the quota's key. */
export type MeasuredKey = 'producer_byte_rate' | 'consumer_byte_rate' | 'request_percentage';
const mutationKey = 'controller_mutation_rate';

/** The client that a use is counted for. */
export interface QuotaClient { readonly principal: string; readonly clientId: string | null }

/** One change of an entity: null takes a key back. */
export interface Alteration { readonly entity: Entity; readonly changes: ReadonlyMap<string, number | null> }

/** Changes of topics by one request, counted against the quota of its client. */
export class MutationQuota {
  readonly #bucket: TokenBucket | null;
  readonly #perSecond: number;
  readonly #strict: boolean;
  readonly #clock: Clock;
  /** The pause to tell. */
  pauseMs = 0;

  constructor(bucket: TokenBucket | null, perSecond: number, strict: boolean, clock: Clock) {
    this.#bucket = bucket;
    this.#perSecond = perSecond;
    this.#strict = strict;
    this.#clock = clock;
  }

  /** Counts partitions that are made or removed; throws QuotaExceeded when the client must pause first. */
  take(partitions: number): void {
    const bucket = this.#bucket;
    if (bucket === null) return;
    const nowMs = this.#clock.monotonicMs();
    if (this.#strict && !bucket.isOpen(this.#perSecond, nowMs)) {
      this.pauseMs = bucket.pauseMs(this.#perSecond, nowMs);
      throw new QuotaExceeded();
    }
    bucket.take(partitions, this.#perSecond, nowMs);
    if (!this.#strict) this.pauseMs = bucket.pauseMs(this.#perSecond, nowMs);
  }
}

/** A change that must wait. */
export class QuotaExceeded extends Error {
  override readonly name = 'QuotaExceeded';
  readonly errorCode = errorCodes.THROTTLING_QUOTA_EXCEEDED;
  constructor() { super('The throttling quota has been exceeded.'); }
}

/** What a reader is told: its pause, and whether it gets nothing for now. */
export interface FetchVerdict { readonly pauseMs: number; readonly putOff: boolean }
/** What a reader without a quota is told. */
export const freeFetch: FetchVerdict = { pauseMs: 0, putOff: false };

/** The limits of a client, worked out once. */
interface ClientLimits { readonly measured: Readonly<Record<MeasuredKey, Limit | null>>; readonly mutation: Limit | null }

/** The quotas of a node. */
export class Quotas {
  readonly #metadata: KeyedLog;
  readonly #clock: Clock;
  readonly #windows: Windows;
  readonly #mutationWindows: Windows;
  readonly #table = new QuotaTable();
  readonly #meters: Readonly<Record<MeasuredKey, Meters<WindowRate>>> = { producer_byte_rate: new Meters(), consumer_byte_rate: new Meters(), request_percentage: new Meters() };
  readonly #mutations = new Meters<TokenBucket>();
  readonly #connections = new Meters<WindowRate>();
  /** By user, then by client id. */
  #limits = new Map<string, Map<string, ClientLimits>>();
  #limitsCount = 0;
  /** The change under way; never rejects. */
  #altering: Promise<void> = Promise.resolve();

  /** Brings back every quota. */
  constructor(metadata: KeyedLog, config: NodeConfig, clock: Clock) {
    this.#metadata = metadata;
    this.#clock = clock;
    this.#windows = { count: config.number('quota.window.num'), lengthMs: 1000 * config.number('quota.window.size.seconds') };
    this.#mutationWindows = { count: config.number('controller.quota.window.num'), lengthMs: 1000 * config.number('controller.quota.window.size.seconds') };
    for (const [key, text] of metadata.values) if (key.startsWith(keyPrefix)) this.#table.set(entityOf(key.slice(keyPrefix.length)), valuesOf(key, text));
  }

  /** V2: whether any client has a quota. */
  get active(): boolean { return this.#table.hasClients; }

  /** Every entity with its values. */
  all(): { readonly entity: Entity; readonly values: QuotaValues }[] { return this.#table.all(); }

  /** Counts use of a client; answers how long it must pause. */
  record(key: MeasuredKey, client: QuotaClient, amount: number): number {
    const limit = this.#limitsOf(client).measured[key];
    if (limit === null) return 0;
    const nowMs = this.#clock.monotonicMs();
    const meter = this.#meterOf(key, limit, nowMs);
    meter.record(amount, nowMs);
    const pauseMs = meter.pauseMs(limit.value, nowMs);
    return key === 'request_percentage' ? Math.min(pauseMs, this.#windows.lengthMs) : pauseMs;
  }

  /** Whether use of this kind is counted for a client. */
  measures(key: MeasuredKey, client: QuotaClient): boolean {
    return this.active && this.#limitsOf(client).measured[key] !== null;
  }

  /** Bytes that one fetch of a client may bring: what its windows hold. */
  fetchBytesMax(client: QuotaClient): number {
    if (!this.active) return Number.MAX_SAFE_INTEGER;
    const limit = this.#limitsOf(client).measured.consumer_byte_rate;
    return limit === null ? Number.MAX_SAFE_INTEGER : Math.max(1, Math.floor((limit.value * Math.max(1, this.#windows.count - 1) * this.#windows.lengthMs) / 1000));
  }

  /** Counts the bytes of an answer. `putOff` says that it may not leave: it was not counted. */
  recordFetch(client: QuotaClient, bytes: number): FetchVerdict {
    const limit = this.active ? this.#limitsOf(client).measured.consumer_byte_rate : null;
    if (limit === null) return freeFetch;
    const nowMs = this.#clock.monotonicMs();
    const meter = this.#meterOf('consumer_byte_rate', limit, nowMs);
    const wasIdle = meter.isIdle(nowMs);
    meter.record(bytes, nowMs);
    const pauseMs = meter.pauseMs(limit.value, nowMs);
    const putOff = pauseMs > 0 && bytes > 0 && !wasIdle;
    if (putOff) meter.record(-bytes, nowMs);
    return { pauseMs, putOff };
  }

  /** The quota of a client's changes of topics. `strict`: the request's version has a word for being refused. */
  mutation(client: QuotaClient, strict: boolean): MutationQuota {
    const limit = this.active ? this.#limitsOf(client).mutation : null;
    if (limit === null) return new MutationQuota(null, 0, strict, this.#clock);
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#mutations.of(limit.sharedBy, nowMs, () => new TokenBucket(this.#mutationWindows, limit.value, nowMs));
    return new MutationQuota(bucket, limit.value, strict, this.#clock);
  }

  /** Counts a new connection of an address; answers how long it is not to be read. */
  connectionPauseMs(host: string): number {
    const rate = this.#table.hasAddresses ? this.#table.connectionRateOf(host) : null;
    if (rate === null) return 0;
    const nowMs = this.#clock.monotonicMs();
    const meter = this.#connections.of(host, nowMs, () => new WindowRate(this.#windows));
    meter.record(1, nowMs);
    return meter.pauseMs(rate, nowMs);
  }

  /** Changes quotas; resolves once they are durable, with a fault or null for each. What is wrong about an entity leaves the others alone. */
  alter(alterations: readonly Alteration[], validateOnly: boolean): Promise<(QuotaFault | null)[]> {
    // One after the other: each starts from what the one before it left.
    const done = this.#altering.then(() => this.#alter(alterations, validateOnly));
    this.#altering = done.then(() => {});
    return done;
  }

  async #alter(alterations: readonly Alteration[], validateOnly: boolean): Promise<(QuotaFault | null)[]> {
    const faults = alterations.map(faultOf);
    const wanted = alterations.filter((_, index) => faults[index] === null).map(({ entity, changes }) => ({ entity, values: changed(this.#table.valuesOf(entity), changes) }));
    const fresh = wanted.filter(({ entity, values }) => values.size > 0 && this.#table.valuesOf(entity).size === 0).length;
    if (this.#table.size + fresh > limits.broker.quotaEntitiesMax) {
      return faults.map((fault) => fault ?? { errorCode: errorCodes.POLICY_VIOLATION, message: `The node keeps quotas of at most ${limits.broker.quotaEntitiesMax} entities.` });
    }
    if (validateOnly || wanted.length === 0) return faults;
    const failure = await this.#write(wanted);
    return faults.map((fault) => fault ?? failure);
  }

  /** V1. */
  async #write(wanted: readonly { readonly entity: Entity; readonly values: QuotaValues }[]): Promise<QuotaFault | null> {
    try {
      await this.#metadata.write(wanted.map(({ entity, values }) => ({ key: keyPrefix + entityKey(entity), value: values.size === 0 ? null : textOf(values) })));
    } catch (error) {
      return { errorCode: storageErrorCode(error), message: (error as Error).message };
    }
    for (const { entity, values } of wanted) this.#table.set(entity, values);
    this.#limits = new Map();
    this.#limitsCount = 0;
    return null;
  }

  #meterOf(key: MeasuredKey, { sharedBy }: Limit, nowMs: number): WindowRate {
    return this.#meters[key].of(sharedBy, nowMs, () => new WindowRate(this.#windows));
  }

  #limitsOf({ principal, clientId }: QuotaClient): ClientLimits {
    const id = clientId ?? '';
    return this.#limits.get(principal)?.get(id) ?? this.#workOut(principal, id);
  }

  #workOut(principal: string, clientId: string): ClientLimits {
    if (++this.#limitsCount > limits.broker.quotaMetersMax) { this.#limits = new Map(); this.#limitsCount = 1; }
    const user = principal.slice(principal.indexOf(':') + 1);
    const of = (key: string) => this.#table.limitOf(key, user, clientId);
    const found: ClientLimits = {
      measured: { producer_byte_rate: of('producer_byte_rate'), consumer_byte_rate: of('consumer_byte_rate'), request_percentage: of('request_percentage') }, mutation: of(mutationKey),
    };
    let byClient = this.#limits.get(principal);
    if (byClient === undefined) this.#limits.set(principal, byClient = new Map());
    byClient.set(clientId, found);
    return found;
  }
}

function faultOf({ entity, changes }: Alteration): QuotaFault | null {
  for (const [key, value] of changes) {
    const fault = value === null ? null : valueFault(entity, key, value);
    if (fault !== null) return fault;
  }
  return null;
}

function changed(values: QuotaValues, changes: ReadonlyMap<string, number | null>): QuotaValues {
  const result = new Map(values);
  for (const [key, value] of changes) if (value === null) result.delete(key); else result.set(key, value);
  return result;
}

function textOf(values: QuotaValues): string {
  return JSON.stringify({ version: 1, values: Object.fromEntries(values) });
}

function valuesOf(key: string, text: string): QuotaValues {
  const { version, values } = JSON.parse(text) as { version: number; values: Record<string, number> };
  if (version !== 1) throw new MillraceError('data-folder-newer', `Cannot start: the quota '${key}' is not known to this version`, { key });
  return new Map(Object.entries(values));
}

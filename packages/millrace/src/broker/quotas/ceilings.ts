// broker/quotas/ceilings.ts - how many connections an address may have, and how fast new ones may come.
// Owns: the counts by address. Never: the connections (connection/server.ts).
// N1 Past max.connections.per.ip a connection is closed at once, as by Kafka. N2 Connections that come too fast are taken, and not read before their
// time: max.connection.creation.rate for all together, connection_creation_rate for an address. Kafka closes those of an address instead.
// Cost: nothing is counted while none of the three is set.
import { MillraceError } from '../../base/mod.ts';
import type { Clock } from '../../os/mod.ts';
import { plainHost } from '../authorization/host-pattern.ts';
import { configList } from '../config/definition.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { Quotas } from './quotas.ts';
import { WindowRate } from './rate.ts';

/** What of a connection counts. */
interface Arrival { readonly host: string; readonly closed: boolean; onClose(callback: () => void): () => void }

const noCeiling = 2 ** 31 - 1;

/** The ceilings of a node. */
export class ConnectionCeilings {
  readonly #quotas: Quotas;
  readonly #clock: Clock;
  readonly #perAddress: number;
  readonly #overrides: ReadonlyMap<string, number>;
  readonly #ratePerSecond: number;
  readonly #rate: WindowRate;
  readonly #open = new Map<string, number>();

  /** Throws 'invalid-argument' when the overrides are not written as HOST:NUMBER. */
  constructor(config: NodeConfig, quotas: Quotas, clock: Clock) {
    this.#quotas = quotas;
    this.#clock = clock;
    this.#perAddress = config.number('max.connections.per.ip');
    this.#overrides = overridesOf(config.text('max.connections.per.ip.overrides') ?? '');
    this.#ratePerSecond = config.number('max.connection.creation.rate');
    this.#rate = new WindowRate({ count: config.number('quota.window.num'), lengthMs: 1000 * config.number('quota.window.size.seconds') });
  }

  /** A connection came: how long it is not to be read, or null when it must be closed. */
  enter(connection: Arrival): number | null {
    const host = plainHost(connection.host);
    if (!this.#count(host, connection)) return null;
    const forAddress = this.#quotas.connectionPauseMs(host);
    if (this.#ratePerSecond === noCeiling) return forAddress;
    const nowMs = this.#clock.monotonicMs();
    this.#rate.record(1, nowMs);
    return Math.max(forAddress, this.#rate.pauseMs(this.#ratePerSecond, nowMs));
  }

  #count(host: string, connection: Arrival): boolean {
    if (this.#perAddress === noCeiling && this.#overrides.size === 0) return true;
    const open = this.#open.get(host) ?? 0;
    if (open >= (this.#overrides.get(host) ?? this.#perAddress)) return false;
    this.#open.set(host, open + 1);
    connection.onClose(() => {
      const left = this.#open.get(host)! - 1;
      if (left === 0) this.#open.delete(host);
      else this.#open.set(host, left);
    });
    return true;
  }
}

function overridesOf(text: string): ReadonlyMap<string, number> {
  return new Map(configList(text).map((element) => {
    const match = /^(.+):(\d{1,9})$/.exec(element);
    if (match === null) throw new MillraceError('invalid-argument', `Cannot use '${element}' in max.connections.per.ip.overrides: it must be ADDRESS:NUMBER`, { element });
    return [plainHost(match[1]!.replace(/^\[(.*)\]$/, '$1')), Number(match[2])];
  }));
}

// testing/fake-net.ts - a simulated network: hosts, listeners, links with delays, partitions, resets and black holes.
// Owns: who reaches whom and when. The byte stream of one direction is fake-pipe.ts, one end of a connection fake-connection.ts.
// T1 A stream is TCP: in order, never doubled, never with a hole; faults delay it, stall it or end it. Requests are doubled by clients
// that retry after a lost answer, not by the network. T2 Where chunks are cut is chance.
import { MillraceError } from '../base/mod.ts';
import { type Connection, type Listener, type Net, noTls, type TlsClient, type TlsServer } from '../os/mod.ts';
import { connectEnds } from './fake-connection.ts';
import type { FakeConnection } from './fake-connection.ts';
import type { FakeProcess } from './fake-process.ts';
import type { FakeRandom } from './fake-random.ts';

const ephemeralPortMin = 49152;

/** Turned by the simulation. */
export interface NetFaults {
  /** Mean one-way delay in virtual ms. */
  latencyMs: number;
  /** Chance that a chunk is late by `spikeMs`. */
  spikeChance: number;
  spikeMs: number;
  /** Chance that a write ends the connection instead of arriving: what was asked happened or not, the answer is lost. */
  resetChance: number;
  /** Chance that a write, and all after it, never arrives, and nobody is told. */
  muteChance: number;
}

/** What happened on the network, told to `onEvent`. */
export type NetEvent = 'connect' | 'refused' | 'unreachable' | 'reset' | 'mute' | 'spike' | 'stalled by partition';

interface Listening { readonly host: string; readonly process: FakeProcess; readonly accept: (connection: Connection) => void }

/** The network of one simulation. */
export class FakeNet {
  readonly random: FakeRandom;
  readonly faults: NetFaults = { latencyMs: 0.2, spikeChance: 0, spikeMs: 0, resetChance: 0, muteChance: 0 };
  onEvent: (event: NetEvent) => void = () => {};
  readonly #listeners = new Map<string, Listening>();
  readonly #connections = new Set<FakeConnection>();
  readonly #blocked = new Set<string>();
  #portNext = ephemeralPortMin;

  constructor(random: FakeRandom) {
    this.random = random;
  }

  /** The Net port of a process that runs on `host`. */
  port(process: FakeProcess, host: string): Net {
    process.onDeath(() => this.#processDied(process));
    return {
      isReal: false,
      listen: (address, onConnection) => this.#listen(process, host, address, onConnection),
      connect: (address) => this.#connect(process, host, address),
    };
  }

  /** Connections that are open at both ends or not yet noticed to be gone. */
  get connections(): readonly FakeConnection[] { return [...this.#connections]; }

  /** Cuts two hosts apart: what is under way waits, new connections time out. */
  partition(hostA: string, hostB: string): void { this.#blocked.add(linkName(hostA, hostB)); }

  /** Joins them again: what waited arrives. */
  heal(hostA: string, hostB: string): void {
    this.#blocked.delete(linkName(hostA, hostB));
    for (const connection of this.#connections) connection.pump();
  }

  healAll(): void {
    this.#blocked.clear();
    for (const connection of this.#connections) connection.pump();
  }

  isBlocked(hostA: string, hostB: string): boolean { return this.#blocked.has(linkName(hostA, hostB)); }

  /** Ends each connection with the given probability, at both ends. Returns how many. */
  resetSome(probability: number): number {
    const chosen = this.connections.filter(() => this.random.chance(probability));
    for (const connection of chosen) connection.reset();
    return chosen.length;
  }

  /** One-way delay of the next chunk. */
  delayMs(): number {
    const { latencyMs, spikeChance, spikeMs } = this.faults;
    const spiked = spikeChance > 0 && this.random.chance(spikeChance);
    if (spiked) this.onEvent('spike');
    return this.random.exponential(latencyMs) + (spiked ? spikeMs : 0);
  }

  /** Forgets a connection that both ends know is over. */
  forget(connection: FakeConnection): void { this.#connections.delete(connection); }

  async #listen(process: FakeProcess, host: string, address: { host: string; port: number; tls?: TlsServer }, accept: (connection: Connection) => void): Promise<Listener> {
    if (address.tls !== undefined) throw noTls(`listen on '${address.host}:${address.port}'`);
    const port = address.port === 0 ? this.#portNext++ : address.port;
    const name = `${address.host}:${port}`;
    if (this.#listeners.has(name)) throw new MillraceError('invalid-argument', `Cannot listen on '${name}': the port is taken`, { ...address });
    this.#listeners.set(name, { host, process, accept });
    return {
      host: address.host,
      port,
      reload: async () => {},
      close: async () => {
        this.#listeners.delete(name);
        for (const connection of this.#connections) if (connection.isServerOf(process, name)) connection.close();
      },
    };
  }

  #connect(process: FakeProcess, host: string, address: { host: string; port: number; timeoutMs: number; tls?: TlsClient }): Promise<Connection> {
    if (address.tls !== undefined) return Promise.reject(noTls(`connect to '${address.host}:${address.port}'`));
    const name = `${address.host}:${address.port}`;
    const fail = (code: 'disconnected' | 'timeout', why: string) => new MillraceError(code, `Cannot connect to '${name}': ${why}`, { host: address.host, port: address.port });
    return new Promise((resolve, reject) => {
      process.schedule(this.delayMs(), () => {
        const listening = this.#listeners.get(name);
        if (listening !== undefined && this.isBlocked(host, listening.host)) {
          this.onEvent('unreachable');
          process.schedule(address.timeoutMs, () => reject(fail('timeout', `no answer in ${address.timeoutMs} ms`)));
        } else if (listening === undefined || !listening.process.alive) {
          this.onEvent('refused');
          reject(fail('disconnected', 'connection refused'));
        } else {
          this.onEvent('connect');
          resolve(this.#join(process, host, name, listening));
        }
      });
    });
  }

  #join(process: FakeProcess, host: string, name: string, listening: Listening): Connection {
    const [near, far] = connectEnds(this, { process, host, name: `${host}:${this.#portNext++}` }, { process: listening.process, host: listening.host, name });
    this.#connections.add(near);
    this.#connections.add(far);
    listening.accept(far);
    return near;
  }

  #processDied(process: FakeProcess): void {
    for (const [name, listening] of this.#listeners) if (listening.process === process) this.#listeners.delete(name);
    for (const connection of this.#connections) connection.ownerDied(process);
  }
}

function linkName(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

// broker/connection/server.ts - all connections of a node: their number, their common memory, who is idle, who holds the others up.
// Owns: the set of connections, the flush at the end of a turn, the watch over slow ones. Never: requests.
// A1 Past max.connections, or max.connections.per.ip, a new connection is closed at once. A2 When the memory for responses is used up, clients that take nothing give
// theirs back: the longest stalled is disconnected first. A3 The same for requests that stopped half way and hold memory others wait for.
// A4 A client that does not say who it is in time, where it must, is disconnected; so is one that does not finish to say it again.
import { limits, type Report } from '../../base/mod.ts';
import type { Clock, Connection, Timer } from '../../os/mod.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { ListenerInfo, Router } from '../handlers.ts';
import type { BrokerMetrics } from '../metrics/broker-metrics.ts';
import type { Authenticator } from '../security/authentication.ts';
import type { ConnectionCeilings } from '../quotas/ceilings.ts';
import { BeginTurns } from './begin-turns.ts';
import { ClientConnection, type ConnectionHost } from './client-connection.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { MemoryBudget } from './memory-budget.ts';
import { SendTurns } from './send-turns.ts';

/** What a server needs. */
export interface ServerOptions {
  readonly clock: Clock;
  readonly config: NodeConfig;
  readonly router: Router;
  readonly requestMemory: MemoryBudget;
  readonly responseMemory: MemoryBudget;
  readonly authenticator: Authenticator;
  readonly metrics: BrokerMetrics;
  readonly report: Report;
  fatal(error: unknown): void;
  /** What limits new connections besides their number. */
  readonly ceilings: ConnectionCeilings;
}

const watchEveryMs = 500;
/** A client that made no progress for this long may be disconnected when others need its memory. */
const stalledMs = 1_000;
const closeGraceMs = 2_000;

/** The connections of a node. */
export class Server implements ConnectionHost {
  readonly router: Router;
  readonly requestMemory: MemoryBudget;
  readonly responseMemory: MemoryBudget;
  readonly strangersMemory = new MemoryBudget(limits.security.strangersMemoryBytes);
  readonly authenticator: Authenticator;
  readonly strangersFrameBytesMax: number;
  readonly frameBuffers = new FrameBuffers();
  readonly metrics: BrokerMetrics;
  readonly report: Report;
  readonly beginTurns: BeginTurns;
  readonly sendTurns: SendTurns;
  readonly frameBytesMax: number;
  readonly requestsPerConnectionMax: number;
  readonly #options: ServerOptions;
  readonly #connections = new Set<ClientConnection>();
  #flushes: ClientConnection[] = [];
  #flushQueued = false;
  #idNext = 1;
  #watch: Timer | null = null;
  #closed = false;
  #onEmpty: (() => void) | null = null;
  /** Connections ended for holding others up, since the start. */
  #evicted = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.router = options.router;
    this.metrics = options.metrics;
    this.report = options.report;
    this.requestMemory = options.requestMemory;
    this.beginTurns = new BeginTurns((callback) => options.clock.soon(callback));
    this.sendTurns = new SendTurns((callback) => options.clock.soon(callback));
    this.responseMemory = options.responseMemory;
    this.frameBytesMax = options.config.number('socket.request.max.bytes');
    this.authenticator = options.authenticator;
    this.strangersFrameBytesMax = Math.min(this.frameBytesMax, options.config.number('sasl.server.max.receive.size'));
    this.requestsPerConnectionMax = options.config.number('millrace.connection.requests.max');
  }

  get connectionCount(): number { return this.#connections.size; }
  get evictedCount(): number { return this.#evicted; }

  /** Serves a client from now on. */
  accept(stream: Connection, listener: ListenerInfo): void {
    if (this.#closed || this.#connections.size >= this.#options.config.number('max.connections')) {
      this.metrics.connections.refused++;
      if (!this.#closed) this.report(`connection ${stream.remote} closed: max.connections are open`, 'warn', { event: 'connection-refused', client: stream.remote });
      return stream.destroy();
    }
    const connection = new ClientConnection(this.#idNext++, stream, listener, this);
    const pauseMs = this.#options.ceilings.enter(connection);
    if (pauseMs === null) {
      this.metrics.connections.refused++;
      this.report(`connection ${stream.remote} closed: max.connections.per.ip are open`, 'warn', { event: 'connection-refused', client: stream.remote });
      return connection.destroy();
    }
    this.metrics.connections.accepted++;
    this.#connections.add(connection);
    if (pauseMs > 0) connection.throttle(pauseMs);
    this.#watch ??= this.#options.clock.after(watchEveryMs, () => this.#look());
  }

  get refusalDelayMs(): number { return this.#options.config.number('connection.failed.authentication.delay.ms'); }
  after(delayMs: number, callback: () => void): Timer { return this.#options.clock.after(delayMs, callback); }
  monotonicMs(): number { return this.#options.clock.monotonicMs(); }
  fatal(error: unknown): void { this.#options.fatal(error); }

  flushSoon(connection: ClientConnection): void {
    if (connection.flushQueued) return;
    connection.flushQueued = true;
    this.#flushes.push(connection);
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    queueMicrotask(() => this.#flushAll());
  }

  ended(connection: ClientConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  /** Takes no further requests, lets those under way be answered (for two seconds at most), ends all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watch?.cancel();
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const grace = this.#options.clock.after(closeGraceMs, () => {
        for (const connection of [...this.#connections]) connection.destroy();
      });
      this.#onEmpty = () => { grace.cancel(); resolve(); };
      for (const connection of [...this.#connections]) connection.close();
    });
  }

  #flushAll(): void {
    this.#flushQueued = false;
    const flushes = this.#flushes;
    this.#flushes = [];
    for (const connection of flushes) {
      connection.flushQueued = false;
      connection.flush();
    }
  }

  #look(): void {
    const now = this.monotonicMs();
    if (this.responseMemory.freeBytes === 0) this.#evictReaders(now);
    for (const memory of [this.requestMemory, this.strangersMemory]) if (memory.pressed) this.#evictWriters(now, memory);
    this.#endStrangers(now);
    this.#endIdle(now);
    this.#watch = this.#connections.size === 0 ? null : this.#options.clock.after(watchEveryMs, () => this.#look());
  }

  /** A2. */
  #evictReaders(now: number): void {
    const stalled = [...this.#connections].filter((connection) => connection.unsentBytes > 0 && now - connection.lastProgressMs >= stalledMs);
    stalled.sort((a, b) => a.lastProgressMs - b.lastProgressMs);
    for (const connection of stalled) {
      if (this.responseMemory.freeBytes > this.responseMemory.bytesMax / 2) return;
      this.#evicted++;
      connection.abort(`it left ${connection.unsentBytes} bytes of answers unread for ${Math.round(now - connection.lastProgressMs)} ms while others waited for memory`);
    }
  }

  /** A3. */
  #evictWriters(now: number, memory: MemoryBudget): void {
    for (const connection of [...this.#connections]) {
      const since = connection.partialSinceMs;
      if (since === null || now - since < stalledMs || connection.memory !== memory) continue;
      this.#evicted++;
      connection.abort(`it stopped half way through a request for ${Math.round(now - since)} ms while others waited for memory`);
    }
  }

  /** A4. */
  #endStrangers(now: number): void {
    const msMax = this.#options.config.number('millrace.authentication.timeout.ms');
    for (const connection of [...this.#connections]) {
      const since = connection.authenticatingSinceMs;
      if (since !== null && now - since > msMax) connection.abort(`it did not authenticate within ${msMax} ms`);
    }
  }

  #endIdle(now: number): void {
    const idleMsMax = this.#options.config.number('connections.max.idle.ms');
    for (const connection of [...this.#connections]) {
      if (now - connection.lastActiveMs <= idleMsMax || connection.requestCount > 0) continue;
      this.metrics.connections.idle++;
      connection.close();
    }
  }
}

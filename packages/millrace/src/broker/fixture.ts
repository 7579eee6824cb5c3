// broker/fixture.ts - for the tests of this room: a broker in memory that can be restarted, and a client that says one request at a time.
// Owns: the plainest way to ask and be answered. Never: retries, metadata, batching (client/ has those).
import { openLog, type Log } from '../log/mod.ts';
import { MemoryDisk, memoryNet, nodeClock, nodeRandom, type Connection, type Machine } from '../os/mod.ts';
import { BatchBuilder, decodeResponse, encodeRequest, type Api, type BatchOptions, type RequestInit, type ResponseOf } from '../wire/mod.ts';
import { Broker } from './broker.ts';
import type { WorldOptions } from './world/mod.ts';

/** A broker under test. */
export interface BrokerUnderTest extends AsyncDisposable {
  readonly broker: Broker;
  readonly log: Log;
  readonly machine: Machine;
  /** Lines of the report so far. */
  readonly lines: string[];
  readonly port: number;
  /** Port of each broker that is played, the node's own first. */
  readonly ports: readonly number[];
  /** A new connection: to a port, or of a principal other than 'User:ANONYMOUS'. */
  dial(from?: number | string, clientId?: string): Promise<TestClient>;
  /** Stops cleanly and starts again on the same files. */
  restart(): Promise<BrokerUnderTest>;
}

const host = '127.0.0.1';

/** A net that takes back what it lends: a chunk's bytes mean nothing any more once the handler of a node has returned. */
function takingBack(net: Machine['net']): Machine['net'] {
  const lending = (stream: Connection): Connection => new Proxy(stream, {
    get(target, name) {
      if (name === 'onData') return (handle: (chunk: Uint8Array) => void) => target.onData((chunk) => {
        const lent = chunk.slice();
        handle(lent);
        lent.fill(0xee);
      });
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { isReal: false, connect: (options) => net.connect(options), listen: (options, accept) => net.listen(options, (stream) => accept(lending(stream))) };
}

/** Starts a broker; `machine` brings files from an earlier life. */
export async function brokerUnderTest(options: { config?: Record<string, string>; machine?: Machine; world?: WorldOptions } = {}): Promise<BrokerUnderTest> {
  const clock = nodeClock();
  const machine = options.machine ?? { disk: new MemoryDisk(), clock, net: memoryNet(clock), random: nodeRandom() };
  const lines: string[] = [];
  const report = (line: string) => { lines.push(line); };
  const log = await openLog({ disk: machine.disk, clock: machine.clock, random: machine.random, onReport: report, tailBytes: 1 << 20, journalFileBytes: 1 << 20 });
  const opening = Broker.open({ log, machine: { ...machine, net: takingBack(machine.net) }, report, ...(options.config ? { config: options.config } : {}), ...(options.world ? { world: options.world } : {}) });
  const broker = await opening.catch(async (error: unknown) => { await log.close(); throw error; });
  const ports: number[] = [];
  for (const nodeId of broker.world.brokerIds) ports.push((await broker.listen({ host, port: 0, nodeId })).port);
  const port = ports[0]!;
  const portsOfPrincipals = new Map<string, Promise<number>>();
  const portOf = (from: number | string): number | Promise<number> => {
    if (typeof from === 'number') return from;
    const known = portsOfPrincipals.get(from) ?? broker.listen({ host, port: 0, principal: from }).then((listener) => listener.port);
    portsOfPrincipals.set(from, known);
    return known;
  };
  let open = true;
  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    await broker.close();
    await log.close();
  };
  return {
    broker, log, machine, lines, port, ports,
    dial: async (from = port, clientId) => new TestClient(await machine.net.connect({ host, port: await portOf(from), timeoutMs: 1000 }), clientId),
    async restart() {
      await close();
      return brokerUnderTest({ ...options, machine });
    },
    [Symbol.asyncDispose]: close,
  };
}

/** One connection, with answers in the order of the requests. */
export class TestClient {
  readonly stream: Connection;
  readonly clientId: string | null;
  /** Frames of answers that nobody has asked for yet. */
  readonly #frames: Uint8Array[] = [];
  readonly #waiting: ((frame: Uint8Array | null) => void)[] = [];
  #buffered = Buffer.alloc(0);
  #correlationId = 0;
  closed = false;

  constructor(stream: Connection, clientId: string | null = 'test') {
    this.stream = stream;
    this.clientId = clientId;
    stream.onData((chunk) => this.#received(chunk));
    stream.onClose(() => {
      this.closed = true;
      for (const waiting of this.#waiting.splice(0)) waiting(null);
    });
  }

  /** Sends a request and decodes its answer; rejects when the connection ends instead. */
  async ask<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>): Promise<ResponseOf<A>> {
    this.send(api, version, body);
    return this.answer(api, version);
  }

  /** Sends a request without waiting. */
  send<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>): void {
    this.stream.write(encodeRequest(api, version, { correlationId: ++this.#correlationId, clientId: this.clientId }, body));
  }

  /** The next answer, read as one to such a request. */
  async answer<A extends Api<any, any>>(api: A, version: number): Promise<ResponseOf<A>> {
    const frame = await this.frame();
    if (frame === null) throw new Error(`the connection ended instead of an answer to ${api.name} ${version}`);
    return decodeResponse(api, version, frame).body;
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Uint8Array): void {
    this.stream.write([bytes]);
  }

  /** The next answer's bytes without their size; null when the connection has ended. */
  frame(): Promise<Uint8Array | null> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.closed) return Promise.resolve(null);
    return new Promise((resolve) => { this.#waiting.push(resolve); });
  }

  close(): void { this.stream.close(); }

  #received(chunk: Uint8Array): void {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    while (this.#buffered.length >= 4) {
      const size = this.#buffered.readInt32BE(0);
      if (this.#buffered.length < 4 + size) return;
      const frame = new Uint8Array(this.#buffered.subarray(4, 4 + size));
      this.#buffered = this.#buffered.subarray(4 + size);
      const waiting = this.#waiting.shift();
      if (waiting) waiting(frame);
      else this.#frames.push(frame);
    }
  }
}

/** A batch of records with these values. */
export function batchOf(values: readonly (string | null)[], options: BatchOptions & { timestampMs?: number } = {}): Uint8Array {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(options.timestampMs ?? 1_700_000_000_000, null, value);
  return builder.finish(options);
}

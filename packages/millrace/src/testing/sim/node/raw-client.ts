// testing/sim/node/raw-client.ts - the smallest client of the protocol: one connection, one answer per request, in order.
// Owns: framing, correlation, connecting again. Never: retries or what answers mean: the actors decide, so that they can be sharp.
import { MillraceError } from '../../../base/mod.ts';
import type { Clock, Connection, Net, Timer } from '../../../os/mod.ts';
import { decodeResponse, encodeRequest } from '../../../wire/mod.ts';
import type { Api, RequestInit, ResponseOf } from '../../../wire/mod.ts';
import { Violation } from '../log-model.ts';

interface Waiting { readonly id: number; readonly take: (frame: Uint8Array) => void; readonly fail: (error: Error) => void }

/** How long a client waits, in ms: little in virtual time, long on a real machine that may be busy. */
export interface Patience { readonly connectMs: number; readonly answerMs: number }
const usualPatience: Patience = { connectMs: 2_000, answerMs: 5_000 };

/** A client of one node. */
export class RawClient {
  readonly name: string;
  readonly #net: Net;
  readonly #clock: Clock;
  readonly #address: { host: string; port: number };
  readonly #patience: Patience;
  #connection: Connection | null = null;
  #connecting: Promise<Connection> | null = null;
  #received = Buffer.alloc(0);
  readonly #waiting: Waiting[] = [];
  #idNext = 1;

  constructor(name: string, machine: { net: Net; clock: Clock }, address: { host: string; port: number }, patience: Patience = usualPatience) {
    this.#patience = patience;
    this.name = name;
    this.#net = machine.net;
    this.#clock = machine.clock;
    this.#address = address;
  }

  /** How long an answer is waited for, in ms, unless a call says otherwise. */
  get answerMs(): number { return this.#patience.answerMs; }

  /** Makes sure that there is a connection; requests sent after it leave in the order of the calls. */
  async connect(): Promise<void> {
    if (this.#connection !== null) return;
    this.#connecting ??= this.#net.connect({ ...this.#address, timeoutMs: this.#patience.connectMs });
    try {
      const connection = await this.#connecting;
      if (this.#connection === null) this.#use(connection);
    } finally {
      this.#connecting = null;
    }
  }

  /**
   * Sends a request on the connection there is and waits for its answer. Rejects with 'timeout' or 'disconnected'; both end the connection,
   * and what was asked may have happened.
   */
  async call<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>, timeoutMs = this.#patience.answerMs): Promise<ResponseOf<A>> {
    await this.connect();
    return await this.send(api, version, body, timeoutMs);
  }

  /** The same at once, for requests that must leave back to back. */
  send<A extends Api<any, any>>(api: A, version: number, body: RequestInit<A>, timeoutMs = this.#patience.answerMs): Promise<ResponseOf<A>> {
    const connection = this.#connection;
    if (connection === null) return Promise.reject(disconnected(this.name));
    const id = this.#idNext++;
    return new Promise((resolve, reject) => {
      const timer: Timer = this.#clock.after(timeoutMs, () => this.#end(connection, new MillraceError('timeout', `Cannot ask ${api.name}: no answer`)));
      this.#waiting.push({
        id,
        take: (frame) => { timer.cancel(); resolve(decodeResponse(api, version, frame).body); },
        fail: (error) => { timer.cancel(); reject(error); },
      });
      connection.write(encodeRequest(api, version, { correlationId: id, clientId: this.name }, body));
    });
  }

  /** Drops the connection, as a client does that lost patience. */
  drop(): void {
    if (this.#connection !== null) this.#end(this.#connection, disconnected(this.name));
  }

  #use(connection: Connection): void {
    this.#connection = connection;
    this.#received = Buffer.alloc(0);
    connection.onData((chunk) => { if (this.#connection === connection) this.#take(chunk); });
    connection.onClose(() => this.#end(connection, disconnected(this.name)));
  }

  #take(chunk: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0);
      if (this.#received.length < end) return;
      const frame = new Uint8Array(this.#received.subarray(4, end));
      this.#received = this.#received.subarray(end);
      const first = this.#waiting.shift();
      const id = new DataView(frame.buffer, frame.byteOffset).getInt32(0);
      if (first === undefined || first.id !== id) throw new Violation(`${this.name}: got the answer ${id} where ${String(first?.id)} was due`);
      first.take(frame);
    }
  }

  #end(connection: Connection, error: Error): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    connection.destroy();
    for (const waiting of this.#waiting.splice(0)) waiting.fail(error);
  }
}

function disconnected(name: string): MillraceError {
  return new MillraceError('disconnected', `Cannot ask as '${name}': the connection was lost`);
}

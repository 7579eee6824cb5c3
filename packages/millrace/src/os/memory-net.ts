// os/memory-net.ts - byte streams between two places of one process: no sockets, no ports of the machine.
// Owns: the table of listeners by 'host:port', delivery at the next turn of the loop. Never: delay, loss (the simulator's net has those).
// M1 Bytes arrive in the order of write. M2 A paused receiver leaves the bytes, and `done`, with the sender. M3 The receiver owns
// its chunk: parts are copied once, at delivery, so that pooled parts can be reused after `done`.
// Cost: one copy and one chunk per turn and direction, however many writes the turn held.
import { copyBytes, MillraceError } from '../base/mod.ts';
import type { Clock, Connection, Listener, Net } from './ports.ts';

const chunkBytesMax = 1 << 20;
const ephemeralPortMin = 49152;
const portMax = 65535;

/**
 * A network of its own: only what listens here can be reached here. Every host name is the same place.
 * @example const net = memoryNet(nodeClock()); await net.listen({ host: 'localhost', port: 9092 }, serve);
 */
export function memoryNet(clock: Clock): Net {
  const listeners = new Map<number, (connection: Connection) => void>();
  let portNext = ephemeralPortMin;
  let portClientNext = 1;

  const portFree = (): number => {
    while (listeners.has(portNext)) portNext = portNext < portMax ? portNext + 1 : ephemeralPortMin;
    return portNext++;
  };

  return {
    isReal: false,
    async listen(address, onConnection): Promise<Listener> {
      if (address.tls !== undefined) throw noTls(`listen on '${address.host}:${address.port}'`);
      const port = address.port === 0 ? portFree() : address.port;
      if (listeners.has(port)) throw new MillraceError('invalid-argument', `Cannot listen on '${address.host}:${port}': the port is taken`, { ...address });
      listeners.set(port, onConnection);
      return {
        host: address.host,
        port,
        async reload() {},
        async close() { listeners.delete(port); },
      };
    },
    async connect(address): Promise<Connection> {
      if (address.tls !== undefined) throw noTls(`connect to '${address.host}:${address.port}'`);
      const accept = listeners.get(address.port);
      if (!accept) throw new MillraceError('disconnected', `Cannot connect to '${address.host}:${address.port}': nothing listens there`, { host: address.host, port: address.port });
      const [near, far] = connectionPair(clock, `${address.host}:${portClientNext++}`, `${address.host}:${address.port}`);
      accept(far);
      return near;
    },
  };
}

/** What a network inside the process says when it is asked for TLS. */
export function noTls(action: string): MillraceError {
  return new MillraceError('invalid-argument', `Cannot ${action} with TLS: a network inside the process has none; use the machine's own`);
}

/** Two joined ends, for a transport inside one process. @example const [client, server] = connectionPair(clock, 'client:1', 'server:9092'); */
export function connectionPair(clock: Clock, near: string, far: string): [Connection, Connection] {
  const a = new MemoryConnection(clock, near, far);
  const b = new MemoryConnection(clock, far, near);
  a.peer = b;
  b.peer = a;
  return [a, b];
}

interface PendingWrite { parts: readonly Uint8Array[]; bytes: number; done: ((error: Error | null) => void) | undefined }

class MemoryConnection implements Connection {
  readonly peerCertificate = null;
  readonly local: string;
  readonly remote: string;
  peer!: MemoryConnection;
  bufferedBytes = 0;
  readonly #clock: Clock;
  readonly #pending: PendingWrite[] = [];
  readonly #closeHandlers: ((error: Error | null) => void)[] = [];
  #dataHandler: ((chunk: Uint8Array) => void) | null = null;
  #paused = false;
  #scheduled = false;
  /** 'open' sends and receives; 'closing' sends what it has and then ends; 'closed' does nothing. */
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(clock: Clock, local: string, remote: string) {
    this.#clock = clock;
    this.local = local;
    this.remote = remote;
  }

  onData(handler: (chunk: Uint8Array) => void): void {
    this.#dataHandler = handler;
    this.peer.#schedule();
  }

  onClose(handler: (error: Error | null) => void): void {
    if (this.#state === 'closed') this.#clock.soon(() => handler(null));
    else this.#closeHandlers.push(handler);
  }

  write(parts: readonly Uint8Array[], done?: (error: Error | null) => void): void {
    if (this.#state !== 'open') {
      if (done) this.#clock.soon(() => done(disconnected(this.remote)));
      return;
    }
    let bytes = 0;
    for (const part of parts) bytes += part.byteLength;
    this.#pending.push({ parts, bytes, done });
    this.bufferedBytes += bytes;
    this.#schedule();
  }

  pause(): void { this.#paused = true; }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.peer.#schedule();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#schedule();
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#clock.soon(() => { this.#end(); this.peer.#endByPeer(); });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.soon(() => { this.#scheduled = false; this.#deliver(); });
  }

  /** Moves what waits to the peer, in chunks, as long as the peer takes them; then ends when asked to. */
  #deliver(): void {
    while (this.#pending.length > 0 && this.#state !== 'closed') {
      if (this.peer.#state === 'closed' || this.peer.#paused || this.peer.#dataHandler === null) return;
      const writes = this.#takeWrites();
      const chunk = joinWrites(writes);
      this.bufferedBytes -= chunk.byteLength;
      for (const write of writes) write.done?.(null);
      if (chunk.byteLength > 0) this.peer.#dataHandler(chunk);
    }
    if (this.#state === 'closing' && this.#pending.length === 0) this.destroy();
  }

  /** The first write and as many more as fit a chunk. */
  #takeWrites(): PendingWrite[] {
    let count = 0;
    let bytes = 0;
    while (count < this.#pending.length && (count === 0 || bytes + this.#pending[count]!.bytes <= chunkBytesMax)) bytes += this.#pending[count++]!.bytes;
    return this.#pending.splice(0, count);
  }

  #endByPeer(): void {
    this.#state = 'closed';
    this.#end();
  }

  #end(): void {
    const error = disconnected(this.remote);
    for (const write of this.#pending.splice(0)) write.done?.(error);
    this.bufferedBytes = 0;
    for (const handler of this.#closeHandlers.splice(0)) handler(null);
  }
}

function joinWrites(writes: readonly PendingWrite[]): Uint8Array {
  let bytes = 0;
  for (const write of writes) bytes += write.bytes;
  const chunk = new Uint8Array(bytes);
  let at = 0;
  for (const write of writes) for (const part of write.parts) { copyBytes(part, 0, part.byteLength, chunk, at); at += part.byteLength; }
  return chunk;
}

function disconnected(remote: string): MillraceError {
  return new MillraceError('disconnected', `Cannot write to '${remote}': the connection has ended`, { remote });
}

// os/node-net.ts - byte streams over TCP, by node:net.
// Owns: sockets and their options (no delay, keep-alive). Never: framing, limits, protocol.
// N1 The parts of one write go to the operating system in one writev. N2 `done` and onClose are each called once.
// Cost: one writev per write() when the socket is writable. Accepted sockets of a thread share one read buffer of 256 KiB: no memory per read
// for receivers that take chunks as lent, one copy for others. Measured: without it, collecting a 64 KiB buffer per read was a third of
// the CPU time of taking small batches.
import { createConnection, createServer, Socket, type AddressInfo, type Server } from 'node:net';
import { MillraceError } from '../base/mod.ts';
import type { Connection, Listener, Net } from './ports.ts';

const backlogConnections = 4096;
const keepAliveIdleMs = 60_000;
const sharedReadBytes = 256 * 1024;
const joinBytesMax = 4096;

/**
 * Streams over the machine's own network.
 * @example const listener = await nodeNet().listen({ host: '127.0.0.1', port: 0 }, (connection) => connection.close());
 */
export function nodeNet(): Net {
  return { listen, connect };
}

function listen(address: { host: string; port: number }, onConnection: (connection: Connection) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const settings = { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveIdleMs, pauseOnConnect: true };
    const server = createServer(settings, (socket) => onConnection(acceptedConnection(socket)));
    const refuse = (error: Error) => reject(listenError(address, error));
    server.once('error', refuse);
    server.listen({ host: address.host, port: address.port, backlog: backlogConnections }, () => {
      server.off('error', refuse);
      server.on('error', () => {}); // a failed accept (no descriptors left) costs that connection only
      resolve(listenerOf(server));
    });
  });
}

function listenerOf(server: Server): Listener {
  const bound = server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    close: () => {
      server.close(); // the port is free at once; the server's own 'close' would wait for every connection
      return new Promise((resolve) => { setImmediate(resolve); });
    },
  };
}

function listenError(address: { host: string; port: number }, cause: Error): MillraceError {
  return new MillraceError('invalid-argument', `Cannot listen on '${address.host}:${address.port}': ${cause.message}`, { ...address, cause });
}

function connect(address: { host: string; port: number; timeoutMs: number }): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: address.host, port: address.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveIdleMs });
    const fail = (code: 'disconnected' | 'timeout', why: string, cause?: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new MillraceError(code, `Cannot connect to '${address.host}:${address.port}': ${why}`, { host: address.host, port: address.port, cause }));
    };
    const refuse = (error: Error) => fail('disconnected', error.message, error);
    const timer = setTimeout(() => { socket.off('error', refuse); socket.on('error', () => {}); fail('timeout', `no answer in ${address.timeoutMs} ms`); }, address.timeoutMs);
    socket.once('error', refuse);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', refuse);
      resolve(new SocketConnection(socket));
    });
  });
}

/** Takes what all accepted sockets of this thread read, one after the other: a chunk is handed on before the next is read. */
let readBuffer: Uint8Array | null = null;

interface WithHandle { _handle: object | null }

/**
 * A socket that reads into one shared buffer. Node offers that (`onread`) to sockets that connect; an accepted one gets it by giving its
 * handle to a new Socket. Where the handle cannot be moved, every chunk has a buffer of its own, as usual.
 */
function acceptedConnection(socket: Socket): Connection {
  const handle = (socket as unknown as WithHandle)._handle;
  if (handle === null || handle === undefined) return resumed(socket);
  (socket as unknown as WithHandle)._handle = null;
  const buffer = (readBuffer ??= new Uint8Array(sharedReadBytes));
  let receive: (bytes: number) => void = () => {};
  const onread = { buffer, callback: (bytes: number) => { receive(bytes); return true; } };
  const moved = new Socket({ handle, onread, readable: true, writable: true } as object);
  const connection = new SocketConnection(moved, (handler, lent) => {
    receive = lent ? (bytes) => handler(buffer.subarray(0, bytes)) : (bytes) => handler(buffer.slice(0, bytes));
    if (!connection.paused) moved.resume();
  });
  return connection;
}

function resumed(socket: Socket): Connection {
  socket.resume();
  return new SocketConnection(socket);
}

type ReceiveSetter = (handler: (chunk: Uint8Array) => void, lent: boolean) => void;

class SocketConnection implements Connection {
  readonly remote: string;
  readonly local: string;
  readonly #socket: Socket;
  readonly #setReceiver: ReceiveSetter;
  #error: Error | null = null;
  paused = false;

  constructor(socket: Socket, setReceiver: ReceiveSetter = (handler) => { socket.on('data', handler); }) {
    this.#socket = socket;
    this.#setReceiver = setReceiver;
    this.remote = `${socket.remoteAddress}:${socket.remotePort}`;
    this.local = `${socket.localAddress}:${socket.localPort}`;
    socket.on('error', (error) => { this.#error = error; });
  }

  onData(handler: (chunk: Uint8Array) => void, options: { readonly lent?: boolean } = {}): void {
    this.#setReceiver(handler, options.lent === true);
  }

  onClose(handler: (error: Error | null) => void): void {
    if (this.#socket.closed) setImmediate(() => handler(this.#error));
    else this.#socket.once('close', () => handler(this.#error));
  }

  write(parts: readonly Uint8Array[], done?: (error: Error | null) => void): void {
    const socket = this.#socket;
    const told = done === undefined ? undefined : (error?: Error | null) => done(error ?? null);
    if (parts.length === 1) { socket.write(parts[0]!, told); return; }
    if (parts.length === 0) { if (done) setImmediate(done, null); return; }
    const small = joinSmall(parts);
    if (small !== null) { socket.write(small, told); return; }
    const last = parts.length - 1;
    socket.cork();
    for (let i = 0; i < last; i++) socket.write(parts[i]!);
    socket.write(parts[last]!, told);
    socket.uncork();
  }

  get bufferedBytes(): number { return this.#socket.writableLength; }

  pause(): void {
    this.paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.paused = false;
    this.#socket.resume();
  }

  close(): void { this.#socket.destroySoon(); }
  destroy(): void { this.#socket.destroy(); }
}

/** Several small parts in one piece: copying them costs less than a gathering write. Null when they are not small. */
function joinSmall(parts: readonly Uint8Array[]): Uint8Array | null {
  let bytes = 0;
  for (const part of parts) bytes += part.byteLength;
  if (bytes > joinBytesMax) return null;
  const joined = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const part of parts) { joined.set(part, at); at += part.byteLength; }
  return joined;
}

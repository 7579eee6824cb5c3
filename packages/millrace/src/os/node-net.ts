// os/node-net.ts - byte streams over TCP, by node:net.
// Owns: sockets and their options (no delay, keep-alive). Never: framing, limits, protocol; TLS over them is node-tls.ts, loaded at its first use.
// Cost: one writev per write() when the socket is writable; no memory per read for receivers that take chunks as lent, one copy for others (shared-read.ts).
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { MillraceError } from '../base/mod.ts';
import type { Connection, Listener, Net, TlsClient, TlsServer } from './ports.ts';
import { readingShared } from './shared-read.ts';
import { SocketConnection } from './socket-connection.ts';

const backlogConnections = 4096;
const keepAliveIdleMs = 60_000;

/**
 * Streams over the machine's own network.
 * @example const listener = await nodeNet().listen({ host: '127.0.0.1', port: 0 }, (connection) => connection.close());
 */
export function nodeNet(): Net {
  return { isReal: true, listen, connect };
}

/** Makes connections of accepted sockets, and what else a listener owns. */
interface Acceptor { accept(socket: Socket): Connection; reload: Listener['reload']; close(): void }

const plainAcceptor: Acceptor = { accept: acceptedConnection, reload: async () => {}, close() {} };

async function listen(address: { host: string; port: number; tls?: TlsServer }, onConnection: (connection: Connection) => void): Promise<Listener> {
  if (address.tls === undefined) return bind(address, plainAcceptor, onConnection);
  const { tlsAcceptor } = await import('./node-tls.ts');
  const acceptor = await tlsAcceptor(address.tls);
  return bind(address, acceptor, onConnection).catch((error: unknown) => { acceptor.close(); throw error; });
}

function bind(address: { host: string; port: number }, acceptor: Acceptor, onConnection: (connection: Connection) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const settings = { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveIdleMs, pauseOnConnect: acceptor === plainAcceptor };
    const server = createServer(settings, (socket) => onConnection(acceptor.accept(socket)));
    const refuse = (error: Error) => reject(listenError(address, error));
    server.once('error', refuse);
    server.listen({ host: address.host, port: address.port, backlog: backlogConnections }, () => {
      server.off('error', refuse);
      server.on('error', () => {}); // a failed accept (no descriptors left) costs that connection only
      resolve(listenerOf(server, acceptor));
    });
  });
}

function listenerOf(server: Server, acceptor: Acceptor): Listener {
  const bound = server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    reload: (tls) => acceptor.reload(tls),
    close: () => {
      acceptor.close();
      server.close(); // the port is free at once; the server's own 'close' would wait for every connection
      return new Promise((resolve) => { setImmediate(resolve); });
    },
  };
}

function listenError(address: { host: string; port: number }, cause: Error): MillraceError {
  return new MillraceError('invalid-argument', `Cannot listen on '${address.host}:${address.port}': ${cause.message}`, { ...address, cause });
}

async function connect(address: { host: string; port: number; timeoutMs: number; tls?: TlsClient }): Promise<Connection> {
  if (address.tls === undefined) return dial(address, () => createConnection(socketOptions(address)), 'connect', (socket) => new SocketConnection(socket));
  const { dialTls } = await import('./node-tls.ts');
  const { open, connected, failure } = await dialTls(address, address.tls, socketOptions(address));
  return dial(address, open, 'secureConnect', connected, failure);
}

const socketOptions = ({ host, port }: { host: string; port: number }) => ({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveIdleMs });

/** Waits for a socket to be ready, for `timeoutMs` at most. `failure` knows more about an error than that the other end cannot be reached. */
function dial<S extends Socket>(address: { host: string; port: number; timeoutMs: number }, open: () => S, ready: 'connect' | 'secureConnect', connected: (socket: S) => Connection, failure: (error: Error) => MillraceError | null = () => null): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = open();
    const fail = (code: 'disconnected' | 'timeout', why: string, cause?: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject((cause && failure(cause)) ?? new MillraceError(code, `Cannot connect to '${address.host}:${address.port}': ${why}`, { host: address.host, port: address.port, cause }));
    };
    const refuse = (error: Error) => fail('disconnected', error.message, error);
    const timer = setTimeout(() => { socket.off('error', refuse); socket.on('error', () => {}); fail('timeout', `no answer in ${address.timeoutMs} ms`); }, address.timeoutMs);
    socket.once('error', refuse);
    socket.once(ready, () => {
      clearTimeout(timer);
      socket.off('error', refuse);
      resolve(connected(socket));
    });
  });
}

/** A socket that reads into the shared buffer of its thread, if it has not ended yet. */
function acceptedConnection(socket: Socket): Connection {
  const shared = readingShared(socket);
  if (shared === null) return resumed(socket);
  const connection = new SocketConnection(shared.socket, (handler, lent) => {
    shared.setReceiver(handler, lent);
    if (!connection.paused) shared.socket.resume();
  });
  return connection;
}

function resumed(socket: Socket): Connection {
  socket.resume();
  return new SocketConnection(socket);
}

// os/socket-connection.ts - one end of a stream over a socket.
// Owns: the joining of small parts, the order of what is told at its end. Never: how the socket came to be (node-net.ts, node-tls.ts).
// N1 The parts of one write go to the operating system in one writev. N2 `done` and onClose are each called once.
import type { Socket } from 'node:net';
import type { Connection } from './ports.ts';

const joinBytesMax = 4096;

/** How the receiver of a socket's bytes is set. */
export type ReceiveSetter = (handler: (chunk: Uint8Array) => void, lent: boolean) => void;

/** One end of a stream over a socket, plain or with TLS. */
export class SocketConnection implements Connection {
  readonly remote: string;
  readonly local: string;
  readonly #socket: Socket;
  readonly #setReceiver: ReceiveSetter;
  #error: Error | null = null;
  paused = false;
  /** Set by whoever did the handshake. */
  peerCertificate: Uint8Array | null = null;

  constructor(socket: Socket, setReceiver: ReceiveSetter = (handler) => { socket.on('data', handler); }, translate: (error: Error) => Error = (error) => error) {
    this.#socket = socket;
    this.#setReceiver = setReceiver;
    this.remote = `${socket.remoteAddress}:${socket.remotePort}`;
    this.local = `${socket.localAddress}:${socket.localPort}`;
    socket.on('error', (error) => { this.#error = translate(error); });
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

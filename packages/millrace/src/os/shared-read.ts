// os/shared-read.ts - sockets that read into one buffer of their thread, one after the other: a chunk is handed on before the next is read.
// Owns: that buffer, and how Node is made to use it. Never: who keeps what of a chunk (socket-connection.ts).
// Node offers reading into a given buffer (`onread`) to sockets that connect. An accepted one gets it by giving its handle to a new Socket; one with TLS by
// setting, once its handshake is done, the fields that `onread` would set. Where a Node lacks what that needs, every chunk has a buffer of its own, as usual.
// Cost: no memory per read. Measured: collecting a buffer per read was a third of the CPU time of taking small batches; with TLS, whose chunks have at
// most 16 KiB, it was a quarter of a node's whole CPU time at 90 MB/s, most of it major collections.
import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ReceiveSetter } from './socket-connection.ts';

const sharedReadBytes = 256 * 1024;

let readBuffer: Uint8Array | null = null;

interface WithHandle { _handle: (object & { useUserBuffer?: (buffer: Uint8Array) => void }) | null }

/** What was read last, as the receiver takes it: lent, or as a copy. */
const taking = (buffer: Uint8Array, handler: (chunk: Uint8Array) => void, lent: boolean) => (bytes: number): void => handler(lent ? buffer.subarray(0, bytes) : buffer.slice(0, bytes));

/** An accepted socket made anew so that it reads into the shared buffer; null when it has ended already. */
export function readingShared(socket: Socket): { readonly socket: Socket; readonly setReceiver: ReceiveSetter } | null {
  const { _handle: handle } = socket as unknown as WithHandle;
  if (handle === null || handle === undefined) return null;
  (socket as unknown as WithHandle)._handle = null;
  const buffer = (readBuffer ??= new Uint8Array(sharedReadBytes));
  let receive: (bytes: number) => void = () => {};
  const onread = { buffer, callback: (bytes: number) => { receive(bytes); return true; } };
  const moved = new Socket({ handle, onread, readable: true, writable: true } as object);
  return { socket: moved, setReceiver: (handler, lent) => { receive = taking(buffer, handler, lent); } };
}

/** Receives from a socket with TLS whose handshake is done; what it has read by then comes first. */
export function receivingSecured(socket: TLSSocket): ReceiveSetter {
  return (handler, lent) => {
    // Plain arrays, as from other connections: a Buffer's slice() is a view, theirs a copy.
    socket.on('data', (chunk: Buffer) => handler(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
    const { _handle: handle } = socket as unknown as WithHandle;
    const fields = socket as unknown as Record<symbol, unknown>;
    const [bufferField, callbackField] = ['kBuffer', 'kBufferCb'].map((name) => Object.getOwnPropertySymbols(socket).find(({ description }) => description === name));
    if (typeof handle?.useUserBuffer !== 'function' || bufferField === undefined || callbackField === undefined) return;
    const buffer = (readBuffer ??= new Uint8Array(sharedReadBytes));
    const receive = taking(buffer, handler, lent);
    fields[bufferField] = buffer;
    fields[callbackField] = (bytes: number) => {
      // What had arrived encrypted before a pause is still decrypted after it: it waits in the stream, in its order.
      if (socket.isPaused() || socket.readableLength > 0) socket.push(Buffer.from(buffer.subarray(0, bytes)));
      else receive(bytes);
      return true;
    };
    handle.useUserBuffer(buffer);
    if (socket.isPaused()) socket.pause(); // said before, it holds only what goes through the stream
  };
}

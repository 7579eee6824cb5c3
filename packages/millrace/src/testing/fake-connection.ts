// testing/fake-connection.ts - one end of a simulated connection, as the Connection port wants it.
// Owns: the life of the end: open, closing, closed, and who is told. Bytes travel in fake-pipe.ts.
import { MillraceError } from '../base/mod.ts';
import type { Connection } from '../os/mod.ts';
import type { FakeNet } from './fake-net.ts';
import { FakePipe } from './fake-pipe.ts';
import type { FakeProcess } from './fake-process.ts';

/** Whose end it is. */
export interface End { readonly process: FakeProcess; readonly host: string; readonly name: string }

/** Makes a connection: both ends, joined by a pipe in each direction. */
export function connectEnds(net: FakeNet, near: End, far: End): [FakeConnection, FakeConnection] {
  const a = new FakeConnection(net, near, far);
  const b = new FakeConnection(net, far, near);
  a.peer = b;
  b.peer = a;
  a.out = new FakePipe(net, a, b);
  b.out = new FakePipe(net, b, a);
  return [a, b];
}

/** One end. */
export class FakeConnection implements Connection {
  readonly end: End;
  readonly local: string;
  readonly remote: string;
  readonly peerCertificate = null;
  readonly net: FakeNet;
  /** The other end; the simulation's wiring, not for the process. */
  peer!: FakeConnection;
  /** The direction that starts here. */
  out!: FakePipe;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #paused = false;
  #dataHandler: ((chunk: Uint8Array) => void) | null = null;
  readonly #closeHandlers: ((error: Error | null) => void)[] = [];

  constructor(net: FakeNet, end: End, far: End) {
    this.net = net;
    this.end = end;
    this.local = end.name;
    this.remote = far.name;
  }

  get isOpen(): boolean { return this.#state !== 'closed'; }
  get bufferedBytes(): number { return this.out.queuedBytes; }
  /** True when bytes can be handed to the process now. */
  get takesData(): boolean { return this.#state !== 'closed' && !this.#paused && this.#dataHandler !== null && this.end.process.alive; }

  onData(handler: (chunk: Uint8Array) => void): void {
    this.#dataHandler = handler;
    this.#wake();
  }

  onClose(handler: (error: Error | null) => void): void {
    if (this.#state === 'closed') this.end.process.schedule(0, () => handler(null));
    else this.#closeHandlers.push(handler);
  }

  write(parts: readonly Uint8Array[], done?: (error: Error | null) => void): void {
    if (this.#state === 'open') this.out.send(parts, done);
    else if (done) this.end.process.schedule(0, () => done(this.disconnected()));
  }

  pause(): void { this.#paused = true; }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.out.finish();
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.peer.hearReset();
    this.ended(null);
  }

  /** Hands a chunk to the process. */
  deliver(chunk: Uint8Array): void { this.#dataHandler?.(chunk); }

  /** Moves what waits, after the network changed. */
  pump(): void { this.out.pump(); }

  /** The stream into this end is over, or this end's own bytes are all sent: nothing is delivered after it. */
  ended(error: Error | null): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.out.fail(this.disconnected());
    if (!this.peer.isOpen) { this.net.forget(this); this.net.forget(this.peer); }
    this.end.process.schedule(0, () => { for (const handler of this.#closeHandlers.splice(0)) handler(error); });
  }

  /** The network ends the connection at both ends. */
  reset(): void {
    this.hearReset();
    this.peer.hearReset();
  }

  /** The news of the other end's death travels like any packet, and waits behind a partition. */
  hearReset(): void {
    this.end.process.schedule(this.net.delayMs(), () => {
      if (this.net.isBlocked(this.end.host, this.peer.end.host)) return this.#hearLater();
      this.ended(new MillraceError('disconnected', `Cannot use the connection to '${this.remote}': it was reset`, { remote: this.remote }));
    });
  }

  /** The process of one end died: its system resets the other end; nobody is left here to be told. */
  ownerDied(process: FakeProcess): void {
    if (this.end.process !== process || this.#state === 'closed') return;
    this.#state = 'closed';
    this.peer.hearReset();
  }

  isServerOf(process: FakeProcess, listening: string): boolean {
    return this.end.process === process && this.local === listening;
  }

  disconnected(): MillraceError {
    return new MillraceError('disconnected', `Cannot write to '${this.remote}': the connection has ended`, { remote: this.remote });
  }

  #hearLater(): void {
    this.end.process.schedule(50, () => this.hearReset());
  }

  #wake(): void {
    this.end.process.schedule(0, () => this.peer.out.deliver());
  }
}

// testing/fake-pipe.ts - one direction of a simulated connection.
// Owns: bytes between write() and onData: the sender's queue, what is under way, the receiver's buffer of bounded size.
// I1 Bytes arrive in order, each once. I2 Parts are copied when they are handed to the system, and `done` is called then, so that a
// part changed too early shows. I3 A receiver that does not read stops the sender after windowBytes.
import type { FakeConnection } from './fake-connection.ts';
import type { FakeNet } from './fake-net.ts';

/** What the systems of both ends hold together for a stream. */
const windowBytes = 256 * 1024;

interface Write { readonly parts: readonly Uint8Array[]; readonly bytes: number; readonly done: ((error: Error | null) => void) | undefined }
type Arrived = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'end' };

/** The stream from one end to the other. */
export class FakePipe {
  queuedBytes = 0;
  readonly #net: FakeNet;
  readonly #from: FakeConnection;
  readonly #to: FakeConnection;
  readonly #queue: Write[] = [];
  readonly #underWay: Arrived[] = [];
  readonly #arrived: Arrived[] = [];
  #heldBytes = 0;
  #handing = false;
  #travelling = false;
  #finishing: 'no' | 'asked' | 'sent' = 'no';
  #muted = false;

  constructor(net: FakeNet, from: FakeConnection, to: FakeConnection) {
    this.#net = net;
    this.#from = from;
    this.#to = to;
  }

  send(parts: readonly Uint8Array[], done: ((error: Error | null) => void) | undefined): void {
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    this.#queue.push({ parts, bytes, done });
    this.queuedBytes += bytes;
    this.pump();
  }

  /** After what is queued, the end. */
  finish(): void {
    this.#finishing = 'asked';
    this.pump();
  }

  /** Fails what was not handed over. */
  fail(error: Error): void {
    for (const write of this.#queue.splice(0)) {
      this.queuedBytes -= write.bytes;
      if (write.done) this.#from.end.process.schedule(0, () => write.done!(error));
    }
  }

  /** Starts whatever can go on. */
  pump(): void {
    if (!this.#handing && this.#from.isOpen && (this.#queue.length > 0 || this.#finishing === 'asked') && this.#heldBytes < windowBytes) this.#handOver();
    if (!this.#travelling && this.#underWay.length > 0) this.#travel();
  }

  /** Gives the receiver what has arrived, cut at chance places, as long as it takes it. */
  deliver(): void {
    while (this.#arrived.length > 0 && this.#to.takesData) {
      const first = this.#arrived[0]!;
      if (first.kind === 'end') {
        this.#arrived.shift();
        return this.#to.ended(null);
      }
      const chunk = this.#cutChunk(first.bytes);
      this.#heldBytes -= chunk.length;
      this.#to.deliver(chunk);
    }
    this.pump();
  }

  #cutChunk(bytes: Uint8Array): Uint8Array {
    const cut = this.#net.random.chance(0.2) ? this.#net.random.between(1, bytes.length) : bytes.length;
    if (cut === bytes.length) this.#arrived.shift();
    else this.#arrived[0] = { kind: 'bytes', bytes: bytes.subarray(cut) };
    return bytes.slice(0, cut);
  }

  /** The system takes the first write (I2). */
  #handOver(): void {
    this.#handing = true;
    this.#from.end.process.schedule(0, () => {
      this.#handing = false;
      if (!this.#from.isOpen) return;
      const write = this.#queue.shift();
      if (write !== undefined) this.#take(write);
      else if (this.#finishing === 'asked') this.#sendEnd();
      this.pump();
    });
  }

  #take(write: Write): void {
    this.queuedBytes -= write.bytes;
    const { faults, random } = this.#net;
    if (faults.resetChance > 0 && random.chance(faults.resetChance)) {
      this.#net.onEvent('reset');
      this.#from.reset();
    } else if (faults.muteChance > 0 && random.chance(faults.muteChance)) {
      this.#net.onEvent('mute');
      this.#muted = true;
    }
    if (write.bytes > 0) {
      this.#heldBytes += write.bytes;
      this.#underWay.push({ kind: 'bytes', bytes: joined(write) });
    }
    write.done?.(null);
  }

  #sendEnd(): void {
    this.#finishing = 'sent';
    this.#underWay.push({ kind: 'end' });
    this.#from.ended(null);
  }

  /** The first of what is under way arrives after the link's delay; a partition or a black hole holds it. */
  #travel(): void {
    if (this.#muted) return;
    if (this.#net.isBlocked(this.#from.end.host, this.#to.end.host)) return this.#net.onEvent('stalled by partition');
    this.#travelling = true;
    this.#to.end.process.schedule(this.#net.delayMs(), () => {
      this.#travelling = false;
      if (this.#net.isBlocked(this.#from.end.host, this.#to.end.host)) return;
      this.#arrived.push(...this.#underWay.splice(0));
      this.deliver();
      this.pump();
    });
  }
}

function joined(write: Write): Uint8Array {
  const whole = new Uint8Array(write.bytes);
  let at = 0;
  for (const part of write.parts) { whole.set(part, at); at += part.length; }
  return whole;
}

// broker/connection/sliced-writes.ts - the large answers of one connection, on their way in slices.
// Owns: how far they were written. Never: whose turn it is (send-turns.ts).
// W1 Answers leave in the order in which they were added. W2 One slice is under way at a time: the next waits until the system has taken it.
// W3 Each answer is told of as sent exactly once, also when the connection ends first.
import type { Connection } from '../../os/mod.ts';
import type { SendTurns, TurnTaker } from './send-turns.ts';

/** Answers that leave together. */
export interface Outgoing { readonly parts: readonly Uint8Array[]; readonly bytes: number; readonly callbacks: readonly (() => void)[] }

/** Whom the writes belong to. */
export interface SlicedOwner {
  /** The system took a slice. */
  progressed(): void;
  /** All of it was taken, or never will be. */
  sent(outgoing: Outgoing): void;
}

/** Large answers in line. */
export class SlicedWrites implements TurnTaker {
  readonly #stream: Connection;
  readonly #turns: SendTurns;
  readonly #owner: SlicedOwner;
  #queue: Outgoing[] = [];
  /** Position in the first of the queue: a part, and a byte in it. */
  #part = 0;
  #at = 0;
  #underWay = false;
  #ended = false;

  constructor(stream: Connection, turns: SendTurns, owner: SlicedOwner) {
    this.#stream = stream;
    this.#turns = turns;
    this.#owner = owner;
  }

  /** True when nothing waits here, so that other answers may be written past it. */
  get isEmpty(): boolean { return this.#queue.length === 0; }

  add(outgoing: Outgoing): void {
    this.#queue.push(outgoing);
    if (this.#queue.length === 1) this.#turns.join(this);
  }

  takeTurn(bytesMax: number): number {
    const { parts } = this.#queue[0]!;
    const slice: Uint8Array[] = [];
    let bytes = 0;
    while (bytes < bytesMax && this.#part < parts.length) {
      const part = parts[this.#part]!;
      const end = Math.min(part.byteLength, this.#at + bytesMax - bytes);
      slice.push(part.subarray(this.#at, end));
      bytes += end - this.#at;
      this.#at = end;
      if (end === part.byteLength) { this.#part++; this.#at = 0; }
    }
    this.#underWay = true;
    this.#stream.write(slice, (error) => this.#written(error));
    return bytes;
  }

  /** The connection has ended: nothing more is written. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#turns.leave(this);
    // The slice under way is still looked at by the system until it says that it is done.
    for (const outgoing of this.#queue.splice(this.#underWay ? 1 : 0)) this.#owner.sent(outgoing);
  }

  #written(error: Error | null): void {
    this.#underWay = false;
    if (error === null) this.#owner.progressed();
    const first = this.#queue[0]!;
    if (error !== null || this.#ended || this.#part === first.parts.length) {
      this.#queue.shift();
      this.#part = this.#at = 0;
      this.#owner.sent(first);
    }
    if (error !== null) this.end();
    else if (!this.#ended && this.#queue.length > 0) this.#turns.join(this);
  }
}

// broker/group/consumer/writes.ts - answers of a consumer group wait for the records that they rest on.
// Owns: the count of writes and the answers that wait. Never: records (change.ts), the log.
// W1 An answer leaves once every record written before it is durable: no member acts on what a crash would take back. W2 A heartbeat that
// changes nothing while nothing is under way is answered at once, and writes nothing. W3 Once a write of the chain was refused, later ones are
// refused, too: they rest on it.
import { reply, type Turn } from '../turn.ts';
import type { Ticket } from '../effects.ts';

interface WaitingReply { readonly number: number; readonly to: Ticket<any>; readonly body: unknown; readonly refused: unknown }

/** The writes of one membership. The log marks it `broken` when it refuses one. */
export class ConsumerWrites {
  broken = false;
  #issued = 0;
  #durable = 0;
  #waiting: WaitingReply[] = [];

  /** The next write's number. */
  issue(): number { return ++this.#issued; }

  /** Answers once all that was issued is durable; with `refused` if it never is. */
  answer<Body>(turn: Turn, to: Ticket<Body>, body: Body, refused: Body): void {
    if (this.#durable === this.#issued) reply(turn, to, body);
    else this.#waiting.push({ number: this.#issued, to, body, refused });
  }

  /** A write is durable, or was refused. */
  settled(turn: Turn, number: number, isDurable: boolean): void {
    this.#durable = Math.max(this.#durable, number);
    const due = this.#waiting.filter((waiting) => waiting.number <= number);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting.number > number);
    for (const { to, body, refused } of due) reply(turn, to, isDurable ? body : refused);
  }
}

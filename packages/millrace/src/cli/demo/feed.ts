// cli/demo/feed.ts - the flights on their way in: one JSON event each, keyed by origin, stamped with the flight's own date.
// Owns: the form of an event, and the ledger of what was written. Never: the data set (flights.ts), delivery (client).
// F1 An event counts as written when it is acknowledged; the ledger notes it when it is given, in the order in which it is given.
import { setImmediate as turn } from 'node:timers/promises';
import type { Producer } from '../../client/mod.ts';
import type { FlightBlock, Flights } from './flights.ts';
import { Ledger } from './ledger.ts';

/** How many events are given between two turns of the loop: a few milliseconds' worth, and enough to fill batches. */
const eventsPerTurn = 4000;

/** Writes the flights and knows what it wrote. */
export class Feed {
  readonly ledger = new Ledger();
  /** Events given to the producer so far. */
  given = 0;
  readonly #keys = new Map<string, Uint8Array>();
  readonly #date = { ms: Number.NaN, text: '' };

  /** Writes the first `countMax` flights to the topic; resolves once all are acknowledged. Ends early at the signal. */
  async run(flights: Flights, producer: Producer, topic: string, countMax: number, stop: AbortSignal): Promise<void> {
    for await (const block of flights.blocks()) {
      for (let i = 0; i < block.count && this.given < countMax; i++) {
        const origin = block.origin[i]!;
        const value = Buffer.from(this.#event(block, i), 'latin1');
        while (!producer.trySend({ topic, key: this.#key(origin), value, timestampMs: block.dateMs[i] })) await producer.room();
        this.ledger.note(origin, value);
        if (++this.given % eventsPerTurn === 0) await turn();
        if (stop.aborted) return;
      }
      if (this.given >= countMax) break;
    }
    await producer.flush();
  }

  /** One event: {"date":"2001-01-01T00:01:00.000Z","delay":33,"distance":2176,"origin":"LAS","destination":"PHL"} */
  #event(block: FlightBlock, i: number): string {
    return `{"date":"${this.#dateText(block.dateMs[i]!)}","delay":${block.delayMinutes[i]},"distance":${block.distanceMiles[i]},"origin":"${block.origin[i]}","destination":"${block.destination[i]}"}`;
  }

  /** Flights come by date, dozens to the minute. */
  #dateText(ms: number): string {
    if (ms !== this.#date.ms) {
      this.#date.ms = ms;
      this.#date.text = new Date(ms).toISOString();
    }
    return this.#date.text;
  }

  #key(origin: string): Uint8Array {
    let key = this.#keys.get(origin);
    if (key === undefined) this.#keys.set(origin, (key = Buffer.from(origin)));
    return key;
  }
}

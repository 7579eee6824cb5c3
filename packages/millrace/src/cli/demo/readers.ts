// cli/demo/readers.ts - the consumer group of the demo: members that read every event and keep the ranking of airports.
// Owns: what is known of the events read. Cost: a look at the bytes and one JSON.parse per event, no object of the client's.
import type { Client, Consumer, RecordBatch } from '../../client/mod.ts';
import { Airports } from './airports.ts';
import { Ledger } from './ledger.ts';

interface FlightEvent { readonly origin: string; readonly delay: number }

/** A group of members in this process that share one account of what they read. */
export class Readers {
  readonly ledger = new Ledger();
  readonly airports = new Airports();
  readonly #consumers: Consumer[];
  readonly #stop = new AbortController();

  constructor(client: Client, topic: string, group: string, members: number) {
    this.#consumers = Array.from({ length: members }, () => client.consumer({ topics: [topic], group }));
  }

  /** Reads until stop(); rejects with what stops a member. */
  async run(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.run({ eachBatch: (batch) => this.#read(batch), signal: this.#stop.signal })));
  }

  /** Lets the members finish what they have in hand, commits it and leaves the group. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
  }

  #read(batch: RecordBatch): void {
    const at = batch.reader();
    while (at.next()) {
      const bytes = Buffer.from(at.bytes.buffer, at.bytes.byteOffset, at.bytes.byteLength);
      const value = bytes.subarray(at.valueAt, at.valueAt + at.valueLength);
      const event = JSON.parse(value.toString('latin1')) as FlightEvent;
      this.ledger.note(bytes.toString('latin1', at.keyAt, at.keyAt + at.keyLength), value);
      this.airports.add(event.origin, event.delay);
    }
  }
}

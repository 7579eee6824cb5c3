// broker/produce/producer-ids.ts - gives out producer ids, none of them twice, whatever happens to the node.
// Owns: the next id. I1 An id is given out only below a bound that is durable; a start goes on from that bound.
// Record: key 'producer-ids', value {"version":1,"next":N} in the metadata partition. Cost: one durable write per thousand ids.
import type { KeyedLog } from '../keyed-log.ts';

const key = 'producer-ids';
const blockIds = 1000;

/** The producer ids of a node. */
export class ProducerIds {
  readonly #metadata: KeyedLog;
  #next: number;
  /** First id that is not reserved durably. */
  #bound: number;
  #reserving: Promise<void> | null = null;

  constructor(metadata: KeyedLog) {
    this.#metadata = metadata;
    const text = metadata.values.get(key);
    this.#next = this.#bound = text === undefined ? 0 : (JSON.parse(text) as { next: number }).next;
  }

  /** False for an id that this node never gave out: its producer comes from another life or another cluster. */
  isKnown(producerId: number): boolean {
    return producerId < this.#next;
  }

  /** A fresh id. Rejects with what the log says when a new block cannot be made durable. */
  async take(): Promise<number> {
    while (this.#next >= this.#bound) await (this.#reserving ??= this.#reserve());
    return this.#next++;
  }

  async #reserve(): Promise<void> {
    const bound = this.#bound + blockIds;
    try {
      await this.#metadata.write([{ key, value: JSON.stringify({ version: 1, next: bound }) }]);
      this.#bound = bound;
    } finally {
      this.#reserving = null;
    }
  }
}

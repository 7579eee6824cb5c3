// client/share/acknowledgements.ts - what was said of records of one partition, until it is sent.
// Owns: gathering it, and the form that requests want. A1 What is final takes the place of a renewal; nothing takes the place of what is final.
import { acknowledgeType } from './share-record.ts';

/** A run of offsets as requests carry it: one type for all, or one for each. */
export interface AcknowledgementBatch { readonly firstOffset: number; readonly lastOffset: number; readonly acknowledgeTypes: number[] }

/** What was said, by offset. */
export class Acknowledgements {
  readonly #types = new Map<number, number>();
  #renewals = 0;

  get size(): number { return this.#types.size; }
  get hasRenewals(): boolean { return this.#renewals > 0; }
  /** Rising. */
  get offsets(): number[] { return [...this.#types.keys()].sort((a, b) => a - b); }

  /** Adds what is said of one record (A1). */
  add(offset: number, type: number): void {
    const before = this.#types.get(offset);
    if (before === acknowledgeType.renew) this.#renewals--;
    if (type === acknowledgeType.renew) this.#renewals++;
    this.#types.set(offset, type);
  }

  /** In the form of requests. */
  batches(): AcknowledgementBatch[] {
    const batches: { firstOffset: number; lastOffset: number; acknowledgeTypes: number[] }[] = [];
    for (const offset of this.offsets) {
      const type = this.#types.get(offset)!;
      const last = batches.at(-1);
      if (last !== undefined && last.lastOffset + 1 === offset) { last.lastOffset = offset; last.acknowledgeTypes.push(type); }
      else batches.push({ firstOffset: offset, lastOffset: offset, acknowledgeTypes: [type] });
    }
    for (const batch of batches) if (batch.acknowledgeTypes.every((type) => type === batch.acknowledgeTypes[0])) batch.acknowledgeTypes.length = 1;
    return batches;
  }
}

// client/consumer/leader-epochs.ts - which leader wrote which records of a partition, as far as a consumer has heard.
// Owns: the epoch that goes with a position, so that a new leader can tell whether it has the same records before it (KIP-320). Pure.
// Cost: nothing a record, one comparison a batch; an entry for each change of leader among the records not committed yet.

/** Leader epochs of one partition by offset. */
export class LeaderEpochs {
  /** First offset of each stretch, rising, and the epoch of its records. */
  #starts: number[] = [];
  #epochs: number[] = [];

  /** Epoch of the record before `offset`; -1 when unknown. */
  before(offset: number): number {
    for (let i = this.#starts.length - 1; i >= 0; i--) if (this.#starts[i]! < offset) return this.#epochs[i]!;
    return -1;
  }

  /** A batch of `epoch` begins at `offset`; offsets rise. */
  note(offset: number, epoch: number): void {
    if (this.#epochs.at(-1) === epoch) return;
    this.#starts.push(offset);
    this.#epochs.push(epoch);
  }

  /** Starts over: all that is known is the epoch of the record before the position, -1 for nothing. */
  reset(epoch: number): void {
    this.#starts = epoch < 0 ? [] : [-1];
    this.#epochs = epoch < 0 ? [] : [epoch];
  }

  /** Nobody will ask about what lies before `offset` any more. */
  forgetBefore(offset: number): void {
    while (this.#starts.length > 1 && this.#starts[1]! < offset) {
      this.#starts.shift();
      this.#epochs.shift();
    }
  }
}

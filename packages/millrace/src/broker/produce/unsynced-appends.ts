// broker/produce/unsynced-appends.ts - appends of one partition that can be read before they are acknowledged: those of transactions on a 'page-cache' topic.
// Owns: who else waits for them. There the high watermark says nothing of durability, so a repeated batch asks here first.
// Cost: nothing for other partitions; here one map entry per batch until its group of the journal is synced.

type Done = (error: Error | null) => void;

/** The appends of one partition that are on their way to the disk. */
export class UnsyncedAppends {
  /** By the offset of the batch's last record; who waits beside the one that appended it. */
  readonly #waiting = new Map<number, Done[]>();

  /** A batch was appended whose end is acknowledged by ended(). */
  begun(lastOffset: number): void { this.#waiting.set(lastOffset, []); }

  /** The batch is durable, or will never be. */
  ended(lastOffset: number, error: Error | null): void {
    const waiting = this.#waiting.get(lastOffset);
    this.#waiting.delete(lastOffset);
    for (const done of waiting ?? []) done(error);
  }

  /** Waits for the batch; false when it is not under way. */
  wait(lastOffset: number, done: Done): boolean {
    const waiting = this.#waiting.get(lastOffset);
    waiting?.push(done);
    return waiting !== undefined;
  }
}

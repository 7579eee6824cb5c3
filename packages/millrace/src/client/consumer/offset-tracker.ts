// client/consumer/offset-tracker.ts - how far a partition is done, when its records finish in any order.
// Owns: the one number that may be committed. T1 everything below `committable` is done; a commit never covers a record in work.
// Cost: one array slot per record in work, and a set entry only for those that finish before an earlier one.

/** Tracks one partition. */
export class OffsetTracker {
  /** Offsets in work or done out of order, rising; those before `#head` are history. */
  readonly #offsets: number[] = [];
  readonly #doneEarly = new Set<number>();
  #head = 0;
  #next: number;

  /** `next` is the first offset that is not done. */
  constructor(next: number) {
    this.#next = next;
  }

  /** The next offset to read for somebody who takes over: all before it are done. */
  get committable(): number { return this.#head < this.#offsets.length ? this.#offsets[this.#head]! : this.#next; }
  /** Records begun and not done. */
  get inWorkCount(): number { return this.#offsets.length - this.#head - this.#doneEarly.size; }

  /** A record is handed out; offsets rise. */
  begin(offset: number): void {
    this.#offsets.push(offset);
    if (offset >= this.#next) this.#next = offset + 1;
  }

  /** A record is done. */
  done(offset: number): void {
    if (this.#offsets[this.#head] !== offset) { this.#doneEarly.add(offset); return; }
    this.#head++;
    while (this.#head < this.#offsets.length && this.#doneEarly.delete(this.#offsets[this.#head]!)) this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#offsets.length) { this.#offsets.splice(0, this.#head); this.#head = 0; }
  }

  /** Nothing more comes before `next`: what lies between was no record for us (control records, compacted ones). */
  advance(next: number): void {
    if (next > this.#next) this.#next = next;
  }

  /** Starts over at `next`: a seek. */
  reset(next: number): void {
    this.#offsets.length = 0;
    this.#doneEarly.clear();
    this.#head = 0;
    this.#next = next;
  }
}

// log/pace.ts - how long background writes wait for the journal's sake.
// Owns: one judgement: are commits slower than they usually are? Never: waiting itself.
// Two running means of commit times, one quick and one slow: while the quick one is well above the slow one, background work holds back.
// It never stops: the caller also looks at how much memory waits for it.

const quickShare = 0.2;
const slowShare = 0.005;
/** Slower than usual means at least this many times, and this many ms more. */
const factor = 2;
const leastMs = 1;
const holdBackMs = 10;

/** The pace of background writes. */
export class Pace {
  #quickMs = 0;
  #slowMs = 0;

  /** Notes how long a commit took. */
  note(commitMs: number): void {
    this.#quickMs += (commitMs - this.#quickMs) * quickShare;
    this.#slowMs += (commitMs - this.#slowMs) * (this.#slowMs === 0 ? 1 : slowShare);
  }

  /** What a piece of background work should wait before it begins: 0 while commits are as quick as usual. */
  get waitMs(): number { return this.#quickMs > this.#slowMs * factor + leastMs ? holdBackMs : 0; }
}

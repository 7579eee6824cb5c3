// log/read-gate.ts - how many reads of old data are under way at once; the others wait in line.
// Owns: the line. Never: what is read. More at once would not be faster (four threads read for the process), but each holds memory, and
// thousands that begin together would hold the thread up.

/** A gate with room for `countMax` at a time. */
export class ReadGate {
  readonly #countMax: number;
  #count = 0;
  readonly #line: (() => void)[] = [];

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Runs `work` when its turn has come. */
  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#count < this.#countMax) this.#count++;
    else await new Promise<void>((resolve) => { this.#line.push(resolve); });
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#count--;
      else next();
    }
  }
}

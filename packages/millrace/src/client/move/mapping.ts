// client/move/mapping.ts - which offset of the source became which offset of the target, where offsets could not be kept.
// Owns: the runs of one partition, and translation by them. Never: where runs are kept (moves-log.ts).
// P1 Runs rise in both offsets and do not overlap. P2 A position is translated to the first record that was copied from there on, so a group
// reads at the target exactly the records that it had not read at the source.

/** Records that lie back to back on both sides. */
export interface Run { readonly source: number; readonly target: number; readonly count: number }

/** Runs of one partition. */
export class OffsetMapping {
  readonly #runs: Run[] = [];

  get runs(): readonly Run[] { return this.#runs; }
  /** Records that were copied. */
  get records(): number { return this.#runs.reduce((sum, { count }) => sum + count, 0); }

  /** Adds a run after those that are there; one that goes on where the last ends becomes a part of it. */
  add(run: Run): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && last.source + last.count === run.source && last.target + last.count === run.target) this.#runs[this.#runs.length - 1] = { ...last, count: last.count + run.count };
    else this.#runs.push(run);
  }

  /** P2. `end` is the target's end: for a position after all that was copied. */
  translate(position: number, end: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { source, count } = this.#runs[middle]!;
      if (source + count <= position) low = middle + 1;
      else high = middle;
    }
    const run = this.#runs[low];
    if (run === undefined) return end;
    return run.target + Math.max(0, position - run.source);
  }
}

/** Runs of pairs of offsets that rise. */
export function runsOf(pairs: Iterable<readonly [source: number, target: number]>): Run[] {
  const runs: { source: number; target: number; count: number }[] = [];
  for (const [source, target] of pairs) {
    const last = runs.at(-1);
    if (last !== undefined && last.source + last.count === source && last.target + last.count === target) last.count++;
    else runs.push({ source, target, count: 1 });
  }
  return runs;
}

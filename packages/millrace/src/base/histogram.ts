// base/histogram.ts - how often values of each size were seen, for whoever shows latencies and sizes.
// Owns: the counts. Never: names, units, text.
// H1 `counts` has one place more than `bounds`: what is larger than all of them. H2 Counts and sum only rise.
// Cost: a few comparisons per value, no allocation.

/** Counts of values by size. */
export class Histogram {
  /** Upper bounds, included, rising; in the unit of what is observed. */
  readonly bounds: readonly number[];
  /** Values within each bound and above the one before; the last place counts those above all bounds. */
  readonly counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  get sum(): number { return this.#sum; }

  /** Values seen. */
  get count(): number {
    let count = 0;
    for (let place = 0; place < this.counts.length; place++) count += this.counts[place]!;
    return count;
  }

  observe(value: number): void {
    const { bounds } = this;
    let place = 0;
    while (place < bounds.length && value > bounds[place]!) place++;
    this.counts[place]!++;
    this.#sum += value;
  }
}

/** Bounds in ms for what takes from a tenth of a millisecond to ten seconds: requests. */
export const requestMsBounds: readonly number[] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** Bounds in ms for writes and syncs of a disk. */
export const diskMsBounds: readonly number[] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000];

/** Bounds in bytes, by fours from 64 bytes to 64 MiB. */
export const byteBounds: readonly number[] = [64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];

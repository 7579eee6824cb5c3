// testing/sim/coverage.ts - which fault was met in which place, over many seeds.
// Owns: the list of what must be met, the counts, the table. A full run fails when a listed pair was never met.

/** Counts of (fault, place). */
export type CoverageCounts = Record<string, number>;

const separator = ' @ ';

/** Counts of one seed or of many. */
export class Coverage {
  readonly counts: CoverageCounts;

  constructor(counts: CoverageCounts = {}) {
    this.counts = counts;
  }

  /** Notes that `fault` happened in `place`. */
  met(fault: string, place: string): void {
    const name = fault + separator + place;
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  add(counts: CoverageCounts): void {
    for (const [name, count] of Object.entries(counts)) this.counts[name] = (this.counts[name] ?? 0) + count;
  }

  /** The listed pairs that were never met, as 'fault @ place'. */
  missing(required: CoverageList): string[] {
    return pairs(required).filter((name) => !this.counts[name]);
  }

  /** One line per fault: its places with their counts; a place never met shows 0. */
  table(required: CoverageList): string {
    const faults = new Map<string, Map<string, number>>();
    for (const name of [...pairs(required), ...Object.keys(this.counts).sort()]) {
      const [fault, place] = name.split(separator) as [string, string];
      if (!faults.has(fault)) faults.set(fault, new Map());
      faults.get(fault)!.set(place, this.counts[name] ?? 0);
    }
    const width = Math.max(...[...faults.keys()].map((fault) => fault.length), 5);
    return [...faults].map(([fault, places]) =>
      `${fault.padEnd(width)}  ${[...places].map(([place, count]) => `${place} ${count}`).join(', ')}`).join('\n');
  }
}

/** Faults and the places where each must be met. */
export type CoverageList = Readonly<Record<string, readonly string[]>>;

function pairs(required: CoverageList): string[] {
  return Object.entries(required).flatMap(([fault, places]) => places.map((place) => fault + separator + place));
}

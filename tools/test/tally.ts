// tools/test/tally.ts - what a part came to.

/** Counts of one part, with what a person needs to act: failures in full, the reason of every skip. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** 'name: what went wrong', one per failure that has words. */
  readonly failures: readonly string[];
  readonly skips: readonly string[];
}

/** A part that could not run at all: one failure. */
export const failedOutright = (why: string): Tally => ({ passed: 0, failed: 1, skipped: 0, failures: [why], skips: [] });

/** The closing line of a run. */
export const closingLine = (tallies: readonly Tally[]): string => {
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  return `${sum((tally) => tally.passed)} passed, ${sum((tally) => tally.failed)} failed, ${sum((tally) => tally.skipped)} skipped`;
};

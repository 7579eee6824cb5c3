// tools/test/tally.ts - what a part came to.

/** Counts of one part, with what a person needs to act: failures in full, the reason of every skip. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** 'name: what went wrong', one per failure that has words. */
  readonly failures: readonly string[];
  readonly skips: readonly string[];
  /** Files with failures, as paths from the repository; left out by parts that are no test files. */
  readonly failedFiles?: readonly string[];
  /** Failures that did not come again in a second run. */
  readonly passing?: readonly string[];
}

/** A first run, with its failed files run once more: what fails twice has failed, what does not is told. */
export function withSecondRun(first: Tally, second: Tally): Tally {
  const passing = second.failed < first.failed ? first.failures.filter((text) => !second.failures.some((again) => headOf(again) === headOf(text))) : [];
  return { ...second, passed: first.passed + Math.max(0, first.failed - second.failed), skipped: first.skipped, skips: first.skips, passing };
}

const headOf = (text: string): string => text.slice(0, text.indexOf(': '));

/** A part that could not run at all: one failure. */
export const failedOutright = (why: string): Tally => ({ passed: 0, failed: 1, skipped: 0, failures: [why], skips: [] });

/** The closing line of a run. */
export const closingLine = (tallies: readonly Tally[]): string => {
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  return `${sum((tally) => tally.passed)} passed, ${sum((tally) => tally.failed)} failed, ${sum((tally) => tally.skipped)} skipped`;
};

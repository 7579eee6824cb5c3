// testing/sim/required-coverage.ts - the faults that a full run must have met, and where. Grows with the simulations.
import type { CoverageList } from './coverage.ts';
import type { SimLevel } from './run-seed.ts';

/** By level. */
export const requiredCoverage: Record<SimLevel, CoverageList> = { log: {}, node: {} };

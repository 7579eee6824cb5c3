// node/metrics/observed.ts - what a scrape looks at: the parts of a running node.
// Owns: the type. Never: looking.
import type { Broker } from '../../broker/mod.ts';
import type { Log } from '../../log/mod.ts';
import type { Clock } from '../../os/mod.ts';
import type { Readiness } from '../readiness.ts';
import type { StallWatch } from '../stall-watch.ts';
import type { ProcessFigures } from './process-figures.ts';

/** A running node, to be looked at. */
export interface Observed {
  readonly broker: Broker;
  readonly log: Log;
  readonly clock: Clock;
  /** Null for a node that shares its thread with a program. */
  readonly stalls: StallWatch | null;
  /** Wall time. */
  readonly startedMs: number;
  readonly version: string;
  readiness(): Readiness;
  processFigures(): Promise<ProcessFigures>;
}

// cli/top/figures.ts - one look at a node or cluster, as numbers; wherever they come from.
// Owns: the shapes. Counters rise from some zero: only differences of two looks mean something. What a source cannot tell is null.

/** Counts by upper bound, as Prometheus has them: `counts[i]` values up to `bounds[i]`, the last bound being Infinity; times in seconds. */
export interface Buckets { readonly bounds: readonly number[]; readonly counts: readonly number[] }

/** A topic. */
export interface TopicFigures {
  readonly partitions: number;
  /** Counters. */
  readonly recordsIn: number;
  readonly bytesIn: number | null;
  readonly recordsOut: number | null;
  readonly bytesOut: number | null;
  readonly sizeBytes: number | null;
}

/** A group. */
export interface GroupFigures {
  readonly state: string;
  readonly members: number | null;
  readonly lag: number;
  readonly lagSeconds: number | null;
}

/** What only the node itself can tell. */
export interface NodeFigures {
  readonly version: string;
  readonly ready: boolean;
  readonly logState: string;
  readonly startedSeconds: number;
  readonly connections: number;
  readonly residentBytes: number;
  /** Counter. */
  readonly cpuSeconds: number;
  readonly requestMemoryBytes: number;
  readonly responseMemoryBytes: number;
  readonly diskFreeBytes: number | null;
  readonly transactionsOpen: number;
  readonly checkpointLagBytes: number;
  /** Counters. */
  readonly stalls: number;
  readonly journalBytes: number;
  readonly tailHits: number;
  readonly tailMisses: number;
  readonly journalSync: Buckets | null;
  readonly loopDelay: Buckets | null;
  /** Of each api: how long its requests took. */
  readonly requests: ReadonlyMap<string, Buckets>;
}

/** One look. */
export interface Figures {
  /** Rising time in ms. */
  readonly atMs: number;
  readonly node: NodeFigures | null;
  readonly topics: ReadonlyMap<string, TopicFigures>;
  readonly groups: ReadonlyMap<string, GroupFigures>;
  /** Topics and groups that are there and were left out. */
  readonly omitted: number;
}

/** Where looks come from. */
export interface FigureSource {
  /** For the head of the screen. */
  readonly name: string;
  look(): Promise<Figures>;
}

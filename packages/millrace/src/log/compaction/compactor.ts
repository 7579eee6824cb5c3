// log/compaction/compactor.ts - when compaction runs, and over which partitions.
// Owns: the rounds, the line of partitions that are due, the pace, what happens to a partition that cannot be compacted.
// Never: a pass (pass.ts), what stays of a log (cleaner.ts).
// C1 A partition is compacted by one pass at a time, and by none while its files are being removed (`leave`). C2 A partition whose batches cannot be
// read is told of once and left alone until the next start; the others go on.
// Cost: nothing but a look at each partition's configuration per pause, as long as none is compacted; threads live from a round's first pass to its end.
import { assert, isMillraceError, limits, type Report } from '../../base/mod.ts';
import type { Helper, Threads, Timer } from '../../os/mod.ts';
import type { LogCore } from '../core.ts';
import type { Pace } from '../pace.ts';
import type { PartitionLog } from '../partition.ts';
import type { Swap } from '../swap.ts';
import type { CleanerConfig, CompactionFacts, CompactionGuide } from '../types.ts';
import { openCleaner } from './open-cleaner.ts';
import { PassStopped, runPass, type PassResult } from './pass.ts';
import { planOf, type Plan } from './plan.ts';

/** What a compactor works with. */
export interface CompactorOptions {
  readonly core: LogCore;
  readonly threads: Threads | undefined;
  readonly pace: Pace;
  readonly partitions: () => Iterable<PartitionLog>;
  readonly report: Report;
  /** Files of a partition that a crash left behind. */
  readonly clear: (partition: PartitionLog) => Promise<void>;
  readonly beforeSwap: (partition: PartitionLog) => Promise<void>;
  readonly swap: (partition: PartitionLog, swap: Swap) => Promise<void>;
  readonly roll: (partition: PartitionLog) => Promise<void>;
  /** Whether the log takes writes. */
  readonly mayWork: () => boolean;
}

/** How the log compacts until it is told otherwise: Kafka's defaults. */
const defaultConfig: CleanerConfig = {
  enabled: true, threads: 1, mapBytes: limits.log.compactionMapBytesDefault, mapFill: 0.9, bufferBytes: limits.log.compactionBufferBytesDefault,
  bytesPerSecondMax: Number.MAX_VALUE, backoffMs: 15_000,
};

/** On this thread a piece is small: what it computes holds everybody up. */
const hereBufferBytes = 32 * 1024;

/** Compacts the partitions of one log. */
export class Compactor {
  readonly #options: CompactorOptions;
  #config: CleanerConfig = defaultConfig;
  #guide: CompactionGuide = { look: (partition) => ({ stableOffset: partition.highWatermark, aborted: [], producers: [] }), compacted: () => {} };
  #round: Promise<void> | null = null;
  #timer: Timer | null = null;
  #closed = false;
  /** Partitions with a pass under way, and those of them that are to be left. */
  readonly #busy = new Map<string, Promise<unknown>>();
  readonly #leaving = new Set<string>();
  /** Looked through for left-overs since the log was opened. */
  readonly #cleared = new WeakSet<PartitionLog>();
  /** When what was read and written so far is paid for, at the rate that is allowed. */
  #paidMs = 0;
  readonly counts = { compactions: 0, compactedBytesIn: 0, compactedBytesOut: 0, recordsDropped: 0 };

  constructor(options: CompactorOptions) { this.#options = options; }

  configure(config: CleanerConfig): void {
    this.#config = config;
    if (this.#timer !== null) this.start();
  }

  guide(guide: CompactionGuide): void { this.#guide = guide; }

  /** Looks for work again and again. */
  start(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.core.clock.after(Math.max(1, this.#config.backoffMs), () => {
      void this.run().finally(() => this.start());
    });
  }

  /** A round over everything that is due now; after the one under way, if there is one. Never rejects. */
  async run(): Promise<void> {
    while (this.#round !== null) await this.#round;
    if (this.#closed) return;
    this.#round = this.#runRound().finally(() => { this.#round = null; });
    await this.#round;
  }

  /** Resolves when no pass touches the partition of that name; the one under way ends early. */
  async leave(name: string): Promise<void> {
    this.#leaving.add(name);
    await this.#busy.get(name);
    this.#leaving.delete(name);
  }

  /** Ends what is under way, early. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#round;
  }

  async #runRound(): Promise<void> {
    if (!this.#config.enabled || !this.#options.mayWork()) return;
    await this.#rollOverdue();
    const line = this.#due();
    const threads = Math.min(this.#config.threads, line.length, limits.log.compactionThreadsMax);
    await Promise.all(Array.from({ length: threads }, () => this.#work(line, threads)));
  }

  /** Segments that are being filled are not compacted: where records may not wait for longer, the next one begins. */
  async #rollOverdue(): Promise<void> {
    const nowMs = this.#options.core.clock.nowMs();
    for (const partition of this.#options.partitions()) {
      const { compaction } = partition.config;
      if (compaction === undefined || partition.activeFirstMs < 0 || partition.activeFirstMs >= nowMs - compaction.lagMsMax) continue;
      await this.#options.roll(partition).catch((error: Error) => { if (!this.#closed) this.#options.report(`${partition.name}: no new segment could be started: ${error.message}`, 'warn'); });
    }
  }

  /** Partitions that are due, the one first that has waited too long or has most to clean. */
  #due(): PartitionLog[] {
    const found: { partition: PartitionLog; plan: Plan }[] = [];
    for (const partition of this.#options.partitions()) {
      if (partition.config.compaction === undefined || partition.uncleanable !== null) continue;
      const plan = this.#planOf(partition)?.plan;
      if (plan?.due) found.push({ partition, plan });
    }
    found.sort((a, b) => Number(b.plan.overdue) - Number(a.plan.overdue) || b.plan.dirtyRatio - a.plan.dirtyRatio);
    return found.map(({ partition }) => partition);
  }

  #planOf(partition: PartitionLog): { plan: Plan; facts: CompactionFacts } | null {
    const facts = this.#guide.look(partition);
    const plan = facts === null ? null : planOf(partition, facts.stableOffset, this.#options.core.clock.nowMs());
    return plan === null ? null : { plan, facts: facts! };
  }

  /** One thread takes partitions from the line until it is empty. */
  async #work(line: PartitionLog[], threads: number): Promise<void> {
    let helper: Helper | null = null;
    try {
      for (let partition = line.shift(); partition !== undefined; partition = line.shift()) {
        helper ??= openCleaner(this.#options.threads, this.#options.core.clock);
        const working = this.#compact(partition, helper, threads);
        this.#busy.set(partition.name, working);
        const went = await working;
        this.#busy.delete(partition.name);
        if (went) continue;
        await helper.close(); // it may be the thread that failed
        helper = null;
      }
    } finally {
      await helper?.close();
    }
  }

  /** Pass after pass while memory for keys does not last. False when something failed that is not the partition's own fault. Never rejects. */
  async #compact(partition: PartitionLog, helper: Helper, threads: number): Promise<boolean> {
    try {
      for (let again = true; again && !this.#isStopped(partition); ) {
        if (!this.#cleared.has(partition)) await this.#options.clear(partition);
        this.#cleared.add(partition);
        const found = this.#planOf(partition);
        if (found === null || !found.plan.due) return true;
        const result = await this.#pass(partition, found, helper, threads);
        again = result.full;
        this.#note(partition, result);
      }
      return true;
    } catch (error) {
      return this.#failed(partition, error as Error);
    }
  }

  #pass(partition: PartitionLog, { plan, facts }: { plan: Plan; facts: CompactionFacts }, helper: Helper, threads: number): Promise<PassResult> {
    const { core } = this.#options;
    const { mapBytes, mapFill, bufferBytes } = this.#config;
    return runPass({
      core, helper, partition, plan, facts, mapBytes: mapBytes / threads, mapFill,
      bufferBytes: this.#options.threads === undefined ? hereBufferBytes : Math.max(hereBufferBytes, Math.floor(bufferBytes / threads / 2)),
      isStopped: () => this.#isStopped(partition),
      pause: (bytes) => this.#pause(partition, bytes),
      beforeSwap: () => this.#options.beforeSwap(partition),
      swap: (swap) => this.#options.swap(partition, swap),
    });
  }

  #note(partition: PartitionLog, { cleanEndOffset, bytesIn, bytesOut, recordsDropped }: PassResult): void {
    const { counts } = this;
    counts.compactions++;
    counts.compactedBytesIn += bytesIn;
    counts.compactedBytesOut += bytesOut;
    counts.recordsDropped += recordsDropped;
    if (!partition.removed) this.#guide.compacted(partition, Math.min(cleanEndOffset, partition.tail?.firstOffset ?? Infinity));
  }

  #failed(partition: PartitionLog, error: Error): boolean {
    if (error instanceof PassStopped || this.#closed || partition.removed) return true;
    if (isMillraceError(error, 'data-damaged')) {
      partition.uncleanable = error.message; // C2
      this.#options.report(`${partition.name} is not compacted any more until the next start: ${error.message}`, 'error');
      return true;
    }
    this.#options.report(`${partition.name} could not be compacted now: ${error.message}`, 'warn');
    return false;
  }

  #isStopped(partition: PartitionLog): boolean {
    return this.#closed || partition.removed || this.#leaving.has(partition.name) || partition.config.compaction === undefined || !this.#config.enabled || !this.#options.mayWork();
  }

  /** Lets others go first: those who wait for this thread, the journal's commits while they are slow, and at the rate that is allowed. */
  async #pause(partition: PartitionLog, bytes: number): Promise<void> {
    const { core, pace } = this.#options;
    const nowMs = core.clock.monotonicMs();
    this.#paidMs = Math.max(this.#paidMs, nowMs) + (bytes / this.#config.bytesPerSecondMax) * 1000;
    for (let waitMs = Math.max(this.#paidMs - nowMs, pace.waitMs); waitMs > 0 && !this.#isStopped(partition); waitMs -= longestWaitMs) {
      await new Promise<void>((resolve) => core.clock.after(Math.min(waitMs, longestWaitMs), resolve));
    }
    await new Promise<void>((resolve) => core.clock.soon(resolve));
  }
}

/** Longer waits are asked in between whether they still make sense. */
const longestWaitMs = 200;

assert(limits.log.compactionBufferBytesDefault >= 2 * hereBufferBytes, 'a thread gets more at once than can be done here');

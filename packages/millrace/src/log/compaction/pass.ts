// log/compaction/pass.ts - one pass over one partition: read, have it computed, write, swap.
// Owns: the order of a pass, its buffers, its pace. Never: what stays (cleaner.ts), which partition (compactor.ts).
//
//   map      keys of the records that were not cleaned yet, as far as memory goes
//   filter   each group of segments from the oldest on -> one new segment, synced -> one record in the journal: the swap
//
// Q1 What is read, written and computed at once is bounded by a buffer; between two of them the thread is given back, and the journal's commits come first.
// Q2 A crash or an error at any point leaves whole segments: those of before, or those that a durable swap named.
import { assert, isMillraceError, limits, MillraceError } from '../../base/mod.ts';
import type { Helper } from '../../os/mod.ts';
import type { LogCore } from '../core.ts';
import type { Lease } from '../file-cache.ts';
import { segmentPath } from '../names.ts';
import type { PartitionLog } from '../partition.ts';
import type { Segment, SegmentFacts } from '../segment.ts';
import type { Swap } from '../swap.ts';
import type { CompactionFacts } from '../types.ts';
import type { CleanerCall, StretchAnswer } from './cleaner-calls.ts';
import type { CleanerStart, Filtered, Mapped, Step } from './cleaner.ts';
import { groupsOf, type Plan } from './plan.ts';
import { SegmentOutput } from './segment-output.ts';

/** Thrown out of a pass that was told to stop; nobody is told of it. */
export class PassStopped extends Error {}

/** What a pass works with. */
export interface PassOptions {
  readonly core: LogCore;
  readonly helper: Helper;
  readonly partition: PartitionLog;
  readonly plan: Plan;
  readonly facts: CompactionFacts;
  readonly mapBytes: number; readonly mapFill: number; readonly bufferBytes: number;
  /** Asked before each step: the pass is to end when it answers true. */
  readonly isStopped: () => boolean;
  /** Waits its turn after `bytes` were read or written. */
  readonly pause: (bytes: number) => Promise<void>;
  /** Awaited before the first swap: records are about to go. */
  readonly beforeSwap: () => Promise<void>;
  readonly swap: (swap: Swap) => Promise<void>;
}

/** What a pass did. */
export interface PassResult {
  /** Below it the partition is compacted. */
  readonly cleanEndOffset: number;
  /** Memory for keys did not last: another pass goes on. */
  readonly full: boolean;
  readonly bytesIn: number; readonly bytesOut: number; readonly recordsDropped: number;
}

/** Runs one pass. Rejects PassStopped, 'corrupt-batch' and its kin for batches that cannot be cleaned, and what the disk rejects with. */
export async function runPass(options: PassOptions): Promise<PassResult> {
  return new Pass(options).run();
}

class Pass {
  readonly #options: PassOptions;
  #buffer: Uint8Array;
  #bytesIn = 0;
  #bytesOut = 0;
  #recordsDropped = 0;

  constructor(options: PassOptions) {
    this.#options = options;
    this.#buffer = new Uint8Array(options.bufferBytes);
  }

  async run(): Promise<PassResult> {
    const { partition, plan, beforeSwap } = this.#options;
    await this.#call({ kind: 'begin', start: this.#start() });
    try {
      const { cleanEndOffset, full } = await this.#map();
      const groups = groupsOf(plan.segments, cleanEndOffset, partition.config.segmentBytes);
      await beforeSwap();
      for (const group of groups) await this.#clean(group, group === groups.at(-1) ? cleanEndOffset : 0);
      return { cleanEndOffset, full, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut, recordsDropped: this.#recordsDropped };
    } finally {
      await this.#call({ kind: 'end' }).catch(() => {}); // a thread that is gone holds no memory
    }
  }

  #start(): CleanerStart {
    const { core, partition, plan, facts, mapBytes, mapFill } = this.#options;
    return {
      mapBytes, mapFill, nowMs: core.clock.nowMs(), deleteRetentionMs: partition.config.compaction!.deleteRetentionMs,
      dirtyFrom: plan.dirtyFrom, end: plan.end, aborted: facts.aborted, producers: facts.producers,
    };
  }

  /** Takes in keys until the plan's end, or until there is no more memory for them. */
  async #map(): Promise<{ cleanEndOffset: number; full: boolean }> {
    const { plan } = this.#options;
    for (const segment of plan.segments) {
      if (segment.endOffset <= plan.dirtyFrom) continue;
      let full: Mapped | null = null;
      await this.#walk<Mapped>('map', segment, async (mapped) => {
        if (mapped.full) full = mapped;
        return !mapped.full;
      });
      if (full !== null) return { cleanEndOffset: (full as Mapped).mappedTo, full: true };
    }
    return { cleanEndOffset: plan.end, full: false };
  }

  /** Makes one segment of a group and swaps it in. */
  async #clean(group: readonly Segment[], cleanEndOffset: number): Promise<void> {
    const { core, partition, swap } = this.#options;
    const generation = partition.nextGeneration;
    await this.#needRoom(group.reduce((sum, { bytes }) => sum + bytes, 0));
    const output = await SegmentOutput.create(core.disk, partition.name, group[0]!.baseOffset, generation, partition.config.indexIntervalBytes);
    let made: SegmentFacts | null;
    try {
      for (const segment of group) {
        await this.#walk<Filtered>('filter', segment, async (filtered) => {
          await output.write(filtered.output);
          await this.#options.pause(filtered.output.length);
          this.#recordsDropped += filtered.recordsIn - filtered.recordsKept;
          return true;
        });
      }
      made = await output.finish();
      this.#checkGoOn();
    } catch (error) {
      await output.discard().catch(() => {}); // the next look at the partition clears what stays
      throw error;
    }
    this.#bytesOut += output.bytes;
    const last = group.at(-1)!;
    await swap({ from: group[0]!.baseOffset, to: last.baseOffset + 1, generation, cleanEndOffset, segments: made === null ? [] : [made] });
  }

  /** Gives every batch of a segment to the thread, a buffer at a time, until `visit` says false. */
  async #walk<T extends Mapped | Filtered>(kind: 'map' | 'filter', segment: Segment, visit: (result: T) => Promise<boolean>): Promise<void> {
    const { partition, pause } = this.#options;
    const path = segmentPath(partition.name, segment, 'log');
    const lease = await this.#open(segment, path);
    try {
      let wanted = 0;
      for (let position = 0; position < segment.bytes; ) {
        this.#checkGoOn();
        const length = Math.min(Math.max(this.#options.bufferBytes, wanted), segment.bytes - position);
        if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
        if ((await lease.file.read(this.#buffer.subarray(0, length), position)) < length) throw damaged(path, position, 'the file is too short');
        const result = await this.#stretch<T>(kind, length, path, position);
        this.#bytesIn += length;
        await pause(length);
        if (!(await visit(result))) return;
        wanted = nextWanted(result, segment.bytes - position, path, position);
        position += result.consumed;
      }
    } finally {
      lease.release();
    }
  }

  /** A file that is missing is damage, unless retention has dropped its segment meanwhile. */
  async #open(segment: Segment, path: string): Promise<Lease> {
    const { core, partition } = this.#options;
    try {
      return await core.files.acquire(path);
    } catch (error) {
      if (!isMillraceError(error, 'not-found')) throw error;
      if (!partition.segments.includes(segment)) throw new PassStopped();
      throw damaged(path, 0, 'the file is missing', error);
    }
  }

  async #stretch<T extends Mapped | Filtered>(kind: 'map' | 'filter', length: number, path: string, position: number): Promise<T> {
    const bytes = this.#buffer;
    this.#buffer = new Uint8Array(0); // lent
    try {
      const answer = await this.#call({ kind, bytes, length }) as StretchAnswer<T>;
      this.#buffer = answer.bytes;
      return answer.result;
    } catch (error) {
      if (isMillraceError(error, 'closed')) throw error;
      throw damaged(path, position, (error as Error).message, error as Error);
    }
  }

  #call(call: CleanerCall): Promise<unknown> {
    return this.#options.helper.call(call, 'bytes' in call ? [call.bytes.buffer] : []);
  }

  async #needRoom(bytes: number): Promise<void> {
    const free = await this.#options.core.disk.freeBytes();
    if (free < bytes + limits.log.groupBytesMax) throw new MillraceError('disk-full', `Cannot compact '${this.#options.partition.name}': it takes up to ${bytes} bytes for a while, the disk has ${free} left`);
  }

  #checkGoOn(): void {
    if (this.#options.isStopped()) throw new PassStopped();
  }
}

/** Bytes to read for the next batch when it was longer than what was read. */
function nextWanted({ consumed, wanted }: Step, left: number, path: string, position: number): number {
  if (consumed > 0) return 0;
  if (wanted > left || wanted > limits.log.batchBytesMax) throw damaged(path, position, 'the batch is longer than the segment');
  assert(wanted > 0, 'a walk goes on');
  return wanted;
}

function damaged(path: string, position: number, what: string, cause?: Error): MillraceError {
  return new MillraceError('data-damaged', `Cannot compact '${path}' from byte ${position} on: ${what}`, { path, position, what, ...(cause === undefined ? {} : { cause }) });
}

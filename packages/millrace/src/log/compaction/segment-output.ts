// log/compaction/segment-output.ts - the segment that compaction writes: its log and its indexes, durable before anybody hears of it.
// Owns: those files until they are swapped in. Never: what is written (cleaner.ts), the swap (log.ts).
// S1 `finish` answers facts only when every byte and every name that they speak of is synced.
// Cost: a sync for each 4 MiB, so that no single one is long.
import { MiB } from '../../base/mod.ts';
import type { Disk, DiskFile } from '../../os/mod.ts';
import { batchBaseOffset, batchBytes, batchEndOffset, batchMaxTimestamp } from '../batch-bytes.ts';
import { segmentPath, segmentPaths } from '../names.ts';
import { removeQuietly } from '../removals.ts';
import { emptySegment, Segment, type SegmentFacts } from '../segment.ts';

const syncAtBytes = 4 * MiB;

/** One segment being written. */
export class SegmentOutput {
  readonly #disk: Disk;
  readonly #partition: string;
  readonly #segment: Segment;
  readonly #file: DiskFile;
  #unsyncedBytes = 0;
  #open = true;

  private constructor(disk: Disk, partition: string, segment: Segment, file: DiskFile) {
    this.#disk = disk;
    this.#partition = partition;
    this.#segment = segment;
    this.#file = file;
  }

  /** Begins a segment; what an earlier attempt left under its name is overwritten. */
  static async create(disk: Disk, partition: string, baseOffset: number, generation: number, indexIntervalBytes: number | undefined): Promise<SegmentOutput> {
    const segment = new Segment(emptySegment(baseOffset, generation), indexIntervalBytes);
    const file = await disk.open(segmentPath(partition, segment, 'log'), { create: true });
    const output = new SegmentOutput(disk, partition, segment, file);
    try {
      await file.truncate(0);
      return output;
    } catch (error) {
      await output.discard();
      throw error;
    }
  }

  get bytes(): number { return this.#segment.bytes; }

  /** Adds whole batches. */
  async write(batches: Uint8Array): Promise<void> {
    if (batches.length === 0) return;
    const position = this.#segment.bytes;
    const view = new DataView(batches.buffer, batches.byteOffset, batches.length);
    for (let at = 0; at < batches.length; at += batchBytes(view, at)) {
      this.#segment.absorb(position + at, batchBytes(view, at), batchBaseOffset(view, at), batchEndOffset(view, at), batchMaxTimestamp(view, at));
    }
    await this.#file.write([batches], position);
    this.#unsyncedBytes += batches.length;
    if (this.#unsyncedBytes < syncAtBytes) return;
    await this.#file.sync();
    this.#unsyncedBytes = 0;
  }

  /** S1: the facts of a segment that is durable; null when nothing was written, and then nothing is left of it. */
  async finish(): Promise<SegmentFacts | null> {
    const segment = this.#segment;
    if (segment.bytes === 0) {
      await this.discard();
      return null;
    }
    await this.#file.sync();
    await this.#close();
    segment.writtenBytes = segment.bytes;
    segment.seal();
    const pending = segment.index.encodePending();
    await this.#store('index', pending?.index ?? new Uint8Array(0));
    await this.#store('timeindex', pending?.time ?? new Uint8Array(0));
    if (pending !== null) segment.index.stored(pending.indexCount, pending.timeCount);
    await this.#disk.syncFolder(this.#partition);
    await this.#disk.syncFolder('.'); // the partition's own folder may be newer than the last checkpoint
    return segment.facts();
  }

  /** Leaves nothing behind. */
  async discard(): Promise<void> {
    await this.#close();
    for (const path of segmentPaths(this.#partition, this.#segment)) await removeQuietly(this.#disk, path);
  }

  async #store(kind: 'index' | 'timeindex', bytes: Uint8Array): Promise<void> {
    const file = await this.#disk.open(segmentPath(this.#partition, this.#segment, kind), { create: true });
    try {
      if (bytes.length > 0) await file.write([bytes], 0);
      await file.truncate(bytes.length);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
  }
}

// broker/share/share-log.ts - the records of share groups in their partition: appended in batches, read back at start, kept short.
// Owns: the partition, the order of appends, when to shorten. Never: what records say (stored-state.ts).
// L1 Records are appended, and their `done` called, in the order of append(). L2 A record and the dead letters given with it are durable together.
// L3 While the log has no room, records wait. L4 What lies before a copy is deleted once the copy is durable; a value is copied as the log knows it.
// The partition is made by the first share group: a node without one has none. Cost: records of one turn of the loop share a batch and a sync.
import { isMillraceError, limits, MiB, MillraceError, type Report } from '../../base/mod.ts';
import type { JointAppend, Log, Partition, PartitionConfig } from '../../log/mod.ts';
import type { Clock } from '../../os/mod.ts';
import { BatchBuilder, forEachBatch, RecordCursor } from '../../wire/mod.ts';

/** A record on its way in. */
export interface ShareRecord {
  readonly key: string;
  /** Asked when the record is appended, after begin(); null takes the key back. */
  readonly value: () => string | null;
  /** Appended with it. */
  readonly deadLetters: readonly JointAppend[];
  /** It is about to be appended; undo() when it was not, for the moment. */
  begin?(): void;
  undo?(): void;
  /** It stands in the log. */
  appended?(): void;
  /** It is durable, or will never be. */
  done(error: Error | null): void;
}

/** Sizes that decide about batches and shortening; limits.share unless a test asks for less. */
export interface ShareLogSizes { readonly batchBytesTarget: number; readonly snapshotBytesMin: number; readonly snapshotFactor: number }

const name = '__millrace_share-0';
const readBytes = 1 * MiB;
const config: PartitionConfig = { segmentBytes: 16 * MiB, segmentMs: Number.MAX_SAFE_INTEGER, retentionBytes: -1, retentionMs: -1, durability: 'synced' };

const decoder = new TextDecoder();

/** The partition of share groups. */
export class ShareLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #report: Report;
  readonly #sizes: ShareLogSizes;
  #partition: Partition | null = null;
  #making: Promise<void> | null = null;
  #queue: ShareRecord[] = [];
  #waitsForRoom = false;
  #closed = false;
  #tailBytes = 0;
  #tailBytesMax: number;
  #shortening = false;
  /** All keys with what the log knows of them; asked slice by slice. */
  #image: () => Iterable<readonly [string, string]> = () => [];

  private constructor(log: Log, clock: Clock, report: Report, sizes: ShareLogSizes) {
    this.#log = log;
    this.#clock = clock;
    this.#report = report;
    this.#sizes = sizes;
    this.#tailBytesMax = sizes.snapshotBytesMin;
  }

  /** Reads every record back, if there are any. Rejects with what the log says, or 'data-damaged' for records that do not decode. */
  static async open(log: Log, clock: Clock, report: Report, visit: (key: string, value: string | null) => void, sizes: ShareLogSizes = limits.share): Promise<ShareLog> {
    const share = new ShareLog(log, clock, report, sizes);
    const partition = log.partitions.get(name);
    if (partition !== undefined) {
      partition.configure(config);
      share.#partition = partition;
      await share.#load(partition, visit);
    }
    return share;
  }

  /** Says what a copy of everything holds. */
  onShorten(image: () => Iterable<readonly [string, string]>): void { this.#image = image; }

  /** Makes the partition if there is none. Rejects with what the log says. */
  ready(): Promise<void> {
    if (this.#partition !== null) return Promise.resolve();
    return this.#making ??= this.#log.create(name, config).then((partition) => { this.#partition = partition; }).finally(() => { this.#making = null; });
  }

  get isReady(): boolean { return this.#partition !== null; }

  /** Appends a record soon; ready() came before. */
  append(record: ShareRecord): void {
    if (this.#closed) return void this.#clock.soon(() => record.done(new MillraceError('closed', 'Cannot write about a share group: the node is closing')));
    this.#queue.push(record);
    if (this.#queue.length === 1 && !this.#waitsForRoom) this.#clock.soon(() => this.#flush());
  }

  /** Hands on what still waits; later records are refused. */
  close(): void {
    this.#flush();
    this.#closed = true;
    for (const record of this.#queue.splice(0)) record.done(new MillraceError('closed', 'Cannot write about a share group: the node is closing'));
  }

  #flush(): void {
    while (this.#queue.length > 0 && !this.#waitsForRoom) this.#appendSome(Infinity);
    if (!this.#shortening && !this.#closed && this.#tailBytes > this.#tailBytesMax) this.#shorten();
  }

  /** One append; the records go back when there is no room for the moment (L3). Where one of several cannot be written, each is tried alone. */
  #appendSome(countMax: number): void {
    const nowMs = this.#clock.nowMs();
    const builder = new BatchBuilder();
    const records: ShareRecord[] = [];
    const deadLetters: JointAppend[] = [];
    let deadLetterBytes = 0;
    for (const record of this.#queue) {
      for (const { batches } of record.deadLetters) for (const { bytes } of batches) deadLetterBytes += bytes.length;
      if (records.length >= countMax || records.length > 0 && (builder.sizeBytes >= this.#sizes.batchBytesTarget || deadLetterBytes > limits.share.deadLetterBytesMax)) break;
      record.begin?.();
      builder.append(nowMs, record.key, record.value());
      records.push(record);
      deadLetters.push(...record.deadLetters);
    }
    this.#queue = this.#queue.slice(records.length);
    const offsetCount = builder.recordCount;
    const bytes = builder.finish();
    const done = (error: Error | null): void => { for (const record of records) record.done(error); };
    try {
      this.#log.appendTogether([...deadLetters, { partition: this.#partition!, batches: [{ bytes, offsetCount, maxTimestampMs: nowMs }] }], done);
    } catch (error) {
      for (const record of records) record.undo?.();
      const isForNow = isMillraceError(error, 'overloaded');
      if (!isForNow && records.length === 1) return done(error as Error);
      this.#queue = [...records, ...this.#queue];
      if (!isForNow) { for (let count = records.length; count > 0 && !this.#waitsForRoom; count--) this.#appendSome(1); return; }
      this.#waitsForRoom = true;
      return this.#log.whenRoom(() => { this.#waitsForRoom = false; this.#flush(); });
    }
    this.#tailBytes += bytes.length;
    for (const record of records) record.appended?.();
  }

  /** L4. A failure leaves the partition longer than need be. */
  #shorten(): void {
    this.#shortening = true;
    const start = this.#partition!.endOffset;
    this.#tailBytes = 0;
    this.#copy(this.#image()[Symbol.iterator](), 0).then(async (bytes) => {
      this.#tailBytesMax = Math.max(this.#sizes.snapshotBytesMin, this.#sizes.snapshotFactor * bytes);
      if (this.#partition!.endOffset > start) await this.#partition!.deleteBefore(start);
    }).catch((error: unknown) => {
      if (!isMillraceError(error)) throw error;
      if (!this.#closed) this.#report(`the partition of share groups could not be shortened: ${error.message}`, 'warn');
    }).finally(() => { this.#shortening = false; });
  }

  /** Copies slice by slice; resolves to the bytes written once all of it is durable. */
  async #copy(image: Iterator<readonly [string, string]>, bytesBefore: number): Promise<number> {
    let total = bytesBefore;
    for (let more = true; more;) {
      const builder = new BatchBuilder();
      const nowMs = this.#clock.nowMs();
      while (builder.sizeBytes < this.#sizes.batchBytesTarget) {
        const next = image.next();
        if (next.done === true) { more = false; break; }
        builder.append(nowMs, next.value[0], next.value[1]);
      }
      const offsetCount = builder.recordCount;
      if (offsetCount === 0) break;
      const bytes = builder.finish();
      total += bytes.length;
      await new Promise<void>((resolve, reject) => { this.#partition!.append([{ bytes, offsetCount, maxTimestampMs: nowMs }], (error) => (error === null ? resolve() : reject(error))); });
    }
    return total;
  }

  async #load(partition: Partition, visit: (key: string, value: string | null) => void): Promise<void> {
    for (let offset = partition.logStartOffset; offset < partition.highWatermark;) {
      const result = await partition.read(offset, readBytes, true);
      this.#tailBytes += result.bytes;
      const { nextOffset } = result;
      try {
        for (const part of result.parts) visitRecords(part, visit);
      } finally {
        result.release();
      }
      if (nextOffset <= offset) throw new MillraceError('data-damaged', `Cannot read share groups at offset ${offset}: nothing is there`, { offset });
      offset = nextOffset;
    }
  }
}

function visitRecords(part: Uint8Array, visit: (key: string, value: string | null) => void): void {
  const records = new RecordCursor();
  forEachBatch(part, 0, part.byteLength, (at) => {
    records.open(part, at);
    while (records.next()) {
      const value = records.value();
      try {
        visit(decoder.decode(records.key() ?? new Uint8Array()), value === null ? null : decoder.decode(value));
      } catch (cause) {
        if (!(cause instanceof SyntaxError)) throw cause;
        throw new MillraceError('data-damaged', `Cannot read share groups at offset ${records.offset}: ${cause.message}`, { offset: records.offset, cause });
      }
    }
  });
}

// broker/group/group-log.ts - the groups' records in their partition: appended in batches, read back at start, kept short.
// Owns: the order of appends, the image, when to shorten. Never: what a group does (step.ts), how to shorten (shortening.ts).
// L1 Records are appended, and their `done` called, in the order of append(). L2 What one append() was given stands in one batch.
// L3 Once an append of a chain was refused, later ones of the chain are refused, too.
// Cost: appends of one turn of the loop share batches: 61 bytes and one checksum per batch, about 100 bytes per offset.
import { isMillraceError, limits, MillraceError, type Report } from '../../base/mod.ts';
import type { AppendBatch } from '../../log/mod.ts';
import type { Clock } from '../../os/mod.ts';
import { BatchBuilder, errorCodes, forEachBatch, RecordCursor } from '../../wire/mod.ts';
import type { GroupRecord, WriteChain } from './effects.ts';
import { Image } from './image.ts';
import type { GroupStorage } from './ports.ts';
import { addRecord, readRecord } from './records.ts';
import { shorten } from './shortening.ts';

interface Waiting { readonly groupId: string; readonly records: readonly GroupRecord[]; readonly done: (errorCode: number) => void; readonly chain: WriteChain | undefined }

/** Sizes that decide about batches and shortening; limits.group unless a test asks for less. */
export interface GroupLogSizes {
  readonly recordsPerBatchMax: number; readonly batchBytesTarget: number; readonly snapshotBytesMin: number; readonly snapshotFactor: number;
}

const readBytes = 1024 * 1024;

/** The groups' partition. */
export class GroupLog {
  /** What the partition says, with every append so far. */
  readonly image = new Image();
  readonly #storage: GroupStorage;
  readonly #clock: Clock;
  readonly #report: Report;
  readonly #sizes: GroupLogSizes;
  #queue: Waiting[] = [];
  /** Bytes since the start of the last written image. */
  #tailBytes = 0;
  /** Size of the tail that calls for the next shortening. */
  #tailBytesMax = 0;
  #shortening = false;
  #closed = false;

  private constructor(storage: GroupStorage, clock: Clock, report: Report, sizes: GroupLogSizes) {
    this.#storage = storage;
    this.#clock = clock;
    this.#report = report;
    this.#sizes = sizes;
  }

  /** Opens the partition and reads all of it into the image. Rejects with what the log says, or 'data-damaged' for records that do not decode. */
  static async open(storage: GroupStorage, clock: Clock, report: Report, sizes: GroupLogSizes = limits.group): Promise<GroupLog> {
    const log = new GroupLog(storage, clock, report, sizes);
    await log.#load();
    log.#aimAtNextShortening();
    return log;
  }

  /** Appends a group's records soon. `done` gets NONE when they are durable, else why nothing was written; never inside this call. */
  append(groupId: string, records: readonly GroupRecord[], done: (errorCode: number) => void, chain?: WriteChain): void {
    if (this.#closed) return this.#clock.soon(() => done(errorCodes.COORDINATOR_NOT_AVAILABLE));
    this.#queue.push({ groupId, records, done, chain });
    if (this.#queue.length === 1) this.#clock.soon(() => this.#flush());
  }

  /**
   * The same as a part of an append to several partitions, behind all that was appended here before: append `batches`, then call `appended`. Throws 'closed'.
   */
  joint(entries: readonly { readonly groupId: string; readonly records: readonly GroupRecord[] }[]): { readonly batches: AppendBatch[]; appended(): void } {
    if (this.#closed) throw new MillraceError('closed', 'Cannot append to the groups: the node is closing');
    this.#flush();
    const nowMs = this.#clock.nowMs();
    const builder = new BatchBuilder();
    for (const { groupId, records } of entries) for (const record of records) this.#add(builder, nowMs, groupId, record);
    const offsetCount = builder.recordCount;
    const batches = offsetCount === 0 ? [] : [{ bytes: builder.finish(), offsetCount, maxTimestampMs: nowMs }];
    return {
      batches,
      appended: () => {
        for (const { bytes } of batches) this.#tailBytes += bytes.length;
        for (const { groupId, records } of entries) for (const record of records) this.image.apply(groupId, record);
      },
    };
  }

  /** Hands on what still waits; later appends are refused. */
  close(): void {
    this.#flush();
    this.#closed = true;
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (let at = 0; at < queue.length;) {
      if (queue[at]!.chain?.broken === true) { queue[at++]!.done(errorCodes.COORDINATOR_NOT_AVAILABLE); continue; } // L3
      const end = this.#batchEnd(queue, at);
      this.#appendBatch(queue.slice(at, end));
      at = end;
    }
    if (!this.#shortening && !this.#closed && this.#tailBytes > this.#tailBytesMax) this.#shorten();
  }

  /** Where the batch that begins at `at` ends: forgetting a group looks into the image and so stands first in its batch. */
  #batchEnd(queue: readonly Waiting[], at: number): number {
    let end = at;
    let count = 0;
    do count += queue[end++]!.records.length;
    while (end < queue.length && count < this.#sizes.recordsPerBatchMax && queue[end]!.records[0]!.kind !== 'forget' && queue[end]!.chain?.broken !== true);
    return end;
  }

  #appendBatch(batch: readonly Waiting[]): void {
    const nowMs = this.#clock.nowMs();
    const builder = new BatchBuilder();
    for (const { groupId, records } of batch) {
      for (const record of records) this.#add(builder, nowMs, groupId, record);
    }
    const answer = (errorCode: number) => { for (const { done } of batch) done(errorCode); };
    const offsetCount = builder.recordCount;
    const bytes = builder.finish();
    try {
      this.#storage.append([{ bytes, offsetCount, maxTimestampMs: nowMs }], (error) => answer(error === null ? errorCodes.NONE : refusal(error)));
    } catch (error) {
      for (const { chain } of batch) if (chain !== undefined) chain.broken = true;
      return answer(refusal(error));
    }
    this.#tailBytes += bytes.length;
    for (const { groupId, records } of batch) {
      for (const record of records) this.image.apply(groupId, record);
    }
  }

  #add(builder: BatchBuilder, nowMs: number, groupId: string, record: GroupRecord): void {
    if (record.kind !== 'forget') return addRecord(builder, nowMs, groupId, record);
    const image = this.image.groups.get(groupId);
    for (const tombstone of image?.consumer.tombstones() ?? []) addRecord(builder, nowMs, groupId, { kind: 'consumer', record: tombstone });
    for (const [topic, partitions] of image?.offsets ?? []) {
      for (const partition of partitions.keys()) addRecord(builder, nowMs, groupId, { kind: 'offset', topic, partition, value: null });
    }
    for (const [producerId, table] of image?.pending ?? []) {
      for (const [topic, partitions] of table) {
        for (const partition of partitions.keys()) addRecord(builder, nowMs, groupId, { kind: 'pending', producerId, topic, partition, value: null });
      }
    }
    addRecord(builder, nowMs, groupId, { kind: 'group', value: null });
  }

  #shorten(): void {
    this.#shortening = true;
    this.#tailBytes = 0;
    shorten(this.#storage, this.#clock, this.image, this.#sizes.batchBytesTarget).then(() => {
      this.#shortening = false;
      this.#aimAtNextShortening();
    }, (error: unknown) => {
      if (!isMillraceError(error)) throw error;
      this.#shortening = false;
      this.#aimAtNextShortening();
      if (!this.#closed) this.#report(`the groups' partition could not be shortened: ${error.message}`, 'warn');
    });
  }

  #aimAtNextShortening(): void {
    this.#tailBytesMax = Math.max(this.#sizes.snapshotBytesMin, this.#sizes.snapshotFactor * this.image.sizeBytes());
  }

  async #load(): Promise<void> {
    const storage = this.#storage;
    for (let offset = storage.logStartOffset; offset < storage.highWatermark;) {
      const result = await storage.read(offset, readBytes, true);
      this.#tailBytes += result.bytes;
      const { nextOffset } = result;
      try {
        for (const part of result.parts) this.#loadBatches(part);
      } finally {
        result.release();
      }
      if (nextOffset <= offset) throw new MillraceError('data-damaged', `Cannot read groups at offset ${offset}: nothing is there`, { offset });
      offset = nextOffset;
    }
  }

  #loadBatches(bytes: Uint8Array): void {
    const records = new RecordCursor();
    forEachBatch(bytes, 0, bytes.length, (at) => {
      records.open(bytes, at);
      while (records.next()) this.#loadRecord(records);
    });
  }

  #loadRecord(records: RecordCursor): void {
    try {
      const record = readRecord(records.key() ?? new Uint8Array(0), records.value());
      if (record.kind !== 'unknown') this.image.apply(record.groupId, record);
      else this.#report(`record of unknown kind ${record.keyVersion} at offset ${records.offset} of the groups' partition is not read`, 'warn');
    } catch (cause) {
      if (!isMillraceError(cause)) throw cause;
      throw new MillraceError('data-damaged', `Cannot read groups at offset ${records.offset}: ${cause.message}`, { offset: records.offset, cause });
    }
  }
}

/** Kafka's code for what the log refuses: clients look for the coordinator again and retry, but a too large write never succeeds. */
function refusal(error: unknown): number {
  if (!isMillraceError(error)) throw error;
  return error.code === 'message-too-large' ? errorCodes.INVALID_COMMIT_OFFSET_SIZE : errorCodes.COORDINATOR_NOT_AVAILABLE;
}

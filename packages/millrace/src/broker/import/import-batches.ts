// broker/import/import-batches.ts - ImportBatches: batches that keep the offsets they had elsewhere.
// Owns: which batches may enter, gaps, what was there already. Never: where they come from (client/move).
// I1 Only a topic that was created with millrace.import.from takes them, from that source alone; producers are refused there until it is unset.
// I2 Offsets only rise: a batch below the partition's end is there already and left out, so a request may be sent again. One that lies across the end is refused.
// I3 Offsets without records (compacted, aborted, markers) become a batch without records, as compaction in Kafka leaves it: the log has no holes.
// I4 Only committed records of nobody enter: no producer ids, no transactions, no control batches. So nothing here depends on the source's producers.
// Source of the form: docs/formats/messages.md. Cost: one checksum per batch, one append per partition and request.
import { isMillraceError, limits, MillraceError } from '../../base/mod.ts';
import type { AppendBatch } from '../../log/mod.ts';
import { batchHeaderBytes, batchMagic, batchPrefixBytes, errorCodes, ImportBatches, stampCrc, verifyBatch, writeInt, writeLong, type BatchHeader, type RequestOf } from '../../wire/mod.ts';
import type { Handler } from '../handlers.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import type { TopicPartition } from '../topics/topic.ts';

type PartitionImport = RequestOf<typeof ImportBatches>['topics'][number]['partitions'][number];
interface PartitionAnswer { index: number; errorCode: number; errorMessage: string | null; endOffset: number }

const offsetsPerFillerMax = 2 ** 31 - 1;

/** The handler of ImportBatches. Requests for one partition are carried out one after the other. */
export function importBatchesHandler(services: Services): Handler<typeof ImportBatches> {
  const turns = new WeakMap<TopicPartition, Promise<unknown>>();
  const inTurn = (partition: TopicPartition, act: () => Promise<void>): Promise<void> => {
    const done = (turns.get(partition) ?? Promise.resolve()).then(act);
    turns.set(partition, done.catch(() => {}));
    return done;
  };
  return (request, context) => {
    Promise.all(request.topics.map(async ({ name, source, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map(async (asked): Promise<PartitionAnswer> => {
        const partition = services.topics.partition(name, asked.index);
        try {
          if (partition === undefined) return refused(asked.index, errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `there is no partition ${asked.index} of topic ${name}`);
          checkSource(partition, source);
          await inTurn(partition, () => take(services, partition, asked));
          return { index: asked.index, errorCode: errorCodes.NONE, errorMessage: null, endOffset: partition.log.highWatermark };
        } catch (error) {
          return refused(asked.index, errorCodeOf(error), (error as Error).message);
        }
      })),
    }))).then((topics) => context.reply({ topics }));
  };
}

const refused = (index: number, errorCode: number, errorMessage: string): PartitionAnswer => ({ index, errorCode, errorMessage, endOffset: -1 });

function errorCodeOf(error: unknown): number {
  if (isMillraceError(error, 'invalid-argument')) return errorCodes.INVALID_REQUEST;
  if (isMillraceError(error, 'corrupt-batch')) return errorCodes.CORRUPT_MESSAGE;
  if (isMillraceError(error, 'message-too-large')) return errorCodes.MESSAGE_TOO_LARGE;
  return storageErrorCode(error);
}

const refuse = (why: string): never => { throw new MillraceError('invalid-argument', `Cannot import: ${why}`); };

function checkSource({ topic }: TopicPartition, source: string): void {
  const { importFrom } = topic.settings;
  if (importFrom === '') refuse(`topic ${topic.name} is not being imported`);
  if (importFrom !== source) refuse(`topic ${topic.name} is imported from ${importFrom}, not from ${source}`);
}

async function take(services: Services, partition: TopicPartition, { startOffset, endOffset, records }: PartitionImport): Promise<void> {
  const { log } = partition;
  const batches: AppendBatch[] = [];
  let end = log.endOffset;
  const fillTo = (offset: number): void => {
    if (offset > end && (offset - end) / offsetsPerFillerMax > limits.broker.importFillersMax) refuse(`offsets ${end} to ${offset} are more than can be left out`);
    for (; end < offset; end += batches.at(-1)!.offsetCount) batches.push(filler(end, Math.min(offset - end, offsetsPerFillerMax)));
  };
  checkOffset(startOffset);
  checkOffset(endOffset);
  if (records !== null) {
    for (let at = 0; at < records.byteLength;) {
      const header = verifyBatch(records, at, records.byteLength);
      const nextOffset = header.baseOffset + header.lastOffsetDelta + 1;
      if (nextOffset > end) {
        checkBatch(header, end);
        fillTo(header.baseOffset);
        batches.push({ bytes: records.subarray(at, at + header.sizeBytes), offsetCount: header.lastOffsetDelta + 1, maxTimestampMs: header.maxTimestampMs });
        end = nextOffset;
      }
      at += header.sizeBytes;
    }
  }
  fillTo(startOffset); // after the records: the source's first batch may hold older ones than its first offset
  fillTo(endOffset);
  await append(services, partition, batches);
  if (startOffset > log.logStartOffset) await log.deleteBefore(startOffset);
}

function checkOffset(offset: number): void {
  if (!Number.isFinite(offset) || offset < -1) refuse(`${offset} is no offset`);
}

/** I2 and I4. */
function checkBatch({ baseOffset, isControl, isTransactional, producerId }: BatchHeader, end: number): void {
  if (baseOffset < end) refuse(`the batch at ${baseOffset} lies across the end of the partition, ${end}`);
  if (isControl || isTransactional || producerId >= 0) refuse(`the batch at ${baseOffset} belongs to a producer or a transaction`);
}

/** Appends and waits until it is acknowledged; waits for room while the log has none. */
async function append(services: Services, partition: TopicPartition, batches: readonly AppendBatch[]): Promise<void> {
  if (batches.length === 0) return;
  for (;;) {
    try {
      await new Promise<void>((resolve, reject) => { partition.log.append(batches, (error) => (error === null ? resolve() : reject(error))); });
      break;
    } catch (error) {
      if (!isMillraceError(error, 'overloaded')) throw error;
      await new Promise<void>((resolve) => { services.log.whenRoom(resolve); });
    }
  }
  services.producers.appended(partition, batches.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
}

/** A batch without records that takes `offsetCount` offsets (I3). */
function filler(baseOffset: number, offsetCount: number): AppendBatch {
  const bytes = new Uint8Array(batchHeaderBytes);
  writeLong(bytes, 0, baseOffset);
  writeInt(bytes, 8, batchHeaderBytes - batchPrefixBytes);
  bytes[16] = batchMagic;
  writeInt(bytes, 23, offsetCount - 1);
  writeLong(bytes, 27, -1);
  writeLong(bytes, 35, -1);
  writeLong(bytes, 43, -1);
  bytes[51] = bytes[52] = 0xff;
  writeInt(bytes, 53, -1);
  stampCrc(bytes, 0);
  return { bytes, offsetCount, maxTimestampMs: -1 };
}

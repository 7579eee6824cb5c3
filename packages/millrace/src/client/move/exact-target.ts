// client/move/exact-target.ts - Millrace as the target: batches keep their offsets and their bytes.
// Owns: what of a batch goes over, the requests. Never: reading (source-reader.ts).
// E1 A batch's records go over byte for byte, with offsets, times and compression; its header forgets the producer and the transaction, which mean nothing
// elsewhere. E2 The target's end is the progress: nothing else is kept, so nothing can disagree with it.
import { ImportBatches, stampCrc, writeInt, writeLong } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';
import { leadersOf, listOffsets } from '../offsets.ts';
import { byTopic, partitionKey, type TopicPartition } from '../partitions.ts';
import type { FetchedPart } from './source-reader.ts';
import type { MoveTarget, Resumption, Written } from './target.ts';

interface PartitionImport extends TopicPartition { readonly startOffset?: number; readonly endOffset?: number; readonly records?: readonly Uint8Array[] | null }

/** Bytes of one request, so that it stays far below what a node takes. */
const requestBytesMax = 8 * 1024 * 1024;

/** Imports into topics that were created for it. */
export class ExactTarget implements MoveTarget {
  readonly #cluster: Cluster;
  /** What each topic says that it is imported from. */
  readonly #sourceOf: (topic: string) => string;

  constructor(cluster: Cluster, sourceOf: (topic: string) => string) {
    this.#cluster = cluster;
    this.#sourceOf = sourceOf;
  }

  /** They say so themselves. */
  async claim(): Promise<void> {}

  /** Two who write the same do no harm (I2 of the import). */
  async resume(partitions: readonly (TopicPartition & { readonly sourceStart: number })[]): Promise<Map<string, Resumption>> { return await this.progress(partitions); }

  /** E2. A partition without anything begins where the source does. */
  async progress(partitions: readonly (TopicPartition & { readonly sourceStart: number })[]): Promise<Map<string, Resumption>> {
    const deadline = this.#cluster.deadline(this.#cluster.options.requestTimeoutMs);
    const ends = await listOffsets(this.#cluster, partitions.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const })), { deadline });
    return new Map(partitions.map(({ topic, partition, sourceStart }, i) => [partitionKey(topic, partition), { sourceOffset: Math.max(ends[i]!.offset, sourceStart) }]));
  }

  async write(parts: readonly FetchedPart[]): Promise<Written> {
    let records = 0;
    let bytes = 0;
    const imports: PartitionImport[] = [];
    for (const part of parts) {
      const batches = anonymousBatches(part);
      for (const batch of batches.bytes) bytes += batch.byteLength;
      records += batches.records;
      if (batches.bytes.length > 0) imports.push({ topic: part.topic, partition: part.partition, records: batches.bytes });
    }
    await this.#import(imports);
    return { records, bytes };
  }

  async finish(ends: readonly (TopicPartition & { readonly sourceStart: number; readonly sourceEnd: number })[]): Promise<void> {
    await this.#import(ends.map(({ topic, partition, sourceStart, sourceEnd }) => ({ topic, partition, startOffset: sourceStart, endOffset: sourceEnd })));
  }

  translate(_partition: TopicPartition, position: number): number { return position; }
  range(_partition: TopicPartition, from: number, to: number): { from: number; to: number } { return { from, to }; }
  async close(): Promise<void> {}

  /** Sends in pieces, to the leaders side by side. */
  async #import(imports: readonly PartitionImport[]): Promise<void> {
    if (imports.length === 0) return;
    const deadline = this.#cluster.deadline(this.#cluster.options.requestTimeoutMs);
    for (const topic of new Set(imports.map(({ topic }) => topic))) await this.#cluster.topic(topic, deadline);
    await Promise.all([...leadersOf(this.#cluster, imports)].map(async ([nodeId, mine]) => {
      for (const piece of piecesOf(mine)) await this.#send(nodeId, piece);
    }));
  }

  async #send(nodeId: number, imports: readonly PartitionImport[]): Promise<void> {
    const what = 'write to the target';
    await this.#cluster.call({ kind: 'broker', nodeId }, ImportBatches, {
      topics: [...byTopic(imports, ({ partition, startOffset = -1, endOffset = -1, records = null }) => ({ index: partition, startOffset, endOffset, records }))].map(([name, partitions]) => ({ name, source: this.#sourceOf(name), partitions })),
    }, { what, deadline: this.#cluster.deadline(this.#cluster.options.requestTimeoutMs), idempotent: true, lane: 'move' }, (answer) => {
      for (const { name, partitions } of answer.topics) {
        for (const { index, errorCode, errorMessage } of partitions) if (errorCode !== 0) throw kafkaError(errorCode, `write to '${partitionKey(name, index)}'`, { topic: name, partition: index }, errorMessage);
      }
    });
  }
}

function piecesOf(imports: readonly PartitionImport[]): PartitionImport[][] {
  const pieces: PartitionImport[][] = [[]];
  let bytes = 0;
  for (const one of imports) {
    const size = one.records?.reduce((sum, batch) => sum + batch.byteLength, 0) ?? 0;
    if (bytes > 0 && bytes + size > requestBytesMax) { pieces.push([]); bytes = 0; }
    pieces.at(-1)!.push(one);
    bytes += size;
  }
  return pieces;
}

/** E1. Every batch with committed records, as a batch of nobody. */
export function anonymousBatches(part: Pick<FetchedPart, 'bytes' | 'reader'>): { readonly bytes: Uint8Array[]; readonly records: number } {
  const reader = part.reader();
  const bytes: Uint8Array[] = [];
  let records = 0;
  while (reader.nextBatch()) {
    const batch = part.bytes.slice(reader.batchAt, reader.batchAt + reader.batchSizeBytes);
    records += reader.batch.recordCount;
    if (reader.batch.producerId >= 0 || reader.batch.isTransactional) forgetProducer(batch);
    bytes.push(batch);
  }
  return { bytes, records };
}

const attributesLowAt = 22;
const transactionalBit = 0x10;

function forgetProducer(batch: Uint8Array): void {
  batch[attributesLowAt]! &= ~transactionalBit;
  writeLong(batch, 43, -1);
  batch[51] = batch[52] = 0xff;
  writeInt(batch, 53, -1);
  stampCrc(batch, 0);
}


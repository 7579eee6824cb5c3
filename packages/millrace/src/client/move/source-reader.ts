// client/move/source-reader.ts - reads many partitions of a cluster in rounds: one fetch to each leader, all partitions in it.
// Owns: positions, the fetches, what is past the reader's sight (open and aborted transactions, markers). Never: what becomes of the records.
// Q1 A position moves past offsets without records, too: at the end of a partition it is the partition's last stable offset.
// Q2 A part is handed out at most once; after a failure the same positions are read again.
import { limits, MillraceError } from '../../base/mod.ts';
import { BatchCursor, controlType, errorCodes, Fetch, RecordCursor, type ResponseOf } from '../../wire/mod.ts';
import { RecordReader } from '../consumer/record-batch.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';
import { leadersOf, listOffsets } from '../offsets.ts';
import { byTopic, partitionKey, type TopicPartition } from '../partitions.ts';

type FetchedPartition = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number];

/** What one fetch had of a partition. */
export interface FetchedPart extends TopicPartition {
  readonly bytes: Uint8Array;
  readonly fromOffset: number;
  /** First offset after it. */
  readonly nextOffset: number;
  /** A cursor over its committed records. */
  reader(): RecordReader;
}

/** Topics are named by name up to here. */
const byNameMax = 12;
const committedOnly = 1;
const waitMs = 500;
const noBytes = new Uint8Array();

/** Reads partitions from given positions on. */
export class SourceReader {
  readonly #cluster: Cluster;
  readonly #lane: string;
  readonly #positions = new Map<string, TopicPartition & { offset: number; end: number }>();
  readonly #onGap: (partition: TopicPartition, from: number, to: number) => void;
  #turn = 0;

  /** `onGap` is told of offsets that the source deleted before they were read. */
  constructor(cluster: Cluster, lane: string, onGap: (partition: TopicPartition, from: number, to: number) => void) {
    this.#cluster = cluster;
    this.#lane = lane;
    this.#onGap = onGap;
  }

  /** Reads a partition from `offset` on, up to `end`. */
  follow(partition: TopicPartition, offset: number, end = Infinity): void {
    this.#positions.set(partitionKey(partition.topic, partition.partition), { topic: partition.topic, partition: partition.partition, offset, end });
  }

  position({ topic, partition }: TopicPartition): number { return this.#positions.get(partitionKey(topic, partition))?.offset ?? -1; }

  /** Partitions that are not at their end. */
  get open(): number { let open = 0; for (const { offset, end } of this.#positions.values()) if (offset < end) open++; return open; }

  /** One round. `wait`: with nothing there, for up to half a second. Rejects what fetching rejects; positions stay. */
  async round(wait: boolean): Promise<FetchedPart[]> {
    const reading = [...this.#positions.values()].filter(({ offset, end }) => offset < end);
    const deadline = this.#cluster.deadline(this.#cluster.options.requestTimeoutMs + waitMs);
    for (const topic of new Set(reading.map(({ topic }) => topic))) await this.#cluster.topic(topic, deadline);
    const first = this.#turn++ % Math.max(1, reading.length); // nobody is always last in a fetch that has room for some
    const leaders = leadersOf(this.#cluster, [...reading.slice(first), ...reading.slice(0, first)]);
    const parts = await Promise.all([...leaders].map(([nodeId, mine]) => this.#fetchFrom(nodeId, mine, wait ? waitMs : 0)));
    return parts.flat();
  }

  /** What a part brought is safe: the next round goes on after it. */
  taken({ topic, partition, nextOffset }: Pick<FetchedPart, 'topic' | 'partition' | 'nextOffset'>): void {
    const position = this.#positions.get(partitionKey(topic, partition));
    if (position !== undefined) position.offset = Math.max(position.offset, nextOffset);
  }

  async #fetchFrom(nodeId: number, positions: readonly (TopicPartition & { offset: number })[], maxWaitMs: number): Promise<FetchedPart[]> {
    const what = 'read the source';
    const deadline = this.#cluster.deadline(this.#cluster.options.requestTimeoutMs + maxWaitMs);
    const answer = await this.#cluster.call({ kind: 'broker', nodeId }, Fetch, {
      maxWaitMs, minBytes: 1, maxBytes: limits.client.fetchBytesDefault, isolationLevel: committedOnly, sessionEpoch: -1,
      topics: [...byTopic(positions, ({ partition, offset }) => ({ partition, fetchOffset: offset, partitionMaxBytes: limits.client.fetchPartitionBytesDefault }))].map(([topic, partitions]) => ({ topic, partitions })),
    }, { what, deadline, idempotent: true, lane: this.#lane, serverWaitMs: maxWaitMs, versionMax: byNameMax }, (one) => {
      if (one.errorCode !== 0) throw kafkaError(one.errorCode, what);
      return one;
    });
    const parts: FetchedPart[] = [];
    const isEmpty = answer.responses.every(({ partitions }) => partitions.every(({ records }) => (records?.length ?? 0) === 0));
    for (const { topic, partitions } of answer.responses) {
      for (const fetched of partitions) {
        const part = await this.#partOf({ topic, partition: fetched.partitionIndex }, fetched, isEmpty);
        if (part !== null) parts.push(part);
      }
    }
    return parts;
  }

  async #partOf(partition: TopicPartition, fetched: FetchedPartition, isEmpty: boolean): Promise<FetchedPart | null> {
    const fromOffset = this.position(partition);
    if (fetched.errorCode === errorCodes.OFFSET_OUT_OF_RANGE) return this.#skipDeleted(partition, fromOffset);
    if (fetched.errorCode !== 0) {
      const error = kafkaError(fetched.errorCode, `read '${partitionKey(partition.topic, partition.partition)}'`, { ...partition });
      await this.#cluster.forget(error, { kind: 'any' }, this.#cluster.deadline(this.#cluster.options.requestTimeoutMs));
      throw error;
    }
    const bytes = fetched.records ?? new Uint8Array();
    const batches = new BatchCursor(bytes);
    let nextOffset = fromOffset;
    while (batches.next()) nextOffset = Math.max(nextOffset, batches.lastOffset + 1);
    if (isEmpty && fetched.lastStableOffset > fromOffset && await this.#isBarren(partition, fromOffset, fetched.lastStableOffset)) nextOffset = fetched.lastStableOffset;
    if (nextOffset === fromOffset) return null;
    const aborted = (fetched.abortedTransactions ?? []).map(({ producerId, firstOffset }) => ({ producerId, firstOffset })).sort((a, b) => a.firstOffset - b.firstOffset);
    return { ...partition, bytes, fromOffset, nextOffset, reader: () => new RecordReader(bytes, fromOffset, aborted) };
  }

  /**
   * True when no committed record lies in between. An answer without records does not say so: the server may have been short of room. So what is
   * there is looked at with its markers, and counts as nothing only if every transaction in it was aborted.
   */
  async #isBarren(partition: TopicPartition, from: number, to: number): Promise<boolean> {
    const undecided = new Set<number>();
    const record = new RecordCursor();
    for (let offset = from; offset < to;) {
      const batches = new BatchCursor(await this.#fetchAll(partition, offset));
      let nextOffset = offset;
      while (batches.next() && batches.baseOffset < to) {
        nextOffset = Math.max(nextOffset, batches.lastOffset + 1);
        if (batches.lastOffset < offset || batches.recordCount === 0) continue;
        if (!batches.isTransactional) return false;
        if (!batches.isControl) { undecided.add(batches.producerId); continue; }
        record.open(batches.bytes, batches.at);
        const committed = record.next() && controlType(record) === 'commit';
        if (committed && undecided.has(batches.producerId)) return false;
        undecided.delete(batches.producerId);
      }
      if (nextOffset === offset) return false;
      offset = nextOffset;
    }
    return undecided.size === 0;
  }

  /** Everything from an offset on, also what was aborted. */
  async #fetchAll({ topic, partition }: TopicPartition, offset: number): Promise<Uint8Array> {
    const leader = [...leadersOf(this.#cluster, [{ topic, partition }]).keys()][0]!;
    const what = `read '${partitionKey(topic, partition)}'`;
    return await this.#cluster.call({ kind: 'broker', nodeId: leader }, Fetch, {
      maxWaitMs: 0, minBytes: 0, maxBytes: limits.client.fetchBytesDefault, isolationLevel: 0, sessionEpoch: -1,
      topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: limits.client.fetchPartitionBytesDefault }] }],
    }, { what, deadline: this.#cluster.deadline(this.#cluster.options.requestTimeoutMs), idempotent: true, lane: this.#lane, versionMax: byNameMax }, (answer) => {
      const errorCode = answer.errorCode !== 0 ? answer.errorCode : answer.responses[0]!.partitions[0]!.errorCode;
      if (errorCode !== 0) throw kafkaError(errorCode, what, { topic, partition });
      return answer.responses[0]!.partitions[0]!.records ?? noBytes;
    });
  }

  async #skipDeleted(partition: TopicPartition, from: number): Promise<null> {
    const deadline = this.#cluster.deadline(this.#cluster.options.requestTimeoutMs);
    const [start] = await listOffsets(this.#cluster, [{ ...partition, at: 'earliest' }], { deadline });
    if (start!.offset <= from) throw new MillraceError('offset-out-of-range', `Cannot read '${partitionKey(partition.topic, partition.partition)}' at ${from}: the source ends before it; it has lost records, or is another one`, { ...partition, offset: from });
    this.#onGap(partition, from, start!.offset);
    this.taken({ ...partition, nextOffset: start!.offset });
    return null;
  }
}

// client/move/mapped-target.ts - any Kafka as the target: records are produced anew, in transactions that also say how far the move is.
// Owns: the transactions, the log of moves, the offsets that came out. Never: reading (source-reader.ts).
// A1 Records and the note of how far they reach are committed together: whatever is killed, nothing is lost and nothing is copied twice. A2 After any failure
// a new producer of the same name ends what was open, and the notes are read again: only they say what is there.
// Format of a note: docs/formats/move-notes.md. Topic 'millrace-moves', one partition, at the target.
import { MillraceError } from '../../base/mod.ts';
import { createTopics, describeTopics } from '../admin/topics.ts';
import type { Cluster } from '../net/cluster.ts';
import { listOffsets } from '../offsets.ts';
import { partitionKey, type TopicPartition } from '../partitions.ts';
import type { ProducerRecord } from '../producer/record.ts';
import { TransactionalProducer } from '../producer/transactional-producer.ts';
import { OffsetMapping, runsOf, type Run } from './mapping.ts';
import { movesTopic } from './names.ts';
import { SourceReader, type FetchedPart } from './source-reader.ts';
import type { MoveTarget, Resumption, Written } from './target.ts';

/** What a note says: runs of one partition, and where the source goes on. */
interface Note { readonly version: 1; readonly source: string; readonly topic: string; readonly topicId: string; readonly partition: number; readonly next: number; readonly runs: readonly (readonly [source: number, target: number, count: number])[] }

/** Partitions and how far each is. */
interface Progress { next: number; readonly mapping: OffsetMapping }

const keptForEver = { 'retention.ms': -1, 'retention.bytes': -1, 'cleanup.policy': 'delete' };
/** Runs of one note, so that it stays small. */
const runsPerNote = 2_000;

/** Produces into topics that nobody else writes to. */
export class MappedTarget implements MoveTarget {
  readonly #cluster: Cluster;
  readonly #source: string;
  #producer: TransactionalProducer | null = null;
  readonly #idOf: (topic: string) => string;
  #progress = new Map<string, Progress>();

  /** `idOf`: a topic of the source that was deleted and made again is another one. */
  constructor(cluster: Cluster, source: string, idOf: (topic: string) => string) {
    this.#cluster = cluster;
    this.#source = source;
    this.#idOf = idOf;
  }

  /** True when an earlier run has claimed the topic. */
  async hasBegun(topic: string): Promise<boolean> {
    await this.#readNotes();
    return [...this.#progress.keys()].some((key) => key.startsWith(`${topic}-`) && /^\d+$/.test(key.slice(topic.length + 1)));
  }

  /** A note before the first record: a transaction that was cut short leaves its trace in a topic, and it must be known whose it was. */
  async claim(topics: readonly string[]): Promise<void> {
    await this.#makeNotesTopic();
    await this.#renewProducer();
    await this.#producer!.transact(async (transaction) => {
      for (const topic of topics) await transaction.send({ topic: movesTopic, partition: 0, key: `${this.#source} ${partitionKey(topic, 0)}`, value: JSON.stringify(this.#noteOf({ topic, partition: 0, nextOffset: 0 }, [])) });
    });
  }

  async resume(partitions: readonly (TopicPartition & { readonly sourceStart: number })[]): Promise<Map<string, Resumption>> {
    await this.#makeNotesTopic();
    await this.#renewProducer();
    return await this.progress(partitions);
  }

  async progress(partitions: readonly (TopicPartition & { readonly sourceStart: number })[]): Promise<Map<string, Resumption>> {
    await this.#readNotes();
    return new Map(partitions.map(({ topic, partition, sourceStart }) => {
      const key = partitionKey(topic, partition);
      return [key, { sourceOffset: Math.max(sourceStart, this.#progress.get(key)?.next ?? 0) }];
    }));
  }

  /** A1. One transaction for all that was read together. */
  async write(parts: readonly FetchedPart[]): Promise<Written> {
    if (this.#producer === null) throw new MillraceError('closed', 'Cannot write to the target: resume() comes first');
    const sent = parts.map((part) => recordsOf(part)).filter(({ records }) => records.length > 0);
    let bytes = 0;
    const notes = await this.#producer.transact(async (transaction) => {
      const notes: Note[] = [];
      const all = await Promise.all(sent.map(async ({ part, records, offsets }) => ({ part, offsets, produced: await transaction.sendBatch(records) })));
      for (const { part, offsets, produced } of all) {
        const runs = runsOf(offsets.map((source, i) => [source, produced.position(i).offset] as const));
        for (let at = 0; at < runs.length; at += runsPerNote) notes.push(this.#noteOf(part, runs.slice(at, at + runsPerNote)));
      }
      for (const note of notes) await transaction.send({ topic: movesTopic, partition: 0, key: `${note.source} ${partitionKey(note.topic, note.partition)}`, value: JSON.stringify(note) });
      return notes;
    });
    for (const note of notes) this.#apply(note);
    for (const { part } of sent) bytes += part.bytes.byteLength;
    return { records: sent.reduce((sum, { records }) => sum + records.length, 0), bytes };
  }

  /** Nothing can be done about offsets without records: positions after the last record are at the target's end. */
  async finish(): Promise<void> {}

  translate({ topic, partition }: TopicPartition, position: number): number {
    const mapping = this.#progress.get(partitionKey(topic, partition))?.mapping;
    return mapping === undefined ? 0 : mapping.translate(position, endOf(mapping));
  }

  range(partition: TopicPartition, from: number, to: number): { from: number; to: number } {
    return { from: this.translate(partition, from), to: this.translate(partition, to) };
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await producer?.close();
  }

  #noteOf({ topic, partition, nextOffset }: Pick<FetchedPart, 'topic' | 'partition' | 'nextOffset'>, runs: readonly Run[]): Note {
    return { version: 1, source: this.#source, topic, topicId: this.#idOf(topic), partition, next: nextOffset, runs: runs.map(({ source, target, count }) => [source, target, count] as const) };
  }

  #apply({ topic, partition, next, runs }: Note): void {
    const key = partitionKey(topic, partition);
    let progress = this.#progress.get(key);
    if (progress === undefined) this.#progress.set(key, progress = { next: 0, mapping: new OffsetMapping() });
    progress.next = Math.max(progress.next, next);
    for (const [source, target, count] of runs) progress.mapping.add({ source, target, count });
  }

  /** A2. */
  async #renewProducer(): Promise<void> {
    const before = this.#producer;
    this.#producer = null;
    await before?.close().catch(() => {});
    const producer = new TransactionalProducer(this.#cluster, { transactionalId: `millrace-move-${this.#source}`, compression: 'lz4', bufferBytes: 64 * 1024 * 1024 });
    await producer.transact(async (transaction) => { await transaction.send({ topic: movesTopic, partition: 0, key: 'begun', value: null }); });
    this.#producer = producer;
  }

  async #makeNotesTopic(): Promise<void> {
    await createTopics(this.#cluster, [{ topic: movesTopic, partitions: 1, configs: keptForEver }], this.#cluster.deadline(this.#cluster.options.requestTimeoutMs), false).catch((error: unknown) => {
      if (!(error instanceof MillraceError) || error.code !== 'topic-exists') throw error;
    });
  }

  async #readNotes(): Promise<void> {
    const place = { topic: movesTopic, partition: 0 };
    const deadline = this.#cluster.deadline(this.#cluster.options.requestTimeoutMs);
    this.#progress = new Map();
    if (!(await describeTopics(this.#cluster, null, deadline)).some(({ topic }) => topic === movesTopic)) return;
    const [end] = await listOffsets(this.#cluster, [{ ...place, at: 'latest' }], { deadline, isolation: 'read_committed' });
    const reader = new SourceReader(this.#cluster, 'notes', (_partition, from, to) => { throw new MillraceError('data-damaged', `Cannot go on with the move: notes ${from} to ${to} of topic '${movesTopic}' are gone`); });
    reader.follow(place, 0, end!.offset);
    while (reader.open > 0) {
      for (const part of await reader.round(true)) {
        const records = part.reader();
        while (records.next()) if (records.valueLength >= 0) this.#readNote(new TextDecoder().decode(records.value()!));
        reader.taken(part);
      }
    }
  }

  #readNote(text: string): void {
    const note = JSON.parse(text) as Note;
    if (note.version !== 1) throw new MillraceError('data-folder-newer', `Cannot go on with the move: its notes in topic '${movesTopic}' are of version ${String(note.version)}`);
    if (note.source === this.#source && note.topicId === this.#idOf(note.topic)) this.#apply(note);
  }
}

const endOf = (mapping: OffsetMapping): number => { const last = mapping.runs.at(-1); return last === undefined ? 0 : last.target + last.count; };

/** The committed records of a part, as a producer takes them. Keys and values are views: they are sent before the part is let go. */
function recordsOf(part: FetchedPart): { readonly part: FetchedPart; readonly records: ProducerRecord[]; readonly offsets: number[] } {
  const reader = part.reader();
  const records: ProducerRecord[] = [];
  const offsets: number[] = [];
  while (reader.next()) {
    records.push({
      topic: part.topic, partition: part.partition, key: reader.key(), value: reader.value(), timestampMs: reader.timestampMs,
      headers: reader.headers().map(({ key, value }) => [key, value] as const),
    });
    offsets.push(reader.offset);
  }
  return { part, records, offsets };
}

// log/types.ts - the log's door as types: what the broker may ask of storage.
// The log knows partitions by folder name, batches by their 61-byte header, and nothing of topics, groups or sockets.
import type { Histogram, Report } from '../base/mod.ts';
import type { Clock, Disk, Random } from '../os/mod.ts';
import type { CopySummary } from './backup.ts';

/** How a partition keeps its data. */
export interface PartitionConfig {
  /** A new segment starts when the active one would pass this (segment.bytes). */
  segmentBytes: number;
  /** ... or when its first record is older than this (segment.ms). */
  segmentMs: number;
  /** Whole segments are dropped while the rest still holds this much; -1 keeps all (retention.bytes). */
  retentionBytes: number;
  /** Whole segments are dropped when their newest record is older; -1 keeps all (retention.ms). */
  retentionMs: number;
  /** 'synced': acknowledged and readable once durable. 'page-cache': acknowledged and readable at once. */
  durability: 'synced' | 'page-cache';
}

/** What the broker has already verified about one batch when it appends it. */
export interface BatchFacts {
  /** Offsets the batch takes (lastOffsetDelta + 1). */
  readonly offsetCount: number;
  /** Largest record timestamp in ms, -1 for none. */
  readonly maxTimestampMs: number;
}

/** One batch on its way in: whole v2 batch bytes, verified; the log stamps baseOffset and partitionLeaderEpoch in place or in a copy. */
export interface AppendBatch extends BatchFacts {
  readonly bytes: Uint8Array;
}

/** Result of an append, known at once; durability is told through `done`. */
export interface Appended {
  /** Offset of the first record. */
  readonly baseOffset: number;
  /** First offset after the append. */
  readonly nextOffset: number;
}

/** What one append puts into several partitions: all of it becomes durable, or none. */
export interface JointAppend {
  readonly partition: Partition;
  readonly batches: readonly AppendBatch[];
}

/** Bytes read, whole batches only (the first one may start before the asked offset). */
export interface ReadResult {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  /** First offset after the last batch returned; the asked offset when empty. */
  readonly nextOffset: number;
  /** Must be called once the parts are no longer used: they lie in pooled memory. */
  release(): void;
}

/** One partition: a run of batches with rising offsets. logStartOffset <= highWatermark <= endOffset. */
export interface Partition {
  /** Folder name, such as 'flights-0'. */
  readonly name: string;
  readonly config: PartitionConfig;
  /** First readable offset. */
  readonly logStartOffset: number;
  /** First offset that readers may not see yet: everything below is durable (or page-cache by choice). */
  readonly highWatermark: number;
  /** Offset the next append gets. */
  readonly endOffset: number;
  /** Bytes on disk in segments and waiting to be there. */
  readonly sizeBytes: number;
  /** Largest record timestamp and the offset of its batch's last record; -1 when empty. */
  readonly maxTimestamp: { readonly timestampMs: number; readonly offset: number };
  configure(config: PartitionConfig): void;
  /**
   * Appends verified batches back to back. Throws 'disk-full' (retry later), 'storage-failed', 'overloaded' or 'closed' and then
   * nothing was appended. `done` is called when the append is acknowledged per the durability, or with the error; for
   * 'page-cache' it is called before the next turn of the loop.
   */
  append(batches: readonly AppendBatch[], done: (error: Error | null) => void): Appended;
  /**
   * Whole batches from the one that holds `offset`, below the high watermark, at most `bytesMax` but at least one batch when
   * `atLeastOne`. Answers at once from the tail cache; else a promise. Throws or rejects 'offset-out-of-range', 'data-damaged'.
   */
  read(offset: number, bytesMax: number, atLeastOne: boolean): ReadResult | Promise<ReadResult>;
  /** First record at or after the time: the exact record inside its batch. Null when there is none. */
  offsetForTimestamp(timestampMs: number): Promise<{ offset: number; timestampMs: number } | null>;
  /** Raises logStartOffset durably (DeleteRecords); rejects 'offset-out-of-range' past the high watermark. Resolves to the new start. */
  deleteBefore(offset: number): Promise<number>;
  /** Calls back at each rise of highWatermark or change of logStartOffset, until the returned function is called. */
  onAdvance(callback: () => void): () => void;
}

/** Whether the log takes appends. */
export type LogState =
  | { readonly kind: 'open' }
  | { readonly kind: 'full' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'closed' };

/** Numbers for operators: all rise from zero at open, unless named as a gauge. */
export interface LogStats {
  readonly groupsCommitted: number; readonly bytesAppended: number; readonly deviceBytesWritten: number;
  readonly syncMsLast: number; readonly syncMsMax: number; readonly tailHits: number; readonly tailMisses: number;
  /** Gauges. */
  readonly openFiles: number; readonly unflushedBytes: number; readonly tailBytes: number;
  /** Gauge: memory that readers hold until they release what they read. */
  readonly readBytes: number;
  /** Checkpoints taken, and as gauges the journal's bytes since the last one, and how long ago it was (null: none since the start). */
  readonly checkpoints: number; readonly checkpointLagBytes: number; readonly checkpointAgeMs: number | null;
  /** Bytes written to the journal. */
  readonly journalBytesWritten: number;
  /** Gauges: groups that the lane has not confirmed, how long the oldest of them has waited, and groups that wait for the lane. */
  readonly groupsInFlight: number; readonly groupWaitMs: number; readonly groupsWaiting: number;
  /** Of each group: time of its write, of its sync, and its size. They go on counting. */
  readonly groupWriteMs: Histogram; readonly groupSyncMs: Histogram; readonly groupBytes: Histogram;
  /** Of each read of old data: its time, with the wait for its turn. It goes on counting. */
  readonly coldReadMs: Histogram;
  /** Reads that found what they wanted read ahead, and stretches that were read ahead. */
  readonly readAheadHits: number; readonly readAheadBegun: number;
}

/** All partitions of one data folder behind one journal. */
export interface Log {
  readonly state: LogState;
  readonly partitions: ReadonlyMap<string, Partition>;
  /** Creates durably; rejects 'topic-exists'. */
  create(name: string, config: PartitionConfig): Promise<Partition>;
  /** Removes durably, data included; later calls on the partition throw 'topic-not-found'. */
  remove(name: string): Promise<void>;
  /**
   * Appends to several partitions as one: in one group of the journal, so that no crash leaves a part of it. Acknowledged once durable, also where a
   * partition is 'page-cache' (its readers see it at once). Answers one result for each part, in order. Throws as Partition.append does, and then
   * nothing was appended; 'message-too-large' when all of it together is more than a group takes.
   */
  appendTogether(parts: readonly JointAppend[], done: (error: Error | null) => void): Appended[];
  /** Applies retention by time and size now to every partition; also runs by itself. */
  applyRetention(): Promise<void>;
  /** Asked, and awaited, before retention drops records of a partition: for what is known from them alone. It must not reject. */
  beforeRetention(callback: (partition: Partition) => Promise<void>): void;
  /** Makes everything checkpointed so that a start reads no tail. */
  checkpoint(): Promise<void>;
  /**
   * Copies the log as of now to a backup folder while appends go on: all that is acknowledged when it is called, consistent over
   * partitions, only what is new when the folder holds an earlier backup. Of a log that has failed: all that was synced. Rejects 'data-damaged' and
   * keeps the earlier one.
   */
  backup(target: Disk): Promise<CopySummary>;
  onState(callback: (state: LogState) => void): () => void;
  /** Calls back once when an append that threw 'overloaded' may fit; at the earliest in the next turn of the loop. */
  whenRoom(callback: () => void): void;
  stats(): LogStats;
  close(): Promise<void>;
}

/** Something that a check found. */
export interface Finding {
  /** 'damage': bytes are not what was written. 'note': nothing is lost (left-overs, what a crash leaves). */
  readonly kind: 'damage' | 'note';
  /** File or folder, relative to the data folder. */
  readonly path: string;
  readonly position: number;
  readonly what: string;
}

/** What a log needs to open. */
export interface LogOptions {
  readonly disk: Disk; readonly clock: Clock; readonly random: Random;
  /** Bytes of recent appends kept in memory for readers and the lane (default 64 MiB; 1 MiB for nodes in tests). */
  readonly tailBytes?: number;
  /** Size of each journal file (default 64 MiB; small for tests). */
  readonly journalFileBytes?: number;
  /** Configuration of partitions found at open, by name, until configure() is called. */
  readonly configOf?: (name: string) => PartitionConfig;
  /** Told what recovery found: files read, bytes replayed, torn tail cut, damage. */
  readonly onReport?: Report;
}

// log/core.ts - what the files of this room share: the parts of one open log.
// Owns: the shape of that sharing. Never: behaviour (log.ts).
import type { Histogram } from '../base/mod.ts';
import type { Clock, Disk } from '../os/mod.ts';
import type { FileCache } from './file-cache.ts';
import type { IndexCache } from './index-cache.ts';
import type { EntryKind } from './journal-format.ts';
import type { Journal } from './journal.ts';
import type { PartitionLog } from './partition.ts';
import type { ReadAhead } from './read-ahead.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { ReadGate } from './read-gate.ts';
import type { SlabPool } from './slabs.ts';

/** Counters behind Log.stats. */
export interface Counts {
  groupsCommitted: number; bytesAppended: number; segmentBytesWritten: number; syncMsLast: number; syncMsMax: number; tailHits: number; tailMisses: number; checkpoints: number;
  /** Groups of the journal: how long the lane wrote, how long it synced, how large they were. */
  readonly groupWriteMs: Histogram; readonly groupSyncMs: Histogram; readonly groupBytes: Histogram;
  /** Reads from segments, with the wait for their turn. */
  readonly coldReadMs: Histogram;
}

/** Parts of one open log. */
export interface LogCore {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly pool: SlabPool;
  readonly buffers: ReadBuffers;
  readonly coldReads: ReadGate;
  readonly readAhead: ReadAhead;
  readonly files: FileCache;
  readonly indexes: IndexCache;
  readonly counts: Counts;
  readonly byId: Map<number, PartitionLog>;
  readonly journal: Journal;
  /** Throws 'disk-full', 'storage-failed' or 'closed' when appends are not taken. */
  checkWritable(name: string): void;
  /** Room for `bytes` of entries in the open group; throws 'overloaded'. */
  reserve(bytes: number, name: string): void;
  /** Adds one structural entry and resolves when it is durable. */
  commitEntry(kind: EntryKind, partitionId: number, offset: number, body?: Uint8Array): Promise<void>;
  /** Removes segments that lie wholly below the log start, as far as they are written. */
  dropSegments(partition: PartitionLog): void;
  /** Stored bytes do not match their checksum: told to the operator once for each place. */
  reportDamage(path: string, position: number, what: string): void;
}

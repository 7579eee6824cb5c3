// client/move/target.ts - where records go: the two kinds of target behind one face.
// Owns: the types. Never: how it is done (exact-target.ts, mapped-target.ts).
import type { TopicPartition } from '../partitions.ts';
import type { FetchedPart } from './source-reader.ts';

/** Where a partition's copy goes on. */
export interface Resumption { readonly sourceOffset: number }

/** What a write brought. */
export interface Written { readonly records: number; readonly bytes: number }

/** A target of a move. */
export interface MoveTarget {
  /** The topics are there, and are this move's from now on, whatever becomes of it. */
  claim(topics: readonly string[]): Promise<void>;
  /** Where each partition goes on, as the target itself says; looks only. */
  progress(partitions: readonly (TopicPartition & { readonly sourceStart: number })[]): Promise<Map<string, Resumption>>;
  /** The same for who will write: called at the start and after every failure; who wrote before cannot any more. */
  resume(partitions: readonly (TopicPartition & { readonly sourceStart: number })[]): Promise<Map<string, Resumption>>;
  /** Stores what was read; resolves once all of it is safe. After a rejection `resume` says what is there. */
  write(parts: readonly FetchedPart[]): Promise<Written>;
  /** The source's end has been reached: makes the target end there where it can. */
  finish(ends: readonly (TopicPartition & { readonly sourceStart: number; readonly sourceEnd: number })[]): Promise<void>;
  /** The target's offset for a position of the source. */
  translate(partition: TopicPartition, position: number): number;
  /** Offsets of the target that hold what the source holds from `from` to `to`. */
  range(partition: TopicPartition, from: number, to: number): { readonly from: number; readonly to: number };
  close(): Promise<void>;
}

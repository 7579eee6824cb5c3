// log/facts-only.ts - what a start would find in the journal, without writing anything.
// Owns: partitions and segments as facts, moved on by journal entries. Never: files.
import { batchEndOffset } from './batch-bytes.ts';
import { EntryCursor, entryKind } from './journal-format.ts';
import type { PartitionFacts } from './manifest.ts';
import type { SegmentFacts } from './segment.ts';
import { decodeSwap, replacedBy, type Swap } from './swap.ts';

/** A segment; `stored` says what its files surely hold, when a manifest or a swap vouches for it. */
interface FoundSegment { readonly baseOffset: number; readonly generation: number; endOffset: number; readonly stored: SegmentFacts | null }
interface Facts { readonly id: number; readonly name: string; logStartOffset: number; segments: FoundSegment[] }

/** Facts of a folder's partitions. */
export class FactsOnly {
  readonly #byId = new Map<number, Facts>();

  constructor(partitions: readonly PartitionFacts[]) {
    for (const { id, name, logStartOffset, segments } of partitions) {
      this.#byId.set(id, { id, name, logStartOffset, segments: segments.map(foundOf) });
    }
  }

  /** All that are there. */
  partitions(): Iterable<Facts> { return this.#byId.values(); }

  /** Moves on by the entries of a group. */
  apply(bytes: Uint8Array, from: number, to: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const cursor = new EntryCursor(bytes, from, to);
    while (cursor.next()) {
      const facts = this.#byId.get(cursor.partitionId);
      if (cursor.kind === entryKind.create && facts === undefined) this.#create(cursor, bytes);
      else if (facts === undefined) continue;
      else if (cursor.kind === entryKind.remove) this.#byId.delete(facts.id);
      else if (cursor.kind === entryKind.start) this.#start(facts, cursor.offset);
      else if (cursor.kind === entryKind.roll && facts.segments.every((segment) => segment.baseOffset < cursor.offset)) facts.segments.push(freshAt(cursor.offset));
      else if (cursor.kind === entryKind.swap) this.#swap(facts, decodeSwap(bytes, cursor.bodyAt));
      else if (cursor.kind === entryKind.batch) {
        if (facts.segments.length === 0) facts.segments.push(freshAt(facts.logStartOffset));
        const active = facts.segments.at(-1)!;
        active.endOffset = Math.max(active.endOffset, batchEndOffset(view, cursor.bodyAt));
      }
    }
  }

  #create(cursor: EntryCursor, bytes: Uint8Array): void {
    const name = new TextDecoder().decode(bytes.slice(cursor.bodyAt, cursor.bodyAt + cursor.bodyBytes));
    this.#byId.set(cursor.partitionId, { id: cursor.partitionId, name, logStartOffset: 0, segments: [freshAt(0)] });
  }

  #swap(facts: Facts, swap: Swap): void {
    const replaced = replacedBy(swap, facts.segments);
    if (replaced !== null) facts.segments.splice(replaced.first, replaced.count, ...swap.segments.map(foundOf));
  }

  #start(facts: Facts, offset: number): void {
    facts.logStartOffset = Math.max(facts.logStartOffset, offset);
    while (facts.segments.length > 1 && facts.segments[0]!.endOffset <= facts.logStartOffset) facts.segments.shift();
  }
}

const freshAt = (offset: number): FoundSegment => ({ baseOffset: offset, generation: 0, endOffset: offset, stored: null });
const foundOf = (stored: SegmentFacts): FoundSegment => ({ baseOffset: stored.baseOffset, generation: stored.generation, endOffset: stored.endOffset, stored });

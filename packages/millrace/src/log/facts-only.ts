// log/facts-only.ts - what a start would find in the journal, without writing anything.
// Owns: partitions and segments as facts, moved on by journal entries. Never: files.
import { batchEndOffset } from './batch-bytes.ts';
import { EntryCursor, entryKind } from './journal-format.ts';
import type { PartitionFacts } from './manifest.ts';

interface Facts { readonly id: number; readonly name: string; logStartOffset: number; segments: { baseOffset: number; endOffset: number }[] }

/** Facts of a folder's partitions. */
export class FactsOnly {
  readonly #byId = new Map<number, Facts>();

  constructor(partitions: readonly PartitionFacts[]) {
    for (const { id, name, logStartOffset, segments } of partitions) {
      this.#byId.set(id, { id, name, logStartOffset, segments: segments.map(({ baseOffset, endOffset }) => ({ baseOffset, endOffset })) });
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
      else if (cursor.kind === entryKind.roll && facts.segments.every((segment) => segment.baseOffset < cursor.offset)) facts.segments.push({ baseOffset: cursor.offset, endOffset: cursor.offset });
      else if (cursor.kind === entryKind.batch) {
        if (facts.segments.length === 0) facts.segments.push({ baseOffset: facts.logStartOffset, endOffset: facts.logStartOffset });
        const active = facts.segments.at(-1)!;
        active.endOffset = Math.max(active.endOffset, batchEndOffset(view, cursor.bodyAt));
      }
    }
  }

  #create(cursor: EntryCursor, bytes: Uint8Array): void {
    const name = new TextDecoder().decode(bytes.slice(cursor.bodyAt, cursor.bodyAt + cursor.bodyBytes));
    this.#byId.set(cursor.partitionId, { id: cursor.partitionId, name, logStartOffset: 0, segments: [{ baseOffset: 0, endOffset: 0 }] });
  }

  #start(facts: Facts, offset: number): void {
    facts.logStartOffset = Math.max(facts.logStartOffset, offset);
    while (facts.segments.length > 1 && facts.segments[0]!.endOffset <= facts.logStartOffset) facts.segments.shift();
  }
}

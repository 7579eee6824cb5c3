// log/journal-tail.ts - the last groups of a journal that nothing proves to be durable, and how a start makes them so.
// Owns: which groups those are, writing them again. A group that was visible at a start may lie in the page cache only: the process died
// between its write and its sync, or its sync failed, after which the system counts its pages as clean and no later sync writes them.
// T1 Before replayed records are served, every group that no later one proves synced is written again, the same bytes, and synced.
// Cost: at most the groups that were in flight, once a start.
import type { Disk } from '../os/mod.ts';
import { alignUp, fileHeaderBytes } from './journal-format.ts';
import type { FoundGroup } from './journal-reader.ts';

interface Unproven { readonly sequence: number; readonly path: string; readonly position: number; readonly bytes: Uint8Array }

/** The groups at the end, oldest first. */
export class UnprovenTail {
  #groups: Unproven[] = [];

  /** Notes a group in order; it proves those before it that it says are synced. */
  add({ header, path, position }: FoundGroup, bytes: Uint8Array): void {
    this.#groups = this.#groups.filter((group) => group.sequence > header.syncedSequence);
    this.#groups.push({ sequence: header.sequence, path, position, bytes });
  }

  /** Writes them again and syncs them (T1), with the header of a file that begins with one. */
  async makeDurable(disk: Disk): Promise<void> {
    for (const path of new Set(this.#groups.map((group) => group.path))) {
      const file = await disk.open(path, { direct: true });
      try {
        for (const { position, bytes } of this.#groups.filter((group) => group.path === path)) {
          if (position === fileHeaderBytes) {
            const header = disk.allocate(fileHeaderBytes);
            await file.read(header, 0);
            await file.write([header], 0);
          }
          const again = disk.allocate(alignUp(bytes.length));
          again.set(bytes);
          await file.write([again], position);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    }
  }
}

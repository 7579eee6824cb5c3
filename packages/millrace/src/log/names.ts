// log/names.ts - where everything lies in a data folder.
// Owns: names of files and folders. Never: their contents.
//   format.json                      version of the folder, its journal id
//   manifest-0 manifest-1            facts at the last two checkpoints (docs/formats/manifest.md)
//   journal/0.journal 1.journal ...  recycled journal files (docs/formats/journal.md)
//   <partition>/<base offset, 20 digits>.log .index .timeindex   Kafka's own layout (docs/formats/segment.md)
//   <partition>/<base offset>.<generation>.log ...               the same, of a segment that was compacted
import type { SegmentName } from './segment.ts';

/** The file that names the folder's format. */
export const formatFile = 'format.json';
/** Version of the data folder that this code writes, and the newest it reads. */
export const formatVersion = 2;
/** Folder of journal files. */
export const journalFolder = 'journal';
/** Path of a journal file by its slot. */
export const journalPath = (slot: number): string => `${journalFolder}/${slot}.journal`;
/** The slot of a journal file's name, or -1. */
export const journalSlotOf = (name: string): number => (/^\d{1,6}\.journal$/.test(name) ? Number.parseInt(name, 10) : -1);
/** Path of one of the two manifests. */
export const manifestPath = (slot: number): string => `manifest-${slot}`;

/** Kinds of segment files by their ending. */
export type SegmentFileKind = 'log' | 'index' | 'timeindex';

/** Path of a segment's file. */
export function segmentPath(partition: string, { baseOffset, generation }: SegmentName, kind: SegmentFileKind): string {
  return `${partition}/${String(baseOffset).padStart(20, '0')}${generation === 0 ? '' : `.${generation}`}.${kind}`;
}

/** Paths of all files of a segment. */
export function segmentPaths(partition: string, segment: SegmentName): string[] {
  return (['log', 'index', 'timeindex'] as const).map((kind) => segmentPath(partition, segment, kind));
}

/** What a segment file's name says, or null. */
export function segmentFileOf(name: string): (SegmentName & { readonly kind: SegmentFileKind }) | null {
  const match = /^(\d{20})(?:\.([1-9]\d{0,9}))?\.(log|index|timeindex)$/.exec(name);
  return match === null ? null : { baseOffset: Number(match[1]), generation: Number(match[2] ?? 0), kind: match[3] as SegmentFileKind };
}

/** True for names that a partition may have: they are folder names on any system, and never ours. */
export function isPartitionName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,255}-\d{1,10}$/.test(name) && name !== '.' && name !== '..';
}

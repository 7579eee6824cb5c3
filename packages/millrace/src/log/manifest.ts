// log/manifest.ts - the facts at a checkpoint: which partitions and segments there are, and where the journal continues from there.
// Owns: the bytes of a manifest and its two slots. Never: when a checkpoint is taken.
// Format: docs/formats/manifest.md, little endian.
// M1 A manifest says only what is synced. M2 The two slots are written in turn, each in one step (rename), so one damaged file leaves the
// other, and the journal is kept from the older one on (J4).
import { crc32c, MillraceError } from '../base/mod.ts';
import type { Disk } from '../os/mod.ts';
import type { JournalPosition } from './journal.ts';
import { manifestPath } from './names.ts';
import { readFacts, factsBytes, writeFacts } from './segment-facts.ts';
import type { SegmentFacts } from './segment.ts';

const magic = 0x4d41_4e31;
const headerBytes = 88;
/** The version written, and the first: without generations and clean ends. */
const version = 2;
const partitionBytesOf = (of: number): number => (of === 1 ? 20 : 28);

/** What the manifest keeps of a partition. */
export interface PartitionFacts { readonly id: number; readonly name: string; readonly logStartOffset: number; readonly segments: readonly SegmentFacts[]; /** Below it the partition was compacted. */ readonly cleanEndOffset: number }

/** All facts of a checkpoint. */
export interface Manifest {
  /** Rises with each checkpoint. */
  readonly number: number;
  readonly journalId: bigint;
  readonly term: number;
  readonly journal: JournalPosition;
  readonly nextPartitionId: number;
  readonly partitions: readonly PartitionFacts[];
  /** Folders of removed partitions, and files of segments that were dropped or replaced, which may still be there. */
  readonly removals: readonly string[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The manifest as bytes of its file. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const names = manifest.partitions.map((partition) => encoder.encode(partition.name));
  const removals = manifest.removals.map((name) => encoder.encode(name));
  let bytes = headerBytes;
  manifest.partitions.forEach((partition, index) => { bytes += partitionBytesOf(version) + names[index]!.length + partition.segments.length * factsBytes(version); });
  for (const name of removals) bytes += 4 + name.length;
  const out = new Uint8Array(bytes);
  const view = new DataView(out.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(8, bytes, true);
  view.setUint32(12, version, true);
  view.setFloat64(16, manifest.number, true);
  view.setBigUint64(24, manifest.journalId, true);
  view.setFloat64(32, manifest.term, true);
  view.setFloat64(40, manifest.journal.fileSequence, true);
  view.setFloat64(48, manifest.journal.position, true);
  view.setFloat64(56, manifest.journal.nextSequence, true);
  view.setUint32(64, manifest.journal.previousCrc, true);
  view.setFloat64(68, manifest.nextPartitionId, true);
  view.setUint32(76, manifest.partitions.length, true);
  view.setUint32(80, removals.length, true);
  let at = headerBytes;
  manifest.partitions.forEach((partition, index) => {
    const name = names[index]!;
    view.setUint32(at, partition.id, true);
    view.setUint32(at + 4, name.length, true);
    view.setUint32(at + 8, partition.segments.length, true);
    view.setFloat64(at + 12, partition.logStartOffset, true);
    view.setFloat64(at + 20, partition.cleanEndOffset, true);
    out.set(name, at + partitionBytesOf(version));
    at += partitionBytesOf(version) + name.length;
    for (const segment of partition.segments) {
      writeFacts(view, at, segment);
      at += factsBytes(version);
    }
  });
  for (const name of removals) {
    view.setUint32(at, name.length, true);
    out.set(name, at + 4);
    at += 4 + name.length;
  }
  view.setUint32(4, crc32c(out.subarray(8)), true);
  return out;
}

/** Reads a manifest; null unless every byte is as it was written. */
export function decodeManifest(bytes: Uint8Array): Manifest | null {
  if (bytes.length < headerBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = view.getUint32(8, true);
  if (view.getUint32(0, true) !== magic || length > bytes.length || view.getUint32(4, true) !== crc32c(bytes.subarray(8, length))) return null;
  const written = view.getUint32(12, true);
  if (written < 1 || written > version) return null;
  const partitions: PartitionFacts[] = [];
  let at = headerBytes;
  for (let left = view.getUint32(76, true); left > 0; left--) {
    const nameBytes = view.getUint32(at + 4, true);
    const segments: SegmentFacts[] = [];
    const nameAt = at + partitionBytesOf(written);
    const partition = {
      id: view.getUint32(at, true), name: decoder.decode(bytes.subarray(nameAt, nameAt + nameBytes)), logStartOffset: view.getFloat64(at + 12, true), segments,
      cleanEndOffset: written === 1 ? 0 : view.getFloat64(at + 20, true),
    };
    let count = view.getUint32(at + 8, true);
    at = nameAt + nameBytes;
    for (; count > 0; count--, at += factsBytes(written)) segments.push(readFacts(view, at, written));
    partitions.push(partition);
  }
  const removals: string[] = [];
  for (let left = view.getUint32(80, true); left > 0; left--) {
    const nameBytes = view.getUint32(at, true);
    removals.push(decoder.decode(bytes.subarray(at + 4, at + 4 + nameBytes)));
    at += 4 + nameBytes;
  }
  return {
    number: view.getFloat64(16, true), journalId: view.getBigUint64(24, true), term: view.getFloat64(32, true),
    journal: { fileSequence: view.getFloat64(40, true), position: view.getFloat64(48, true), nextSequence: view.getFloat64(56, true), previousCrc: view.getUint32(64, true) },
    nextPartitionId: view.getFloat64(68, true), partitions, removals,
  };
}

/** Both slots as found: null where the file is missing, empty or unreadable. */
export interface FoundManifests { readonly slots: readonly (Manifest | null)[]; readonly broken: readonly string[] }

/** Reads both slots. `broken` names files that hold something else than a manifest. */
export async function readManifests(disk: Disk): Promise<FoundManifests> {
  const slots: (Manifest | null)[] = [];
  const broken: string[] = [];
  for (const slot of [0, 1]) {
    const bytes = await readWhole(disk, manifestPath(slot));
    const manifest = bytes === null ? null : decodeManifest(bytes);
    slots.push(manifest);
    if (bytes !== null && bytes.length > 0 && manifest === null) broken.push(manifestPath(slot));
  }
  return { slots, broken };
}

/** Writes a manifest durably to the slot of its number. */
export function writeManifest(disk: Disk, number: number, bytes: Uint8Array): Promise<void> {
  return replaceFile(disk, manifestPath(number % 2), bytes);
}

/** Replaces a small file of the data folder in one durable step: a crash leaves the old one or the new one. */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(`${path}.new`, { create: true });
  try {
    await file.write([bytes], 0);
    await file.truncate(bytes.length);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(`${path}.new`, path);
  await disk.syncFolder('.');
}

/** A small file's bytes; null when it is missing. */
export async function readWhole(disk: Disk, path: string): Promise<Uint8Array | null> {
  try {
    const file = await disk.open(path, { readOnly: true });
    try {
      const bytes = new Uint8Array(await file.size());
      return bytes.subarray(0, await file.read(bytes, 0));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'not-found') return null;
    throw error;
  }
}

// log/check-journal.ts - the part of a check that walks the journal.
// Owns: every file header, every group that can be followed. Never: segments.
// Files that wait for reuse hold old groups, whole or half overwritten: those that chain up to the current file are checked too.
import type { Disk, DiskFile } from '../os/mod.ts';
import type { FactsOnly } from './facts-only.ts';
import { alignUp, fileHeaderBytes, groupHeaderBytes, groupIsWhole, readGroupHeader } from './journal-format.ts';
import { JournalReader, type JournalFileFound } from './journal-reader.ts';
import type { Base } from './recovery.ts';
import type { Finding } from './types.ts';

type Tell = (kind: Finding['kind'], path: string, position: number, what: string) => void;

/** Checks the journal and moves `facts` on by what a start would replay. */
export async function checkJournalFiles(disk: Disk, base: Base, facts: FactsOnly, tell: Tell, looked: (bytes: number) => void): Promise<void> {
  for (const file of base.files) if (file.headerBroken) tell('damage', file.path, 0, 'the head of the file fails its checksum');
  const reader = new JournalReader(disk, base.manifest.journalId, base.files);
  const end = await reader.readAll(base.manifest.journal, async ({ bytes, at, header }) => {
    facts.apply(bytes, at + groupHeaderBytes, at + header.bytes);
  });
  if (end.kind === 'damaged') tell('damage', end.path, end.position, `group ${end.at.nextSequence} is unreadable and was acknowledged`);
  else if (await isHalfAGroup(disk, base, end.path, end.at.position)) tell('note', end.path!, end.at.position, 'a group that was being written at a crash; it was not acknowledged');
  for (const file of chained(base.files, base.manifest.journal.fileSequence)) {
    const isCurrent = file.sequence === base.manifest.journal.fileSequence;
    looked(await checkOld(disk, file, base.manifest.journalId, isCurrent ? base.manifest.journal.position : file.bytes, isCurrent, tell));
  }
}

/** Whether something stands where the next group would begin that is neither nothing nor an old group. */
async function isHalfAGroup(disk: Disk, base: Base, path: string | null, position: number): Promise<boolean> {
  if (path === null) return false;
  const file = await disk.open(path, { readOnly: true });
  try {
    const head = new Uint8Array(groupHeaderBytes);
    await file.read(head, position);
    const header = readGroupHeader(head, 0);
    return header !== null && header.journalId === base.manifest.journalId && header.term >= base.manifest.term && header.sequence >= base.manifest.journal.nextSequence;
  } finally {
    await file.close();
  }
}

/** Files up to the current one whose sequences follow each other. */
function chained(files: readonly JournalFileFound[], current: number): JournalFileFound[] {
  const found: JournalFileFound[] = [];
  for (let sequence = current; sequence > 0; sequence--) {
    const file = files.find((candidate) => candidate.sequence === sequence);
    if (file === undefined) break;
    found.push(file);
  }
  return found;
}

/** Groups before the checkpoint: their content is in segments, but they should be whole. Answers the bytes looked at. */
async function checkOld(disk: Disk, found: JournalFileFound, journalId: bigint, end: number, exact: boolean, tell: Tell): Promise<number> {
  const file = await disk.open(found.path, { readOnly: true });
  try {
    let position = fileHeaderBytes;
    let expected = -1;
    while (position < end) {
      const group = await groupAt(file, position);
      const follows = group !== null && group.header.journalId === journalId && group.header.fileSequence === found.sequence && (expected < 0 || group.header.sequence === expected);
      if (!follows) {
        if (exact) tell('damage', found.path, position, 'a group fails its checksum (its content is in the segments already)');
        return position;
      }
      expected = group.header.sequence + 1;
      position += alignUp(group.header.bytes);
    }
    return position;
  } finally {
    await file.close();
  }
}

async function groupAt(file: DiskFile, position: number): Promise<{ header: NonNullable<ReturnType<typeof readGroupHeader>> } | null> {
  const head = new Uint8Array(groupHeaderBytes);
  if ((await file.read(head, position)) < groupHeaderBytes) return null;
  const header = readGroupHeader(head, 0);
  if (header === null || header.bytes > (await file.size()) - position) return null;
  const bytes = new Uint8Array(alignUp(header.bytes));
  const length = await file.read(bytes, position);
  return length === bytes.length && groupIsWhole(bytes, 0, header) ? { header } : null;
}
